"""The server's half in a real Jupyter server, under a base URL as a hub gives one: doors, answers, what it starts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from tests.contract.scenarios import soon
from tests.real_emulator import RealEmulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.process, pytest.mark.timeout(240)]

_ADDRESS = re.compile(r"(http://127\.0\.0\.1:\d+/user/me/)\S*\?token=(\w+)")
HEAVY = {"azure", "msal", "pandas", "numpy", "plotly", "pyarrow", "msgspec", "anywidget", "starlette", "duckdb"}
LOADED = """
import json, sys
import jupyter_server.serverapp
before = set(sys.modules)
import aca_notebook
(point,) = aca_notebook._jupyter_server_extension_points()
print(json.dumps(sorted(set(sys.modules) - before)))
"""


class Server:
    """A Jupyter server with our half, and a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.aca_home = folder / "aca"
        self.aca_home.mkdir(parents=True)
        config = folder / "config"
        config.mkdir()
        (config / "jupyter_server_config.json").write_text(
            json.dumps({"ServerApp": {"jpserver_extensions": {"aca_notebook": True}}})
        )
        told = {k: v for k, v in os.environ.items() if not k.startswith(("ACA_NOTEBOOK_", "AZURE_", "JUPYTER"))}
        environment = {
            **told, "ACA_NOTEBOOK_HOME": str(self.aca_home), "JUPYTER_CONFIG_DIR": str(config),
            "JUPYTER_DATA_DIR": str(folder / "data"), "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        }  # fmt: skip
        command = [
            sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0",
            "--ServerApp.base_url=/user/me/", f"--ServerApp.root_dir={folder}",
        ]  # fmt: skip
        with (folder / "log").open("w") as log:
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder)
        self._log = folder / "log"
        self.root, self.token = self._address()

    def _address(self) -> tuple[str, str]:
        while self._process.poll() is None:
            found = _ADDRESS.search(self._log.read_text())
            if found:
                self._knock(found[1])
                return found[1], found[2]
        raise AssertionError(self._log.read_text())

    def _knock(self, root: str) -> None:
        """It tells its address a moment before it listens there."""
        with requests.Session() as session:
            session.mount("http://", HTTPAdapter(max_retries=Retry(connect=20, backoff_factor=0.1)))
            session.get(f"{root}api", timeout=60)

    def ask(self, path: str, method: str = "GET", **more) -> requests.Response:
        headers = {"Authorization": f"token {self.token}"} | more.pop("headers", {})
        return requests.request(method, f"{self.root}aca-notebook/{path}", headers=headers, timeout=120, **more)

    def close(self) -> str:
        self._process.terminate()
        self._process.wait(60)
        return self._log.read_text()


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    started = Server(tmp_path_factory.mktemp("jupyter") / "server")
    try:
        yield started
    finally:
        log = started.close()
    assert "Traceback" not in log, log


def test_nobody_gets_in_without_the_servers_own_key(server: Server) -> None:
    for method, path in (("GET", "tree"), ("GET", "halves"), ("PUT", "target"), ("POST", "apps/a/actions")):
        answer = requests.request(method, f"{server.root}aca-notebook/{path}", timeout=60)
        assert answer.status_code == 403, (method, path)


def test_a_page_of_another_site_cannot_act_with_a_persons_cookie(server: Server) -> None:
    browser = requests.Session()
    browser.get(f"{server.root}?token={server.token}", timeout=60)
    assert browser.get(f"{server.root}aca-notebook/halves", timeout=60).status_code == 200
    for headers in ({}, {"Origin": "https://elsewhere.example"}):
        refused = browser.put(
            f"{server.root}aca-notebook/target", json={"name": "local"}, headers=headers, timeout=60
        )  # fmt: skip
        assert refused.status_code in {403, 404}


def test_looking_starts_no_emulator(server: Server) -> None:
    before = set(server.aca_home.iterdir())  # another test may have had one
    tree = server.ask("tree").json()
    assert (tree["target"]["name"], tree["target"]["connection"], tree["environments"]) == ("local", "off", [])
    assert server.ask("status").json()["target"]["connection"] == "off"
    assert set(server.aca_home.iterdir()) == before


def test_what_has_not_changed_is_not_sent_again(server: Server) -> None:
    first = server.ask("halves")
    again = server.ask("halves", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_an_error_is_its_three_lines(server: Server) -> None:
    refused = server.ask("target", "PUT", json={"name": "mars"})
    assert (refused.status_code, refused.json()["message"]) == (400, "there is no target 'mars'")
    assert refused.json()["hint"] == "choose local or azure"
    assert server.ask("target", "PUT", data="{").json()["code"] == "InvalidRequest"
    assert server.ask("apps/a/code").json()["code"] == "NotConnected"
    assert server.ask("elsewhere").status_code == 404


def test_an_emulator_that_somebody_started_is_joined_and_left_when_it_ends(server: Server) -> None:
    emulator = RealEmulator(server.aca_home / "emulator")
    try:
        answer = emulator.put("app-shown", "v1")
        assert answer.status_code == 201, answer.text
        tree = server.ask("tree").json()
        assert tree["target"]["connection"] == "on"
        assert [app["name"] for app in tree["environments"][0]["apps"]] == ["app-shown"]
        link = server.ask("apps/app-shown/link").json()["url"]
        page = requests.get(f"{server.root}{link}", timeout=120)
        assert "sandbox" in page.headers["Content-Security-Policy"]
        assert "allow-same-origin" not in page.headers["Content-Security-Policy"]
        assert "Set-Cookie" not in page.headers
        assert requests.get(f"{server.root}aca-notebook-page/guessed/docs", timeout=60).status_code == 404
    finally:
        emulator.stop()
    soon(lambda: _connection(server) == "off", "the panel knows that it is gone")  # what was read is kept a moment


def _connection(server: Server) -> str:
    answer = server.ask("tree")  # the look that finds it gone says so: no 200
    return str(answer.json()["target"]["connection"]) if answer.status_code == 200 else ""


def test_a_server_that_starts_imports_nothing_heavy_of_ours() -> None:
    told = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    loaded = json.loads(told.stdout)
    assert not {name.partition(".")[0] for name in loaded} & HEAVY
    ours = {name for name in loaded if name.startswith("aca_notebook.")}
    assert ours == {
        "aca_notebook.errors", "aca_notebook.server", "aca_notebook.server.extension", "aca_notebook.server.handlers",
        "aca_notebook.server.pages",
    }  # fmt: skip

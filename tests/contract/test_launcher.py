"""Starting, joining and stopping the real emulator, as notebooks and shells do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading

import pytest
import requests

from aca_notebook import launcher
from aca_notebook.__main__ import main
from aca_notebook.api.workspace import connect
from aca_notebook.errors import EmulatorFailed

pytestmark = [pytest.mark.process, pytest.mark.timeout(90)]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A data folder of its own; whatever runs on it is stopped at the end."""
    home = tmp_path / "home"
    monkeypatch.setenv("ACA_NOTEBOOK_HOME", str(home))
    path = launcher.data_dir(home)
    yield path
    launcher.stop_emulator(path)


def kill(endpoint: launcher.EmulatorEndpoint) -> None:
    """kill -9, and wait until the address is free."""
    os.kill(endpoint.pid, signal.SIGKILL)
    while launcher._holds_lock(endpoint.data_dir):
        threading.Event().wait(0.01)


def test_the_first_start_makes_one_that_answers_and_outlives_interrupts(folder):
    endpoint = launcher.ensure_emulator(folder)
    assert endpoint.started
    assert not endpoint.restarted
    assert os.getsid(endpoint.pid) != os.getsid(0), "a kernel's interrupt must not reach it"
    assert endpoint.status()["pid"] == endpoint.pid
    assert folder.stat().st_mode & 0o777 == 0o700


def test_later_ones_join_it(folder):
    first, second = launcher.ensure_emulator(folder), launcher.ensure_emulator(folder)
    assert second.pid == first.pid
    assert not second.started


def test_one_that_was_killed_is_restarted_and_that_is_said(folder):
    first = launcher.ensure_emulator(folder)
    kill(first)
    second = launcher.ensure_emulator(folder)
    assert second.restarted
    assert second.pid != first.pid
    assert second.status()["pid"] == second.pid


def test_what_a_start_found_damaged_is_said_by_the_target_and_by_status(folder, capsys):
    launcher.ensure_emulator(folder)
    launcher.stop_emulator(folder)
    (folder / "state.db").write_bytes(b"\0" * 10_000)
    with connect("local") as workspace:
        assert "state.db was damaged" in workspace.target.notice
        assert "nothing was dropped" in workspace.target.notice
    assert main(["emulator", "status", "--data-dir", str(folder)]) == 0
    assert "notices              state.db was damaged" in capsys.readouterr().out
    assert "state.db was damaged" in (folder / "emulator.log").read_text()


def test_one_that_was_stopped_is_started_again_without_alarm(folder):
    launcher.ensure_emulator(folder)
    assert launcher.stop_emulator(folder)
    assert launcher.find_emulator(folder) is None
    assert not launcher.ensure_emulator(folder).restarted


def test_shells_that_start_at_once_start_one(folder):
    command = [sys.executable, "-m", "aca_notebook", "emulator", "start", "--data-dir", str(folder)]
    shells = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = [shell.communicate(timeout=60)[0] for shell in shells]
    assert len({line.rpartition("pid ")[2] for line in said}) == 1, said
    assert sum("the emulator started" in line for line in said) == 1


def test_one_that_cannot_start_says_why_and_where_to_read_more(folder):
    folder.mkdir(parents=True)
    (folder / "state.db").mkdir()
    with pytest.raises(EmulatorFailed) as failed:
        launcher.ensure_emulator(folder)
    what, said, hint = failed.value.lines()
    assert what == "the local emulator did not start"
    assert said.startswith("EmulatorNotReady: ")
    assert "emulator.log" in hint


def test_a_first_deploy_without_packages_installs_nothing(folder):
    """Joining made the environment meanwhile: the lock that was sent then is the one a bundle carries."""
    launcher.ensure_emulator(folder)
    whole = f"environments/{'[0-9a-f]' * 64}"
    while not (made := list(folder.glob(whole))):
        threading.Event().wait(0.02)
    source = "def double(x: float) -> float:\n    return 2 * x\n"
    namespace: dict = {}
    exec(source, namespace)
    with connect("local") as workspace:
        workspace.deploy("doubler", source, namespace)
        assert workspace.apps["doubler"].invoke(4.0) == 8.0
        assert launcher.find_emulator(folder).status()["replicas"] == 1
    (log,) = folder.glob("blobs/local/**/*.log")
    assert "as it is" in log.read_text()
    assert list(folder.glob("environments/*")) == made


def test_the_control_token_is_in_no_repr(folder):
    endpoint = launcher.ensure_emulator(folder)
    assert endpoint.control_token
    assert endpoint.control_token not in repr(endpoint)


def test_a_stranger_on_its_port_is_not_shown_the_token(folder):
    """The record is there, the emulator is not: whoever listens now has no certificate of ours."""
    import http.server

    seen = []

    class Listening(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(self.headers.get("Authorization"))

        def log_message(self, *_):
            pass

    endpoint = launcher.ensure_emulator(folder)
    launcher.stop_emulator(folder)
    with http.server.HTTPServer(("127.0.0.1", 0), Listening) as stranger:
        threading.Thread(target=stranger.serve_forever, daemon=True).start()
        port = stranger.server_address[1]
        record = {"url": f"https://127.0.0.1:{port}", "http_url": "", "pid": os.getpid()}
        (folder / "emulator.json").write_text(json.dumps(record))
        assert launcher.find_emulator(folder) is None
        stranger.shutdown()
    (folder / "emulator.json").unlink()
    assert seen == []
    assert endpoint.started


def test_what_env_prints_is_enough_for_a_shell(folder):
    command = [sys.executable, "-m", "aca_notebook", "emulator", "env", "--data-dir", str(folder)]
    exports = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    script = exports + 'echo "$AZURE_RESOURCE_MANAGER_URL $ACCESS_TOKEN $REQUESTS_CA_BUNDLE $AZURE_SUBSCRIPTION_ID"'
    shown = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
    url, token, roots, subscription = shown.split()
    answer = requests.get(
        f"{url}/subscriptions/{subscription}/resourceGroups/local?api-version=2024-11-01",
        headers={"Authorization": f"Bearer {token}"},
        verify=roots,
        timeout=10,
    )
    assert answer.json()["name"] == "local"


AZURE_SCRIPT = """
from aca_notebook.api.workspace import connect
source = "def twice(x: float) -> float:\\n    return 2 * x\\n"
names = {}
exec(source, names)
with connect("azure") as ws:
    app = ws.deploy("twice", source, names).app
    print(ws.target.name, app.url.partition(":")[0], app.invoke(4.5))
    app.down()
"""


def test_the_azure_target_needs_nothing_but_what_env_prints(folder):
    """The same library, told that this is Azure: DefaultAzureCredential, https, the usual roots plus our CA."""
    command = [sys.executable, "-m", "aca_notebook", "emulator", "env", "--json", "--data-dir", str(folder)]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    environment = {**os.environ, **told, "AZURE_CONTAINER_REGISTRY": "local"}
    ran = subprocess.run(
        [sys.executable, "-c", AZURE_SCRIPT], env=environment, capture_output=True, text=True, check=False, timeout=80
    )
    assert ran.stdout.split() == ["azure", "https", "9.0"], ran.stderr


ASKING_SCRIPT = """
import sys
from aca_notebook import connect
from aca_notebook.errors import TargetFailed
try:
    connect("azure", **dict(pair.split("=") for pair in sys.argv[1:]))
except TargetFailed as asked:
    print("\\n".join(asked.lines()))
"""


def test_the_azure_target_lists_what_there_is_to_choose_from(folder):
    command = [sys.executable, "-m", "aca_notebook", "emulator", "env", "--json", "--data-dir", str(folder)]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    subscription = told.pop("AZURE_SUBSCRIPTION_ID")
    del told["AZURE_RESOURCE_GROUP"], told["AZURE_CONTAINERAPPS_ENVIRONMENT"]

    def asked(*settings: str) -> list[str]:
        ran = subprocess.run(
            [sys.executable, "-c", ASKING_SCRIPT, *settings], env={**os.environ, **told}, capture_output=True,
            text=True, check=False, timeout=80,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.splitlines()

    first = asked()
    assert first[0] == "the target azure needs subscription, resource group, environment, registry"
    assert any(f"%aca target azure --subscription {subscription}" in line for line in first)
    second = asked(f"subscription_id={subscription}")
    assert second[0] == "the target azure needs resource group, environment, registry"
    wanted = f"%aca target azure --subscription {subscription} -g local --environment local --registry local"
    assert any(line.strip().startswith(wanted) and line.endswith("A100/T4") for line in second)


def test_env_as_json_is_one_flat_object_with_all_that_clients_read(folder):
    command = [sys.executable, "-m", "aca_notebook", "emulator", "env", "--json", "--data-dir", str(folder)]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert all(isinstance(value, str) for value in told.values())
    assert {
        "AZURE_RESOURCE_MANAGER_URL", "AZURE_RESOURCE_MANAGER_HTTP_URL", "AZURE_AUTHORITY_HOST", "AZURE_TENANT_ID",
        "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_SUBSCRIPTION_ID", "AZURE_RESOURCE_GROUP",
        "AZURE_CONTAINERAPPS_ENVIRONMENT", "AZURE_LOCATION", "IDENTITY_ENDPOINT", "IDENTITY_HEADER",
        "AZURE_TOKEN_CREDENTIALS", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "ACCESS_TOKEN",
    } <= set(told)  # fmt: skip


def test_a_workspace_goes_on_after_the_emulator_was_killed(folder, caplog):
    with connect("local") as workspace:
        assert list(workspace.apps) == []
        kill(launcher.find_emulator(folder))
        assert list(workspace.apps) == []
    assert "it is running again, and nothing was lost" in caplog.text


def test_run_stays_in_the_foreground_says_when_it_is_ready_and_ends_on_a_signal(folder):
    command = [sys.executable, "-m", "aca_notebook", "emulator", "run", "--data-dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    ready = json.loads(process.stdout.readline())
    assert ready["pid"] == process.pid, "it is the emulator itself, not a parent of it"
    process.terminate()
    assert process.wait(30) == 0
    process.stdout.close()


def test_a_port_that_is_taken_is_one_clear_line(folder):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "aca_notebook", "emulator", "run", "--port", port, "--data-dir", str(folder)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert ended.returncode == 2
    assert port in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1

"""JupyterLab as a child process, and a notebook in it as a person in front of a browser meets it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import requests

import aca_notebook

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import Page

_ADDRESS = re.compile(r"(http://127\.0\.0\.1:\d+)/(?:lab|tree)\?token=(\w+)")
_PATIENCE_MS = 60_000
#: What `make lab` and the wheel build; an editable install has it in the package's folder and nowhere else.
_BUILT = Path(aca_notebook.__file__).parent / "labextension"


class Lab:
    """A server with a folder of its own, nothing of the user's settings, and its address once it answers.

    With `extended` it has our extension, both halves of it, as an installed wheel brings them. `program` is the module
    that serves: JupyterLab or Notebook 7; `python` the interpreter it runs under.
    """

    def __init__(
        self, folder: Path, *, extended: bool = False, program: str = "jupyterlab", python: str = sys.executable
    ) -> None:
        self.folder = folder
        self.aca_home = folder / "aca"
        self.aca_home.mkdir(parents=True)
        home = folder / "home"
        self._settings = home / "s"
        self.settle("@jupyterlab/apputils-extension", "notification", {"fetchNews": "false", "checkForUpdates": False})
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("ACA_NOTEBOOK_", "AZURE_"))},
            "ACA_NOTEBOOK_HOME": str(self.aca_home), "IPYTHONDIR": str(home / "i"),
            "ACA_NOTEBOOK_SESSION_PACKAGES": str(folder / "none"),  # nothing is fetched for sessions
            "JUPYTER_CONFIG_DIR": str(home / "c"), "JUPYTER_DATA_DIR": str(home / "d"),
            "JUPYTER_RUNTIME_DIR": str(home / "r"), "JUPYTERLAB_SETTINGS_DIR": str(self._settings),
        }  # fmt: skip
        if extended:
            self._extend(home)
        command = [
            python, "-m", program, "--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0",
            f"--ServerApp.root_dir={folder}",
        ]  # fmt: skip
        self._process = subprocess.Popen(
            command, env=self._environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        self.said: list[str] = []
        self.url, self.token = self._address()
        self._until_it_listens()
        self._reading = threading.Thread(target=self._read_on, daemon=True)
        self._reading.start()

    def _extend(self, home: Path) -> None:
        """Put both halves where a wheel puts them, under folders of this server's own."""
        assert (_BUILT / "package.json").is_file(), "the JupyterLab side is not built: make labextension"
        (home / "d" / "labextensions").mkdir(parents=True)
        (home / "d" / "labextensions" / "aca-notebook").symlink_to(_BUILT)
        (home / "c").mkdir(parents=True)
        enabled = {"ServerApp": {"jpserver_extensions": {"aca_notebook": True}}}
        (home / "c" / "jupyter_server_config.json").write_text(json.dumps(enabled))

    def _address(self) -> tuple[str, str]:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.said.append(line)
            found = _ADDRESS.search(line)
            if found:
                return found[1], found[2]
        self.close()
        raise AssertionError(f"JupyterLab ended before it was there:\n{''.join(self.said)}")

    def _until_it_listens(self) -> None:
        """Wait: the address is written before anybody answers there."""
        while True:
            try:
                requests.get(f"{self.url}/api", timeout=60)
            except requests.ConnectionError:
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(0.05)
                assert self._process.poll() is None, "".join(self.said)
            else:
                return

    def _read_on(self) -> None:
        assert self._process.stderr is not None
        self.said.extend(self._process.stderr)

    def close(self) -> None:
        """End it and its kernels."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        if hasattr(self, "_reading"):
            self._reading.join(10)
        self._process.stderr.close()

    def dark(self) -> None:
        """Give pages that are opened from here on the dark theme."""
        self.settle("@jupyterlab/apputils-extension", "themes", {"theme": "JupyterLab Dark"})

    def settle(self, extension: str, plugin: str, settings: dict[str, object]) -> None:
        """Write a plugin's settings, as a person leaves them in the settings editor."""
        path = self._settings / extension / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings))

    def write(self, name: str, cells: Sequence[str]) -> Path:
        """Make a notebook of code cells."""
        made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        path = self.folder / name
        nbformat.write(made, path)
        return path

    def stop_emulator(self) -> None:
        """End the emulator that a notebook started, if one did: it outlives kernels, as it should."""
        subprocess.run(
            [sys.executable, "-m", "aca_notebook", "emulator", "stop"], env=self._environment, check=True, timeout=60,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def end_kernels(self) -> None:
        """End every kernel, as somebody does who shuts them down."""
        sessions = f"{self.url}/api/sessions"
        headers = {"Authorization": f"token {self.token}"}
        for each in requests.get(sessions, headers=headers, timeout=60).json():
            requests.delete(f"{sessions}/{each['id']}", headers=headers, timeout=60)

    def open(self, page: Page, name: str) -> None:
        """Open a notebook and wait until its kernel is ready."""
        page.goto(f"{self.url}/lab/tree/{name}?token={self.token}&reset")
        page.wait_for_selector(".jp-Notebook", timeout=_PATIENCE_MS)
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=_PATIENCE_MS)

    def run_all(self, page: Page) -> None:
        """Choose Run All Cells from the menu."""
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).click()

    def save(self, page: Page) -> None:
        """Save with the menu, and wait until the server has it."""
        page.get_by_role("menuitem", name="File", exact=True).click()
        with page.expect_response(lambda answer: answer.request.method == "PUT" and "/api/contents/" in answer.url):
            page.get_by_text("Save Notebook", exact=True).click()

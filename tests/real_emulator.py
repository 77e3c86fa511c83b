"""The real emulator as a child process, driven over HTTP from outside with nothing but `requests`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from collections.abc import Sequence

API = {"api-version": "2025-07-01"}
IMAGE = "mcr.microsoft.com/k8se/quickstart:latest"


class RealEmulator:
    """Started, asked, stopped and killed from outside."""

    def __init__(self, folder: Path, prefix: Sequence[str] = (), interpreter: str = sys.executable) -> None:
        """Start on `folder`; `prefix` is a command that runs another, such as one that mounts a small disk there."""
        self._interpreter = interpreter
        self.folder = folder
        self.prefix = prefix
        self._kept: threading.local | None = None
        self.log = folder.with_name(f"{folder.name}.log")
        self.start()

    @property
    def inside(self) -> Path:
        """The folder as the emulator sees it, mounts of its own included."""
        return Path(f"/proc/{self.process.pid}/root{self.folder}") if self.prefix else self.folder

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.launch()
        self.wait()

    def wait(self) -> None:
        """Wait until a launched one answers."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the emulator ended before it was ready: {self.log.read_text()[-2000:]}"
        self.ready = json.loads(line)
        control = {"Authorization": f"Bearer {(self.inside / 'control-token').read_text().strip()}"}
        self.environment = requests.get(f"{self.ready['http_url']}/_emulator/env", headers=control, timeout=10).json()

    def launch(self) -> None:
        """Start it and wait for nothing."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, self._interpreter, "-m", "aca_notebook.emulator", "--data-dir", str(self.folder),
                 "--idle-exit", "never"],
                stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True,
            )  # fmt: skip

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def stop(self, patience_seconds: float = 30) -> None:
        self.process.terminate()
        assert self.process.wait(patience_seconds) == 0
        self.process.stdout.close()

    def call(self, method: str, path: str, body=None, version: str = API["api-version"]) -> requests.Response:
        return self._requests().request(
            method,
            f"{self.ready['url']}{path}",
            params={"api-version": version},
            json=body,
            headers={"Authorization": f"Bearer {self.environment['ACCESS_TOKEN']}"},
            verify=str(self.inside / "roots.pem"),
            timeout=30,
        )

    def keep_connections(self) -> None:
        """Let each thread ask on a connection it keeps, until `hang_up`; a handshake costs more than an answer."""
        self._kept = threading.local()

    def hang_up(self) -> None:
        """Close this thread's connection."""
        session = getattr(self._kept, "session", None)
        if session is not None:
            session.close()
            del self._kept.session

    def _requests(self):
        if self._kept is None:
            return requests
        if not hasattr(self._kept, "session"):
            self._kept.session = requests.Session()
            self._kept.session.trust_env = False  # it would read the environment for each request
        return self._kept.session

    def registry(self, path: str) -> str:
        """The address of something in the registry."""
        return self.path("").replace(
            "Microsoft.App/containerApps/", f"Microsoft.ContainerRegistry/registries/local{path}"
        )

    def path(self, name: str) -> str:
        """The address of an app (`app-1`) or a group (`group-1`)."""
        groups = f"/subscriptions/{self.environment['AZURE_SUBSCRIPTION_ID']}/resourceGroups"
        if name.startswith("group-"):
            return f"{groups}/{name}"
        return f"{groups}/{self.environment['AZURE_RESOURCE_GROUP']}/providers/Microsoft.App/containerApps/{name}"

    def put(self, name: str, mark: str, image: str = IMAGE) -> requests.Response:
        body = {"location": "eastus", "tags": {"mark": mark}}
        if name.startswith("app-"):
            body["properties"] = self.properties(image)
        return self.call("PUT", self.path(name), body)

    def get(self, name: str) -> dict:
        answer = self.call("GET", self.path(name))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def address(self, name: str) -> str:
        return f"http://{self.get(name)['properties']['configuration']['ingress']['fqdn']}/"

    def job(self) -> dict:
        """A job that may be started by hand, and takes a moment."""
        container = {"name": "main", "image": IMAGE, "command": ["sleep", "0.3"]}
        return {
            "location": "eastus",
            "properties": {
                "environmentId": self.environment_id,
                "configuration": {"triggerType": "Manual", "replicaTimeout": 30, "replicaRetryLimit": 1},
                "template": {"containers": [container]},
            },
        }

    @property
    def environment_id(self) -> str:
        environment = self.environment["AZURE_CONTAINERAPPS_ENVIRONMENT"]
        return self.path("").replace("/containerApps/", f"/managedEnvironments/{environment}")

    def properties(self, image: str) -> dict:
        return {
            "environmentId": self.environment_id,
            "configuration": {"ingress": {"external": True, "targetPort": 80, "allowInsecure": True}},
            "template": {
                "containers": [{"name": "hello", "image": image, "resources": {"cpu": 0.25, "memory": "0.5Gi"}}],
                "scale": {"minReplicas": 1, "maxReplicas": 2},
            },
        }

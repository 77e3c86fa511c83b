"""A bundle in a clean environment made from its lock, served by a real process."""

from __future__ import annotations

import http.client
import io
import json
import os
import queue
import socket
import subprocess
import sys
import tarfile
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from uv import find_uv_bin

from aca_notebook.packaging import bundle, requirements

if TYPE_CHECKING:
    from pathlib import Path

    from aca_notebook.packaging.capture import Capture

KEY = "the-key-of-this-endpoint"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def bundled(captured: Capture, folder: Path, *, pip: tuple[str, ...] = ()) -> Path:
    """Pin, build and unpack a bundle; returns its folder."""
    lock = requirements.resolve(captured.imports, pip=pip, python=PYTHON, cache=folder / "cache")
    made = bundle.build(captured, lock)
    place = folder / "bundle"
    with tarfile.open(fileobj=io.BytesIO(made.archive())) as archive:
        archive.extractall(place, filter="data")
    return place


def environment_of(place: Path, environments: Path) -> Path:
    """Make a virtual environment with the bundle's lock and nothing else; returns its interpreter."""
    environment = environments / "environment"
    uv = find_uv_bin()
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, environment], check=True)
    python = environment / "bin" / "python"
    install = [uv, "pip", "install", "--quiet", "--python", python, "--requirements", place / "requirements.txt"]
    variables = requirements.uv_environment()
    variables.pop("VIRTUAL_ENV", None)
    subprocess.run(install, check=True, env=variables)
    return python


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Served:
    """A runner's process; a context manager that ends it."""

    def __init__(self, python: Path | str, place: Path, *, key: str = KEY, **variables: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        environment = {
            "PATH": os.environ["PATH"],
            "CONTAINER_APP_PORT": str(self.port),
            "CONTAINER_APP_NAME": "scorer",
            "ACA_RUNNER_HOST": "127.0.0.1",
            "ACA_NOTEBOOK_KEY": key,
            **variables,
        }
        self.process = subprocess.Popen(
            [python, "-m", "aca_notebook.runner"], cwd=place, env=environment, stdout=subprocess.PIPE, text=True
        )
        self.log: list[dict[str, Any]] = []
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(10)
        self._reader.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def event(self, name: str, seconds: float = 20.0) -> dict[str, Any]:
        """Wait for a line of the log with this event; everything read is kept in `log`."""
        while True:
            line = self._lines.get(timeout=seconds)
            assert line, f"the runner ended without {name!r}: {self.log}"
            self.log.append(json.loads(line) if line.startswith("{") else {"text": line})
            if self.log[-1].get("event") == name:
                return self.log[-1]

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def call(self, path: str, body: Any = None, *, method: str = "POST", key: str = KEY, **headers: str) -> Answer:
        """Call the endpoint; a body that is no bytes travels as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key:
            sent["X-Api-Key"] = key
        if body is not None and not isinstance(body, bytes):
            body, sent = json.dumps(body).encode(), {"Content-Type": "application/json", **sent}
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

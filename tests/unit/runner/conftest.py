from __future__ import annotations

import json
import sys
from textwrap import dedent

import pytest

from aca_notebook.runner import services as services_of
from aca_notebook.runner.app import RunnerApp
from aca_notebook.runner.door import Door
from aca_notebook.runner.manifest import Lines, Manifest, Served

NOW = 1_800_000_000.0


class Running:
    """A runner of one module, without a socket; `log` holds the access log's lines."""

    def __init__(self, app: RunnerApp, log: list[str]) -> None:
        self.app = app
        self._log = log

    @property
    def log(self) -> list[dict]:
        return [json.loads(line) for line in self._log]


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    """Return a function that loads a module's source as a bundle would: (services, lines)."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    names = []

    def load(source: str, *exports: str, entry: str = "", cell_line: int = 1):
        name = f"cell_{abs(hash(str(tmp_path)))}_{len(names)}"
        names.append(name)
        (tmp_path / "app").mkdir(exist_ok=True)
        text = dedent(source).lstrip("\n")
        (tmp_path / "app" / f"{name}.py").write_text(text)
        served = tuple(Served(*export.split(":")) for export in exports)
        lines = (Lines(1, len(text.splitlines()), "In[3]", cell_line),)
        manifest = Manifest("sha256:0", "3", name, entry or served[-1].name, served, lines)
        return services_of.load(tmp_path, manifest)

    yield load
    for name in names:
        sys.modules.pop(name, None)


@pytest.fixture
def runner(loaded):
    """Return a function that makes a public runner, or one with a key, of a module's source."""

    def make(source: str, *exports: str, key: str = "", entry: str = "") -> Running:
        services, lines = loaded(source, *exports, entry=entry)
        log: list[str] = []
        door = Door(key, public=not key, app="scorer", now=lambda: NOW)
        return Running(RunnerApp(services, lines, door, threads=2, title="scorer", write_line=log.append), log)

    return make

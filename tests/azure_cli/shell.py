"""`az` as a person has it: a command line in, what it printed out."""

from __future__ import annotations

import json
import shlex
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).resolve().parents[2]
#: Made by `make test-az`.
FOLDER = ROOT / ".venv-az"
HELLO = "mcr.microsoft.com/k8se/quickstart:latest"
HELLO_JOB = "mcr.microsoft.com/k8se/quickstart-jobs:latest"
_LONGEST_SECONDS = 600
#: Commands run until something counts as never happening. Each takes a second, so nothing sleeps.
_PATIENCE = 100


@dataclass(frozen=True)
class Az:
    """The CLI with an environment of its own, of which its configuration folder is a part."""

    environment: Mapping[str, str]
    folder: Path

    def __call__(self, line: str, *given: str) -> Any:
        """Run `az LINE`, which must succeed; return the JSON it printed, None for nothing.

        `given` are arguments that no shell would split, such as a JSON body.
        """
        printed = self.text(line, *given)
        return json.loads(printed) if printed.strip() else None

    def text(self, line: str, *given: str) -> str:
        """Run `az LINE`, which must succeed; return what it printed as it stands."""
        done = self._run(line, given)
        assert done.returncode == 0, f"az {line}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
        return done.stdout

    def refused(self, line: str, *given: str) -> str:
        """Run `az LINE`, which must fail with words and no traceback; return them."""
        done = self._run(line, given)
        assert done.returncode != 0, f"az {line}\n{done.stdout[-2000:]}"
        assert "Traceback" not in done.stderr, f"az {line}\n{done.stderr[-4000:]}"
        return done.stderr

    def told(self, line: str, *given: str) -> str:
        """Run `az LINE`, which must succeed; return what it said beside its result."""
        done = self._run(line, given)
        assert done.returncode == 0, f"az {line}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
        return done.stderr

    def until(self, line: str, holds: Callable[[Any], Any]) -> Any:
        """Run `az LINE` again and again until `holds` of its JSON; return that."""
        seen = None
        for _ in range(_PATIENCE):
            seen = self(line)
            if holds(seen):
                return seen
        raise AssertionError(f"az {line}\nstill answers {json.dumps(seen)[:2000]}")

    def start(self, line: str, *, terminal: int | None = None) -> subprocess.Popen[str]:
        """Start `az LINE`, on a terminal or with its lines on a pipe; the caller ends it."""
        streams = (subprocess.DEVNULL, subprocess.PIPE, subprocess.STDOUT) if terminal is None else (terminal,) * 3
        return subprocess.Popen(
            _command(line, ()), env=self.environment, cwd=self.folder, text=True, start_new_session=True,
            stdin=streams[0], stdout=streams[1], stderr=streams[2],
        )  # fmt: skip

    def call(self, address: str, path: str = "/", **options: Any) -> requests.Response:
        """Call an app as its users do: over HTTPS, trusting what `az` trusts."""
        roots = self.environment["REQUESTS_CA_BUNDLE"]
        return requests.get(f"https://{address}{path}", verify=roots, timeout=60, **options)

    def within(self, group: str) -> Az:
        """Return one for which `group` need not be named."""
        return replace(self, environment={**self.environment, "AZURE_DEFAULTS_GROUP": group})

    def _run(self, line: str, given: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            _command(line, given), env=self.environment, cwd=self.folder, capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL, timeout=_LONGEST_SECONDS,
        )  # fmt: skip


def interpreter() -> Path:
    """The Python that has `azure-cli`; where there is none the test fails: nothing here is ever skipped."""
    found = FOLDER / "bin" / "python"
    if not found.exists():
        pytest.fail("there is no .venv-az: run `make test-az`", pytrace=False)
    return found


def _command(line: str, given: tuple[str, ...]) -> list[str]:
    return [str(interpreter()), "-m", "azure.cli", *shlex.split(line), *given]

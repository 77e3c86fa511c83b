"""The control door: what the emulator's own tools ask of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.emulator.running import Running, running_emulator

if TYPE_CHECKING:
    from pathlib import Path

NOTHING_TO_INSTALL = "# no packages\n"


@pytest.mark.process
def test_an_interpreter_that_joins_with_requirements_finds_its_environment_made(
    emulator: Running, data_dir: Path
) -> None:
    body = {"path": sys.executable, "requirements": NOTHING_TO_INSTALL}
    assert emulator.control("POST", "interpreters", body).json()["version"]

    def made() -> bool:
        assert emulator.control("GET", "status").status_code == 200
        return any(each.suffix != ".part" for each in (data_dir / "environments").iterdir())

    emulator.eventually(made)


@pytest.mark.process
def test_an_interpreter_that_joins_without_them_costs_nothing(emulator: Running, data_dir: Path) -> None:
    assert emulator.control("POST", "interpreters", {"path": sys.executable}).status_code == 200
    assert list((data_dir / "environments").iterdir()) == []


@pytest.mark.process
def test_stopping_while_an_environment_is_made_leaves_no_half_of_it(data_dir: Path) -> None:
    with running_emulator(data_dir) as emulator:
        body = {"path": sys.executable, "requirements": NOTHING_TO_INSTALL}
        assert emulator.control("POST", "interpreters", body).status_code == 200
    assert list((data_dir / "environments").glob("*.part")) == []


def test_what_is_no_interpreter_is_refused_by_name(emulator: Running, tmp_path: Path) -> None:
    answer = emulator.control("POST", "interpreters", {"path": str(tmp_path / "python")})
    assert answer.status_code == 400
    assert str(tmp_path / "python") in answer.json()["error"]["message"]

"""Interpreters are learnt by asking them."""

from __future__ import annotations

import asyncio
import platform
import sys

import pytest

from aca_notebook.emulator.journal.database import Database
from aca_notebook.emulator.runtime.interpreters import Interpreter, Interpreters

OWN_MINOR = ".".join(platform.python_version().split(".")[:2])


@pytest.fixture
def database(tmp_path):
    opened = Database(tmp_path / "state.db")
    yield opened
    opened.close()


def fake_python(folder, name: str, answer: str):
    """A program that answers what a Python of that version would."""
    program = folder / name
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o755)
    return program


def test_the_emulators_own_interpreter_is_known_without_being_told(database):
    found = Interpreters(database).find(OWN_MINOR)

    assert found.exists()
    assert found == found.resolve()


def test_asking_an_interpreter_of_a_virtual_environment_finds_its_base(database, tmp_path):
    link = tmp_path / "python"
    link.symlink_to(sys.executable)
    known = Interpreters(database)

    learnt = asyncio.run(known.register(link))

    assert learnt.version == platform.python_version()


def test_what_was_learnt_survives_a_restart_and_the_last_one_registered_wins(database, tmp_path):
    first = fake_python(tmp_path, "a", f'{{"path": "{tmp_path}/a", "version": "3.13.1"}}')
    second = fake_python(tmp_path, "b", f'{{"path": "{tmp_path}/b", "version": "3.13.2"}}')
    known = Interpreters(database)
    for each in (first, second):
        asyncio.run(known.register(each))

    assert known.find("3.13") == second
    assert Interpreters(database).find("3.13.1") == first


def test_an_interpreter_that_was_removed_is_no_longer_offered(database, tmp_path):
    program = fake_python(tmp_path, "a", f'{{"path": "{tmp_path}/a", "version": "3.99.1"}}')
    known = Interpreters(database)
    asyncio.run(known.register(program))
    program.unlink()

    with pytest.raises(LookupError, match=rf"no Python 3\.99; known here: {platform.python_version()}"):
        known.find("3.99")


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        pytest.param("hello", "not a Python interpreter", id="some other program"),
        pytest.param('{"path": "/p", "version": "3.10.1"}', "too old", id="an old Python"),
    ],
)
def test_what_cannot_run_a_bundle_is_refused(database, tmp_path, answer, complaint):
    with pytest.raises(ValueError, match=complaint):
        asyncio.run(Interpreters(database).register(fake_python(tmp_path, "p", answer)))


def test_a_path_with_nothing_at_it_is_refused(database, tmp_path):
    with pytest.raises(ValueError, match="not a program"):
        asyncio.run(Interpreters(database).register(tmp_path / "nothing"))


def test_an_interpreter_knows_its_minor_version():
    assert Interpreter("/p", "3.11.7").minor == "3.11"

"""A level that was asked for is kept, or sessions are refused in words: never quietly less."""

from __future__ import annotations

import pytest

from aca_notebook.emulator.sandbox.levels import Found, Level, unkept

LANDLOCK = Found(Level.LANDLOCK, isolated=True, reason="bubblewrap is not installed")


@pytest.mark.parametrize("asked", ["", "landlock"])
def test_what_is_had_or_not_asked_for_refuses_nothing(asked: str) -> None:
    assert unkept(asked, LANDLOCK) == ""


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("bubblewrap", "this machine cannot: bubblewrap is not installed"),
        ("gvisor", "container engines and gVisor are not among them"),
        ("docker", "this emulator keeps bubblewrap, landlock, process"),
    ],
)
def test_less_than_was_asked_for_is_refused_and_said(asked: str, said: str) -> None:
    assert said in unkept(asked, LANDLOCK)

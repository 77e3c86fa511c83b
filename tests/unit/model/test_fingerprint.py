"""A cell's fingerprint: the same here and in JupyterLab's side (`labextension/tests/fingerprint.test.ts`)."""

from __future__ import annotations

import pytest

from aca_notebook.model.fingerprint import fingerprint


@pytest.mark.parametrize(
    ("text", "digits"),
    [("", "cbf29ce484222325"), ("a", "af63dc4c8601ec8c"), ("foobar", "85944171f73967e8")],
    ids=["nothing", "the authors' test of one letter", "the authors' test of a word"],
)
def test_it_is_the_published_function(text, digits) -> None:
    assert fingerprint(text) == digits


def test_white_space_at_the_end_is_nothing_and_anywhere_else_something() -> None:
    assert fingerprint("x = 1\n\n") == fingerprint("x = 1")
    assert fingerprint("  x = 1") != fingerprint("x = 1")


def test_any_text_has_one() -> None:
    assert len(fingerprint("café \N{GRINNING FACE} \ud800")) == 16

"""A program's output on a page and on a terminal: colours at most, never a sequence that does something."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.display import ansi

RED, RESET = "\x1b[31m", "\x1b[0m"


@pytest.mark.parametrize(("written", "read"), [
    ("plain \u00e4 \u6f22", "plain \u00e4 \u6f22"),
    (f"{RED}red{RESET} end", "red end"),
    ("\x1b]0;a title\x07text", "text"),
    ("\x1b]52;c;c2VjcmV0\x1b\\text", "text"),
    ("\x1b[2J\x1b[1;1Htext", "text"),
    ("\x1bPq#0\x1b\\text", "text"),
    ("10 %\r50 %\r100 %\r", "100 %"),
    ("bell\x07 nul\x00 del\x7f", "bell\u2407 nul\u2400 del\u2421"),
    ("c1 \x9b31m", "c1 \ufffd31m"),
    ("tab\tstays", "tab\tstays"),
    ("torn \x1b", "torn "),
])  # fmt: skip
def test_a_page_shows_what_a_terminal_would_have(written, read) -> None:
    assert ansi.plain(written) == read


@pytest.mark.parametrize(("written", "read"), [
    (f"{RED}red{RESET} end", f"{RED}red{RESET} end"),
    (f"{RED}red to the end", f"{RED}red to the end{RESET}"),
    ("\x1b]0;a title\x07\x1b[2Jtext", "text"),
    ("\x1b[38;5;208morange", "\x1b[38;5;208morange\x1b[0m"),
])  # fmt: skip
def test_a_terminal_gets_colours_that_end_with_the_line(written, read) -> None:
    assert ansi.coloured(written) == read


@given(st.text(alphabet=st.sampled_from("\x1b[]0;1mHJ\\\x07\x08\r\t\n\x9b\x00abP^_")))
def test_no_control_but_colours_gets_through(text) -> None:
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", ansi.plain(text))
    left = re.sub(r"\x1b\[[0-9;:]*m", "", ansi.coloured(text))
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", left)

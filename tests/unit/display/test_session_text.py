from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.display.session_text import SafeText, plain_text, safe_text

PIECES = st.sampled_from(
    ["\x1b[31m", "\x1b[0m", "\x1b]0;title\x07", "\x1b]8;;http://evil.test\x1b\\", "\x1b[2J", "\x1b[6n",
     "\x1bP1$r\x1b\\", "\x1b", "[", "]", "a", "\n", "\r", "\x07", "\x9b", "\u202e", "é", "\x1bc", "\x1b(0"]
)  # fmt: skip


def streamed(pieces: list[str]) -> str:
    text = SafeText()
    return "".join(text.feed(piece) for piece in pieces) + text.close()


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "\x1b[1;31mred\x1b[0m"),
        ("\x1b[2Jcleared \x1b[10;10Hmoved", "cleared moved"),
        ("\x1b]0;a title\x07after", "after"),
        ("\x1b]52;c;ZWNobw==\x07clipboard", "clipboard"),
        ("\x1b]8;;http://evil.test\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("bell\x07 back\x08space", "bell backspace"),
        ("10 %\r20 %\tdone\n", "10 %\r20 %\tdone\n"),
        ("abc\u202edcba", "abcdcba"),
        ("\x9b31m eight bits", "31m eight bits"),
    ],
)
def test_colours_stay_and_what_a_terminal_obeys_goes(written: str, shown: str) -> None:
    assert safe_text(written) == shown


@given(st.lists(PIECES, max_size=12))
def test_nothing_but_colours_is_left_of_escapes(pieces: list[str]) -> None:
    shown = plain_text(streamed(pieces))
    assert not set(shown) & {chr(code) for code in (*range(9), *range(11, 13), *range(14, 32), *range(127, 160))}
    assert "\u202e" not in shown


@given(st.lists(PIECES, max_size=12))
def test_an_escape_that_comes_in_pieces_is_the_same_escape(pieces: list[str]) -> None:
    whole = "".join(pieces)
    assert streamed(list(whole)) == streamed([whole])


def test_an_escape_without_an_end_holds_back_no_more_than_it_may() -> None:
    assert "x" * 10 in SafeText().feed("\x1b]" + "x" * 10_000)

"""The text of a KQL query, cut where its statements and its operators end.

Quotes and brackets are respected; nothing else is understood here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_OPEN, _CLOSE = "([{", ")]}"
#: A string (verbatim ones have no escapes), a comment, or any one character.
_TOKEN = re.compile(
    r"""@"[^"]*" | @'[^']*' | ```.*?``` | ~~~.*?~~~ | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' | //[^\n]* | .""",
    re.VERBOSE | re.DOTALL,
)
_OPERATOR = re.compile(r"\s*([A-Za-z_][A-Za-z_-]*)")


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a query and where it begins in it."""

    text: str
    start: int

    @property
    def operator(self) -> str:
        """The first word: `make-series` of `make-series count() on t step 1h`."""
        found = _OPERATOR.match(self.text)
        return found[1] if found else ""

    @property
    def operator_start(self) -> int:
        """Where the first word begins in the query."""
        found = _OPERATOR.match(self.text)
        return self.start + (found.start(1) if found else 0)


def cut(text: str, mark: str, start: int = 0) -> list[Part]:
    """Cut at each `mark`, one character, that stands in no bracket or string.

    `start` is where `text` itself begins. Never empty: what has no mark is one part.
    """
    parts: list[Part] = []
    begin = depth = 0
    for position, token in _tokens(text):
        if token in _OPEN:
            depth += 1
        elif token in _CLOSE:
            depth -= 1
        elif token == mark and depth == 0:
            parts.append(Part(text[begin:position], start + begin))
            begin = position + 1
    parts.append(Part(text[begin:], start + begin))
    return parts


def without_comments(text: str) -> str:
    """Return a text with blanks for its comments, everything else in its place."""
    return _TOKEN.sub(lambda found: " " * len(found[0]) if found[0].startswith("//") else found[0], text)


def find_word(text: str, word: str) -> int:
    """Return where a word first stands outside of brackets and strings, or -1."""
    depth, pattern = 0, re.compile(rf"\b{re.escape(word)}\b", re.IGNORECASE)
    for position, token in _tokens(text):
        if token in _OPEN:
            depth += 1
        elif token in _CLOSE:
            depth -= 1
        elif depth == 0 and (position == 0 or not (text[position - 1].isalnum() or text[position - 1] == "_")):
            found = pattern.match(text, position)
            if found is not None and len(token) == 1:
                return position
    return -1


def find_call(text: str, name: str) -> tuple[int, int] | None:
    """Return where the first call `name(...)` outside of strings begins and ends, or None."""
    for position, token in _tokens(text):
        if len(token) > 1 or (position and (text[position - 1].isalnum() or text[position - 1] == "_")):
            continue
        found = re.compile(rf"{re.escape(name)}\s*\(").match(text, position)
        if found is not None:
            return position, _closing(text, found.end() - 1) + 1
    return None


def line_and_column(text: str, position: int) -> tuple[int, int]:
    """Return line and column of a position, both from 1 as Azure counts the first and from 0 the second."""
    before = text[:position]
    return before.count("\n") + 1, position - (before.rfind("\n") + 1)


def position_of(text: str, line: int, column: int) -> int:
    """Return the position of a line, from 1, and a column, from 0."""
    lines = text.split("\n")
    return sum(len(each) + 1 for each in lines[: line - 1]) + column


def is_string(text: str) -> bool:
    """Whether a text is one string literal."""
    found = _TOKEN.fullmatch(text.strip())
    return found is not None and text.strip()[:1] in {'"', "'", "@"} and len(text.strip()) > 1


def _tokens(text: str) -> Iterator[tuple[int, str]]:
    for found in _TOKEN.finditer(text):
        yield found.start(), found[0]


def _closing(text: str, opening: int) -> int:
    depth = 0
    for position, token in _tokens(text[opening:]):
        depth += (token in _OPEN) - (token in _CLOSE)
        if depth == 0:
            return opening + position
    return len(text) - 1

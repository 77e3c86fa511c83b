"""JSON as Resource Manager reads it: with comments, bare names, single quotes and trailing commas.

`az` sends a template's file as it stands, comments included, under a name without quotes (its own source:
`JsonCTemplatePolicy`), and a refusal names the line and column of what it refuses.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import Any

#: What lies between tokens.
_BLANK = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'', re.DOTALL)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_WORD = re.compile(r"[A-Za-z_$][\w$]*")
_WORDS = {"true": True, "false": False, "null": None}
_DEEPEST = 200
#: The names and indexes that lead to a value.
Path = tuple[str | int, ...]


class NotJson(ValueError):
    """A text that is no JSON, and where."""


@dataclass(frozen=True, slots=True)
class Source:
    """A value and where its objects and lists begin, as `(line, column)`, both from 1."""

    value: Any
    positions: dict[Path, tuple[int, int]] = field(repr=False)

    def position(self, path: Path) -> tuple[int, int]:
        """Return where the value at a path begins, or the nearest that is around it."""
        for length in range(len(path), -1, -1):
            found = self.positions.get(path[:length])
            if found is not None:
                return found
        return 0, 0


def read_source(text: str) -> Source:
    """Read a text.

    Raises `NotJson`.
    """
    reader = _Reader(text)
    value = reader.value((), 0)
    reader.skip()
    if reader.at != len(text):
        raise reader.fault("the end was expected")
    return Source(value, reader.positions)


class _Reader:
    def __init__(self, text: str) -> None:
        self.at = 0
        self.positions: dict[Path, tuple[int, int]] = {}
        self._text = text

    def skip(self) -> None:
        match = _BLANK.match(self._text, self.at)
        self.at = match.end() if match else self.at

    def fault(self, wanted: str) -> NotJson:
        line, column = self._position()
        return NotJson(f"{wanted} at line {line}, position {column}")

    def value(self, path: Path, depth: int) -> Any:
        self.skip()
        if depth > _DEEPEST:
            raise self.fault(f"more than {_DEEPEST} levels were found")
        start = self._text[self.at : self.at + 1]
        if start in {"{", "["} and start:
            self.positions[path] = self._position()
            self.at += 1
            return self._object(path, depth + 1) if start == "{" else self._list(path, depth + 1)
        if start in {'"', "'"} and start:
            return self._string()
        number = _NUMBER.match(self._text, self.at)
        if number is not None:
            return self._number(number)
        word = _WORD.match(self._text, self.at)
        if word is None or word[0].lower() not in _WORDS:
            raise self.fault("a value was expected")
        self.at = word.end()
        return _WORDS[word[0].lower()]

    def _object(self, path: Path, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not self._closes("}"):
            name = self._name()
            self._take(":")
            found[name] = self.value((*path, name), depth)
            self._separate("}")
        return found

    def _list(self, path: Path, depth: int) -> list[Any]:
        found: list[Any] = []
        while not self._closes("]"):
            found.append(self.value((*path, len(found)), depth))
            self._separate("]")
        return found

    def _name(self) -> str:
        if self._text[self.at : self.at + 1] in {'"', "'"}:
            return self._string()
        word = _WORD.match(self._text, self.at)
        if word is None:
            raise self.fault("a property name was expected")
        self.at = word.end()
        return word[0]

    def _string(self) -> str:
        token = _STRING.match(self._text, self.at)
        if token is None:
            raise self.fault("a string does not end")
        self.at = token.end()
        inside = token[0][1:-1]
        if token[0][0] == "'":
            inside = inside.replace("\\'", "'").replace('"', '\\"')
        try:
            text = str(json.loads(f'"{inside}"', strict=False))
            text.encode()
        except ValueError as bad:
            raise self.fault("a string cannot be read") from bad
        if "\0" in text:
            raise self.fault("a string has a NUL")
        return text

    def _number(self, token: re.Match[str]) -> int | float:
        """Return a number that can be answered again: of no more digits than are read back, and finite."""
        try:
            found = float(token[0]) if set(token[0]) & set(".eE") else int(token[0])
        except ValueError as long:
            raise self.fault("a number is too long") from long
        if not math.isfinite(found):
            raise self.fault("a number is too large")
        self.at = token.end()
        return found

    def _closes(self, closer: str) -> bool:
        self.skip()
        if self._text[self.at : self.at + 1] != closer:
            return False
        self.at += 1
        return True

    def _take(self, mark: str) -> None:
        self.skip()
        if self._text[self.at : self.at + 1] != mark:
            raise self.fault(f"'{mark}' was expected")
        self.at += 1

    def _separate(self, closer: str) -> None:
        self.skip()
        if self._text[self.at : self.at + 1] == ",":
            self.at += 1
        elif self._text[self.at : self.at + 1] != closer:
            raise self.fault(f"',' or '{closer}' was expected")

    def _position(self) -> tuple[int, int]:
        before = self._text.rfind("\n", 0, self.at)
        return self._text.count("\n", 0, self.at) + 1, self.at - before

"""The part of OData's `$filter` that lists of prices take: eq, ne, contains, startswith, and, or, not, parentheses.

Names are found in any case; values are compared as they are written (facts §10.2).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

Predicate = Callable[[Mapping[str, Any]], bool]
_WORD = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign>[(),]))")
_DEEPEST = 20


def parse_predicate(text: str, names: Sequence[str]) -> Predicate:
    """Return whether an item passes a filter over `names`. Raises `ValueError` that says what is wrong with it."""
    return _Reading(_words(text), {name.lower(): name for name in names}).whole()


def _words(text: str) -> list[str]:
    found, at = [], 0
    while text[at:].strip():
        match = _WORD.match(text, at)
        if match is None:
            raise ValueError(f"not understood from '{text[at:].strip()}'")
        found.append(match[0].strip())
        at = match.end()
    return found


class _Reading:
    """Reads words from first to last."""

    def __init__(self, words: list[str], names: Mapping[str, str]) -> None:
        self._words = words
        self._names = names
        self._at = 0
        self._depth = 0

    def whole(self) -> Predicate:
        found = self._either()
        if self._at < len(self._words):
            raise ValueError(f"not understood from '{self._words[self._at]}'")
        return found

    def _next(self, expected: str = "") -> str:
        if self._at >= len(self._words):
            raise ValueError("it ends too early")
        word = self._words[self._at]
        if expected and word.lower() != expected:
            raise ValueError(f"'{expected}' is expected instead of '{word}'")
        self._at += 1
        return word

    def _taken(self, word: str) -> bool:
        there = self._at < len(self._words) and self._words[self._at].lower() == word
        self._at += there
        return there

    def _either(self) -> Predicate:
        parts = [self._both()]
        while self._taken("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else lambda item: any(part(item) for part in parts)

    def _both(self) -> Predicate:
        parts = [self._one()]
        while self._taken("and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda item: all(part(item) for part in parts)

    def _one(self) -> Predicate:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ValueError("it is nested too deeply")
        try:
            if self._taken("not"):
                inner = self._one()
                return lambda item: not inner(item)
            if self._taken("("):
                inner = self._either()
                self._next(")")
                return inner
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Predicate:
        word = self._next()
        if word.lower() in {"contains", "startswith"}:
            self._next("(")
            name = self._name(self._next())
            self._next(",")
            value = self._value()
            self._next(")")
            if word.lower() == "contains":
                return lambda item: value in str(item[name])
            return lambda item: str(item[name]).startswith(value)
        name, operator = self._name(word), self._next().lower()
        if operator not in {"eq", "ne"}:
            raise ValueError(f"there is no operator '{operator}'; there are eq and ne")
        value = self._value()
        return lambda item: (str(item[name]) == value) is (operator == "eq")

    def _name(self, word: str) -> str:
        if word.lower() not in self._names:
            raise ValueError(f"there is nothing called '{word}' to filter by")
        return self._names[word.lower()]

    def _value(self) -> str:
        word = self._next()
        if not word.startswith("'"):
            raise ValueError(f"'{word}' must stand in quotes")
        return word[1:-1].replace("''", "'")

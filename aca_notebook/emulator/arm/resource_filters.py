"""`$filter` of resource lists and groups: comparisons of a few fields, joined by and, or and parentheses.

Resource Manager documents eq and ne for resourceType, name, resourceGroup, location and tags, substringof and
startswith for names (documented: Resources - List).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from aca_notebook.emulator.arm.locations import location_name
from aca_notebook.emulator.wire import AzureError
from aca_notebook.model.ids import parse_id

Document = dict[str, Any]
Predicate = Callable[[Document], bool]
_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<word>[A-Za-z_/]\w*)|(?P<mark>[(),]))")
#: Where a resource has what can be filtered by.
_FIELDS: dict[str, Callable[[Document], str]] = {
    "resourcetype": lambda document: str(document["type"]),
    "resourcegroup": lambda document: parse_id(document["id"]).resource_group,
    "location": lambda document: location_name(str(document.get("location", ""))),
    "name": lambda document: str(document["name"]),
    "tagname": lambda _: "",
    "tagvalue": lambda _: "",
}
_DEEPEST = 50


def read_filter(text: str) -> Predicate:
    """Return what tells whether a document passes.

    Raises `AzureError` 400 for what cannot be filtered by.
    """
    if not text.strip():
        return lambda _: True
    return _Reader(text).whole()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[str] = []
        at = 0
        while at < len(text.rstrip()):
            token = _TOKEN.match(text, at)
            if token is None:
                raise self._refused()
            self._tokens.append(token[0].strip())
            at = token.end()
        self._at = 0
        self._depth = 0

    def whole(self) -> Predicate:
        found = self._either()
        if self._at != len(self._tokens):
            raise self._refused()
        return found

    def _either(self) -> Predicate:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._refused()
        parts = [self._both()]
        while self._takes("or"):
            parts.append(self._both())
        self._depth -= 1
        return lambda document: any(each(document) for each in parts)

    def _both(self) -> Predicate:
        clauses = [self._clause()]
        while self._takes("and"):
            clauses.append(self._clause())
        return _with_tags(clauses)

    def _clause(self) -> Predicate | tuple[str, str]:
        if self._takes("("):
            inside = self._either()
            self._expect(")")
            return inside
        word = self._next().lower()
        if word == "substringof":
            return self._substring()
        if word == "startswith":
            return self._start()
        return self._comparison(word)

    def _comparison(self, field: str) -> Predicate | tuple[str, str]:
        operator, value = self._next().lower(), self._string()
        if field not in _FIELDS or operator not in {"eq", "ne"}:
            raise self._refused()
        if field in {"tagname", "tagvalue"}:
            if operator != "eq":
                raise self._refused()
            return field, value
        wanted = location_name(value) if field == "location" else value.lower()
        read = _FIELDS[field]
        if operator == "eq":
            return lambda document: read(document).lower() == wanted
        return lambda document: read(document).lower() != wanted

    def _substring(self) -> Predicate:
        self._expect("(")
        part = self._string().lower()
        self._expect(",")
        read = self._field()
        self._expect(")")
        return lambda document: part in read(document).lower()

    def _start(self) -> Predicate | tuple[str, str]:
        self._expect("(")
        field = self._next().lower()
        self._expect(",")
        part = self._string().lower()
        self._expect(")")
        if field == "tagname":
            return lambda document: any(name.lower().startswith(part) for name in document.get("tags") or {})
        if field not in _FIELDS:
            raise self._refused()
        read = _FIELDS[field]
        return lambda document: read(document).lower().startswith(part)

    def _field(self) -> Callable[[Document], str]:
        field = _FIELDS.get(self._next().lower())
        if field is None:
            raise self._refused()
        return field

    def _string(self) -> str:
        token = self._next()
        if not token.startswith("'"):
            raise self._refused()
        return token[1:-1].replace("''", "'")

    def _next(self) -> str:
        if self._at >= len(self._tokens):
            raise self._refused()
        self._at += 1
        return self._tokens[self._at - 1]

    def _takes(self, word: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at].lower() == word:
            self._at += 1
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._takes(word):
            raise self._refused()

    def _refused(self) -> AzureError:
        return AzureError(
            400, "InvalidFilterInQueryString",
            f"Invalid $filter '{self._text}' specified in the query string: this emulator filters by resourceType, "
            "resourceGroup, location, name, tagName and tagValue, with eq, ne, substringof, startswith, and, or and "
            "parentheses.",
        )  # fmt: skip


def _with_tags(clauses: list[Predicate | tuple[str, str]]) -> Predicate:
    """A tag's name and value that are joined by `and` are of the same tag."""
    wanted = dict(each for each in clauses if isinstance(each, tuple))
    rest = [each for each in clauses if not isinstance(each, tuple)]
    name, value = wanted.get("tagname"), wanted.get("tagvalue")

    def passes(document: Document) -> bool:
        if not all(each(document) for each in rest):
            return False
        return not wanted or any(
            (name is None or key.lower() == name.lower()) and (value is None or held == value)
            for key, held in (document.get("tags") or {}).items()
        )

    return passes

"""The syntax of expressions in templates: `[concat('a', parameters('b').c[0])]` (documented: template syntax)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_$][\w$]*)|(?P<mark>[().,\[\]])|(?P<other>\S))"
)
#: What Resource Manager calls its tokens.
_TOKEN_NAMES = {
    "(": "LeftParenthesis", ")": "RightParenthesis", ",": "Comma", ".": "Dot", "[": "LeftSquareBracket",
    "]": "RightSquareBracket", "text": "StringLiteral", "number": "Number", "name": "Identifier", "": "EndOfData",
}  # fmt: skip
_DEEPEST = 100


class ExpressionError(Exception):
    """An expression that cannot be read or has no value, in Resource Manager's words."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, a number or, after folding, any value."""

    value: Any


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments; `name` may have a namespace (`contoso.uniqueName`)."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Access:
    """A property or an item of what an expression has for a value."""

    target: Node
    key: Node


Node = Literal | Call | Access


def is_expression(text: str) -> bool:
    """Tell whether a text of a template is an expression."""
    return text.startswith("[") and text.endswith("]") and not text.startswith("[[")


def unescaped(text: str) -> str:
    """Return a text that is no expression as it is meant: `[[` stands for `[`."""
    return text[1:] if text.startswith("[[") else text


def parse(text: str) -> Node:
    """Read an expression without its brackets.

    Raises `ExpressionError`.
    """
    return _Parser(text).whole()


def render(node: Node) -> str:
    """Return an expression's text, which reads as the same expression."""
    if isinstance(node, Call):
        return f"{node.name}({', '.join(render(each) for each in node.arguments)})"
    if isinstance(node, Access):
        return f"{render(node.target)}[{render(node.key)}]"
    return _literal(node.value)


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, list):
        return f"createArray({', '.join(_literal(each) for each in value)})"
    if isinstance(value, dict):
        parts = [part for key, each in value.items() for part in (_literal(key), _literal(each))]
        return f"createObject({', '.join(parts)})"
    if value is None or isinstance(value, bool):
        return {None: "null()", True: "true()", False: "false()"}[value]
    return str(value) if isinstance(value, int) else f"json('{value}')"


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # "text", "number", "name", a mark, or empty at the end
    text: str


class _Parser:
    def __init__(self, text: str) -> None:
        self._source = text
        self._tokens = [_token(match, text) for match in _TOKEN.finditer(text.rstrip())]
        self._at = 0
        self._depth = 0

    def whole(self) -> Node:
        node = self._expression()
        if self._peek().kind:
            raise self._unexpected("EndOfData")
        return node

    def _expression(self) -> Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ExpressionError(f"Unable to parse language expression '{self._source}': it is nested too deeply.")
        node = self._primary()
        while self._peek().kind in {".", "["}:
            if self._take().kind == ".":
                node = Access(node, Literal(self._expect("name").text))
            else:
                key = self._expression()
                self._expect("]")
                node = Access(node, key)
        self._depth -= 1
        return node

    def _primary(self) -> Node:
        token = self._take()
        if token.kind == "text":
            return Literal(token.text[1:-1].replace("''", "'"))
        if token.kind == "number":
            return Literal(float(token.text) if "." in token.text else int(token.text))
        if token.kind != "name":
            self._at -= 1
            raise self._unexpected("LeftParenthesis" if self._at else "Identifier")
        name = token.text
        if self._peek().kind == ".":  # a namespace of the template's own functions
            self._take()
            name = f"{name}.{self._expect('name').text}"
        self._expect("(")
        return Call(name, self._arguments())

    def _arguments(self) -> tuple[Node, ...]:
        if self._peek().kind == ")":
            self._take()
            return ()
        found = [self._expression()]
        while self._peek().kind == ",":
            self._take()
            found.append(self._expression())
        self._expect(")")
        return tuple(found)

    def _peek(self) -> _Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else _Token("", "")

    def _take(self) -> _Token:
        token = self._peek()
        self._at += 1
        return token

    def _expect(self, kind: str) -> _Token:
        if self._peek().kind != kind:
            raise self._unexpected(_TOKEN_NAMES[kind])
        return self._take()

    def _unexpected(self, expected: str) -> ExpressionError:
        actual = _TOKEN_NAMES[self._peek().kind]
        return ExpressionError(
            f"Unable to parse language expression '{self._source}': expected token '{expected}' and actual '{actual}'."
        )


def _token(match: re.Match[str], source: str) -> _Token:
    kind = match.lastgroup or ""
    text = match[kind]
    if kind == "other":
        raise ExpressionError(
            f"Unable to parse language expression '{source}': unexpected character '{text}' at position "
            f"'{match.start(kind)}'."
        )
    return _Token(text if kind == "mark" else kind, text)

"""From the tables that read bodies to JSON Schema. Pure.

A table says how a value is read (`arm.shapes`); here it says what may be sent, or what is answered. One side is
lenient, the other is not: clients may leave out and send null, and write numbers and booleans as texts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aca_notebook.emulator.arm.shapes import MapOf, Shape, any_cores
from aca_notebook.emulator.arm.stored import OneOf
from aca_notebook.emulator.arm.values import (
    LARGEST_WHOLE,
    SMALLEST_WHOLE,
    cores,
    finite,
    items,
    member,
    text,
    texts,
    truth,
    whole,
)

Schema = dict[str, Any]


def anything(value: Any, _path: str) -> Any:
    """Read a value that may be of any type."""
    return value


def number(value: Any, _path: str) -> Any:
    """Read a number that need not be whole."""
    return value


_WHOLE: Schema = {"type": "integer", "minimum": SMALLEST_WHOLE, "maximum": LARGEST_WHOLE}
_OBJECT: Schema = {"type": "object"}
_OBJECTS: Schema = {"type": "array", "items": _OBJECT}
_NUMBER_WORD = r"^[+-]?[0-9]{1,9}$"
_TRUTH_WORD = "^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])$"
#: What each reader takes, null apart.
_SENT: Mapping[Callable[..., Any], Schema] = {
    text: {"type": "string"},
    whole: {"anyOf": [_WHOLE, {"type": "string", "pattern": _NUMBER_WORD}]},
    truth: {"anyOf": [{"type": "boolean"}, {"type": "string", "pattern": _TRUTH_WORD}]},
    cores: {"type": ["number", "string"]},
    any_cores: {"type": ["number", "string"]},
    finite: {"type": "number"},
    member: _OBJECT,
    items: _OBJECTS,
    texts: {"type": "array", "items": {"type": ["string", "number"]}},
}
_ANSWERED: Mapping[Callable[..., Any], Schema] = {
    **_SENT,
    whole: _WHOLE,
    truth: {"type": "boolean"},
    number: {"type": "number"},
    cores: {"type": "number"},
    any_cores: {"type": "number"},
    texts: {"type": "array", "items": {"type": "string"}},
}


def sent(shape: Shape) -> Schema:
    """Return the schema of what clients may send where a table reads it."""
    return _schema(shape, _SENT)


def answered(shape: Shape) -> Schema:
    """Return the schema of what is answered: members that end in `!` are always there."""
    return _schema(shape, _ANSWERED)


def _schema(shape: Shape, words: Mapping[Callable[..., Any], Schema]) -> Schema:
    if isinstance(shape, Sequence):
        return {"type": "array", "items": _schema(shape[0], words)}
    if isinstance(shape, MapOf):
        return {"type": "object", "additionalProperties": _or_null(_schema(shape.each, words))}
    if isinstance(shape, Mapping):
        return _object(shape, words)
    if isinstance(shape, OneOf):
        return {"type": "string", "enum": list(shape.words)} if words is _ANSWERED else _any_case(shape.words)
    return {} if shape is anything else dict(words[shape])


def _object(shape: Mapping[str, Shape], words: Mapping[Callable[..., Any], Schema]) -> Schema:
    if not shape:
        return dict(_OBJECT)
    made: Schema = {"type": "object", "properties": {}}
    for name, each in shape.items():
        member_schema = _schema(each, words)
        needed = name.endswith("!")
        made["properties"][name.removesuffix("!")] = member_schema if needed else _or_null(member_schema)
        if needed:
            made.setdefault("required", []).append(name.removesuffix("!"))
    return made


def _or_null(schema: Schema) -> Schema:
    """Allow null besides: on the way in it means absent, on the way out Azure has it where nothing was asked."""
    if not schema or schema == {}:
        return schema
    if "enum" in schema:
        return schema | {"type": ["string", "null"], "enum": [*schema["enum"], None]}
    if "anyOf" in schema:
        return {"anyOf": [*schema["anyOf"], {"type": "null"}]}
    known = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return schema | {"type": [*known, "null"]}


def _any_case(words: tuple[str, ...]) -> Schema:
    """Words are read in any case (facts §0.3), which a schema can only say letter by letter."""
    either = ("".join(f"[{a.upper()}{a.lower()}]" if a.isalpha() else a for a in word) for word in words)
    return {"type": "string", "pattern": f"^({'|'.join(either)})$"}

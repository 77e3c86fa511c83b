"""A function's parameters as fields of a form, and what was typed into them as arguments."""

from __future__ import annotations

import enum
import inspect
import json
import math
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: What a field holds, by what a parameter is annotated with; anything else is written as JSON.
_KINDS = {bool: "switch", int: "integer", float: "number", str: "text"}
_MISSING = "a value is missing"


@dataclass(frozen=True, slots=True)
class Field:
    """One parameter: `kind` is `number`, `integer`, `text`, `switch`, `choice` or `json`.

    `typed` is what stands in the field at first: the default, written as it would be typed. `meant` is the annotation,
    for people. `by_place` is whether it cannot be passed by its name.
    """

    name: str
    kind: str
    required: bool = True
    typed: str = ""
    meant: str = ""
    choices: tuple[str, ...] = ()
    by_place: bool = False


def fields_of(signature: inspect.Signature) -> tuple[Field, ...]:
    """Return a field for each parameter; `*args` and `**kwargs` have none."""
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return tuple(_field(each) for each in signature.parameters.values() if each.kind not in several)


def _field(parameter: inspect.Parameter) -> Field:
    annotation, default = parameter.annotation, parameter.default
    required = default is inspect.Parameter.empty
    plain = _without_none(annotation)
    if plain is inspect.Parameter.empty and not required and type(default) in _KINDS:
        plain = type(default)
    choices = _choices(plain)
    kind = "choice" if choices else _KINDS.get(plain, "json") if isinstance(plain, type) else "json"
    typed = "" if required or default is None else _typed(default, kind)
    meant = (
        "" if annotation is inspect.Parameter.empty else inspect.formatannotation(annotation).removeprefix("typing.")
    )
    by_place = parameter.kind is inspect.Parameter.POSITIONAL_ONLY
    return Field(parameter.name, kind, required, typed, meant, choices, by_place)


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) in {Union, types.UnionType}:
        others = [each for each in get_args(annotation) if each is not type(None)]
        return others[0] if len(others) == 1 else annotation
    return annotation


def _choices(annotation: Any) -> tuple[str, ...]:
    """The values of a `Literal` or an `Enum` of words; other values are written as JSON."""
    if get_origin(annotation) is Literal:
        given = get_args(annotation)
        return tuple(given) if all(isinstance(each, str) for each in given) else ()
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        values = [each.value for each in annotation]
        return tuple(values) if all(isinstance(each, str) for each in values) else ()
    return ()


def _typed(default: object, kind: str) -> str:
    value = default.value if isinstance(default, enum.Enum) else default
    if kind in {"text", "choice"} and isinstance(value, str):
        return value
    try:
        return json.dumps(value)
    except (TypeError, ValueError):  # a default that only Python can write: left out, it is used there
        return ""


def arguments(fields: Sequence[Field], typed: Mapping[str, str]) -> tuple[list[Any], dict[str, Any]]:
    """Return what was typed as positional and named arguments; a field left empty takes its default.

    Raises `ValueError` with a sentence that names the parameter.
    """
    places: list[Any] = []
    named: dict[str, Any] = {}
    for field in fields:
        text = str(typed.get(field.name, ""))
        if not text.strip() and not (field.kind == "text" and field.required):
            if field.required:
                raise ValueError(f"{field.name}: {_MISSING}")
            continue
        value = _read(field, text)
        if field.by_place:
            places.append(value)
        else:
            named[field.name] = value
    return places, named


def _read(field: Field, text: str) -> Any:
    if field.kind in {"text", "choice"}:
        return text
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        raise ValueError(f"{field.name}: {_wanted(field)}") from None
    if field.kind in {"integer", "number"}:
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise ValueError(f"{field.name}: {_wanted(field)}")
        if field.kind == "integer" and not whole:
            raise ValueError(f"{field.name}: {_wanted(field)}")
        return int(value) if field.kind == "integer" else float(value)
    if field.kind == "switch" and not isinstance(value, bool):
        raise ValueError(f"{field.name}: {_wanted(field)}")
    return value


def _wanted(field: Field) -> str:
    return {
        "integer": "a whole number is wanted", "number": "a number is wanted", "switch": "true or false is wanted",
    }.get(field.kind, 'JSON is wanted, such as [1, 2] or "text"')  # fmt: skip


def call_line(function: str, places: Sequence[Any], named: Mapping[str, Any]) -> str:
    """Return the Python that makes the same call: `score.remote(x=9.0)`, `Model.predict.remote([1, 2])`."""
    words = [repr(each) for each in places] + [f"{name}={value!r}" for name, value in named.items()]
    return f"{function.replace('/', '.')}.remote({', '.join(words)})"

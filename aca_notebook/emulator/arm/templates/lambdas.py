"""Functions that call a lambda for each item (documented: template functions, lambda)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from aca_notebook.emulator.arm.templates.arguments import Mismatch, items, members, text, truth

#: A lambda with its variables still free. It may be given more values than it has variables for.
Closure = Callable[..., Any]
Do = Callable[[Sequence[Any]], Any]


def _closure(given: Any) -> Closure:
    if not callable(given):
        raise Mismatch("a lambda was expected")
    return given  # type: ignore[no-any-return]  # what can be called here is a closure: values of JSON cannot


def _map(arguments: Sequence[Any]) -> list[Any]:
    run = _closure(arguments[1])
    return [run(each, at) for at, each in enumerate(items(arguments[0]))]


def _filter(arguments: Sequence[Any]) -> list[Any]:
    run = _closure(arguments[1])
    return [each for at, each in enumerate(items(arguments[0])) if truth(run(each, at))]


def _reduce(arguments: Sequence[Any]) -> Any:
    run = _closure(arguments[2])
    value = arguments[1]
    for at, each in enumerate(items(arguments[0])):
        value = run(value, each, at)
    return value


def _sort(arguments: Sequence[Any]) -> list[Any]:
    """The lambda tells whether its first item goes before its second."""
    before = _closure(arguments[1])

    def compare(left: Any, right: Any) -> int:
        if truth(before(left, right)):
            return -1
        return 1 if truth(before(right, left)) else 0

    return sorted(items(arguments[0]), key=functools.cmp_to_key(compare))


def _to_object(arguments: Sequence[Any]) -> dict[str, Any]:
    name = _closure(arguments[1])
    value = _closure(arguments[2]) if len(arguments) > 2 else None
    return {text(name(each)): value(each) if value else each for each in items(arguments[0])}


def _group_by(arguments: Sequence[Any]) -> dict[str, list[Any]]:
    name = _closure(arguments[1])
    groups: dict[str, list[Any]] = {}
    for each in items(arguments[0]):
        groups.setdefault(text(name(each)), []).append(each)
    return groups


def _map_values(arguments: Sequence[Any]) -> dict[str, Any]:
    run = _closure(arguments[1])
    return {name: run(value) for name, value in members(arguments[0]).items()}


#: How few and how many arguments each takes.
FUNCTIONS: dict[str, tuple[int, int, Do]] = {
    "filter": (2, 2, _filter),
    "groupby": (2, 2, _group_by),
    "map": (2, 2, _map),
    "mapvalues": (2, 2, _map_values),
    "reduce": (3, 3, _reduce),
    "sort": (2, 2, _sort),
    "toobject": (2, 3, _to_object),
}

"""JSON with expressions in it becomes JSON without: names of members and copy loops included."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.arm.templates.arguments import MOST_ITEMS, Mismatch, check_size, kind, member
from aca_notebook.emulator.arm.templates.evaluation import evaluate, fold
from aca_notebook.emulator.arm.templates.syntax import (
    ExpressionError,
    Literal,
    Node,
    is_expression,
    parse,
    render,
    unescaped,
)

if TYPE_CHECKING:
    from aca_notebook.emulator.arm.templates.scopes import Scope

#: Azure's own bound on the rounds of a loop.
MOST_ROUNDS = 800
#: What an expression becomes.
Tell = Callable[["Node", "Scope"], Any]


def resolved(value: Any, scope: Scope) -> Any:
    """Return a value of a template with every expression as what it evaluates to.

    Raises `Unresolved` for what must be looked up first, `ExpressionError` for what has no value.
    """
    found = _walk(value, scope, evaluate)
    try:
        check_size(found)
    except Mismatch as large:
        raise ExpressionError(f"A value of the template is too large: {large}") from large
    return found


def folded(value: Any, scope: Scope) -> Any:
    """Return a value of a template with what can be evaluated now evaluated; it is still a template's value."""
    return _walk(value, scope, _again, again=True)


def predicted(value: Any, scope: Scope) -> Any:
    """Return a value of a template as it can be told beforehand: what cannot stays as the expression it is."""

    def tell(node: Node, inner: Scope) -> Any:
        found = fold(node, inner)
        return found.value if isinstance(found, Literal) else f"[{render(found)}]"

    return _walk(value, scope, tell)


def _again(node: Node, scope: Scope) -> Any:
    found = fold(node, scope)
    return _escaped(found.value) if isinstance(found, Literal) else f"[{render(found)}]"


def _escaped(value: Any) -> Any:
    """Return a value as a template has to write it to mean it."""
    if isinstance(value, str) and value.startswith("["):
        return f"[{value}"
    if isinstance(value, list):
        return [_escaped(each) for each in value]
    if isinstance(value, dict):
        return {_escaped(name): _escaped(each) for name, each in value.items()}
    return value


def _walk(value: Any, scope: Scope, tell: Tell, *, again: bool = False) -> Any:
    if isinstance(value, str):
        if is_expression(value):
            return tell(parse(value[1:-1]), scope)
        return value if again else unescaped(value)
    if isinstance(value, list):
        return [_walk(each, scope, tell, again=again) for each in value]
    return _object(value, scope, tell, again=again) if isinstance(value, dict) else value


def _object(value: dict[str, Any], scope: Scope, tell: Tell, *, again: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, each in value.items():
        if name.lower() == "copy" and _is_loops(each):
            for loop in each:
                found[str(_walk(loop["name"], scope, tell))] = _rounds(loop, scope, tell, again=again)
            continue
        key = _walk(name, scope, tell, again=again)
        if not isinstance(key, str):
            raise ExpressionError(f"The property name '{name}' is not valid: its value is no text but '{kind(key)}'")
        found[key] = _walk(each, scope, tell, again=again)
    return found


def _is_loops(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(each, dict) and {"name", "count", "input"} <= each.keys() for each in value)
    )


def _rounds(loop: dict[str, Any], scope: Scope, tell: Tell, *, again: bool) -> list[Any]:
    count = rounds(loop, scope)
    return [_walk(loop["input"], scope.at(str(loop["name"]), index), tell, again=again) for index in range(count)]


def rounds(loop: dict[str, Any], scope: Scope, most: int = MOST_ITEMS) -> int:
    """Return how often a loop goes round.

    Raises `ExpressionError` for what is no number of rounds.
    """
    found, written = member(loop, "count")
    count = resolved(written, scope) if found else None
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= most:
        raise ExpressionError(
            f"The copy count of '{loop.get('name', '')}' must be an integer from 0 to {most}. "
            "Please see https://aka.ms/arm-copy for usage details"
        )
    return count

"""What functions are given: counted, and read as the types they want."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aca_notebook.emulator.arm.templates.hashes import minified
from aca_notebook.emulator.arm.templates.syntax import ExpressionError

#: Takes the values of a call's arguments, returns the call's.
Do = Callable[[Sequence[Any]], Any]
ANY_NUMBER = 10_000
#: No more than this comes of one call: a template must not eat the machine that reads it.
LONGEST = 5_000_000
MOST_ITEMS = 10_000
_MOST_PARTS = 500_000


@dataclass(frozen=True, slots=True)
class Function:
    """A function of values alone, and how many arguments it takes."""

    least: int
    most: int
    do: Do

    def __call__(self, name: str, arguments: Sequence[Any]) -> Any:
        """Return its value. Raises `ExpressionError`."""
        check_count(name, len(arguments), self.least, self.most)
        try:
            return self.do(arguments)
        except Mismatch as wrong:
            raise ExpressionError(f"Unable to evaluate template language function '{name}': {wrong}.") from wrong


class Mismatch(Exception):
    """An argument that a function cannot take; the evaluator names the function."""


def check_count(name: str, given: int, least: int, most: int) -> None:
    """Refuse a number of arguments that a function does not take."""
    if least <= given <= most:
        return
    wanted = f"{least} argument(s)" if least == most else f"at least {least} argument(s)"
    if given > most:
        wanted = f"at most {most} argument(s)"
    raise ExpressionError(
        f"Unable to evaluate template language function '{name}': function requires {wanted} while {given} were "
        f"provided. Please see https://aka.ms/arm-functions#{name.lower()} for usage details."
    )


def kind(value: Any) -> str:
    """Return what Resource Manager calls a value's type."""
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return "Boolean"
    names = {str: "String", int: "Integer", float: "Float", list: "Array", dict: "Object"}
    return names.get(type(value), "Object")


def text(value: Any) -> str:
    """Read a text."""
    if not isinstance(value, str):
        raise _unexpected("String", value)
    return value


def number(value: Any) -> int:
    """Read a whole number."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise _unexpected("Integer", value)
    return value


def truth(value: Any) -> bool:
    """Read a boolean."""
    if not isinstance(value, bool):
        raise _unexpected("Boolean", value)
    return value


def items(value: Any) -> list[Any]:
    """Read a list."""
    if not isinstance(value, list):
        raise _unexpected("Array", value)
    return value


def members(value: Any) -> dict[str, Any]:
    """Read an object."""
    if not isinstance(value, dict):
        raise _unexpected("Object", value)
    return value


def shown(value: Any) -> str:
    """Return a value as `string`, `concat` and `format` write it: booleans with a capital, the rest as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value)
    check_size(value)
    return minified(value)


def check_size(value: Any) -> None:
    """Refuse a value that is small because it says the same again and again, and huge once it is written."""
    left, waiting = _MOST_PARTS, [value]
    while waiting:
        each = waiting.pop()
        left -= 1
        if left < 0:
            raise Mismatch(f"its value would have more than {_MOST_PARTS} parts")
        if isinstance(each, dict):
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)


def bounded(value: str) -> str:
    """Return a text that is not too long."""
    if len(value) > LONGEST:
        raise Mismatch(f"its value would be longer than {LONGEST} characters")
    return value


def member(target: dict[str, Any], name: str) -> tuple[bool, Any]:
    """Return whether an object has a property of this name, in any case, and its value."""
    if name in target:
        return True, target[name]
    folded = name.lower()
    for key, value in target.items():
        if key.lower() == folded:
            return True, value
    return False, None


def _unexpected(wanted: str, value: Any) -> Mismatch:
    return Mismatch(f"an argument of type '{wanted}' was expected and one of type '{kind(value)}' was provided")

"""Numbers and words as clients write them: strings for numbers, any case for words (facts §0.3)."""

from __future__ import annotations

import re
from typing import Any

from aca_notebook.emulator.wire import AzureError
from aca_notebook.model.quantities import parse_cpu

#: All of the API's whole numbers are of 32 bits.
SMALLEST_WHOLE, LARGEST_WHOLE = -(2**31), 2**31 - 1
_LARGEST = 1e15  #: beyond it a number is no amount
_WHOLE = re.compile(r"[+-]?[0-9]{1,10}")


def whole(value: Any, path: str) -> int | None:
    """Return a whole number of 32 bits written as number or text; None stays None.

    Raises `AzureError` 400 for anything else.
    """
    if value is None:
        return None
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise unreadable(value, path, "integer")
    if not SMALLEST_WHOLE <= value <= LARGEST_WHOLE or value != int(value):  # not a number lies in no range
        raise unreadable(value, path, "integer")
    return int(value)


def cores(value: Any, path: str) -> float:
    """Return a number of cores; one that was written without a point is an int.

    Raises `AzureError` 400 for anything else.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise unreadable(value, path, "number")
    try:
        number = parse_cpu(value)
    except ValueError as bad:
        raise unreadable(value, path, "number") from bad
    return int(number) if str(value).strip().isdigit() else number


def finite(value: Any, path: str) -> float:
    """Return a finite number.

    Raises `AzureError` 400 for anything else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _LARGEST:
        raise unreadable(value, path, "number")
    return value


def truth(value: Any, path: str) -> bool | None:
    """Return a boolean written as one or as text; None stays None.

    Raises `AzureError` 400 for anything else.
    """
    if value is None or isinstance(value, bool):
        return value
    found = {"true": True, "false": False}.get(str(value).lower())
    if found is None:
        raise unreadable(value, path, "boolean")
    return found


def word(value: Any, among: tuple[str, ...]) -> Any:
    """Return one of an enumeration's values in Azure's case; what is none of them stays as it is."""
    if not isinstance(value, str):
        return value
    return next((each for each in among if each.lower() == value.lower()), value)


def items(value: Any, path: str) -> list[dict[str, Any]]:
    """Return a list of objects; None is an empty one.

    Raises `AzureError` 400 for anything else.
    """
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise unreadable(value, path, "array of objects")
    return value


def member(value: Any, path: str) -> dict[str, Any]:
    """Return an object; None is an empty one.

    Raises `AzureError` 400 for anything else.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise unreadable(value, path, "object")
    return value


def text(value: Any, path: str) -> str:
    """Return a text; None is an empty one.

    Raises `AzureError` 400 for anything else.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        raise unreadable(value, path, "string")
    return value


def texts(value: Any, path: str) -> list[str]:
    """Return a list of texts; numbers in it become texts.

    Raises `AzureError` 400 for anything else.
    """
    if not isinstance(value, list) or not all(isinstance(each, (str, int, float)) for each in value):
        raise unreadable(value, path, "array of strings")
    return [str(each) for each in value]


def unreadable(value: Any, path: str, kind: str) -> AzureError:
    """Return the 400 for a value that is no `kind`."""
    # A value that was sent by mistake may be a secret: only its type is repeated.
    return AzureError(
        400,
        "InvalidRequestContent",
        f"The request content was invalid and could not be deserialized: could not convert a value of type "
        f"{type(value).__name__} to {kind}. Path '{path}'.",
    )

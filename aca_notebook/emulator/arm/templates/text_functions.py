"""Functions on texts (documented: template functions, string)."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urljoin

from aca_notebook.emulator.arm.templates import hashes
from aca_notebook.emulator.arm.templates.arguments import (
    ANY_NUMBER,
    LONGEST,
    MOST_ITEMS,
    Function,
    Mismatch,
    bounded,
    items,
    number,
    shown,
    text,
    truth,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_HOLE = re.compile(r"\{\{|\}\}|\{(\d+)(?:,(-?\d+))?(?::([^{}]*))?\}|[{}]")
_DATA_URI = re.compile(r"data:[^,]*?(;base64)?,(.*)", re.DOTALL)
_WIDEST = 10_000


def concat(arguments: Sequence[Any]) -> Any:
    """Join texts, or lists: the first argument says which."""
    if isinstance(arguments[0], list):
        if sum(len(items(each)) for each in arguments) > MOST_ITEMS:
            raise Mismatch(f"its value would have more than {MOST_ITEMS} items")
        return [each for argument in arguments for each in argument]
    for each in arguments:
        if isinstance(each, (list, dict)):
            raise Mismatch("its arguments must be all texts or all arrays")
    return bounded("".join(shown(each) for each in arguments))


def formatted(arguments: Sequence[Any]) -> str:
    """Fill the holes of a pattern: `{0}`, `{1:D3}`, `{2,8}`."""
    values = arguments[1:]

    def fill(hole: re.Match[str]) -> str:
        if hole[1] is None:
            if hole[0] in {"{{", "}}"}:
                return hole[0][0]
            raise Mismatch("its pattern has a brace that stands alone")
        if int(hole[1]) >= len(values):
            raise Mismatch(f"its pattern names argument '{hole[1]}', and there are {len(values)}")
        written = _styled(values[int(hole[1])], hole[3] or "")
        width = int(hole[2] or 0)
        if abs(width) > _WIDEST:
            raise Mismatch("its pattern asks for too much room")
        return written.ljust(-width) if width < 0 else written.rjust(width)

    return bounded(_HOLE.sub(fill, text(arguments[0])))


def _styled(value: Any, style: str) -> str:
    """Write a number as .NET's standard formats D, X, N, F and P do; what is no number has none."""
    if not style or isinstance(value, bool) or not isinstance(value, (int, float)):
        return shown(value)
    digits = style[1:]
    write = _STYLES.get(style[0].upper())
    if write is None or (digits and not digits.isdecimal()) or int(digits or 0) > 99:
        raise Mismatch(f"the format '{style}' is not known")
    if style[0] in "DdXx" and not isinstance(value, int):
        raise Mismatch(f"the format '{style}' is for whole numbers")
    written = write(value, int(digits) if digits else None)
    return written.upper() if style[0] == "X" else written


#: Each by its letter: the number, and how many digits are asked for.
_STYLES: dict[str, Callable[[Any, int | None], str]] = {
    "D": lambda value, digits: f"{'-' if value < 0 else ''}{abs(value):0{digits or 1}d}",
    "F": lambda value, digits: f"{value:.{2 if digits is None else digits}f}",
    "N": lambda value, digits: f"{value:,.{2 if digits is None else digits}f}",
    "P": lambda value, digits: f"{value * 100:,.{2 if digits is None else digits}f} %",
    "X": lambda value, digits: f"{value & 0xFFFFFFFFFFFFFFFF:0{digits or 1}x}",
}


def _substring(arguments: Sequence[Any]) -> str:
    whole, start = text(arguments[0]), number(arguments[1])
    length = number(arguments[2]) if len(arguments) > 2 else len(whole) - start
    if start < 0 or length < 0 or start + length > len(whole):
        raise Mismatch("the index and length must refer to a location within the string")
    return whole[start : start + length]


def _split(arguments: Sequence[Any]) -> list[str]:
    delimiters = arguments[1] if isinstance(arguments[1], list) else [arguments[1]]
    pattern = "|".join(re.escape(text(each)) for each in delimiters if text(each))
    return re.split(pattern, text(arguments[0])) if pattern else [text(arguments[0])]


def _replace(arguments: Sequence[Any]) -> str:
    whole, old, new = (text(each) for each in arguments)
    if not old:
        raise Mismatch("the text to replace is empty")
    if whole.count(old) * max(0, len(new) - len(old)) > LONGEST:
        raise Mismatch("its value would be too long")
    return whole.replace(old, new)


def _pad_left(arguments: Sequence[Any]) -> str:
    width = number(arguments[1])
    fill = text(arguments[2]) if len(arguments) > 2 else " "
    if len(fill) != 1 or not 0 <= width <= _WIDEST:
        raise Mismatch("it pads with one character, to a length that is not negative")
    return shown(arguments[0]).rjust(width, fill)


def _from_base64(arguments: Sequence[Any]) -> str:
    try:
        return base64.b64decode(text(arguments[0]), validate=True).decode()
    except (ValueError, binascii.Error) as bad:
        raise Mismatch("its argument is not the base64 form of a text") from bad


def _from_data_uri(arguments: Sequence[Any]) -> str:
    found = _DATA_URI.fullmatch(text(arguments[0]))
    if found is None:
        raise Mismatch("its argument is no data URI")
    return _from_base64([found[2]]) if found[1] else unquote(found[2])


def read_json(arguments: Sequence[Any]) -> Any:
    """Return what a text says in JSON; `null` and the like among it."""
    try:
        return json.loads(text(arguments[0]))
    except (ValueError, RecursionError) as bad:
        raise Mismatch("its argument is not valid JSON") from bad


def _strings(arguments: Sequence[Any]) -> list[str]:
    return [text(each) for each in arguments]


def _folded(arguments: Sequence[Any]) -> tuple[str, str]:
    return text(arguments[0]).lower(), text(arguments[1]).lower()


def _starts(arguments: Sequence[Any]) -> bool:
    whole, part = _folded(arguments)
    return whole.startswith(part)


def _ends(arguments: Sequence[Any]) -> bool:
    whole, part = _folded(arguments)
    return whole.endswith(part)


def _join(arguments: Sequence[Any]) -> str:
    return bounded(text(arguments[1]).join(shown(each) for each in items(arguments[0])))


def _boolean(arguments: Sequence[Any]) -> bool:
    value = arguments[0]
    if isinstance(value, (bool, int)):
        return bool(value)
    found = {"true": True, "false": False, "1": True, "0": False}.get(text(value).strip().lower())
    if found is None:
        raise Mismatch("its argument is neither true nor false")
    return found


TEXT_FUNCTIONS = {
    "base64": Function(1, 1, lambda a: base64.b64encode(text(a[0]).encode()).decode()),
    "base64tostring": Function(1, 1, _from_base64),
    "base64tojson": Function(1, 1, lambda a: read_json([_from_base64(a)])),
    "bool": Function(1, 1, _boolean),
    "concat": Function(1, ANY_NUMBER, concat),
    "datauri": Function(
        1, 1, lambda a: f"data:text/plain;charset=utf8;base64,{base64.b64encode(text(a[0]).encode()).decode()}"
    ),
    "datauritostring": Function(1, 1, _from_data_uri),
    "endswith": Function(2, 2, _ends),
    "format": Function(1, ANY_NUMBER, formatted),
    "guid": Function(1, ANY_NUMBER, lambda a: hashes.guid(_strings(a))),
    "join": Function(2, 2, _join),
    "json": Function(1, 1, read_json),
    "not": Function(1, 1, lambda a: not truth(a[0])),
    "padleft": Function(2, 3, _pad_left),
    "replace": Function(3, 3, _replace),
    "split": Function(2, 2, _split),
    "startswith": Function(2, 2, _starts),
    "string": Function(1, 1, lambda a: bounded(shown(a[0]))),
    "substring": Function(2, 3, _substring),
    "tolower": Function(1, 1, lambda a: text(a[0]).lower()),
    "toupper": Function(1, 1, lambda a: text(a[0]).upper()),
    "trim": Function(1, 1, lambda a: text(a[0]).strip()),
    "uniquestring": Function(1, ANY_NUMBER, lambda a: hashes.unique_string(_strings(a))),
    "uri": Function(2, 2, lambda a: urljoin(text(a[0]), text(a[1]))),
    "uricomponent": Function(1, 1, lambda a: quote(text(a[0]), safe="")),
    "uricomponenttostring": Function(1, 1, lambda a: unquote(text(a[0]))),
}

"""Cron expressions of five fields, in UTC, as scheduled jobs have them. Pure."""

from __future__ import annotations

import re

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
#: Lowest and highest value of each field, and the names that stand for values from the lowest on.
_FIELDS: tuple[tuple[int, int, tuple[str, ...]], ...] = (
    (0, 59, ()), (0, 23, ()), (1, 31, ()), (1, 12, _MONTHS), (0, 7, _DAYS),
)  # fmt: skip
_PART = re.compile(r"(?P<from>\*|[a-z]+|\d+)(?:-(?P<to>[a-z]+|\d+))?(?:/(?P<step>\d+))?")


def is_cron(text: str) -> bool:
    """Whether `text` is minute, hour, day, month and day of the week: lists of values, ranges and steps."""
    fields = text.lower().split()
    return len(fields) == len(_FIELDS) and all(map(_is_field, fields, _FIELDS))


def _is_field(text: str, field: tuple[int, int, tuple[str, ...]]) -> bool:
    return all(_is_part(part, *field) for part in text.split(","))


def _is_part(text: str, low: int, high: int, names: tuple[str, ...]) -> bool:
    match = _PART.fullmatch(text)
    if match is None or (match["step"] is not None and int(match["step"]) == 0):
        return False
    if match["from"] == "*":
        return match["to"] is None
    first = _value(match["from"], low, names)
    last = first if match["to"] is None else _value(match["to"], low, names)
    return low <= first <= last <= high


def _value(text: str, low: int, names: tuple[str, ...]) -> int:
    """Return what a number or a name stands for; -1 for a name that does not."""
    if text.isdigit():
        return int(text)
    return names.index(text) + low if text in names else -1

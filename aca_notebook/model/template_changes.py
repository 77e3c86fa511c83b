"""What differs between two templates of an app, value by value. Pure.

Containers, variables, volumes, probes and rules are lists on the wire; they are told apart by their names, so that a
variable that was added in the middle is one change and not ten.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: By what an entry of a list is known.
_NAMES = ("name", "type", "volumeName")
#: What the platform fills in, of no interest to a person.
_DERIVED = {"revisionSuffix", "ephemeralStorage", "imageType"}
_UNSET: tuple[object, ...] = (None, "", [], {})


@dataclass(frozen=True, slots=True)
class Change:
    """One value that differs; None where one side has none."""

    where: str
    before: object
    after: object


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return what differs, sorted by place; a value that is unset and one that is absent are the same."""
    old, new = dict(_values(before, "")), dict(_values(after, ""))
    return tuple(
        Change(where, old.get(where), new.get(where))
        for where in sorted({*old, *new})
        if old.get(where) != new.get(where)
    )


def _values(part: object, where: str) -> Iterator[tuple[str, object]]:
    if isinstance(part, Mapping):
        for name, value in part.items():
            if name not in _DERIVED:
                yield from _values(value, f"{where}.{name}" if where else str(name))
    elif isinstance(part, Sequence) and not isinstance(part, str):
        for number, entry in enumerate(part):
            known = _known_by(entry)
            rest = {name: value for name, value in entry.items() if name != known} if known else entry
            place = f"{where}[{entry[known] if known else number}]"
            values = tuple(_values(rest, place))
            yield from values or ((place, "there"),)  # an entry that is nothing but its name
    elif part not in _UNSET:
        yield where, part


def _known_by(entry: object) -> str:
    """The member that tells an entry from others, empty when it has none."""
    return next((name for name in _NAMES if entry.get(name)), "") if isinstance(entry, Mapping) else ""

"""The `$filter` of a metrics query: `revisionName eq '*' and statusCodeCategory eq '2xx'`.

`and` joins dimensions, `or` values of one dimension; a dimension that is named splits the answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_notebook.emulator.telemetry.catalogue import Metric

_TERM = re.compile(r"\s*(\w+)\s+(eq)\s+'((?:[^']|'')*)'\s*", re.IGNORECASE)
_JOIN = re.compile(r"(and|or)\b", re.IGNORECASE)
ANY = "*"


@dataclass(frozen=True, slots=True)
class Filter:
    """For each dimension, as its metric spells it, the values that pass; `*` passes all.

    `together` are dimensions that restrict and do not split: a query's `rollupby`.
    """

    values: Mapping[str, frozenset[str]]
    together: frozenset[str] = frozenset()

    @property
    def split(self) -> tuple[str, ...]:
        """The dimensions that split the answer."""
        return tuple(name for name in self.values if name not in self.together)

    def rolled_up(self, names: frozenset[str]) -> Filter:
        """The filter that does not split by these dimensions, in lower case."""
        together = frozenset(name for name in self.values if name.lower() in names)
        return replace(self, together=together) if together else self

    def passes(self, dimensions: Mapping[str, str]) -> bool:
        """Whether a series with these dimension values is asked for; case does not count."""
        return all(
            ANY in wanted or dimensions.get(name, "").lower() in {each.lower() for each in wanted}
            for name, wanted in self.values.items()
        )

    def part(self, dimensions: Mapping[str, str]) -> tuple[str, ...]:
        """The values that tell this series' part of the answer from the others'."""
        return tuple(dimensions.get(name, "") for name in self.split)


def parse_filter(text: str, metric: Metric, *, lenient: bool = False) -> Filter:
    """Read a filter. Raises `ValueError` that says what is wrong with it.

    `lenient` ignores a dimension that the metric does not have (`ValidateDimensions=false`).
    """
    if not text.strip():
        return Filter({})
    values: dict[str, set[str]] = {}
    position, join, before = 0, "and", ""
    while True:
        term = _TERM.match(text, position)
        if term is None:
            raise ValueError(f"The filter is not understood from '{text[position:]}': write dimension eq 'value'")
        name = _dimension(metric, term[1], lenient=lenient)
        if join == "or" and name != before:
            raise ValueError("In a filter, 'or' cannot join two different dimensions")
        if name is not None:
            values.setdefault(name, set()).add(term[3].replace("''", "'"))
        position, before = term.end(), name or before
        if position == len(text):
            return Filter({name: frozenset(found) for name, found in values.items()})
        joined = _JOIN.match(text, position)
        if joined is None:
            raise ValueError(f"The filter is not understood from '{text[position:]}': write and, or")
        join, position = joined[1].lower(), joined.end()


def _dimension(metric: Metric, name: str, *, lenient: bool) -> str | None:
    found = metric.dimension(name)
    if found is None and not lenient:
        known = ", ".join(metric.dimensions)
        raise ValueError(f"Metric {metric.name} has no dimension {name}. Valid dimensions: {known}")
    return found

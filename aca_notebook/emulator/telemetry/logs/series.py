"""`make-series`: a row for each group, with an array for each aggregate and one for the axis, gaps filled."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.telemetry.logs.refusals import syntax_error
from aca_notebook.emulator.telemetry.logs.tables import quoted
from aca_notebook.emulator.telemetry.logs.text import Part, cut, find_word, line_and_column

if TYPE_CHECKING:
    from aca_notebook.emulator.telemetry.logs.kql import Kql

_TICK = "__tick"


@dataclass(frozen=True, slots=True)
class MakeSeries:
    """The clauses; `first` and `end` are empty when the data say. Each aggregate is name, call and default."""

    aggregates: tuple[tuple[str, str, str], ...]
    axis: str
    first: str
    end: str
    step: str
    by: str


def read(query: str, step: Part) -> MakeSeries:
    """Read the operator. Raises `QueryRefused` when a clause is missing."""
    text = re.sub(r"^\s*make-series\s+(kind\s*=\s*\w+\s*)?", "", step.text)
    on = find_word(text, "on")
    at_step = find_word(text, "step")
    if at_step < 0:
        at_step = find_word(text, "in")  # the older form: on t in range(a, b, s)
    if on < 0 or at_step < on or text[at_step : at_step + 2] == "in":
        line, column = line_and_column(query, step.operator_start)
        raise syntax_error(
            "make-series: expected 'on AXIS [from START] [to END] step STEP'", line=line, column=column + 1,
            token="make-series",  # noqa: S106  # a word of the query
        )  # fmt: skip
    middle, rest = text[on + 2 : at_step], text[at_step + 4 :]
    by = find_word(rest, "by")
    axis, first, end = _range(middle)
    return MakeSeries(
        tuple(_aggregate(part.text) for part in cut(text[:on], ",")), axis, first, end,
        (rest if by < 0 else rest[:by]).strip(), "" if by < 0 else rest[by + 2 :].strip(),
    )  # fmt: skip


def run(kql: Kql, query: str, context: str, source: str, step: Part) -> str:
    """Run the operator on what `source` gives; returns the name of the table with its rows."""
    asked = read(query, step)
    every = kql.value(query, context, asked.step)
    first = kql.value(query, context, asked.first) if asked.first else _edge(kql, query, context, source, asked, "min")
    end = kql.value(query, context, asked.end) if asked.end else _edge(kql, query, context, source, asked, "max")
    counted = f"{source} | {_counted(asked, first, end)}"
    names = kql.columns(query, context, counted)
    groups = names[: names.index(_TICK)]
    defaults = {name: kql.value(query, context, default) if default else 0 for name, _, default in asked.aggregates}
    axis = re.sub(r"\W+", "_", asked.axis).strip("_")
    sql, parameters = kql.sql(query, context, counted)
    made = _series_sql(
        sql, groups, list(defaults), axis, include_end=not asked.end, moments=isinstance(first, datetime)
    )
    bounds = {"_first": first, "_end": end, "_step": every}
    filled = {f"_default_{number}": value for number, value in enumerate(defaults.values())}
    return kql.keep(made, parameters | bounds | filled, [*groups, *defaults, axis])


def _counted(asked: MakeSeries, first: Any, end: Any) -> str:
    """Return the query that gives each aggregate at each tick that has rows; ticks are counted from the first."""
    if first is None or end is None:  # no rows, no range
        return f"where false | summarize {_calls(asked)} by {asked.by or 'x = 0'}, {_TICK} = 0"
    start = _literal(first)
    inside = f"({asked.axis}) >= {start}"
    if asked.end:
        inside += f" and ({asked.axis}) < {_literal(end)}"
    tick = f"{_TICK} = tolong(floor(({asked.axis} - {start}) / ({asked.step}), 1))"
    return f"where {inside} | summarize {_calls(asked)} by {f'{asked.by}, ' if asked.by else ''}{tick}"


def _calls(asked: MakeSeries) -> str:
    return ", ".join(f"['{name}'] = {call}" for name, call, _ in asked.aggregates)


def _literal(value: Any) -> str:
    if isinstance(value, datetime):
        return f"datetime({value:%Y-%m-%dT%H:%M:%S}.{value.microsecond:06d}Z)"
    return repr(value)


def _edge(kql: Kql, query: str, context: str, source: str, asked: MakeSeries, which: str) -> Any:
    sql, parameters = kql.sql(query, context, f"{source} | summarize e = {which}(bin({asked.axis}, {asked.step}))")
    return kql.single(sql, parameters)


def _series_sql(
    sql: str, groups: list[str], aggregates: list[str], axis: str, *, include_end: bool, moments: bool
) -> str:  # fmt: skip
    shown = "strftime(ticks.t, '%Y-%m-%dT%H:%M:%S.%f') || '0Z'" if moments else "ticks.t"
    span = "generate_series" if include_end else "range"
    ticks = f"SELECT row_number() OVER () - 1 AS n, t FROM (SELECT unnest({span}($_first, $_end, $_step)) AS t)"  # noqa: S608
    whole = f"SELECT DISTINCT {', '.join(map(quoted, groups))} FROM data" if groups else "SELECT 1"  # noqa: S608
    same = [
        f"d.{quoted(_TICK)} = ticks.n",
        *(f"d.{quoted(each)} IS NOT DISTINCT FROM g.{quoted(each)}" for each in groups),
    ]
    chosen = [
        *(f"g.{quoted(each)}" for each in groups),
        *(
            f"to_json(list(coalesce(d.{quoted(name)}, $_default_{number}) ORDER BY ticks.n)) AS {quoted(name)}"
            for number, name in enumerate(aggregates)
        ),
        f"to_json(list({shown} ORDER BY ticks.n)) AS {quoted(axis)}",
    ]
    by = f" GROUP BY {', '.join(f'g.{quoted(each)}' for each in groups)}" if groups else ""
    # Names are quoted and values bound.
    made = f"WITH data AS ({sql}), ticks AS ({ticks}), g AS ({whole}) "
    return f"{made}SELECT {', '.join(chosen)} FROM g CROSS JOIN ticks LEFT JOIN data d ON {' AND '.join(same)}{by}"  # noqa: S608


def _range(text: str) -> tuple[str, str, str]:
    end = find_word(text, "to")
    last = text[end + 2 :].strip() if end >= 0 else ""
    text = text[:end] if end >= 0 else text
    start = find_word(text, "from")
    first = text[start + 4 :].strip() if start >= 0 else ""
    return (text[:start] if start >= 0 else text).strip(), first, last


def _aggregate(text: str) -> tuple[str, str, str]:
    at = find_word(text, "default")
    default = text[at:].partition("=")[2].strip() if at >= 0 else ""
    call = (text[:at] if at >= 0 else text).strip()
    named = re.match(r"([A-Za-z_]\w*)\s*=(?!=)\s*(.*)", call, re.DOTALL)
    if named is not None:
        return named[1], named[2].strip(), default
    function, _, rest = call.partition("(")
    of = re.match(r"\s*([A-Za-z_]\w*)\s*[,)]", rest)
    return f"{function.strip()}_{of[1] if of else ''}", call, default

"""What a query gave, as Log Analytics answers it (facts §8.2)."""

from __future__ import annotations

import json
import math
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from aca_notebook.emulator.telemetry.logs.kql import Answer

#: DuckDB's types in Kusto's words; what is not here is dynamic (lists, structures, JSON).
_TYPES = {
    "VARCHAR": "string", "BIGINT": "long", "HUGEINT": "long", "UBIGINT": "long", "UINTEGER": "long", "INTEGER": "int",
    "SMALLINT": "int", "TINYINT": "int", "DOUBLE": "real", "FLOAT": "real", "BOOLEAN": "bool", "TIMESTAMP": "datetime",
    "TIMESTAMP_NS": "datetime", "TIMESTAMP WITH TIME ZONE": "datetime", "DATE": "datetime", "INTERVAL": "timespan",
    "UUID": "guid",
}  # fmt: skip


def answer_body(answer: Answer, *, most_rows: int, statistics: dict[str, Any] | None, render: bool) -> dict[str, Any]:
    """Return the body; more rows than `most_rows` make it a partial one, with an error beside the tables."""
    types = [kusto_type(type_) for _, type_ in answer.columns]
    table = {
        "name": "PrimaryResult",
        "columns": [{"name": name, "type": type_} for (name, _), type_ in zip(answer.columns, types, strict=True)],
        "rows": [
            [shown(value, type_) for value, type_ in zip(row, types, strict=True)] for row in answer.rows[:most_rows]
        ],
    }
    body: dict[str, Any] = {"tables": [table]}
    if statistics is not None:
        body["statistics"] = statistics
    if render and answer.render is not None:
        body["render"] = answer.render
    if len(answer.rows) > most_rows:
        body["error"] = _truncated(most_rows)
    return body


def kusto_type(type_: str) -> str:
    """Return Kusto's word for a type of DuckDB's."""
    if type_.startswith("DECIMAL"):
        return "decimal"
    return _TYPES.get(type_, "dynamic")


def shown(value: Any, type_: str) -> Any:
    """Return a value of a Kusto type as JSON has it."""
    show = _SHOWN.get(type_)
    return value if value is None or show is None else show(value)


def moment(value: date) -> str:
    """`2026-01-01T00:00:00.5Z`: UTC, zeros at the end left out."""
    digits = f"{value.microsecond:06d}".rstrip("0") if isinstance(value, datetime) else ""
    return f"{value:%Y-%m-%dT%H:%M:%S}{'.' + digits if digits else ''}Z"


def timespan(value: timedelta) -> str:
    """`1.02:03:04.5000000`: days and a fraction only where there are any."""
    sign, value = ("-", -value) if value < timedelta(0) else ("", value)
    hours, rest = divmod(value.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    days = f"{value.days}." if value.days else ""
    fraction = f".{value.microseconds:06d}0" if value.microseconds else ""
    return f"{sign}{days}{hours:02d}:{minutes:02d}:{seconds:02d}{fraction}"


def _real(value: float) -> float | str:
    if math.isnan(value):
        return "NaN"
    return value if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")


def _dynamic(value: Any) -> str:
    """JSON is text already; lists and structures become it."""
    return value if isinstance(value, str) else json.dumps(value, default=str, separators=(",", ":"))


_SHOWN: dict[str, Callable[[Any], Any]] = {
    "datetime": moment, "timespan": timespan, "real": _real, "decimal": str, "guid": str, "dynamic": _dynamic,
}  # fmt: skip


def _truncated(most_rows: int) -> dict[str, Any]:
    said = f"The results of this query exceed the set limit of {most_rows} records, so not all records were returned."
    return {
        "code": "PartialError",
        "message": "There were some errors when processing your query.",
        "details": [
            {"code": "EngineError", "message": "Something went wrong processing your query on the server.",
             "innererror": {"code": "-2133196797", "message": said, "severity": 2, "severityName": "Error"}},
        ],
    }  # fmt: skip

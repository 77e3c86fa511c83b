"""Which lines of which log somebody asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypedDict

from aca_notebook.errors import UsageFailed
from aca_notebook.model.log_filter import LogFilter

if TYPE_CHECKING:
    from datetime import datetime, timedelta

LogType = Literal["console", "system"]

#: Azure sends at most this many past lines; a follower that was cut off asks for all of them and skips what it had.
MOST_TAIL = 300


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which lines: of the latest revision unless one is named; of the last `tail`, those that pass the filter."""

    app: str
    type: LogType = "console"
    tail: int = 50
    follow: bool = False
    revision: str = ""
    replica: str = ""
    only: LogFilter = field(default_factory=LogFilter)


class LogOptions(TypedDict, total=False):
    """What `App.logs` may be told besides how many lines; see there."""

    follow: bool
    source: LogType
    revision: str
    replica: str
    since: timedelta | None
    level: str
    grep: str
    call: str


def log_query(app: str, tail: int, options: LogOptions, now: datetime) -> LogQuery:
    """Return what is asked for. Raises `UsageFailed` for what makes no sense."""
    unknown = sorted(set(options) - LogOptions.__optional_keys__)
    if unknown:
        known = ", ".join(sorted(LogOptions.__optional_keys__))
        raise UsageFailed(f"logs has no option {unknown[0]!r}", code="UnknownOption", hint=f"it has {known}")
    since = options.get("since")
    try:
        only = LogFilter(
            options.get("level", ""), options.get("grep", ""), None if since is None else now - since,
            options.get("call", ""),
        )  # fmt: skip
    except ValueError as wrong:
        raise UsageFailed(str(wrong), code="InvalidFilter", hint="--level warning --grep 'time ?out'") from wrong
    return LogQuery(
        app, options.get("source", "console"), tail, options.get("follow", False), options.get("revision", ""),
        options.get("replica", ""), only,
    )  # fmt: skip

"""The history of logs as a DataFrame, asked with KQL or by the name of a question."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aca_notebook.api.log_lag import lag_of
from aca_notebook.errors import UsageFailed
from aca_notebook.model.named_query import NAMED_QUERIES, find_named, to_kql

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    import pandas as pd

    from aca_notebook.api.access import Access
    from aca_notebook.azure.log_queries import QueryAnswer
    from aca_notebook.clock import Clock
    from aca_notebook.model.redaction import Redactor

_APP_COLUMNS = {"ContainerAppName_s", "ContainerAppName"}
#: Of so many apps the secrets are asked for, where an answer has lines of more.
_MOST_APPS = 20
_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
#: How long Azure takes until a line can be found: minutes (facts §8.3).
LAG_NOTE = "Log Analytics finds a line minutes after it was written; `%aca logs NAME` shows it at once"
_MOMENT = "datetime64[us, UTC]"
_PANDAS = {"long": "Int64", "int": "Int64", "real": "float64", "bool": "boolean", "string": "string"}


async def query(access: Access, text: str, *, app: str, since: timedelta | None, now: datetime) -> pd.DataFrame:
    """Ask and return a table; `text` is KQL or the name of a question, `app` restricts a named one.

    Datetimes are UTC, timespans timedeltas, dynamic values Python's. `.attrs` tells the KQL that was asked (`kql`), why
    the answer is not whole (`missing`), and that lines may not be found yet (`note`). Raises `UsageFailed` for a name
    that is none, `ServiceFailed` for KQL that cannot be run.
    """
    kql = await _to_kql(access, text.strip(), app)
    span = None if since is None else (now - since, now)
    answer = await access.ask(lambda services: services.log_queries.ask(kql, span))
    for name in _apps_of(answer, app):
        await access.known_secrets.ask(access, name)
    frame = table(_redacted(answer, access.redactor))
    frame.attrs = {"kql": kql}
    if answer.missing:
        frame.attrs["missing"] = answer.missing
    if frame.empty:
        frame.attrs["note"] = LAG_NOTE
    return frame


async def query_now(access: Access, text: str, *, app: str, since: timedelta | None, clock: Clock) -> pd.DataFrame:
    """`query`, and for one app the note that its newest lines cannot be found yet."""
    asked = query(access, text, app=app, since=since, now=clock.now())
    if not app:
        return await asked
    frame, behind = await asyncio.gather(asked, lag_of(access, clock, app))
    if behind:
        frame.attrs["note"] = behind
    return frame


def _apps_of(answer: QueryAnswer, app: str) -> list[str]:
    """Return the apps whose lines these are, as far as the answer tells."""
    places = [place for place, (name, _) in enumerate(answer.columns) if name in _APP_COLUMNS]
    named = {str(row[place]) for row in answer.rows for place in places if row[place]}
    return sorted(named | ({app} if app else set()))[:_MOST_APPS]


def _redacted(answer: QueryAnswer, redactor: Redactor) -> QueryAnswer:
    """Without the secret values that are known: a program may have logged one."""
    rows = [[redactor.text(value) if isinstance(value, str) else value for value in row] for row in answer.rows]
    return replace(answer, rows=tuple(tuple(row) for row in rows))


async def _to_kql(access: Access, text: str, app: str) -> str:
    named = find_named(text)
    if named is not None:
        workspace = await access.ask(lambda services: services.log_queries.workspace())
        return to_kql(named, resource_specific=workspace.resource_specific, app=app)
    if _NAME.fullmatch(text):
        known = ", ".join(each.name for each in NAMED_QUERIES)
        hint = f"`%aca query --list`: {known}; or write KQL"
        raise UsageFailed(f"there is no named query {text!r}", code="QueryNotFound", hint=hint)
    if app:
        hint = f'add | where ContainerAppName_s == "{app}" to the KQL'
        raise UsageFailed("--app goes with a named query", code="InvalidQuery", hint=hint)
    return text


def table(answer: QueryAnswer) -> pd.DataFrame:
    """Return rows as a DataFrame whose types are those of the columns, also where it is empty."""
    import pandas as pd

    columns = [name for name, _ in answer.columns]
    frame = pd.DataFrame.from_records(list(answer.rows), columns=columns)
    for place, (_, type_) in enumerate(answer.columns):
        series = frame.iloc[:, place]
        frame.isetitem(place, _typed(series, type_))
    return frame


def _typed(series: Any, type_: str) -> Any:
    import pandas as pd

    if type_ == "datetime":
        return pd.to_datetime(series, utc=True).astype(_MOMENT)
    if type_ == "timespan":
        return pd.to_timedelta(series.map(_timespan, na_action="ignore"))
    if type_ == "dynamic":
        return series.map(_dynamic, na_action="ignore").astype(object)
    return series.astype(_PANDAS[type_]) if type_ in _PANDAS else series


def _timespan(text: str) -> str:
    """`1.02:03:04.5` is pandas' `1 days 02:03:04.5`."""
    days, dot, rest = text.partition(".")
    return f"{days} days {rest}" if dot and ":" in rest else text


def _dynamic(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value  # text that is no JSON

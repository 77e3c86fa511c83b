"""Whether Log Analytics is behind what an app has written: compared with the app's own log stream."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from aca_notebook.api.log_query import LogQuery
from aca_notebook.api.log_reading import LogReader
from aca_notebook.errors import AcaError

if TYPE_CHECKING:
    from aca_notebook.api.access import Access
    from aca_notebook.clock import Clock

#: Less is no lag: a line is on its way.
_LEAST = timedelta(seconds=5)


async def lag_of(access: Access, clock: Clock, app: str) -> str:
    """Return a sentence about the lines of an app that cannot be found yet, or an empty text.

    Says nothing where one of the two cannot be asked: the query itself tells what is wrong.
    """
    try:
        stored, written = await asyncio.gather(_newest_stored(access, app), _newest_written(access, clock, app))
    except AcaError:
        return ""
    return lag(app, stored, written)


def lag(app: str, stored: datetime | None, written: datetime | None) -> str:
    """Say how far the newest line that can be found is behind the newest there is."""
    if written is None or (stored is not None and written - stored < _LEAST):
        return ""
    has = f"nothing after {stored:%H:%M:%S}" if stored else "nothing yet"
    return (
        f"Log Analytics lags behind: of {app} it has {has}, and the newest line is of {written:%H:%M:%S} UTC; "
        f"`%aca logs {app}` shows it now"
    )


async def _newest_stored(access: Access, app: str) -> datetime | None:
    workspace = await access.ask(lambda services: services.log_queries.workspace())
    table, name = (
        ("ContainerAppConsoleLogs", "ContainerAppName")
        if workspace.resource_specific
        else ("ContainerAppConsoleLogs_CL", "ContainerAppName_s")
    )
    kql = f'{table} | where {name} == "{app}" | summarize newest = max(TimeGenerated)'
    answer = await access.ask(lambda services: services.log_queries.ask(kql, None))
    newest = answer.rows[0][0] if answer.rows else None
    return newest.astimezone(UTC) if isinstance(newest, datetime) else None


async def _newest_written(access: Access, clock: Clock, app: str) -> datetime | None:
    moments = [
        line.at
        async for lines in LogReader(LogQuery(app, tail=1), access, clock).batches()
        for line in lines
        if line.at is not None and not line.reason
    ]
    return max(moments, default=None)

"""Console and system log streams of an app (facts §3.10; no SDK has them)."""

from __future__ import annotations

import json
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp

from aca_notebook.azure import faults
from aca_notebook.clock import parse_instant
from aca_notebook.errors import NotFound, ServiceFailed
from aca_notebook.model.log import LogLine, LogSource

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from datetime import datetime

    from aca_notebook.azure.connection import Connection

_BANNERS = ("Connecting to the container", "Successfully Connected to container")
_SYSTEM_BANNERS = {"StartingGettingEvents", "ConnectedToEventsServer"}
_CRI = re.compile(r"^(?:(?P<stream>stdout|stderr) )?(?P<tag>[FP]) (?P<text>.*)$", re.DOTALL)


class Logs:
    """Reads streams line by line. A stream ends when the platform ends it, or when its reader stops reading."""

    def __init__(self, connection: Connection) -> None:
        self._session = connection.session

    @asynccontextmanager
    async def console(
        self, endpoint: str, token: str, *, tail: int, follow: bool, replica: str = "", revision: str = ""
    ) -> AsyncIterator[AsyncIterator[LogLine]]:
        """Open a container's stream: `endpoint` is the replica's `logStreamEndpoint`, `tail` at most 300."""
        async with self._open(endpoint, token, tail=tail, follow=follow) as records:
            yield _console_lines(records, revision, replica)

    @asynccontextmanager
    async def system(
        self, endpoint: str, token: str, *, tail: int, follow: bool
    ) -> AsyncIterator[AsyncIterator[LogLine]]:  # fmt: skip
        """Open an app's `eventStreamEndpoint`."""
        async with self._open(endpoint, token, tail=tail, follow=follow) as records:
            yield _system_lines(records)

    @asynccontextmanager
    async def _open(
        self, endpoint: str, token: str, *, tail: int, follow: bool
    ) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:  # fmt: skip
        parameters = {"follow": str(follow).lower(), "output": "json", "tailLines": str(max(0, min(tail, 300)))}
        headers = {"Authorization": f"Bearer {token}"}
        patient = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=None if follow else 60)
        with faults.translated("the log stream"):
            async with self._session.get(endpoint, params=parameters, headers=headers, timeout=patient) as response:
                if response.status >= 300:
                    raise _refused(response.status, await response.text(), response.headers)
                yield _records(response)


def _refused(status: int, body: str, headers: Mapping[str, str]) -> ServiceFailed:
    if status != 404:
        return faults.refused(status, body, headers, "the log stream")
    return NotFound(
        "the log stream is not there", status=status, code=f"HTTP {status}", detail=body[:300],
        hint="the replica may have gone; run `%aca logs` again",
    )  # fmt: skip


async def _records(response: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
    rest = b""
    async for chunk in response.content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                yield json.loads(line)
    if rest.strip():
        yield json.loads(rest)


async def _console_lines(
    records: AsyncIterator[dict[str, Any]], revision: str, replica: str
) -> AsyncIterator[LogLine]:  # fmt: skip
    async for record in records:
        text = str(record.get("Log") or "")
        if text.startswith(_BANNERS):
            continue
        marked = _CRI.match(text)
        stream = (marked["stream"] or "") if marked else ""
        yield LogLine(
            text=marked["text"] if marked else text,
            at=_moment(record.get("TimeStamp")),
            revision=revision,
            replica=replica,
            level=stream,
        )


async def _system_lines(records: AsyncIterator[dict[str, Any]]) -> AsyncIterator[LogLine]:
    async for record in records:
        if record.get("Reason") in _SYSTEM_BANNERS or record.get("Msg") == "ColdStartEvents":
            continue
        yield LogLine(
            text=str(record.get("Msg") or ""),
            at=_moment(record.get("TimeStamp")),
            source=LogSource.SYSTEM,
            revision=str(record.get("RevisionName") or ""),
            replica=str(record.get("ReplicaName") or ""),
            level=str(record.get("Type") or ""),
            reason=str(record.get("Reason") or ""),
            count=int(record.get("Count") or 1),
        )


def _moment(text: object) -> datetime | None:
    try:
        return parse_instant(str(text)) if text else None
    except ValueError:
        return None

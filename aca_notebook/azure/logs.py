"""Console and system log streams of an app (facts §3.10; no SDK has them)."""

from __future__ import annotations

import json
import logging
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import aiohttp

from aca_notebook.azure import faults
from aca_notebook.azure.connection import AS_IT_IS
from aca_notebook.clock import parse_instant
from aca_notebook.errors import NotFound, ServiceFailed
from aca_notebook.model.log import LogLine, LogSource

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from aca_notebook.azure.connection import Connection

logger = logging.getLogger(__name__)

Record = dict[str, Any]

_BANNERS = ("Connecting to the container", "Successfully Connected to container")
_SYSTEM_BANNERS = {"StartingGettingEvents", "ConnectedToEventsServer"}
#: A container runtime cuts lines after 16 KiB; of one that never ends, so much is put together.
_MOST_CHARACTERS = 1 << 20


class LineStream:
    """An open stream: iterate over it for lines, or over its `batches` for those that came together.

    Raises `TargetFailed` when it is cut off.
    """

    def __init__(self, batches: AsyncIterator[list[LogLine]]) -> None:
        self._batches = batches

    def batches(self) -> AsyncIterator[list[LogLine]]:
        """Lines as they come; a batch may be empty."""
        return self._batches

    async def __aiter__(self) -> AsyncIterator[LogLine]:
        async for batch in self._batches:
            for line in batch:
                yield line


class Logs:
    """Opens streams. One ends when the platform ends it, or when its reader stops reading."""

    def __init__(self, connection: Connection) -> None:
        self._session = connection.session

    @asynccontextmanager
    async def console(
        self, endpoint: str, token: str, *, tail: int, follow: bool, replica: str = "", revision: str = ""
    ) -> AsyncIterator[LineStream]:
        """Open a container's stream: `endpoint` is the replica's `logStreamEndpoint`, `tail` at most 300."""
        console = _Console(revision, replica)
        async with self._open(endpoint, token, tail=tail, follow=follow) as records:
            yield LineStream(console.lines(each) async for each in records)

    @asynccontextmanager
    async def system(self, endpoint: str, token: str, *, tail: int, follow: bool) -> AsyncIterator[LineStream]:
        """Open an app's `eventStreamEndpoint`."""
        async with self._open(endpoint, token, tail=tail, follow=follow) as records:
            yield LineStream(_system_lines(each) async for each in records)

    @asynccontextmanager
    async def _open(
        self, endpoint: str, token: str, *, tail: int, follow: bool
    ) -> AsyncIterator[AsyncIterator[list[Record]]]:  # fmt: skip
        parameters = {"follow": str(follow).lower(), "output": "json", "tailLines": str(max(0, min(tail, 300)))}
        headers = AS_IT_IS | {"Authorization": f"Bearer {token}"}
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


async def _records(response: aiohttp.ClientResponse) -> AsyncIterator[list[Record]]:
    """Read whole records as they come; one that is torn, because the stream was cut off, comes again when resumed."""
    rest = b""
    async for chunk in response.content.iter_any():
        lines, feed, after = chunk.rpartition(b"\n")
        if not feed:
            rest += chunk
            continue
        whole, rest = rest + lines, after
        yield _parsed(whole.split(b"\n"))
    if rest.strip():
        yield _parsed([rest])


def _parsed(lines: list[bytes]) -> list[Record]:
    there = [line for line in lines if line.strip()]
    try:  # all at once: a third of the time
        found: list[Any] = json.loads(b"[%s]" % b",".join(there))
    except ValueError:
        found = [_parsed_one(line) for line in there]
    return [record for record in found if isinstance(record, dict)]


def _parsed_one(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        logger.debug("no record of a log stream: %r", line[:200])
        return None


class _Console:
    """One container's lines: pieces of a long one, marked P but for the last, F, are put together again."""

    def __init__(self, revision: str, replica: str) -> None:
        self._revision = revision
        self._replica = replica
        self._pieces: list[str] = []
        self._size = 0

    def lines(self, records: list[Record]) -> list[LogLine]:
        """Return the lines that end in these records."""
        lines = []
        for record in records:
            text = str(record.get("Log") or "")
            stream = ""
            if not text.startswith("F "):  # nearly all lines do
                if text.startswith(_BANNERS):
                    continue
                stream, text = _stream_of(text)
            if text.startswith("P "):
                self._pieces.append(text[2:])
                self._size += len(text)
                if self._size < _MOST_CHARACTERS:
                    continue
                text = ""
            elif text.startswith("F "):
                text = text[2:]
            if self._pieces:
                text = "".join([*self._pieces, text])
                self._pieces, self._size = [], 0
            at = _moment(record.get("TimeStamp"))
            lines.append(LogLine(text, at, revision=self._revision, replica=self._replica, level=stream))
        return lines


def _stream_of(text: str) -> tuple[str, str]:
    """Divide `stdout F text`, as some versions of the platform send it, from `F text`."""
    for stream in ("stdout", "stderr"):
        if text.startswith((f"{stream} F ", f"{stream} P ")):
            return stream, text[len(stream) + 1 :]
    return "", text


def _system_lines(records: list[Record]) -> list[LogLine]:
    return [
        LogLine(
            text=str(record.get("Msg") or ""),
            at=_moment(record.get("TimeStamp")),
            source=LogSource.SYSTEM,
            revision=str(record.get("RevisionName") or ""),
            replica=str(record.get("ReplicaName") or ""),
            level=str(record.get("Type") or ""),
            reason=str(record.get("Reason") or ""),
            count=int(record.get("Count") or 1),
        )
        for record in records
        if record.get("Reason") not in _SYSTEM_BANNERS and record.get("Msg") != "ColdStartEvents"
    ]


def _moment(text: object) -> datetime | None:
    if not isinstance(text, str) or not text:
        return None
    try:
        at = datetime.fromisoformat(text)  # more than six digits are cut off
        return at if at.tzinfo is UTC else parse_instant(text)
    except ValueError:
        pass
    try:
        return parse_instant(text)
    except ValueError:
        return None

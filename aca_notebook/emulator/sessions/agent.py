"""Drives the agent of a shell's or a Node.js session over its unix socket: a line of JSON each way."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shlex
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.sessions.execution import Ended
from aca_notebook.emulator.sessions.instances import DriverGone

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.sessions.execution import Code, Event

#: Takes a command, runs it in the shell itself, says its status: what it sets is there for the next.
SHELL_LOOP = """
while IFS= read -r -d '' -u 3 __command; do
  eval "$__command" 3<&- 4>&-
  printf '%s\\0' "$?" >&4
done
"""
_SOCKET = "agent"
_LINE_BYTES = 4 * 2**20
_ASK_AGAIN_SECONDS = 0.02


class Agent:
    """One agent's socket."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._clock = clock
        self._folder = folder
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ready(self) -> None:
        """Wait until the agent listens; whoever waits bounds the time."""
        while self._writer is None:
            try:
                self._reader, self._writer = await asyncio.open_unix_connection(
                    str(self._folder / _SOCKET), limit=_LINE_BYTES
                )
            except OSError:
                await self._clock.sleep(_ASK_AGAIN_SECONDS)

    async def execute(self, code: Code, hear: Callable[[Event], None]) -> Ended:
        """Run code, telling `hear` what it writes; returns how it ended. Raises `DriverGone`."""
        source = shlex.join(code.arguments) if code.arguments else code.source
        self._tell({"code": source})
        while True:
            event = await self._next()
            if event["event"] == "ended":
                status = int(event["status"])
                return Ended(status == 0, status)
            hear(event)

    async def interrupt(self) -> None:
        """Ask for what runs to end."""
        self._tell({"interrupt": True})

    async def close(self) -> None:
        """Hang up: the agent ends then."""
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()

    def _tell(self, line: dict[str, Any]) -> None:
        if self._writer is None:
            raise DriverGone
        self._writer.write(json.dumps(line).encode() + b"\n")

    async def _next(self) -> Event:
        """Return the next event; what is none is dropped, for the session's code can reach that socket too."""
        if self._reader is None:
            raise DriverGone
        while True:
            try:
                line = await self._reader.readline()
            except (OSError, ValueError):  # a line longer than any of the agent's
                line = b""
            if not line:
                raise DriverGone
            event = read_line(line)
            if event is not None:
                return event


def read_line(line: bytes) -> Event | None:
    """Return what a line of the agent says, or None for what is no line of an agent."""
    try:
        found = json.loads(line)
        return _READERS[found["event"]](found)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _read_stream(found: dict[str, Any]) -> Event:
    name = "stderr" if found["name"] == "stderr" else "stdout"
    return {"event": "stream", "name": name, "text": str(found["text"])}


def _read_error(found: dict[str, Any]) -> Event:
    traceback = [str(each) for each in found["traceback"]]
    return {"event": "error", "name": str(found["name"]), "value": str(found["value"]), "traceback": traceback}


_READERS: Mapping[str, Callable[[dict[str, Any]], Event]] = {
    "ended": lambda found: {"event": "ended", "status": int(found["status"])},
    "stream": _read_stream,
    "error": _read_error,
    "result": lambda found: {"event": "result", "data": dict(found["data"].items()), "metadata": {}},
}

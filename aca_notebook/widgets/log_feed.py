"""Sends the lines of a log to a page: in batches, compressed, and slowly enough for the server in between.

Jupyter's server drops what a kernel sends above 1 MB/s (`iopub_data_rate_limit`, over three seconds) by default.
"""

from __future__ import annotations

import json
import threading
import zlib
from typing import TYPE_CHECKING, Any, Protocol

from aca_notebook.display.logs import plainer
from aca_notebook.model.log_filter import LEVELS, level_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aca_notebook.model.log import LogLine

PERIOD_SECONDS = 0.25
_BYTES_PER_SECOND = 400_000
_MOST_LINES = 5_000
_MOST_CHARACTERS = 1_000_000
#: So many messages may be on their way. A page that was closed takes none, and the server would keep them all for it.
_MOST_UNCONFIRMED = 240
_LEVELS = {"": 0} | {level: place for place, level in enumerate(LEVELS, 1)}


class Source(Protocol):
    """A log, as far as a feed reads it."""

    @property
    def running(self) -> bool:
        """Whether more lines may come."""
        ...

    @property
    def failure(self) -> Exception | None:
        """What ended it, when nobody asked for that."""
        ...

    def lines_from(self, position: int, most: int) -> tuple[Sequence[LogLine], int]:
        """Return up to `most` kept lines from a position on, and the position of the first of them."""
        ...


class LogFeed:
    """One page's way through a log, from the oldest line that is kept.

    `begin` starts over; `changed` says that there may be more, `confirm` that the page has taken a message, and `pause`
    that nobody looks until the next `begin`. Sending happens in timers' threads, one at a time.
    """

    def __init__(
        self, app: str, source: Source, send: Callable[[Mapping[str, Any], Sequence[bytes]], None],
        later: Callable[[float, Callable[[], None]], None],
    ) -> None:  # fmt: skip
        self._app = app
        self._source = source
        self._send = send
        self._later = later
        self._sending = threading.Lock()
        self._gate = threading.Lock()
        self._begun = False
        self._waking = False
        self._ended = False
        self._next = 0
        self._unconfirmed = 0

    def begin(self) -> None:
        """Send what there is from its beginning: a page is there that has nothing."""
        with self._sending:
            self._begun, self._ended, self._next, self._unconfirmed = True, False, 0, 0
            self._send({"kind": "begin", "app": self._app}, [])
        self.changed()

    def pause(self) -> None:
        """Send nothing until the next `begin`."""
        self._begun = False

    def confirm(self) -> None:
        """Count a message as taken."""
        with self._sending:
            self._unconfirmed = max(0, self._unconfirmed - 1)
        self.changed()

    def changed(self) -> None:
        """Send what is new, soon. Costs next to nothing when that is to happen anyway."""
        if self._begun and not self._waking:
            self._wake(0)

    def _advance(self) -> None:
        with self._sending:
            if not self._begun or self._unconfirmed >= _MOST_UNCONFIRMED:
                self._waking = False
                return
            running = self._source.running  # asked first: what came before the end is sent before it
            lines, first = self._source.lines_from(self._next, _MOST_LINES)
            wait = self._batch(lines, first) if lines else 0.0
            if not lines and not running and not self._ended:
                self._ended = True
                failure = self._source.failure
                self._send({"kind": "end", "failure": str(failure) if failure else ""}, [])
            # From here on a change wakes us again; one that came meanwhile is seen now.
            self._waking = False
        if lines or (not self._source.running and not self._ended):
            self._wake(wait)

    def _wake(self, seconds: float) -> None:
        with self._gate:
            if self._waking:
                return
            self._waking = True
        self._later(max(PERIOD_SECONDS, seconds), self._advance)

    def _batch(self, lines: Sequence[LogLine], first: int) -> float:
        """Send as many of these as fit into one message; return how long to wait after it."""
        packed = []
        size = 0
        for line in lines:
            packed.append(packed_line(line))
            size += len(line.text) + 60
            if size > _MOST_CHARACTERS:
                break
        body = zlib.compress(json.dumps(packed, separators=(",", ":")).encode(), 1)
        self._send({"kind": "lines", "missed": first - self._next}, [body])
        self._next = first + len(packed)
        self._unconfirmed += 1
        return len(body) / _BYTES_PER_SECOND


def packed_line(line: LogLine) -> list[Any]:
    """A line as the page takes it: microseconds since 1970 or null, level, replica, text, and its raw text if other."""
    shown = plainer(line.text)
    if line.reason:
        shown = f"[{line.reason}] {shown}"
    at = None if line.at is None else round(line.at.timestamp() * 1_000_000)
    packed = [at, _LEVELS[level_of(line)], line.replica, shown]
    return packed if shown is line.text else [*packed, line.text]

"""The last lines of a log, kept once, for any number of readers in any thread."""

from __future__ import annotations

import threading
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aca_notebook.model.log import LogLine

MOST_LINES = 100_000
_SLICE_SECONDS = 0.5
#: So many lines a reader takes at once.
_SLICE_LINES = 500


class LogBuffer:
    """Holds the last `most_lines`; older ones are forgotten, and each reader is told how many it missed."""

    def __init__(self, most_lines: int = MOST_LINES) -> None:
        self._lines: deque[LogLine] = deque(maxlen=most_lines)
        self._came = 0
        self._ended = False
        self._failure: Exception | None = None
        self._changed = threading.Condition()

    @property
    def ended(self) -> bool:
        """Whether no more will come."""
        return self._ended

    @property
    def failure(self) -> Exception | None:
        """What ended it, when nobody asked for that."""
        return self._failure

    @property
    def forgotten(self) -> int:
        """How many lines came and are not kept any more."""
        with self._changed:
            return self._came - len(self._lines)

    def lines(self) -> list[LogLine]:
        """The lines that are kept, as they are now."""
        with self._changed:
            return list(self._lines)

    def lines_from(self, position: int, most: int) -> tuple[list[LogLine], int]:
        """Return up to `most` kept lines from a position on, and the position of the first; waits for nothing."""
        with self._changed:
            oldest = self._came - len(self._lines)
            first = min(max(position, oldest), self._came)
            end = min(first + most, self._came)
            if first - oldest < self._came - end:  # a deque is walked from one of its ends
                return list(islice(self._lines, first - oldest, end - oldest)), first
            return list(islice(reversed(self._lines), self._came - end, self._came - first))[::-1], first

    def extend(self, lines: Sequence[LogLine]) -> None:
        """Keep lines, and forget the oldest when there are too many."""
        with self._changed:
            self._lines.extend(lines)
            self._came += len(lines)
            self._changed.notify_all()

    def end(self, failure: Exception | None = None) -> None:
        """Say that no more will come, and why when it was not meant to end."""
        with self._changed:
            self._ended, self._failure = True, failure
            self._changed.notify_all()

    def wait(self) -> None:
        """Wait for the end. Raises the failure that ended it."""
        with self._changed:
            while not self._ended:
                self._changed.wait(_SLICE_SECONDS)  # in slices: an interrupt just before is seen when a wait ends
        if self._failure is not None:
            raise self._failure

    def after(self, position: int, most: int) -> tuple[list[LogLine], int]:
        """Wait for kept lines from `position` on; return up to `most` of them, and the position of the first.

        Positions count from 0, forgotten lines too. Empty at the end; raises the failure that ended it, after the
        last line.
        """
        with self._changed:
            while self._came <= position and not self._ended:
                self._changed.wait(_SLICE_SECONDS)
        lines, first = self.lines_from(position, most)
        if not lines and self._failure is not None:
            raise self._failure
        return lines, first


class LogCursor:
    """One reader of a log: it starts with the oldest line that is kept.

    `missed` counts the lines that were forgotten before this reader came to them.
    """

    def __init__(self, buffer: LogBuffer) -> None:
        self.missed = 0
        self._buffer = buffer
        self._next = buffer.forgotten
        self._taken: Iterator[LogLine] = iter(())

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> LogLine:
        for line in self._taken:
            return line
        lines, first = self._buffer.after(self._next, _SLICE_LINES)
        if not lines:
            raise StopIteration
        self.missed += first - self._next
        self._next = first + len(lines)
        self._taken = iter(lines)
        return next(self._taken)

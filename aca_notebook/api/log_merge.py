"""In which order lines of several replicas are shown, and which of a resumed stream are new: decided by values."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING

from aca_notebook.model.log import LogLine

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: What stands where a stream was cut off for longer than it can repeat.
GAP = (
    "lines may be missing here: the stream was cut off, and repeats 300 lines at most; `%aca query` has them all later"
)


def in_order(lines_of: Iterable[Sequence[LogLine]]) -> list[LogLine]:
    """Merge the lines of several replicas by time, each replica's in its own order.

    A line without a moment stays behind the line it came after, and so does one whose moment lies before that of the
    line above it: standard output and standard error are read apart.
    """
    several = [lines for lines in lines_of if lines]
    if len(several) < 2:
        return list(several[0]) if several else []
    # A stable sort keeps what each replica has in order, and merges runs as fast as any merge.
    placed = sorted(chain.from_iterable(map(_placed, several)), key=itemgetter(0))
    return [line for _, line in placed]


def _placed(lines: Sequence[LogLine]) -> list[tuple[datetime, LogLine]]:
    """Give each line the moment it is sorted by: its own, but never before that of the line above it."""
    placed: list[tuple[datetime, LogLine]] = []
    latest = datetime.min.replace(tzinfo=UTC)
    for line in lines:
        latest = max(latest, line.at) if line.at else latest
        placed.append((latest, line))
    return placed


class Position:
    """How far one stream has been read: the last moment, and which lines had that very moment.

    `most_repeated` is how many lines the platform sends again at most.
    """

    def __init__(self, most_repeated: int) -> None:
        self._moment: datetime | None = None
        self._at_moment: deque[str] = deque(maxlen=most_repeated)
        self._resumed: list[str] = []
        self._resuming = False
        self._suspect = False  # whether lines may have been lost, as long as no line that was read comes again

    def resume(self, *, cut: bool) -> None:
        """From here on the stream starts over, with the last lines there are; it was `cut` off, or had ended."""
        self._resumed = list(self._at_moment)
        self._resuming = True
        self._suspect = cut and self._moment is not None

    def fresh(self, lines: Iterable[LogLine]) -> list[LogLine]:
        """Return the lines that were not read yet; they count as read from now on.

        A warning stands before them where lines may have been lost: nothing of what came again was known.
        """
        new: list[LogLine] = []
        for line in lines:
            if self._resuming and self._is_known(line):
                continue
            if self._resuming and line.at is not None:
                self._resuming = False
                if self._suspect:
                    new.append(LogLine(GAP, line.at, line.source, line.revision, line.replica, level="Warning"))
            self._take(line)
            new.append(line)
        return new

    def _is_known(self, line: LogLine) -> bool:
        """Tell whether a line of a resumed stream was read before; one without a moment counts as known."""
        if line.at is None:
            return True
        if self._moment is None or line.at > self._moment:
            return False
        if line.at == self._moment:
            if line.text not in self._resumed:
                return False
            self._resumed.remove(line.text)
        self._suspect = False
        return True

    def _take(self, line: LogLine) -> None:
        if line.at is None:
            return
        if self._moment is None or line.at > self._moment:
            self._moment = line.at
            self._at_moment.clear()
        if line.at == self._moment:
            self._at_moment.append(line.text)

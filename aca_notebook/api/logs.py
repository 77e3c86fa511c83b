"""Logs as they come: an iterable of lines that can be followed, stopped, and turned into a table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from aca_notebook.api.log_buffer import MOST_LINES, LogBuffer, LogCursor
from aca_notebook.api.log_query import MOST_TAIL, LogQuery
from aca_notebook.api.log_reading import LogReader
from aca_notebook.errors import UsageFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from aca_notebook.api.access import Access
    from aca_notebook.api.loop import PrivateLoop
    from aca_notebook.clock import Clock
    from aca_notebook.model.log import LogLine
    from aca_notebook.model.redaction import Redactor


def redacted(lines: Sequence[LogLine], redactor: Redactor) -> Sequence[LogLine]:
    """Return lines without the secret values that are known; those that have none are the same objects."""
    return [line if (text := redactor.text(line.text)) == line.text else replace(line, text=text) for line in lines]


class LogStream:
    """Lines of a log. Iterate over it; with `follow` it ends only when stopped, by `stop()` or Ctrl-C in `wait()`.

    Each iteration reads from the oldest line that is kept, and its `missed` says how many went by unread. It is also a
    context manager, and `lines` holds the last 100,000 that have come, which is what it shows. Whatever ends it unasked
    is raised where it is read, after the last line.
    """

    def __init__(
        self, query: LogQuery, access: Access, loop: PrivateLoop, clock: Clock, *, most_lines: int = MOST_LINES
    ) -> None:  # fmt: skip
        if not 0 <= query.tail <= MOST_TAIL:
            raise UsageFailed(
                f"a tail is 0 to {MOST_TAIL} lines", code="InvalidTail", detail=str(query.tail), hint="--tail 50"
            )
        self.query = query
        self._loop = loop
        self._reader = LogReader(query, access, clock)
        self._access = access
        self._buffer = LogBuffer(most_lines)
        self._listeners: list[Callable[[], None]] = []
        loop.start(self._pump())

    @property
    def lines(self) -> list[LogLine]:
        """The last 100,000 lines that have come."""
        return self._buffer.lines()

    @property
    def forgotten(self) -> int:
        """How many lines came before those in `lines`."""
        return self._buffer.forgotten

    def lines_from(self, position: int, most: int) -> tuple[list[LogLine], int]:
        """Return up to `most` kept lines from a position on, and the position of the first.

        Positions count from 0, forgotten lines too.
        """
        return self._buffer.lines_from(position, most)

    @property
    def running(self) -> bool:
        """Whether more lines may come."""
        return not self._buffer.ended

    @property
    def failure(self) -> Exception | None:
        """What ended it, when nobody asked for that."""
        return self._buffer.failure

    def stop(self) -> None:
        """End the stream. Lines that have come stay."""
        self._reader.stop()

    def listen(self, listener: Callable[[], None]) -> None:
        """Have `listener` called after further lines have come and at the end, on the loop's thread."""
        self._listeners.append(listener)

    def wait(self) -> LogStream:
        """Wait until the stream has ended; returns itself. Ctrl-C stops it."""
        try:
            self._buffer.wait()
        except KeyboardInterrupt:
            self.stop()
        return self

    def to_frame(self) -> pd.DataFrame:
        """Return the lines so far: at, source, revision, replica, container, level, reason, text."""
        import pandas as pd

        columns = ["at", "source", "revision", "replica", "container", "level", "reason", "text"]
        rows = [[getattr(line, column) for column in columns] for line in self.lines]
        return pd.DataFrame(rows, columns=columns)

    def __iter__(self) -> LogCursor:
        return LogCursor(self._buffer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __str__(self) -> str:
        return "\n".join(str(line) for line in self.lines)

    def __repr__(self) -> str:
        return self._repr_mimebundle_()["text/plain"]

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        from aca_notebook.display import logs

        following = self.running and self.query.follow
        bundle = logs.log(self.query.app, self.lines, following=following)
        hint = "\n(iterate over it for more; .stop() ends it)" if following else ""
        return {**bundle, "text/plain": bundle["text/plain"] + hint}

    async def _pump(self) -> None:
        failure: Exception | None = None
        try:
            async for lines in self._reader.batches():
                await self._access.known_secrets.ask(self._access, self.query.app)
                self._buffer.extend(redacted(lines, self._access.redactor))
                self._tell()
        except Exception as failed:  # noqa: BLE001  # whatever it is, it is the reader's to see
            failure = failed
        finally:
            self._buffer.end(failure)
        self._tell()

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()

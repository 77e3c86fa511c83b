"""Logs that browsers follow by asking again and again."""

from __future__ import annotations

import pytest

from aca_notebook.api.log_buffer import LogBuffer
from aca_notebook.errors import NotFound
from aca_notebook.model.log import LogLine
from aca_notebook.server.follows import AGAIN_SECONDS, LINGER_SECONDS, MOST_LINES, Follows
from tests.fakes.clock import ManualClock

pytestmark = pytest.mark.anyio
KEY = ("scorer", "console")


class Stream:
    """What `Follows` uses of a `LogStream`."""

    def __init__(self, count: int = 0, most: int = 10_000) -> None:
        self._buffer = LogBuffer(most)
        self.stopped = False
        self.write(count)

    def write(self, count: int) -> None:
        first = self._buffer.forgotten + len(self._buffer.lines())
        self._buffer.extend([LogLine(str(number)) for number in range(first, first + count)])

    def end(self, failure: Exception | None = None) -> None:
        self._buffer.end(failure)

    def stop(self) -> None:
        self.stopped = True
        self.end()

    def __getattr__(self, name: str):
        if name == "lines":
            return self._buffer.lines()
        if name == "running":
            return not self._buffer.ended
        return getattr(self._buffer, name)


async def asked(follows: Follows, stream: Stream, position: int | None = None):
    async def begin() -> Stream:
        return stream

    return await follows.page(KEY, begin, position)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def follows(clock: ManualClock):
    made = Follows(clock)
    yield made
    made.close()


def texts(page) -> list[str]:
    return [line.text for line in page.lines]


async def test_lines_come_once_each_in_order(follows: Follows) -> None:
    stream = Stream(3)
    first = await asked(follows, stream)
    assert texts(first) == ["0", "1", "2"]
    stream.write(2)
    second = await asked(follows, stream, first.next)
    assert (texts(second), second.next, second.missed, second.ended) == (["3", "4"], 5, 0, False)
    assert texts(await asked(follows, stream, second.next)) == []


async def test_the_newest_come_first_to_who_begins_and_a_slow_reader_is_told_what_it_missed(follows: Follows) -> None:
    stream = Stream(MOST_LINES + 7, most=MOST_LINES)
    first = await asked(follows, stream)
    assert (first.lines[-1].text, len(first.lines), first.missed) == (str(MOST_LINES + 6), MOST_LINES, 0)
    stream.write(MOST_LINES + 10)
    assert (await asked(follows, stream, first.next)).missed == 10


async def test_the_end_is_told_after_the_last_line_with_its_reason(follows: Follows) -> None:
    stream = Stream(MOST_LINES + 1)
    first = await asked(follows, stream)
    stream.write(MOST_LINES + 1)
    stream.end(NotFound("it is gone", code="Gone"))
    second = await asked(follows, stream, first.next)
    assert not second.ended
    third = await asked(follows, stream, second.next)
    assert third.ended
    assert third.problem is not None
    assert third.problem.message == "it is gone"


async def test_a_log_nobody_asks_for_is_let_go_and_begins_anew(follows: Follows, clock: ManualClock) -> None:
    left, again = Stream(1), Stream(4)
    await asked(follows, left)
    await clock.advance(LINGER_SECONDS * 2)
    assert left.stopped
    page = await asked(follows, again, 17)
    assert (texts(page), page.begun, page.missed) == (["0", "1", "2", "3"], True, 0)
    assert not (await asked(follows, again, page.next)).begun


async def test_a_log_that_ended_begins_anew_a_while_after_its_end_was_told(
    follows: Follows, clock: ManualClock
) -> None:
    ended, again = Stream(2), Stream(1)
    ended.end()
    assert (await asked(follows, ended)).ended
    assert (await asked(follows, again, 2)).ended, "not at once: it may end at once again"
    await clock.advance(AGAIN_SECONDS)
    page = await asked(follows, again, 2)
    assert (texts(page), page.begun, page.ended) == (["0"], True, False)


async def test_a_log_of_an_app_that_is_gone_is_let_go(follows: Follows, clock: ManualClock) -> None:
    ended = Stream(2)
    ended.end()
    await asked(follows, ended)
    await clock.advance(AGAIN_SECONDS)

    async def missing() -> Stream:
        raise NotFound("it is gone", code="Gone")

    for _ in range(2):
        with pytest.raises(NotFound):
            await follows.page(KEY, missing, 2)


async def test_a_log_that_is_asked_for_goes_on(follows: Follows, clock: ManualClock) -> None:
    stream = Stream(1)
    for _ in range(5):
        await asked(follows, stream)
        await clock.advance(LINGER_SECONDS * 0.6)
    assert not stream.stopped
    follows.close()
    assert stream.stopped

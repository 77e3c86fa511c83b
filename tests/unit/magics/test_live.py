from __future__ import annotations

import asyncio
import contextvars
import gc
import sys
import threading

from aca_notebook.api.log_buffer import LogBuffer, LogCursor
from aca_notebook.display import logs
from aca_notebook.magics.live import FollowedLog, LiveCard
from aca_notebook.model.log import LogLine
from aca_notebook.widgets.log_feed import LogFeed
from tests.fakes.clock import ManualClock

PARENT = contextvars.ContextVar("parent", default="none")


class RecordingHandle:
    def __init__(self) -> None:
        self.shown: list[tuple[str, str, str]] = []

    def display(self, obj, **named) -> None:
        self.shown.append(("display", obj["text/plain"], PARENT.get()))

    def update(self, obj, **named) -> None:
        self.shown.append(("update", obj["text/plain"], PARENT.get()))


class Later:
    """Timers that a test lets go off."""

    def __init__(self) -> None:
        self.due: list = []

    def __call__(self, seconds, act) -> None:
        self.due.append((seconds, act))


def test_updates_come_at_most_four_times_a_second_and_the_last_always() -> None:
    clock, handle, later = ManualClock(), RecordingHandle(), Later()
    card = LiveCard(handle, clock, later=later)
    for step in range(10):
        card.show(lambda step=step: {"text/plain": str(step)})
        asyncio.run(clock.advance(0.1))
    card.show(lambda: {"text/plain": "done"}, last=True)
    assert [text for _, text, _ in handle.shown] == ["0", "3", "6", "9", "done"]
    assert [verb for verb, _, _ in handle.shown] == ["display", *["update"] * 4]


def test_what_came_too_early_is_shown_when_its_time_has_come() -> None:
    handle, later = RecordingHandle(), Later()
    card = LiveCard(handle, ManualClock(), later=later)
    for text in ("a", "b", "c"):
        card.show(lambda text=text: {"text/plain": text})
    ((seconds, act),) = later.due
    assert seconds == LiveCard.PERIOD_SECONDS
    act()
    assert [text for _, text, _ in handle.shown] == ["a", "c"]


def test_nothing_comes_after_the_last() -> None:
    handle, later = RecordingHandle(), Later()
    card = LiveCard(handle, ManualClock(), later=later)
    for text in ("a", "b"):
        card.show(lambda text=text: {"text/plain": text})
    card.show(lambda: {"text/plain": "done"}, last=True)
    for _, act in later.due:
        act()
    assert [text for _, text, _ in handle.shown] == ["a", "done"]


def test_a_card_that_cannot_change_in_place_is_shown_once() -> None:
    handle = RecordingHandle()
    card = LiveCard(handle, ManualClock(), live=False)
    card.show(lambda: {"text/plain": "running"})
    card.show(lambda: {"text/plain": "done"}, last=True)
    assert [text for _, text, _ in handle.shown] == ["done"]


def test_an_update_from_another_thread_belongs_to_the_cell_that_made_the_card() -> None:
    handle = RecordingHandle()
    token = PARENT.set("cell 3")
    card = LiveCard(handle, ManualClock())
    PARENT.reset(token)
    thread = threading.Thread(target=lambda: card.show(lambda: {"text/plain": "from afar"}))
    thread.start()
    thread.join()
    assert handle.shown == [("display", "from afar", "cell 3")]


class Stream:
    running = True
    failure: Exception | None = None

    def __init__(self) -> None:
        self.lines: list[LogLine] = []
        self.listeners: list = []

    def listen(self, listener) -> None:
        self.listeners.append(listener)

    def stop(self) -> None:
        self.running = False

    def write(self, text: str) -> None:
        self.lines.append(LogLine(text))
        for listener in self.listeners:
            listener()

    def fail(self, failure: Exception) -> None:
        self.running, self.failure = False, failure
        for listener in self.listeners:
            listener()


def test_a_followed_log_is_one_output_that_grows_until_it_is_stopped() -> None:
    clock, handle, stream = ManualClock(), RecordingHandle(), Stream()
    followed = FollowedLog("scorer", stream, lambda: LiveCard(handle, clock))
    followed._ipython_display_()
    for text in ("one", "two"):
        asyncio.run(clock.advance(1))
        stream.write(text)
    followed.stop()
    assert [verb for verb, _, _ in handle.shown] == ["display", "update", "update", "update"]
    assert handle.shown[-1][1] == "one\ntwo"
    assert not stream.running


def test_a_followed_log_that_fails_says_why_in_its_output() -> None:
    handle, stream = RecordingHandle(), Stream()
    FollowedLog("scorer", stream, lambda: LiveCard(handle, ManualClock()))._ipython_display_()
    stream.write("one")
    stream.fail(RuntimeError("no such line"))
    assert handle.shown[-1][1] == "one\n! the log ended: no such line"


def test_a_view_is_opened_once_beside_a_card_that_says_so() -> None:
    handle, stream, opened = RecordingHandle(), Stream(), []
    followed = FollowedLog(
        "scorer", stream, lambda: LiveCard(handle, ManualClock()), lambda app, it, _: opened.append((app, it))
    )  # fmt: skip
    followed._ipython_display_()
    followed._ipython_display_()
    assert opened == [("scorer", stream)]
    assert "data-aca-static" in followed._bundle(following=False)["text/html"]


def test_a_card_that_a_view_stands_for_is_drawn_every_five_seconds_and_at_the_end() -> None:
    clock, handle, stream, pages = ManualClock(), RecordingHandle(), Stream(), []
    followed = FollowedLog(
        "scorer", stream, lambda: LiveCard(handle, clock, later=Later()), lambda _, __, on_view: pages.append(on_view)
    )  # fmt: skip
    followed._ipython_display_()
    (on_view,), seen, unseen = pages, True, False
    on_view(seen)
    for _ in range(22):
        asyncio.run(clock.advance(0.5))
        stream.write("line")
    assert len(handle.shown) == 1 + 2
    on_view(unseen)
    for _ in range(4):
        asyncio.run(clock.advance(0.5))
        stream.write("line")
    assert len(handle.shown) == 1 + 2 + 4
    followed.stop()
    assert handle.shown[-1][1].count("line") == 26


def test_ten_minutes_of_a_noisy_replica_hold_no_more_than_the_first() -> None:
    """A page, a card and a reader that never reads, at a hundred lines a second; the buffer keeps a thousand."""
    clock, handle, later = ManualClock(), RecordingHandle(), Later()
    buffer = LogBuffer(most_lines=1_000)
    sent: list[int] = []
    feed = LogFeed("scorer", Buffered(buffer), lambda _, bodies: sent.extend(map(len, bodies)), later)
    card = LiveCard(handle, clock, later=later)
    iter(LogCursor(buffer))
    feed.begin()

    async def minute(number: int) -> int:
        """Write for a minute; return how many blocks of memory are held then."""
        for second in range(0, 60, 4):
            first = (number * 60 + second) * 100
            buffer.extend([LogLine(f"line {n}", replica="r1") for n in range(first, first + 400)])
            feed.changed()
            card.show(lambda: logs.log("scorer", buffer.lines(), shown=50))
            handle.shown.clear()
            await clock.advance(4)
            due, later.due = later.due, []
            for _, act in due:
                act()
        sent.clear()
        gc.collect()
        return sys.getallocatedblocks()

    async def ten_minutes() -> list[int]:
        return [await minute(number) for number in range(10)]

    held = asyncio.run(ten_minutes())
    assert max(held[1:]) < held[0] + 1_000
    assert buffer.forgotten == 59_000


class Buffered:
    """A buffer as a feed reads it."""

    running, failure = True, None

    def __init__(self, buffer: LogBuffer) -> None:
        self.lines_from = buffer.lines_from

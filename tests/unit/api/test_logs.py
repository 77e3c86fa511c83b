"""A follower that is cut off goes on without loss or repetition."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aca_notebook.api.known_secrets import KnownSecrets
from aca_notebook.api.log_query import LogQuery, log_query
from aca_notebook.api.log_reading import LogReader
from aca_notebook.api.logs import LogStream
from aca_notebook.api.loop import PrivateLoop
from aca_notebook.azure.logs import LineStream
from aca_notebook.clock import SystemClock
from aca_notebook.errors import NotFound, ServiceFailed, Throttled, UsageFailed
from aca_notebook.model.log import LogLine, LogSource
from aca_notebook.model.log_filter import LogFilter
from aca_notebook.model.redaction import Redactor
from aca_notebook.model.revision import ContainerState, ReplicaState

START = datetime(2026, 1, 1, tzinfo=UTC)


class Platform:
    """One replica whose console has `count` lines; a followed one stays open, or ends with `failure`.

    After line `pause_after` it waits for `resume`.
    """

    redactor = Redactor()

    def __init__(
        self, count: int = 2, failure: Exception | None = None, *, pause_after: int | None = None, together: int = 1
    ) -> None:  # fmt: skip
        self.known_secrets = KnownSecrets(SystemClock())
        self.together = together
        self.apps = self.logs = self.services = self
        self.count = count
        self.failure = failure
        self.pause_after = pause_after
        self._resumed = asyncio.Event()

    def resume(self, loop):
        async def go_on():
            self._resumed.set()

        loop.run(go_on())

    async def ask(self, question):
        return await question(self)

    async def document(self, app):
        return {"properties": {"latestRevisionName": "scorer--1"}}

    async def replicas(self, app, revision):
        return (ReplicaState("r1", containers=(ContainerState("main", log_stream_endpoint="https://here"),)),)

    async def auth_token(self, app):
        return "token"

    async def secrets(self, app):
        return {}

    @asynccontextmanager
    async def console(self, endpoint, token, *, tail, follow, replica, revision):
        async def lines():
            for first in range(1, self.count + 1, self.together):
                number = self.given = first + self.together - 1
                yield [LogLine(f"line {n}", START + timedelta(seconds=n)) for n in range(first, number + 1)]
                if number == self.pause_after:
                    await self._resumed.wait()
            if self.failure is not None:
                raise self.failure
            if follow:
                await asyncio.Event().wait()

        yield LineStream(lines())


@pytest.fixture
def loop():
    opened = PrivateLoop()
    yield opened
    opened.close()


def stream(loop, platform=None, most_lines=10_000, **query):
    return LogStream(
        LogQuery("scorer", **query), platform or Platform(), loop, SystemClock(), most_lines=most_lines
    )  # fmt: skip


def test_a_log_shows_its_lines(loop):
    ended = stream(loop).wait()
    assert repr(ended).splitlines() == ["00:00:01 line 1", "00:00:02 line 2"]
    bundle = ended._repr_mimebundle_()
    assert bundle["text/plain"] == repr(ended)
    assert "line 2" in bundle["text/html"]
    assert [line.text for line in ended] == ["line 1", "line 2"]
    assert [line.text for line in ended.lines] == ["line 1", "line 2"]


def test_a_followed_log_is_iterated_over_until_it_is_stopped(loop):
    followed = stream(loop, follow=True)
    coming = iter(followed)
    assert [next(coming).text, next(coming).text] == ["line 1", "line 2"]
    assert ".stop() ends it" in repr(followed)
    followed.stop()
    assert list(coming) == []
    assert not followed.running
    assert ".stop()" not in repr(followed)


def test_leaving_the_with_stops_a_followed_log(loop):
    with stream(loop, follow=True) as followed:
        next(iter(followed))
    followed.wait()
    assert not followed.running


def lines_alive():
    return sum(type(each) is LogLine for each in gc.get_objects())


def test_two_hundred_thousand_lines_hold_no_more_memory_than_ten_thousand(loop):
    """Ten minutes of a replica that writes 333 lines a second."""
    before = lines_alive()
    noisy = stream(loop, Platform(count=200_000, together=100), follow=True)
    for line in noisy:
        if line.text == "line 200000":
            break
    assert lines_alive() - before <= 10_000 + 1_000
    assert (len(noisy.lines), noisy.forgotten) == (10_000, 190_000)
    noisy.stop()


def test_a_reader_that_was_too_slow_is_told_how_many_lines_it_missed(loop):
    noisy = Platform(count=25_000, pause_after=1)
    followed = stream(loop, noisy, follow=True)
    slow, quick = iter(followed), iter(followed)
    assert next(slow).text == "line 1"
    noisy.resume(loop)
    for line in quick:
        if line.text == "line 25000":
            break
    assert next(slow).text == "line 15001"
    assert slow.missed == 14_999
    followed.stop()
    assert sum(1 for _ in slow) == 9_999


def test_each_reader_has_a_place_of_its_own(loop):
    ended = stream(loop, Platform(count=3)).wait()
    one, other = iter(ended), iter(ended)
    assert [next(one).text, next(one).text, next(other).text] == ["line 1", "line 2", "line 1"]
    assert [line.text for line in one] == ["line 3"]


@pytest.mark.parametrize("follow", [False, True])
@pytest.mark.parametrize("failure", [RuntimeError("no such thing"), UsageFailed("no such log")])
def test_whatever_ends_a_log_reaches_its_reader_after_the_last_line(loop, follow, failure):
    failing = stream(loop, Platform(failure=failure), follow=follow)
    read = []
    with pytest.raises(type(failure), match="no such"):
        read.extend(line.text for line in failing)
    with pytest.raises(type(failure)):
        failing.wait()
    assert not failing.running
    assert [line.text for line in failing.lines] == ["line 1", "line 2"]


def test_a_source_is_not_read_on_while_nobody_takes_what_has_come():
    async def count():
        platform = Platform(count=50_000)
        reader = LogReader(LogQuery("scorer", follow=True), platform, SystemClock())
        batches = reader.batches()
        await anext(batches)
        for _ in range(20):
            await asyncio.sleep(0)
        taken = platform.given
        await batches.aclose()
        return taken

    assert asyncio.run(count()) <= 20_002


class Overloaded(Platform):
    """Refuses the first `times` streams."""

    def __init__(self, times: int, error: Exception) -> None:
        super().__init__()
        self.left, self.error = times, error

    @asynccontextmanager
    async def console(self, *places, **named):
        if self.left:
            self.left -= 1
            raise self.error
        async with super().console(*places, **named) as lines:
            yield lines


DOWN = ServiceFailed("down", status=503)


def test_a_stream_that_is_refused_for_a_moment_is_asked_for_again(loop):
    assert [line.text for line in stream(loop, Overloaded(1, DOWN)).wait().lines] == ["line 1", "line 2"]


@pytest.mark.parametrize(("times", "error"), [(2, DOWN), (1, ServiceFailed("no", status=403))])
def test_a_stream_that_stays_refused_says_why(loop, times, error):
    with pytest.raises(ServiceFailed) as raised:
        stream(loop, Overloaded(times, error)).wait()
    assert raised.value is error


def test_a_follower_who_may_not_read_is_told_so(loop):
    refused = ServiceFailed("no", status=403)
    followed = stream(loop, Overloaded(1, refused), follow=True)
    with pytest.raises(ServiceFailed):
        list(followed)


class Several(Platform):
    """Replicas whose lines a test gives, by name."""

    def __init__(self, **lines) -> None:
        super().__init__()
        self.by_replica = lines

    async def replicas(self, app, revision):
        container = ContainerState("main", log_stream_endpoint="https://here")
        return tuple(ReplicaState(name, containers=(container,)) for name in self.by_replica)

    @asynccontextmanager
    async def console(self, endpoint, token, *, tail, follow, replica, revision):
        self.tail = tail

        async def lines():
            for line in self.by_replica[replica][-tail:]:
                yield [dataclasses.replace(line, replica=replica)]

        yield LineStream(lines())


moments = st.lists(st.one_of(st.none(), st.integers(0, 50)), max_size=20)


def told(name, seconds):
    """Lines of one replica: its own moments never go back, banners have none."""
    known = iter(sorted(each for each in seconds if each is not None))
    ats = [None if each is None else START + timedelta(seconds=next(known)) for each in seconds]
    return [LogLine(f"{name}{number}", at) for number, at in enumerate(ats)]


@settings(max_examples=40, deadline=None)
@given(moments, moments, moments, st.integers(0, 70))
def test_lines_of_several_replicas_come_in_the_order_of_time_and_none_is_lost(one, two, three, tail):
    loop = PrivateLoop()
    try:
        lines = {"a": told("a", one), "b": told("b", two), "c": told("c", three)}
        shown = stream(loop, Several(**lines), tail=tail).wait().lines
    finally:
        loop.close()
    given_to_read = [line for each in lines.values() for line in (each[-tail:] if tail else [])]
    assert len(shown) == min(tail, len(given_to_read))
    ats = [line.at for line in shown if line.at]
    assert ats == sorted(ats)
    for name in lines:
        of_it = [line.text for line in shown if line.replica == name]
        assert of_it == [line.text for line in lines[name]][len(lines[name]) - len(of_it) :]


def test_a_filter_looks_through_more_lines_than_are_wanted(loop):
    lines = [LogLine(f"{'ERROR' if number % 50 == 0 else 'INFO'} {number}", START) for number in range(300)]
    platform = Several(a=lines)
    found = stream(loop, platform, tail=2, only=LogFilter(level="error")).wait()
    assert [line.text for line in found] == ["ERROR 200", "ERROR 250"]
    assert platform.tail == 300
    stream(loop, platform, tail=2).wait()
    assert platform.tail == 2


def test_a_followed_log_shows_only_what_passes(loop):
    followed = stream(loop, follow=True, only=LogFilter(pattern="LINE 2$"))
    assert next(iter(followed)).text == "line 2"
    followed.stop()


@pytest.mark.parametrize(("options", "said"), [
    ({"level": "loud"}, "no level"), ({"grep": "("}, "no regular expression"), ({"lines": 3}, "no option 'lines'"),
])  # fmt: skip
def test_what_makes_no_sense_is_refused_before_anything_is_asked(options, said):
    with pytest.raises(UsageFailed, match=said):
        log_query("scorer", 50, options, START)


class Unready(Several):
    """A revision whose replicas never wrote anything; the platform says why."""

    def __init__(self, *events: LogLine, **lines) -> None:
        super().__init__(**(lines or {"a": []}))
        self.events = events

    async def document(self, app):
        return {"properties": {"latestRevisionName": "scorer--2", "eventStreamEndpoint": "https://events"}}

    @asynccontextmanager
    async def system(self, endpoint, token, *, tail, follow):
        async def batches():
            yield list(self.events)

        yield LineStream(batches())


def event(text: str, revision: str = "scorer--2", level: str = "Warning", replica: str = "") -> LogLine:
    return LogLine(text, START, LogSource.SYSTEM, revision, replica, level=level, reason="Error")


EVENTS = (event("of an earlier one", "scorer--1"), event("no image"), event("gave up"), event("made", level="Normal"))


@pytest.mark.parametrize("follow", [False, True])
def test_a_revision_that_never_wrote_anything_shows_the_platforms_last_warning(loop, follow):
    said = stream(loop, Unready(*EVENTS), follow=follow)
    assert next(iter(said)).text == "gave up"
    said.stop()


def test_what_was_looked_for_and_not_found_is_no_reason_to_tell_of_anything_else(loop):
    assert stream(loop, Unready(*EVENTS), only=LogFilter(pattern="timeout")).wait().lines == []
    assert [line.text for line in stream(loop, Unready(*EVENTS, a=[LogLine("one", START)])).wait()] == ["one"]


def test_events_can_be_those_of_one_revision_or_of_one_replica(loop):
    events = (*EVENTS, event("its probe failed", replica="a"))
    ours = stream(loop, Unready(*events), type="system", revision="scorer--1").wait()
    assert [line.text for line in ours] == ["of an earlier one"]
    ours = stream(loop, Unready(*events), type="system", replica="a").wait()
    assert [line.text for line in ours] == ["its probe failed"]


@pytest.mark.parametrize("follow", [False, True])
def test_a_replica_that_is_not_there_is_said_so_with_those_that_are(loop, follow):
    lines = {"a": [LogLine("one", START)], "b": []}
    with pytest.raises(NotFound) as raised:
        list(stream(loop, Several(**lines), replica="c", follow=follow))
    assert raised.value.lines()[1] == "ReplicaNotFound: there: a, b"


class Waits(SystemClock):
    """A clock that takes no time, and remembers for how long it was asked to."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    async def sleep(self, seconds):
        self.asked.append(seconds)
        await asyncio.sleep(0)


def test_who_is_asked_to_slow_down_waits_as_long_as_the_platform_says(loop):
    throttled = Throttled("slower", status=429)
    throttled.retry_after_seconds = 7.0
    clock = Waits()
    read = LogStream(LogQuery("scorer"), Overloaded(1, throttled), loop, clock).wait()
    assert [line.text for line in read] == ["line 1", "line 2"]
    assert clock.asked == [7.0]


def test_a_secret_that_is_known_is_in_no_line(loop):
    platform = Platform()
    platform.redactor = Redactor()
    platform.redactor.learn("line 2")
    shown = stream(loop, platform).wait()
    assert [line.text for line in shown.lines] == ["line 1", "[redacted]"]
    assert "line 2" not in repr(shown) + shown._repr_mimebundle_()["text/html"] + shown.to_frame().to_string()

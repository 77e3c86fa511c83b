"""A follower that is cut off goes on without loss or repetition."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.api.logs import LogQuery, LogStream, _Position
from aca_notebook.api.loop import PrivateLoop
from aca_notebook.clock import SystemClock
from aca_notebook.model.log import LogLine
from aca_notebook.model.revision import ContainerState, ReplicaState

START = datetime(2026, 1, 1, tzinfo=UTC)

steps = st.lists(st.tuples(st.integers(0, 2), st.sampled_from("ab")), max_size=30)


@given(steps, st.integers(0, 30), st.integers(0, 30))
def test_reading_again_from_the_start_gives_each_line_exactly_once(steps, first_cut, second_cut):
    """Lines may share a moment and a text: then their number counts."""
    lines, at = [], START
    for step, text in steps:
        at += timedelta(seconds=step)
        lines.append(LogLine(text, at))
    position, read = _Position(), []
    for cut in (first_cut, second_cut, len(lines)):
        read += [line for line in lines[:cut] if position.is_new(line)]
        position.resume()
    assert read == lines[: max(first_cut, second_cut, len(lines))]


def test_banners_without_a_time_are_shown_once():
    position, banner = _Position(), LogLine("Connecting")
    assert position.is_new(banner)
    position.resume()
    assert not position.is_new(banner)


class Platform:
    """One replica whose console has two lines; a followed one stays open."""

    def __init__(self) -> None:
        self.apps = self.logs = self.services = self

    async def ask(self, question):
        return await question(self)

    async def document(self, app):
        return {"properties": {"latestRevisionName": "scorer--1"}}

    async def replicas(self, app, revision):
        return (ReplicaState("r1", containers=(ContainerState("main", log_stream_endpoint="https://here"),)),)

    async def auth_token(self, app):
        return "token"

    @asynccontextmanager
    async def console(self, endpoint, token, *, tail, follow, replica, revision):
        async def lines():
            for number in (1, 2):
                yield LogLine(f"line {number}", START + timedelta(seconds=number))
            if follow:
                await asyncio.Event().wait()

        yield lines()


@pytest.fixture
def loop():
    opened = PrivateLoop()
    yield opened
    opened.close()


def stream(loop, **query):
    return LogStream(LogQuery("scorer", **query), Platform(), loop, SystemClock())


def test_a_log_shows_its_lines(loop):
    ended = stream(loop).wait()
    assert repr(ended).splitlines() == ["00:00:01 line 1", "00:00:02 line 2"]
    bundle = ended._repr_mimebundle_()
    assert bundle["text/plain"] == repr(ended)
    assert "line 2" in bundle["text/html"]
    assert [line.text for line in ended] == []  # it has been read; `lines` keeps them
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

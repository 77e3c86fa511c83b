"""A log of several replicas that is cut off again and again: nothing is lost, nothing repeated, order kept."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from aca_notebook.api.log_merge import GAP, Position, in_order
from aca_notebook.api.log_query import MOST_TAIL, LogQuery
from aca_notebook.api.log_reading import LogReader
from aca_notebook.azure.logs import LineStream
from aca_notebook.errors import NotFound, ServiceFailed
from aca_notebook.model.log import LogLine
from aca_notebook.model.revision import ContainerState, ReplicaState

START = datetime(2026, 1, 1, tzinfo=UTC)

#: Time goes on by a second or not at all, and texts are often the same: then only their number tells lines apart.
steps = st.lists(st.tuples(st.integers(0, 1), st.sampled_from("ab")), max_size=12)


@dataclass
class Visit:
    """What one connection sees: the first `written` lines, of which it delivers up to `until` before it ends so."""

    written: int
    until: int
    chunk: int
    cut: bool


def lines_of(replica: str, moves) -> list[LogLine]:
    lines, at = [], START
    for step, text in moves:
        at += timedelta(seconds=step)
        lines.append(LogLine(text, at, replica=replica))
    return lines


@given(steps, st.integers(0, 12), st.integers(0, 12))
def test_reading_again_from_the_start_gives_each_line_exactly_once(moves, first_cut, second_cut) -> None:
    lines = lines_of("r", moves)
    position, read = Position(MOST_TAIL), []
    for end in (first_cut, second_cut, len(lines)):
        read += position.fresh(lines[:end])
        position.resume(cut=True)
    assert read == lines[: max(first_cut, second_cut, len(lines))]


class HastyClock:
    """A clock on which waiting takes no time of ours."""

    def __init__(self) -> None:
        self._now = 0.0

    def monotonic(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        self._now += seconds
        await asyncio.sleep(0)


class Flaky:
    """Replicas whose log grows from visit to visit; the last sees all of it, and then the replica is gone."""

    def __init__(self, logs: dict[str, tuple[list[LogLine], list[Visit]]]) -> None:
        self.apps = self.logs = self.services = self
        self._lines = {name: lines for name, (lines, _) in logs.items()}
        self._visits = {name: self._growing(lines, visits) for name, (lines, visits) in logs.items()}
        self.gone = asyncio.Event()

    @staticmethod
    def _growing(lines: list[LogLine], visits: list[Visit]) -> list[Visit]:
        written, grown = 0, []
        for visit in visits:
            written = max(written, min(visit.written, len(lines)))
            grown.append(replace(visit, written=written))
        return [*grown, Visit(len(lines), len(lines), 3, cut=False)]

    async def ask(self, question):
        return await question(self)

    async def document(self, app):
        return {"properties": {"latestRevisionName": "scorer--1"}}

    async def replicas(self, app, revision):
        container = ContainerState("main", log_stream_endpoint="https://here")
        return tuple(ReplicaState(name, containers=(container,)) for name in self._lines)

    async def auth_token(self, app):
        return "token"

    @asynccontextmanager
    async def console(self, endpoint, token, *, tail, follow, replica, revision):
        left = self._visits[replica]
        if not left:
            if not any(self._visits.values()):
                self.gone.set()
            raise NotFound("the replica is gone", status=404)
        visit = left.pop(0)

        async def batches():
            sent = self._lines[replica][: visit.written][-tail:] if tail else []
            sent = sent[: visit.until]
            for start in range(0, len(sent), visit.chunk):
                yield sent[start : start + visit.chunk]
                await asyncio.sleep(0)
            if visit.cut:
                raise ServiceFailed("cut off", status=503)

        yield LineStream(batches())


async def followed(platform: Flaky) -> list[LogLine]:
    reader = LogReader(LogQuery("scorer", tail=MOST_TAIL, follow=True), platform, HastyClock())
    read: list[LogLine] = []

    async def read_on() -> None:
        async for lines in reader.batches():
            read.extend(lines)

    reading = asyncio.create_task(read_on())
    await asyncio.wait({reading, asyncio.create_task(platform.gone.wait())}, return_when=asyncio.FIRST_COMPLETED)
    for _ in range(10):  # what was put is taken within a few turns
        await asyncio.sleep(0)
    reader.stop()
    await reading
    return read


def made_up(dice: random.Random) -> dict[str, tuple[list[LogLine], list[Visit]]]:
    """One to three replicas, what they write, and up to four connections each that end before the last."""
    logs = {}
    for name in ("r0", "r1", "r2")[: dice.randint(1, 3)]:
        lines = lines_of(name, [(dice.randint(0, 1), dice.choice("ab")) for _ in range(dice.randint(0, 12))])
        visits = [
            Visit(dice.randint(0, 12), dice.randint(0, 12), dice.randint(1, 5), cut=dice.random() < 0.5)
            for _ in range(dice.randint(0, 4))
        ]
        logs[name] = (lines, visits)
    return logs


def test_following_several_replicas_over_drops_loses_and_repeats_nothing() -> None:
    """A thousand made-up logs, by numbered seeds: generating them otherwise takes five times as long."""

    async def follow(logs) -> list[LogLine]:
        return await followed(Flaky(logs))

    with asyncio.Runner() as runner:
        for seed in range(1000):
            logs = made_up(random.Random(seed))
            read = runner.run(follow(logs))
            for name, (lines, _) in logs.items():
                assert [line for line in read if line.replica == name] == lines, f"seed {seed}"


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.one_of(st.none(), st.integers(0, 9)), max_size=6), max_size=4))
def test_merging_keeps_every_line_and_each_replicas_order(several) -> None:
    given_lines = [
        [LogLine(f"{n}.{k}", None if at is None else START + timedelta(seconds=at), replica=str(n))
         for k, at in enumerate(ats)]
        for n, ats in enumerate(several)
    ]  # fmt: skip
    merged = in_order(given_lines)
    assert sorted(line.text for line in merged) == sorted(line.text for lines in given_lines for line in lines)
    for n, lines in enumerate(given_lines):
        assert [line for line in merged if line.replica == str(n)] == lines
    if all(ats == sorted(at for at in ats if at is not None) for ats in several):
        moments = [line.at for line in merged]
        assert moments == sorted(moments)


def drop(most: int, read: int, written: int, *, cut: bool) -> list[str]:
    """Read some lines, lose the connection, and resume when more were written: what is new then."""
    lines = [LogLine(str(n), START + timedelta(seconds=n), replica="r") for n in range(written)]
    position = Position(most)
    position.fresh(lines[:read])
    position.resume(cut=cut)
    return [line.text for line in position.fresh(lines[-most:])]


def test_a_drop_that_took_longer_than_the_platform_repeats_is_told_where_it_happened() -> None:
    assert drop(3, 2, 4, cut=True) == ["2", "3"]
    assert drop(3, 2, 5, cut=True) == [GAP, "2", "3", "4"]
    assert drop(3, 2, 9, cut=True) == [GAP, "6", "7", "8"]


def test_a_stream_that_ended_by_itself_is_no_drop() -> None:
    """A container that starts again begins a log of its own."""
    assert drop(3, 2, 9, cut=False) == ["6", "7", "8"]


def test_lines_without_a_moment_are_not_shown_twice() -> None:
    position, banner = Position(MOST_TAIL), LogLine("Connecting")
    assert position.fresh([banner]) == [banner]
    position.resume(cut=True)
    assert position.fresh([banner]) == []

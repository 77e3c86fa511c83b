"""What a query of logs asks the store for."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from types import SimpleNamespace

import pytest

from aca_notebook.emulator.settings import Pace
from aca_notebook.emulator.telemetry.logs.kql import Answer
from aca_notebook.emulator.telemetry.logs.service import LogQueries
from tests.fakes.clock import ManualClock

WORKSPACE = {
    "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.OperationalInsights/workspaces/w", "name": "w",
    "properties": {"customerId": "guid"},
}  # fmt: skip


class World:
    """A collector that takes a second to take lines in, its store, the resources and their rights in one."""

    subscription = "s"

    def __init__(self):
        self.clock = ManualClock()
        self.questions = []

    async def collect(self):
        await self.clock.advance(1)

    async def store(self):
        return self

    def list(self, type_, subscription):
        return [WORKSPACE]

    def allows(self, claims, action, scope):
        return True

    def ask(self, question, started):
        self.questions.append(question)
        return Answer((("x", "BIGINT"),), [(1,)], None)


def ask(world, pace):
    queries = LogQueries(collector=world, store=world, clock=world.clock, pace=Pace(pace), rights=world)
    (post,) = (each for each in queries.routes() if each.operation == "Query_Execute")
    request = SimpleNamespace(
        headers={}, path_params={"workspace": "guid"}, state=SimpleNamespace(claims={}), body=_body,
    )  # fmt: skip
    answer = asyncio.run(post.handler(request))
    assert json.loads(answer.body)["tables"][0]["rows"] == [[1]]
    (question,) = world.questions
    return question


async def _body():
    return b'{"query": "T", "timespan": "PT1H"}'


@pytest.mark.parametrize(("pace", "lag"), [(0, 0), (1, 120), (0.5, 60)])
def test_lines_taken_in_for_a_query_are_in_its_answer_unless_the_pace_has_them_late(pace, lag):
    world = World()
    question = ask(world, pace)
    assert question.until == world.clock.now() - timedelta(seconds=lag)
    assert (question.first, question.end) == (world.clock.now() - timedelta(hours=1), world.clock.now())

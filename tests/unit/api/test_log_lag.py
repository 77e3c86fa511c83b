"""Log Analytics is behind when an app has written since its newest line there."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from aca_notebook.api import querying
from aca_notebook.api.known_secrets import KnownSecrets
from aca_notebook.api.log_lag import lag
from aca_notebook.azure.log_queries import LogWorkspace, QueryAnswer
from aca_notebook.azure.logs import LineStream
from aca_notebook.clock import SystemClock
from aca_notebook.errors import NotFound
from aca_notebook.model.log import LogLine
from aca_notebook.model.redaction import Redactor
from aca_notebook.model.revision import ContainerState, ReplicaState

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(("stored", "written", "says"), [
    (None, None, ""),
    (AT, None, ""),
    (AT, AT, ""),
    (AT, AT + timedelta(seconds=4), ""),
    (AT + timedelta(minutes=1), AT, ""),
    (AT, AT + timedelta(seconds=90), "it has nothing after 12:00:00, and the newest line is of 12:01:30 UTC"),
    (None, AT, "it has nothing yet, and the newest line is of 12:00:00 UTC"),
])  # fmt: skip
def test_the_newest_line_that_is_found_is_compared_with_the_newest_there_is(stored, written, says) -> None:
    assert says in lag("scorer", stored, written)
    assert bool(lag("scorer", stored, written)) == bool(says)


class Platform:
    """An app that has just written, and a workspace that knows a line of two minutes ago."""

    def __init__(self, *, gone: bool = False) -> None:
        self.apps = self.logs = self.log_queries = self
        self.gone = gone
        self.redactor = Redactor()
        self.known_secrets = KnownSecrets(SystemClock())
        self.asked: list[str] = []

    async def ask(self, *given):
        if len(given) == 1:
            return await given[0](self)
        self.asked.append(given[0])
        if "max(TimeGenerated)" in given[0]:
            return QueryAnswer((("newest", "datetime"),), ((AT - timedelta(minutes=2),),))
        return QueryAnswer((("Log", "string"),), (("an old one",),))

    @property
    def services(self):
        return self

    async def workspace(self):
        return LogWorkspace("guid")

    async def secrets(self, app):
        return {}

    async def document(self, app):
        if self.gone:
            raise NotFound("app 'scorer' does not exist", status=404)
        return {"properties": {"latestRevisionName": "scorer--1"}}

    async def replicas(self, app, revision):
        return (ReplicaState("r1", containers=(ContainerState("main", log_stream_endpoint="https://here"),)),)

    async def auth_token(self, app):
        return "token"

    @asynccontextmanager
    async def console(self, endpoint, token, **named):
        async def batches():
            yield [LogLine("just now", AT)]

        yield LineStream(batches())


def ask(platform: Platform, **asked):
    return asyncio.run(querying.query_now(platform, "errors", since=None, clock=SystemClock(), **asked))


def test_a_question_about_an_app_tells_that_its_newest_lines_are_not_found_yet() -> None:
    frame = ask(Platform(), app="scorer")
    assert list(frame["Log"]) == ["an old one"]
    assert "nothing after 11:58:00" in frame.attrs["note"]


def test_a_question_about_all_apps_asks_nothing_more() -> None:
    platform = Platform()
    assert "note" not in ask(platform, app="").attrs
    assert len(platform.asked) == 1


def test_the_history_of_an_app_that_is_gone_is_told_without_a_word_about_lag() -> None:
    assert "note" not in ask(Platform(gone=True), app="scorer").attrs

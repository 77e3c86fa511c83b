"""Answers of Log Analytics become DataFrames with the right types; names become KQL."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from aca_notebook.api import querying
from aca_notebook.api.known_secrets import KnownSecrets
from aca_notebook.azure.log_queries import LogWorkspace, QueryAnswer
from aca_notebook.clock import SystemClock
from aca_notebook.errors import UsageFailed
from aca_notebook.model.named_query import NAMED_QUERIES, to_kql
from aca_notebook.model.redaction import Redactor

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
COLUMNS = (
    ("at", "datetime"), ("text", "string"), ("count", "long"), ("share", "real"), ("ok", "bool"), ("more", "dynamic"),
    ("span", "timespan"),
)  # fmt: skip


class Platform:
    """Answers every query alike, and remembers what was asked."""

    redactor = Redactor()

    def __init__(self, answer=None, workspace=None):
        self.known_secrets = KnownSecrets(SystemClock())
        self.answer = answer or QueryAnswer((("x", "long"),), ((1,),))
        self.found = workspace or LogWorkspace("guid")
        self.asked = []
        self.log_queries = self.apps = self

    async def ask(self, *given):
        if len(given) == 1:
            return await given[0](self)
        self.asked.append(given)
        return self.answer

    async def workspace(self):
        return self.found

    async def secrets(self, app):
        return {"token": "c4n4ry-value"}


def ask(platform, text, *, app="", since=None):
    return asyncio.run(querying.query(platform, text, app=app, since=since, now=NOW))


def test_the_secrets_of_the_apps_whose_lines_come_are_struck_out():
    columns = (("ContainerAppName_s", "string"), ("Log_s", "string"))
    frame = ask(Platform(QueryAnswer(columns, (("scorer", "my token is c4n4ry-value"),))), "T | take 1")
    assert list(frame["Log_s"]) == ["my token is [redacted]"]


def test_each_column_has_the_type_kusto_says():
    rows = (
        (NOW, "a", 1, 0.5, True, '{"k": [1, 2]}', "1.02:00:00"),
        (None, None, None, None, None, None, None),
    )
    frame = querying.table(QueryAnswer(COLUMNS, rows))
    assert [str(each) for each in frame.dtypes][:5] == ["datetime64[us, UTC]", "string", "Int64", "float64", "boolean"]
    assert frame["more"][0] == {"k": [1, 2]}
    assert frame["span"][0] == pd.Timedelta(hours=26)
    assert frame.iloc[1].isna().all()


def test_an_empty_answer_has_its_columns_and_says_that_lines_take_minutes():
    frame = ask(Platform(QueryAnswer(COLUMNS, ())), "T | take 0")
    assert list(frame.columns) == [name for name, _ in COLUMNS]
    assert str(frame["at"].dtype) == "datetime64[us, UTC]"
    assert "minutes" in frame.attrs["note"]


def test_a_partial_answer_says_what_is_missing():
    frame = ask(Platform(QueryAnswer((("x", "long"),), ((1,),), missing="too many rows")), "T")
    assert frame.attrs["missing"] == "too many rows"


def test_two_columns_of_one_name_stay_two():
    frame = querying.table(QueryAnswer((("x", "long"), ("x", "datetime")), ((1, NOW),)))
    assert frame.shape == (1, 2)


def test_since_reaches_back_from_now_and_kql_goes_as_it_is():
    platform = Platform()
    frame = ask(platform, " T | take 1 ", since=timedelta(hours=1))
    assert platform.asked == [("T | take 1", (NOW - timedelta(hours=1), NOW))]
    assert frame.attrs["kql"] == "T | take 1"


@pytest.mark.parametrize("named", NAMED_QUERIES, ids=lambda each: each.name)
def test_a_named_query_reads_the_tables_the_environment_fills(named):
    platform = Platform(workspace=LogWorkspace())
    ask(platform, named.name, app="scorer")
    (kql, _), *_ = platform.asked
    assert kql.startswith(f"ContainerApp{named.source}Logs |")
    assert '| where App == "scorer" |' in kql
    assert to_kql(named, resource_specific=False).startswith(f"ContainerApp{named.source}Logs_CL |")


def test_a_name_that_is_none_is_refused_with_those_there_are():
    with pytest.raises(UsageFailed, match=r"no named query 'eror'") as refused:
        ask(Platform(), "eror")
    assert "errors" in refused.value.hint


def test_an_app_without_a_name_of_a_query_is_refused_with_what_to_write():
    with pytest.raises(UsageFailed) as refused:
        ask(Platform(), "T | take 1", app="scorer")
    assert 'ContainerAppName_s == "scorer"' in refused.value.hint

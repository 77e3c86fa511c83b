"""KQL as users of Container Apps write it, run on a small table whose answers can be worked out by hand."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aca_notebook.emulator.telemetry.logs.answers import answer_body
from aca_notebook.emulator.telemetry.logs.kql import Kql
from aca_notebook.emulator.telemetry.logs.refusals import QueryRefused

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
COLUMNS = {
    "Console": ["TimeGenerated", "App", "Log", "Size"],
    "System": ["TimeGenerated", "App", "Reason"],
}


@pytest.fixture(scope="module")
def connection():
    """Twelve console lines, one each five minutes of the past hour, of two apps in turn; four system lines."""
    made = duckdb.connect()
    made.execute("SET TimeZone = 'UTC'")
    made.execute("CREATE TABLE Console(TimeGenerated TIMESTAMP, App VARCHAR, Log VARCHAR, Size DOUBLE)")
    made.execute("CREATE TABLE System(TimeGenerated TIMESTAMP, App VARCHAR, Reason VARCHAR)")
    made.execute("CREATE TABLE Hidden(secret VARCHAR)")
    start = NOW.replace(tzinfo=None) - timedelta(hours=1)
    for number in range(12):
        at, app = start + timedelta(minutes=5 * number), "scorer" if number % 2 else "other"
        level = "error" if number % 3 == 0 else "info"
        text = json.dumps({"level": level, "ms": number}) if number % 2 else f"GET /x {number} 200"
        made.execute("INSERT INTO Console VALUES (?, ?, ?, ?)", (at, app, text, float(number)))
    for number, reason in enumerate(["RevisionReady", "ProbeFailed", "ContainerTerminated", "ProbeFailed"]):
        made.execute("INSERT INTO System VALUES (?, 'scorer', ?)", (start + timedelta(minutes=number), reason))
    yield made
    made.close()


@pytest.fixture
def ask(connection):
    def run(query, most_rows=1000):
        answer = Kql(connection.cursor(), COLUMNS, NOW).run(query, most_rows)
        body = answer_body(answer, most_rows=most_rows, statistics=None, render=True)
        return body["tables"][0]["rows"]

    return run


ANSWERS = {
    "where and count": ('Console | where App == "scorer" | count', [[6]]),
    "has knows words": ('Console | where Log has "GET" | count', [[6]]),
    "contains knows letters": ('Console | where Log contains "ge" | count', [[6]]),
    "contains takes letters as they are": (
        """datatable(t:string)["a%b", "axb", "a_b", "a\\\\b", "it's"] | summarize countif(t contains "%"),
        countif(t contains "_"),
        countif(t contains @"\\"), countif(t contains "'"), countif(t contains "A"), countif(t contains_cs "A")""",
        [[1, 1, 1, 1, 4, 0]],
    ),
    "startswith and not contains": ('Console | where Log startswith "get" and Log !contains "10" | count', [[5]]),
    "matches regex": (r'Console | where Log matches regex @"^GET /x \d\d" | count', [[1]]),
    "in": ('System | where Reason in ("ProbeFailed", "x") | count', [[2]]),
    "ago": ("Console | where TimeGenerated >= ago(10m) | count", [[2]]),
    "between": ("Console | where TimeGenerated between (ago(20m) .. ago(10m)) | count", [[3]]),
    "project and order and take": (
        "Console | order by Size desc | project App, Size | take 2", [["scorer", 11.0], ["other", 10.0]],
    ),
    "top": ("Console | top 1 by Size desc | project Size", [[11.0]]),
    "project-away and project-rename": (
        "Console | project-away Log, TimeGenerated | project-rename Name = App | top 1 by Size asc", [["other", 0.0]],
    ),
    "project-reorder": (
        'System | project-reorder Reason, * | where Reason == "RevisionReady"',
        [["RevisionReady", "2026-05-01T11:00:00Z", "scorer"]],
    ),
    "extend with arithmetic": ("print x = 7 / 2, y = 7.0 / 2, z = 7 % 2", [[3, 3.5, 1]]),
    "datetime arithmetic": (
        "print a = now() - 1h, b = datetime(2026-05-01) + 90m, c = (now() - ago(90m)) / 1m",
        [["2026-05-01T11:00:00Z", "2026-05-01T01:30:00Z", 90.0]],
    ),
    "timespan": ("print now() - ago(26h)", [["1.02:00:00"]]),
    "summarize by bin": (
        "Console | summarize n = count() by bin(TimeGenerated, 30m) | order by TimeGenerated asc",
        [["2026-05-01T11:00:00Z", 6], ["2026-05-01T11:30:00Z", 6]],
    ),
    "bin of a week begins on a Monday": (
        "print bin(datetime(2026-05-07 13:45), 7d), bin(datetime(2026-05-07 13:45), 1d), bin(datetime(1969-12-31), 2h)",
        [["2026-05-04T00:00:00Z", "2026-05-07T00:00:00Z", "1969-12-31T00:00:00Z"]],
    ),
    "countif, dcount, percentile": (
        "Console | summarize countif(Size > 8), dcount(App), percentile(Size, 50)", [[3, 2, 5.0]],
    ),
    "percentiles are several columns": (
        "Console | summarize percentiles(Size, 50, 95) | project percentile_Size_95", [[11.0]],
    ),
    "distinct": ("Console | distinct App | order by App asc", [["other"], ["scorer"]]),
    "parse": (
        """Console | parse Log with "GET " path " " n:int " " status:int | where isnotnull(n)
        | summarize max(n), max(status)""",
        [[10, 200]],
    ),
    "parse_json with a path": (
        'Console | extend j = parse_json(Log) | where tostring(j.level) == "error" | summarize max(toint(j.ms))', [[9]],
    ),
    "mv-expand": ("print x = dynamic([1, 2, 3]) | mv-expand x | summarize sum(toint(x))", [[6]]),
    "join": (
        'Console | join kind=inner (System | where Reason == "RevisionReady") on App | count', [[6]],
    ),
    "union": ("union Console, System | count", [[16]]),
    "let": (
        'let app = "scorer"; let since = ago(30m); Console | where App == app and TimeGenerated >= since | count',
        [[3]],
    ),
    "search looks into every column": ('Console | search "scorer" | count', [[6]]),
    "column_ifexists": ('Console | extend v = column_ifexists("nope", "none") | distinct v', [["none"]]),
    "serialize keeps the order": ("Console | order by Size asc | serialize | project Size | take 1", [[0.0]]),
    "serialize with a column": ("Console | serialize x = 1 | summarize sum(x)", [[12]]),
    "render changes no row": ("Console | summarize count() | render timechart", [[12]]),
    "a pipe in a string is no pipe": ('print x = "a | render b"', [["a | render b"]]),
    "a comment is none of it": ("Console // | where false\n| count", [[12]]),
    "no rows": ("Console | where false | project App", []),
}  # fmt: skip


@pytest.mark.parametrize(("query", "rows"), ANSWERS.values(), ids=ANSWERS)
def test_a_query_gives_what_kusto_would(ask, query, rows):
    assert ask(query) == rows


def test_a_series_has_a_value_for_each_step_and_fills_the_gaps(ask):
    query = (
        "Console | where Size != 4 | make-series n = count() default = 0, total = sum(Size) default = -1"
        " on TimeGenerated from ago(1h) to now() step 20m by App | order by App asc"
    )
    moments = '["2026-05-01T11:00:00.0000000Z","2026-05-01T11:20:00.0000000Z","2026-05-01T11:40:00.0000000Z"]'
    assert ask(query) == [
        ["other", "[2,1,2]", "[2.0,6.0,18.0]", moments],
        ["scorer", "[2,2,2]", "[4.0,12.0,20.0]", moments],
    ]
    series = "make-series n = count() default = 0 on TimeGenerated from ago(1h) to now() step 20m"
    assert ask(f"Console | where Size > 9 | {series}")[0][0] == "[0,0,2]"


def test_a_series_without_bounds_goes_from_the_first_to_the_last_row(ask):
    assert ask("Console | make-series count() on TimeGenerated step 20m")[0][0] == "[4,4,4]"
    assert ask("Console | make-series count() on Size from 0 to 12 step 6")[0][0] == "[6,6]"


def test_the_rest_of_the_query_reads_the_series(ask):
    query = (
        "let span = 30m; Console | make-series n = count() default = 0 on TimeGenerated from ago(1h) to now() step span"
        " | mv-expand n, TimeGenerated | project n = toint(n), at = todatetime(TimeGenerated) | order by at asc"
    )
    assert ask(query) == [[6, "2026-05-01T11:00:00Z"], [6, "2026-05-01T11:30:00Z"]]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 119), max_size=30), st.integers(1, 50))
def test_a_series_counts_every_row_of_its_range_once(minutes, step):
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("CREATE TABLE T(Moment TIMESTAMP)")
    start = NOW.replace(tzinfo=None) - timedelta(hours=2)
    for minute in minutes:
        connection.execute("INSERT INTO T VALUES (?)", (start + timedelta(minutes=minute),))
    query = f"T | make-series n = count() default = 0 on Moment from ago(2h) to now() step {step}m"
    (row,) = Kql(connection, {"T": ["Moment"]}, NOW).run(query, 10).rows
    ticks = range(0, 120, step)
    assert json.loads(row[0]) == [sum(tick <= minute < tick + step for minute in minutes) for tick in ticks]
    connection.close()


REFUSED = {
    "an unknown table": ("Nope | take 1", "SemanticError", "SEM0100", (1, 1, "Nope")),
    "a table of another name in another case": ("console | take 1", "SemanticError", "SEM0100", (1, 1, "console")),
    "a table that is not for queries": ("Hidden | take 1", "SemanticError", "SEM0100", (1, 1, "Hidden")),
    "an unknown column": ("Console\n| where nope == 1", "SemanticError", "SEM0100", (2, 9, "nope")),
    "a misspelt operator": ("Console | wherex App", "SyntaxError", "SYN0002", (1, 9, "|")),
    "a string without an end": ('Console | where App == "x', "SyntaxError", "SYN0002", (1, 24, '"x')),
    "an operator that is not there": ("Console | reduce by Log", "SemanticError", "SEM0001", (1, 11, "reduce")),
    "a plugin": ("Console | evaluate pivot(App)", "SemanticError", "SEM0001", (1, 11, "evaluate")),
    "a function that is not there": ("Console | extend p = prev(Size)", "SemanticError", "SEM0001", (1, 22, "prev")),
    "a series without an axis": ("Console | make-series count()", "SyntaxError", "SYN0002", (1, 11, "make-series")),
    "another database": ('database("x").Console | take 1', "SemanticError", "SEM0100", None),
    "a file": ('externaldata(a:string)["/etc/passwd"]', "SemanticError", "SEM0001", None),
    "a command": (".drop table Console", "SemanticError", None, None),
}


@pytest.mark.parametrize(("query", "kind", "code", "place"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_run_is_refused_with_its_name_and_place(ask, query, kind, code, place):
    with pytest.raises(QueryRefused) as refused:
        ask(query)
    error = refused.value.body()["error"]
    assert (refused.value.status, error["code"]) == (400, "BadArgumentError")
    assert error["innererror"]["code"] in {kind, "SyntaxError"}
    deepest = error["innererror"]["innererror"]
    if place is not None:
        assert deepest["code"] == code
        assert (deepest["line"], deepest["pos"], deepest["token"]) == place


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="ConsleAp|= ()\"'[]{};,/*.@0123\n~`", max_size=60))
def test_whatever_is_asked_there_is_an_answer_or_a_refusal(connection, text):
    with contextlib.suppress(QueryRefused):  # and nothing else
        Kql(connection.cursor(), COLUMNS, NOW).run(text, 10)


def test_more_rows_than_the_limit_make_a_partial_answer(connection):
    answer = Kql(connection.cursor(), COLUMNS, NOW).run("Console | project Size", 5)
    body = answer_body(answer, most_rows=5, statistics=None, render=False)
    assert len(body["tables"][0]["rows"]) == 5
    assert body["error"]["code"] == "PartialError"
    assert "limit of 5 records" in body["error"]["details"][0]["innererror"]["message"]


def test_the_types_are_kustos_and_render_says_what_to_draw(connection):
    query = (
        'print a = now(), b = "x", c = 1, d = 1.5, e = true, f = dynamic({"k": [1]}), g = 1h, i = int(3)'
        ' | render columnchart with (title = "Two words", kind = stacked)'
    )
    answer = Kql(connection.cursor(), COLUMNS, NOW).run(query, 5)
    body = answer_body(answer, most_rows=5, statistics=None, render=True)
    types = [column["type"] for column in body["tables"][0]["columns"]]
    assert types == ["datetime", "string", "long", "real", "bool", "dynamic", "timespan", "int"]
    assert body["tables"][0]["rows"][0][5] == '{"k":[1]}'
    assert (body["render"]["visualization"], body["render"]["title"], body["render"]["kind"]) == (
        "columnchart", "Two words", "stacked",
    )  # fmt: skip

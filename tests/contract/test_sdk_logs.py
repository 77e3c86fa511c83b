"""The unmodified `LogsQueryClient`, sync and aio, against what real containers and the platform wrote."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from datetime import timedelta

import pytest
from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from azure.monitor.query import LogsBatchQuery, LogsQueryClient, LogsQueryStatus
from azure.monitor.query.aio import LogsQueryClient as AsyncLogsQueryClient

from aca_notebook.clock import SystemClock
from tests.real_emulator import IMAGE, RealEmulator

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]
LINES = 2000
PROGRAM = f"""
import json, sys
for number in range({LINES}):
    print(json.dumps({{"level": "error" if number % 10 == 0 else "info", "n": number}}), flush=number % 100 == 99)
print("the end", file=sys.stderr, flush=True)
import time; time.sleep(1000)
"""


@contextmanager
def chatting(folder):
    """An emulator with an app that says much, until the last word."""
    running = RealEmulator(folder)
    try:
        properties = running.properties(IMAGE)
        properties["template"]["containers"].append(
            {
                "name": "chatty", "image": IMAGE, "command": ["python", "-c", PROGRAM],
                "resources": {"cpu": 0.25, "memory": "0.5Gi"},
            }
        )  # fmt: skip
        answer = running.call("PUT", running.path("scorer"), {"location": "eastus", "properties": properties})
        assert answer.status_code == 201, answer.text
        with connected(running) as client:
            _settle(client, customer_id(running))
        yield running
    finally:
        running.stop()


def _settle(client, workspace):
    clock = SystemClock()
    for _ in range(600):
        if rows(client, workspace, 'ContainerAppConsoleLogs_CL | where Log_s == "the end" | count') == [(1,)]:
            return
        asyncio.run(clock.sleep(0.1))
    raise AssertionError("the last line never came")


def customer_id(emulator):
    logs = emulator.call("GET", emulator.environment_id).json()["properties"]["appLogsConfiguration"]
    return logs["logAnalyticsConfiguration"]["customerId"]


@pytest.fixture(scope="module")
def emulator(tmp_path_factory):
    with chatting(tmp_path_factory.mktemp("logs") / "emulator") as running:
        yield running


@pytest.fixture(scope="module")
def workspace(emulator):
    return customer_id(emulator)


@contextmanager
def connected(emulator):
    """A client of the emulator where it is now."""
    told = emulator.environment
    roots = str(emulator.inside / "roots.pem")
    credential = ClientSecretCredential(
        told["AZURE_TENANT_ID"], told["AZURE_CLIENT_ID"], told["AZURE_CLIENT_SECRET"],
        authority=told["AZURE_AUTHORITY_HOST"], disable_instance_discovery=True, connection_verify=roots,
    )  # fmt: skip
    with LogsQueryClient(credential, endpoint=emulator.ready["url"], connection_verify=roots) as made:
        yield made


@pytest.fixture(scope="module")
def client(emulator):
    with connected(emulator) as made:
        yield made


def rows(client, workspace, kql, timespan=None):
    answer = client.query_workspace(workspace, kql, timespan=timespan)
    assert answer.status == LogsQueryStatus.SUCCESS
    return [tuple(row) for row in answer.tables[0].rows]


def test_every_line_is_in_the_table_once_and_in_order(client, workspace):
    kql = 'ContainerAppConsoleLogs_CL | where ContainerName_s == "chatty" and Stream_s == "stdout"'
    found = rows(client, workspace, f"{kql} | order by TimeGenerated asc | project n = toint(parse_json(Log_s).n)")
    assert [row[0] for row in found] == list(range(LINES))
    assert rows(client, workspace, f'{kql} | where parse_json(Log_s).level == "error" | count') == [(LINES // 10,)]


def test_the_system_log_tells_of_the_replica(client, workspace):
    found = rows(
        client, workspace, 'ContainerAppSystemLogs_CL | where ContainerAppName_s == "scorer" | distinct Reason_s'
    )
    assert {"RevisionCreation", "AssigningReplica", "ContainerStarted", "RevisionReady"} <= {row[0] for row in found}


def test_a_timespan_is_a_duration_or_two_moments(client, workspace):
    count = "ContainerAppConsoleLogs_CL | count"
    now = SystemClock().now()
    assert rows(client, workspace, count, timedelta(hours=1))[0][0] > LINES
    assert rows(client, workspace, count, (now - timedelta(hours=1), now + timedelta(hours=1)))[0][0] > LINES
    assert rows(client, workspace, count, (now - timedelta(hours=2), timedelta(hours=1))) == [(0,)]


def test_a_resource_is_asked_about_itself(client, emulator):
    for path, table in ((emulator.path("scorer"), "Console"), (emulator.environment_id, "System")):
        answer = client.query_resource(path, f"ContainerApp{table}Logs_CL | count", timespan=None)
        assert answer.tables[0].rows[0][0] > 0
    nothing = client.query_resource(emulator.path("nobody"), "ContainerAppConsoleLogs_CL | count", timespan=None)
    assert nothing.tables[0].rows[0][0] == 0


def test_a_batch_answers_each_of_its_queries_by_itself(client, workspace):
    queries = [
        LogsBatchQuery(workspace, "print x = 1", timespan=None),
        LogsBatchQuery(workspace, "Nope | take 1", timespan=None),
        LogsBatchQuery(workspace, "print x = 3 | render piechart", timespan=None, include_visualization=True),
    ]
    first, second, third = client.query_batch(queries)
    assert first.tables[0].rows[0][0] == 1
    assert (second.code, second.status) == ("BadArgumentError", LogsQueryStatus.FAILURE)
    assert third.visualization["visualization"] == "piechart"


def test_statistics_come_when_they_are_asked_for(client, workspace):
    answer = client.query_workspace(workspace, "print 1", timespan=None, include_statistics=True)
    assert answer.statistics["query"]["executionTime"] > 0


def test_a_query_that_cannot_be_run_says_what_and_where(client, workspace):
    with pytest.raises(HttpResponseError) as refused:
        client.query_workspace(workspace, "ContainerAppConsoleLogs_CL\n| where nope == 1", timespan=None)
    assert (refused.value.status_code, refused.value.error.code) == (400, "BadArgumentError")
    deepest = refused.value.error.innererror["innererror"]
    assert (deepest["code"], deepest["line"], deepest["pos"], deepest["token"]) == ("SEM0100", 2, 9, "nope")


def test_a_workspace_that_is_not_there_is_not_found(client):
    with pytest.raises(HttpResponseError) as refused:
        client.query_workspace("00000000-0000-0000-0000-000000000000", "print 1", timespan=None)
    assert refused.value.error.code == "WorkspaceNotFoundError"


def test_the_async_client_reads_the_same(emulator, workspace):
    told = emulator.environment

    async def ask():
        from azure.identity.aio import ClientSecretCredential as AsyncClientSecretCredential

        roots = str(emulator.inside / "roots.pem")
        credential = AsyncClientSecretCredential(
            told["AZURE_TENANT_ID"], told["AZURE_CLIENT_ID"], told["AZURE_CLIENT_SECRET"],
            authority=told["AZURE_AUTHORITY_HOST"], disable_instance_discovery=True, connection_verify=roots,
        )  # fmt: skip
        async with (
            credential,
            AsyncLogsQueryClient(credential, endpoint=emulator.ready["url"], connection_verify=roots) as made,
        ):
            answer = await made.query_workspace(workspace, "ContainerAppConsoleLogs_CL | count", timespan=None)
            return answer.tables[0].rows[0][0]

    assert asyncio.run(ask()) > LINES


def test_lines_are_still_there_once_after_the_emulator_was_killed(tmp_path):
    chatty = 'ContainerAppConsoleLogs_CL | where ContainerName_s == "chatty"'
    each = f'{chatty} and Stream_s == "stdout" | summarize n = count() by Log_s, ContainerGroupName_s'
    with chatting(tmp_path / "emulator") as emulator:
        workspace = customer_id(emulator)
        emulator.kill()
        emulator.start()
        with connected(emulator) as again:  # its port may be another's by now
            assert rows(again, workspace, f"{chatty} | count")[0][0] > LINES
            assert rows(again, workspace, f"{each} | summarize max(n)") == [(1,)]

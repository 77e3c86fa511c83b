"""The query API over HTTP: who may ask, and what is answered to bodies that are no questions."""

from __future__ import annotations

import concurrent.futures

import pytest
import requests

from tests.emulator.running import running_emulator
from tests.emulator.test_access import Caller

LOGS = "https://api.loganalytics.io"
METRICS = "https://metrics.monitor.azure.com"


@pytest.fixture(scope="module")
def emulator(tmp_path_factory):
    with running_emulator(tmp_path_factory.mktemp("logs") / "emulator") as made:
        yield made


@pytest.fixture
def workspace(emulator):
    logs = emulator.ask("GET", emulator.environment_id).json()["properties"]["appLogsConfiguration"]
    return logs["logAnalyticsConfiguration"]["customerId"]


@pytest.fixture(scope="module")
def key(emulator):
    """A token of the emulator's own client, for Log Analytics."""
    told = emulator.environment
    answer = requests.post(
        f"{told['AZURE_RESOURCE_MANAGER_HTTP_URL']}/{told['AZURE_TENANT_ID']}/oauth2/v2.0/token",
        data={
            "grant_type": "client_credentials", "client_id": told["AZURE_CLIENT_ID"],
            "client_secret": told["AZURE_CLIENT_SECRET"], "scope": f"{LOGS}/.default",
        },
        timeout=10,
    )  # fmt: skip
    return answer.json()["access_token"]


def post(emulator, path, body, token):
    return emulator.ask("POST", path, body, headers={"Authorization": f"Bearer {token}"}, params={})


def code(answer):
    return answer.status_code, answer.json()["error"]["code"]


def test_a_stranger_reads_no_logs_until_a_role_lets_it(emulator, workspace):
    stranger = Caller(emulator)
    token = stranger.obtain(LOGS)
    asked = {"query": "print 1"}
    for path in (f"/v1/workspaces/{workspace}/query", f"/v1{emulator.app_path()}/query"):
        assert code(post(emulator, path, asked, token)) == (403, "InsufficientAccessError")
    batch = {"requests": [{"id": "1", "workspace": workspace, "body": asked}]}
    (inner,) = post(emulator, "/v1/$batch", batch, token).json()["responses"]
    assert (inner["status"], inner["body"]["error"]["code"]) == (403, "InsufficientAccessError")

    stranger.give("Reader", emulator.group)
    assert post(emulator, f"/v1/workspaces/{workspace}/query", asked, token).json()["tables"][0]["rows"] == [[1]]


def test_a_stranger_reads_no_metrics_of_many_apps(emulator):
    stranger = Caller(emulator, "meter")
    subscription = emulator.environment["AZURE_SUBSCRIPTION_ID"]
    path = f"/subscriptions/{subscription}/metrics:getBatch?api-version=2024-02-01"
    assert code(post(emulator, path, {}, stranger.obtain(METRICS))) == (403, "AuthorizationFailed")


BODIES = {
    "no query": ({}, 400, "BadArgumentError"),
    "a query of another kind": ({"query": 1}, 400, "BadArgumentError"),
    "only blanks": ({"query": " \n "}, 400, "BadArgumentError"),
    "a timespan that is none": ({"query": "print 1", "timespan": "yesterday"}, 400, "BadArgumentError"),
    "workspaces that are no list": ({"query": "print 1", "workspaces": "x"}, 400, "BadArgumentError"),
    "a workspace nobody has": ({"query": "print 1", "workspaces": ["x"]}, 404, "WorkspaceNotFoundError"),
}


@pytest.mark.parametrize(("body", "status", "expected"), BODIES.values(), ids=BODIES)
def test_what_is_no_question_is_refused_in_words(emulator, workspace, key, body, status, expected):
    assert code(post(emulator, f"/v1/workspaces/{workspace}/query", body, key)) == (status, expected)


@pytest.mark.parametrize("requested", ["x", ["x"], [{}] * 101, [{"headers": []}], [{"body": 1}], [{"workspace": {}}]])
def test_a_batch_of_anything_else_is_refused_or_answers_for_each_by_itself(emulator, key, requested):
    answer = post(emulator, "/v1/$batch", {"requests": requested}, key)
    statuses = [each["status"] for each in answer.json().get("responses", [])]
    assert answer.status_code == 400 or statuses in ([400], [404]), answer.text


def test_a_workspace_is_named_by_id_by_resource_or_by_name_and_by_get_too(emulator, workspace, key):
    resource = f"{emulator.group}/providers/Microsoft.OperationalInsights/workspaces/local"
    for path in (f"/v1/workspaces/{workspace}/query", "/v1/workspaces/LOCAL/query", f"/v1{resource}/query"):
        headers, asked = {"Authorization": f"Bearer {key}"}, {"query": "print 1", "timespan": "PT1H"}
        answer = emulator.ask("GET", path, headers=headers, params=asked)
        assert answer.json()["tables"][0]["rows"] == [[1]], path


def test_a_query_that_takes_too_long_is_interrupted_and_says_so(emulator, workspace, key):
    numbers = "range {0} from 1 to 30000 step 1 | extend k = 1"
    slow = f"{numbers.format('a')} | join kind=inner ({numbers.format('b')}) on k | summarize dcount(a * b)"
    url = f"{emulator.environment['AZURE_RESOURCE_MANAGER_HTTP_URL']}/v1/workspaces/{workspace}/query"
    headers = {"Authorization": f"Bearer {key}", "Prefer": "wait=1"}
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(requests.post, url, json={"query": slow}, headers=headers, timeout=60)
        while not asked.done():
            emulator.advance(1)
        answer = asked.result()
    assert code(answer) == (504, "GatewayTimeout")
    assert post(emulator, f"/v1/workspaces/{workspace}/query", {"query": "print 1"}, key).status_code == 200

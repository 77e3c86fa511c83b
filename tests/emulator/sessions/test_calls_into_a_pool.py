"""Calls into a pool over HTTP, both generations: what is answered, in which shape, and what is refused."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from azure.core import PipelineClient
from azure.core.credentials import AccessToken
from azure.core.pipeline.policies import BearerTokenCredentialPolicy
from azure.core.rest import HttpRequest

from aca_notebook.emulator.sessions.instances import NotHere, StartRefused
from tests.emulator.sessions.calling import OLD, Caller, refusal, token

if TYPE_CHECKING:
    from tests.emulator.running import Running

GUID = r"[0-9a-f-]{36}"


@pytest.fixture
def pool(emulator: Running) -> Caller:
    return Caller(emulator)


def old(code: str, **also: Any) -> dict[str, Any]:
    return {"properties": {"codeInputType": "inline", "executionType": "synchronous", "code": code, **also}}


def test_the_first_generation_answers_under_properties_and_counts_its_objects(pool: Caller) -> None:
    answer = pool.call("POST", "code/execute", old("print('hi')"), version=OLD)
    assert answer.status_code == 200
    body = answer.json()
    assert isinstance(body["properties"].pop("executionTimeInMilliseconds"), int)
    assert body == {
        "$id": "1", "properties": {"$id": "2", "status": "Success", "stdout": "hi\n", "stderr": "", "result": ""},
    }  # fmt: skip
    assert "x-ms-overall-execution-time" in answer.headers


def test_the_second_generation_answers_202_with_the_whole_of_it(pool: Caller) -> None:
    body = pool.run("42")
    assert body["status"] == "Succeeded"
    assert body["executionType"] == "synchronous"
    assert body["identifier"] == "abcd"
    assert body["result"]["executionResult"] == 42
    assert body["result"]["$id"] == "2"


def test_an_error_of_the_code_is_an_answer_with_its_traceback_and_no_colours(pool: Caller) -> None:
    assert pool.run("raise")["status"] == "Failed"
    answer = pool.call("POST", "code/execute", old("raise"), version=OLD)
    assert answer.status_code == 200
    assert answer.json()["properties"]["status"] == "Failure"
    assert answer.json()["properties"]["stderr"] == "Traceback\nno\n"


def test_the_same_identifier_is_the_same_session_and_another_is_another(pool: Caller) -> None:
    first = pool.call("POST", "executions", {"code": "1"})
    again = pool.call("POST", "executions", {"code": "1"})
    other = pool.call("POST", "executions", {"code": "1"}, identifier="wxyz")
    guids = [each.headers["x-ms-session-guid"] for each in (first, again, other)]
    assert guids[0] == guids[1] != guids[2]


@pytest.mark.parametrize(
    ("path", "body", "query", "code"),
    [
        ("executions", {"code": "1"}, {"identifier": "abc"}, "SessionRequestValidationFailed"),
        ("executions", {"code": "1"}, {"identifier": "with blank"}, "SessionRequestValidationFailed"),
        ("executions", {"code": "1"}, {"identifier": "x" * 129}, "SessionRequestValidationFailed"),
        ("executions", {"code": "1"}, {}, "SessionRequestValidationFailed"),
        ("executions", {}, {"identifier": "abcd"}, "SessionRequestValidationFailed"),
        ("executions", {"code": 7}, {"identifier": "abcd"}, "SessionRequestValidationFailed"),
        ("executions", ["code"], {"identifier": "abcd"}, "SessionRequestValidationFailed"),
        ("executions", {"code": "1", "timeoutInSeconds": "soon"}, {"identifier": "abcd"},
         "SessionRequestValidationFailed"),
        ("executions", {"code": "1", "timeoutInSeconds": -1}, {"identifier": "abcd"}, "SessionRequestValidationFailed"),
        ("executions", {"code": "1", "codeInputType": "file"}, {"identifier": "abcd"},
         "SessionRequestValidationFailed"),
        ("executions", {"properties": {"code": "1"}}, {"identifier": "abcd"}, "SessionPropertiesMissing"),
        ("code/execute", {"code": "1"}, {"identifier": "abcd"}, "SessionPropertiesMissing"),
    ],
)  # fmt: skip
def test_what_the_service_would_not_take_is_refused_and_makes_no_session(
    pool: Caller, path: str, body: Any, query: dict[str, str], code: str
) -> None:
    assert refusal(pool.call("POST", path, body, identifier=None, query=query)) == (400, code)
    listed = pool.call("GET", "listSessions", identifier=None).json()
    assert listed["sessions"] == []


def test_names_in_a_body_may_be_in_any_case_and_a_number_a_text(pool: Caller) -> None:
    body = {"CodeInputType": "Inline", "ExecutionType": "Synchronous", "Code": "7", "TimeoutInSeconds": "30"}
    assert pool.call("POST", "executions", body).json()["result"]["executionResult"] == 7
    assert pool.emulator.sessions.instances[0].ran[0].timeout_seconds == 30


def test_more_time_than_there_is_is_the_most_there_is(pool: Caller) -> None:
    pool.call("POST", "executions", {"code": "7", "timeoutInSeconds": 100000})
    assert pool.emulator.sessions.instances[0].ran[0].timeout_seconds == 220


def test_the_first_generation_takes_the_identifier_from_the_body_too(pool: Caller) -> None:
    answer = pool.call("POST", "code/execute", old("1", identifier="from-body"), version=OLD, identifier=None)
    assert answer.status_code == 200
    assert pool.call("GET", "session", identifier="from-body").json()["identifier"] == "from-body"


def test_a_full_pool_answers_429_and_has_room_again_when_a_session_is_stopped(emulator: Running) -> None:
    pool = Caller(emulator, scaleConfiguration={"maxConcurrentSessions": 2})
    pool.run("1", identifier="first")
    pool.run("1", identifier="second")
    full = pool.call("POST", "executions", {"code": "1"}, identifier="third")
    assert full.status_code == 429
    assert full.headers["retry-after"] == "1"
    assert "2 sessions" in full.json()["error"]["message"]
    assert pool.run("1", identifier="first")["status"] == "Succeeded"
    assert pool.call("DELETE", "session", identifier="second").status_code == 204
    assert pool.run("1", identifier="third")["status"] == "Succeeded"


def test_an_instance_that_cannot_be_started_is_told_with_the_reason(emulator: Running) -> None:
    emulator.sessions.refusal = StartRefused("it is broken")
    pool = Caller(emulator)
    answer = pool.call("POST", "executions", {"code": "1"})
    assert refusal(answer) == (503, "SessionNotAllocated")
    assert "it is broken" in answer.json()["error"]["message"]
    emulator.sessions.refusal = NotHere("no such program")
    assert refusal(pool.call("POST", "executions", {"code": "1"})) == (501, "SessionTypeNotSupported")


def test_only_tokens_for_sessions_open_the_door_and_only_a_role_lets_in(pool: Caller) -> None:
    emulator = pool.emulator

    def with_(audience: str, subject: str = "") -> int:
        given = token(emulator, audience, subject)
        return pool.call("POST", "executions", {"code": "1"}, token=given).status_code

    assert with_("https://dynamicsessions.io") == 202
    assert with_("https://acasessions.io") == 202
    assert with_("https://azurecontainerapps.dev") == 401
    assert with_("https://management.azure.com") == 401
    stranger = "11111111-2222-3333-4444-555555555555"
    assert with_("https://dynamicsessions.io", stranger) == 403
    role = "/providers/Microsoft.Authorization/roleDefinitions/0fb8eba5-a2bb-4abe-b1c1-49dfad359bb0"
    assigned = emulator.ask(
        "PUT", f"{pool.path}/providers/Microsoft.Authorization/roleAssignments/{stranger}",
        {"properties": {
            "roleDefinitionId": f"/subscriptions/{emulator.environment['AZURE_SUBSCRIPTION_ID']}{role}",
            "principalId": stranger, "principalType": "ServicePrincipal",
        }},
        params={"api-version": "2022-04-01"},
    )  # fmt: skip
    assert assigned.status_code == 201, assigned.text
    assert with_("https://dynamicsessions.io", stranger) == 202
    other = Caller(emulator, "other")
    answer = other.call("POST", "executions", {"code": "1"}, token=token(emulator, subject=stranger))
    assert "Session Executor" in answer.json()["error"]["message"]


def test_a_pool_that_is_not_there_is_not_found(pool: Caller) -> None:
    pool.url = pool.url.replace("sessionPools/pool", "sessionPools/other")
    assert refusal(pool.call("POST", "executions", {"code": "1"})) == (404, "ResourceNotFound")


def test_an_operation_that_no_pool_of_that_kind_has_is_not_found(pool: Caller) -> None:
    assert refusal(pool.call("PUT", "anything/else")) == (404, "SessionRequestNotSupported")


def test_an_execution_may_be_asked_for_and_looked_at_later(pool: Caller) -> None:
    asked = pool.call("POST", "executions", {"code": "wait", "executionType": "asynchronous"})
    assert asked.status_code == 202
    assert asked.json()["status"] in {"NotStarted", "Running"}
    assert "result" not in asked.json()
    location = asked.headers["operation-location"]
    assert asked.headers["operation-id"] == asked.json()["id"]
    headers = {"Authorization": f"Bearer {pool.token}"}
    pool.emulator.eventually(lambda: pool.emulator.ask("GET", location, headers=headers).json()["status"] == "Running")
    canceled = pool.call("POST", f"executions/{asked.json()['id']}/cancel")
    assert canceled.status_code == 202
    pool.emulator.eventually(lambda: pool.emulator.ask("GET", location, headers=headers).json()["status"] == "Canceled")
    assert pool.emulator.ask("GET", location, headers=headers).json()["result"]["stdout"] == "waiting\n"
    assert refusal(pool.call("GET", "executions/none-such")) == (404, "ExecutionNotFound")


def test_an_execution_is_told_as_it_happens_to_whoever_takes_it_so(pool: Caller) -> None:
    events = pool.stream("print('hi')")
    assert [each["event"] for each in events] == ["started", "running", "stream", "finished"]
    assert events[2] == {"event": "stream", "name": "stdout", "text": "hi\n"}
    assert events[-1]["id"] == events[0]["id"]
    assert events[-1]["result"]["stdout"] == "hi\n"


def test_whoever_follows_later_is_told_from_the_start(pool: Caller) -> None:
    first = pool.stream("print('hi')")
    answer = pool.call("GET", f"executions/{first[0]['id']}", headers={"Accept": "application/x-ndjson"})
    assert [json.loads(line)["event"] for line in answer.text.splitlines()] == [each["event"] for each in first]


def test_code_runs_one_after_the_other_in_a_session(pool: Caller) -> None:
    waiting = pool.call("POST", "executions", {"code": "wait", "executionType": "asynchronous"}).json()["id"]
    second: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: second.append(pool.run("2")))
    thread.start()
    pool.emulator.eventually(lambda: pool.call("GET", f"executions/{waiting}").json()["status"] == "Running")
    assert not second
    pool.call("POST", f"executions/{waiting}/cancel")
    thread.join(10)
    assert second[0]["result"]["executionResult"] == 2


def test_an_execution_that_takes_too_long_is_interrupted_and_says_so(pool: Caller) -> None:
    body = {"code": "wait", "timeoutInSeconds": 10, "executionType": "asynchronous"}
    id_ = pool.call("POST", "executions", body).json()["id"]
    pool.emulator.eventually(lambda: pool.call("GET", f"executions/{id_}").json()["status"] == "Running")
    pool.emulator.advance(11)
    pool.emulator.eventually(lambda: pool.call("GET", f"executions/{id_}").json()["status"] == "Failed")
    found = pool.call("GET", f"executions/{id_}").json()
    assert "timed out after 10 s" in found["result"]["stderr"]
    assert pool.run("3")["result"]["executionResult"] == 3  # the session is still there


def test_a_shell_answers_its_exit_code_for_a_status(emulator: Running) -> None:
    pool = Caller(emulator, kind="Shell")
    answer = pool.call("POST", "executions", {"shellCommand": "print('hi')"})
    assert answer.json()["status"] == "0"
    pool.call("POST", "executions", {"execCommandAndArgs": ["ls", "a b"]})
    assert emulator.sessions.instances[0].ran[-1].arguments == ("ls", "a b")


def test_metadata_tells_how_far_sessions_are_kept_apart_and_how_many_wait(pool: Caller) -> None:
    pool.emulator.eventually(lambda: pool.call("GET", "metadata", identifier=None).json()["instances"]["ready"] == 1)
    body = pool.call("GET", "metadata", identifier=None).json()
    assert body["containerType"] == "PythonLTS"
    assert body["isolation"]["isolated"] is False


def test_a_client_of_azure_core_with_its_own_credential_is_answered(pool: Caller) -> None:
    class Credential:
        def get_token(self, *scopes: str, **_: Any) -> AccessToken:
            assert scopes == ("https://dynamicsessions.io/.default",)
            return AccessToken(pool.token, 9_999_999_999)

    url = pool.url.replace(
        pool.emulator.environment["AZURE_RESOURCE_MANAGER_HTTP_URL"],
        pool.emulator.environment["AZURE_RESOURCE_MANAGER_URL"],
    )
    policy = BearerTokenCredentialPolicy(Credential(), "https://dynamicsessions.io/.default")
    with PipelineClient(url, policies=[policy]) as client:
        request = HttpRequest(
            "POST", f"{url}/executions", params={"api-version": "2025-02-02-preview", "identifier": "core"},
            json={"code": "print('hi')"},
        )  # fmt: skip
        roots = pool.emulator.environment["REQUESTS_CA_BUNDLE"]
        answer = client.send_request(request, connection_verify=roots)
        assert answer.json()["result"]["stdout"] == "hi\n"

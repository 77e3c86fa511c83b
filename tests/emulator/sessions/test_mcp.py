"""A pool's MCP server over HTTP: its key, its messages, what its tools run, and what it refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from aca_notebook.emulator.sessions import mcp_tools
from aca_notebook.emulator.sessions.mcp_tools import Refused, read_run
from aca_notebook.emulator.sessions.pool import Kind
from tests.emulator.sessions.calling import Caller

if TYPE_CHECKING:
    import requests

    from tests.emulator.running import Running

VERSION = {"api-version": "2025-02-02-preview"}
ENABLED = {"mcpServerSettings": {"isMCPServerEnabled": True}}


class Server:
    """The MCP server of one pool, asked as `curl` asks it."""

    def __init__(self, emulator: Running, kind: str = "PythonLTS", **properties: Any) -> None:
        self.emulator = emulator
        self.path = f"{emulator.group}/providers/Microsoft.App/sessionPools/speaks"
        body = {"location": "eastus", "properties": {"containerType": kind, **ENABLED, **properties}}
        assert emulator.ask("PUT", self.path, body, params=VERSION).status_code == 200
        shown = emulator.ask("GET", self.path, params=VERSION).json()["properties"]
        self.url = shown["mcpServerSettings"]["mcpServerEndpoint"]
        self.key = self.fetched()

    def fetched(self) -> str:
        return self.emulator.ask("POST", f"{self.path}/fetchMCPServerCredentials", params=VERSION).json()["apiKey"]

    def post(self, body: Any, **headers: str) -> requests.Response:
        given = {"x-ms-apikey": self.key, "Content-Type": "application/json", "Authorization": ""} | headers
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.emulator.ask("POST", self.url, data=raw, headers=given, params={})

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        answer = self.post({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert (body["jsonrpc"], body["id"]) == ("2.0", 7)
        return body

    def tool(self, name: str, **arguments: Any) -> dict[str, Any]:
        return self.call("tools/call", name=name, arguments=arguments)

    def launched(self) -> str:
        return self.tool("launchShell")["result"]["structuredContent"]["environmentId"]


@pytest.fixture
def server(emulator: Running) -> Server:
    return Server(emulator)


def test_it_introduces_itself_as_the_platforms_does(server: Server) -> None:
    found = server.call("initialize")["result"]
    assert found["protocolVersion"] == "2025-03-26"
    assert found["serverInfo"]["name"] == "Microsoft Container Apps MCP Server"
    assert found["capabilities"]["tools"] == {"call": True, "list": True}
    names = [each["name"] for each in server.call("tools/list")["result"]["tools"]]
    assert {"launchShell", "runShellCommandInRemoteEnvironment", "runPythonCodeInRemoteEnvironment"} <= set(names)


def test_code_runs_in_an_environment_and_another_is_another_session(server: Server) -> None:
    first, second = server.launched(), server.launched()
    assert first != second
    for environment in (first, second, first):
        ran = server.tool("runPythonCodeInRemoteEnvironment", environmentId=environment, pythonCode="print('hello')")
        assert ran["result"]["structuredContent"]["stdout"] == "hello\n"
        assert ran["result"]["isError"] is False
        assert json.loads(ran["result"]["content"][0]["text"]) == ran["result"]["structuredContent"]
    busy = [each for each in server.emulator.sessions.instances if each.ran]
    assert [len(each.ran) for each in busy] == [2, 1]


def test_what_code_raises_is_the_tools_error_and_no_protocols(server: Server) -> None:
    ran = server.tool("runPythonCodeInRemoteEnvironment", environmentId=server.launched(), pythonCode="raise")
    assert ran["result"]["isError"] is True
    assert "Traceback" in ran["result"]["structuredContent"]["stderr"]


def test_an_environment_whose_session_has_ended_is_not_found(server: Server) -> None:
    environment = server.launched()
    server.tool("runPythonCodeInRemoteEnvironment", environmentId=environment, pythonCode="1")
    server.emulator.advance(301)
    server.emulator.eventually(lambda: not server.emulator.emulator._sessions.busy)
    refused = server.tool("runPythonCodeInRemoteEnvironment", environmentId=environment, pythonCode="1")
    assert refused["error"]["message"].startswith(f"Environment not found: {environment}: nobody had used it")


def test_a_pool_that_is_full_says_so(emulator: Running) -> None:
    server = Server(emulator, scaleConfiguration={"maxConcurrentSessions": 1})
    for _ in range(2):
        last = server.tool("runPythonCodeInRemoteEnvironment", environmentId=server.launched(), pythonCode="1")
    assert "maxConcurrentSessions" in last["error"]["message"]


def test_only_the_pools_key_opens_it_and_a_new_one_shuts_the_old_out(server: Server) -> None:
    hello = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    token = Caller(server.emulator, "other").token
    assert server.post(hello).status_code == 200
    assert server.post(hello, **{"x-ms-apikey": "wrong"}).status_code == 401
    bearer = server.emulator.ask("POST", server.url, hello, headers={"Authorization": f"Bearer {token}"}, params={})
    assert bearer.status_code == 401
    other = server.url.replace("/speaks/", "/other/")
    key = {"x-ms-apikey": server.key}
    assert server.emulator.ask("POST", other, hello, headers=key, params={}).status_code == 401
    before = server.key
    server.emulator.ask("POST", f"{server.path}/rotateMCPServerCredentials", params=VERSION)
    server.key = server.fetched()
    assert server.key != before
    assert server.post(hello).status_code == 200
    assert server.post(hello, **{"x-ms-apikey": before}).status_code == 401


def test_its_key_lasts_over_other_changes_and_is_in_no_answer(server: Server) -> None:
    emulator = server.emulator
    emulator.follow(emulator.ask("PATCH", server.path, {"tags": {"a": "b"}}, params=VERSION))
    assert server.fetched() == server.key
    assert server.key not in emulator.ask("GET", server.path, params=VERSION).text
    emulator.ask("DELETE", server.path)
    assert server.post({"jsonrpc": "2.0", "id": 1, "method": "ping"}).status_code == 401


def test_what_is_no_message_is_refused_in_the_protocols_words(server: Server) -> None:
    broken = server.post(b"{")
    assert (broken.status_code, broken.json()["error"]["code"]) == (400, mcp_tools.PARSE_ERROR)
    for body, code in (
        ({"id": 1, "method": "ping"}, mcp_tools.INVALID_REQUEST),
        ({"jsonrpc": "2.0", "id": 1, "method": "no/such"}, mcp_tools.METHOD_NOT_FOUND),
        ({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": [1]}, mcp_tools.INVALID_PARAMS),
        ({"jsonrpc": "2.0", "id": {}, "method": "ping"}, mcp_tools.INVALID_REQUEST),
        ({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "no"}}, mcp_tools.INVALID_PARAMS),
    ):
        assert server.post(body).json()["error"]["code"] == code, body


def test_a_notification_is_not_answered_and_several_messages_are_answered_together(server: Server) -> None:
    told = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert (server.post(told).status_code, server.post(told).content) == (202, b"")
    both = server.post([told, {"jsonrpc": "2.0", "id": "a", "method": "ping"}]).json()
    assert both == [{"jsonrpc": "2.0", "id": "a", "result": {}}]


def test_there_is_no_stream_to_listen_on(server: Server) -> None:
    answer = server.emulator.ask("GET", server.url, headers={"x-ms-apikey": server.key}, params={})
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("kind", "tool", "arguments", "source", "words"),
    [
        (Kind.SHELL, mcp_tools.SHELL, {"shellCommand": "ls"}, "ls", ()),
        (Kind.SHELL, mcp_tools.SHELL, {"execCommandAndArgs": ["ls", "-l"]}, "", ("ls", "-l")),
        (Kind.SHELL, mcp_tools.PYTHON, {"pythonCode": "1"}, "", ("python3", "-c", "1")),
        (Kind.PYTHON, mcp_tools.PYTHON, {"pythonCode": "1"}, "1", ()),
    ],
)
def test_each_tool_runs_in_either_kind_of_pool(
    kind: Kind, tool: str, arguments: dict[str, Any], source: str, words: tuple[str, ...]
) -> None:
    found = read_run(tool, {"environmentId": "abcd", **arguments}, kind).code
    assert (found.source, found.arguments) == (source, words)


def test_a_shells_command_in_a_session_of_python_tells_what_it_wrote_and_its_exit_code(
    capfd: pytest.CaptureFixture[str],
) -> None:
    asked = {"environmentId": "abcd", "shellCommand": "echo out; echo err >&2; exit 3"}
    source = read_run(mcp_tools.SHELL, asked, Kind.PYTHON).code.source
    names: dict[str, Any] = {}
    body, _, last = source.rstrip().rpartition("\n")
    exec(body, names)  # as an interpreter does: the statements, then the last expression
    assert eval(last, names) == 3
    assert capfd.readouterr() == ("out\n", "err\n")


@pytest.mark.parametrize("environment", ["", "abc", "with blank", 7, None])
def test_an_environment_that_can_be_none_is_refused(environment: object) -> None:
    with pytest.raises(Refused, match="environmentId"):
        read_run(mcp_tools.PYTHON, {"environmentId": environment, "pythonCode": "1"}, Kind.PYTHON)

"""What the client sends, how often, and what it makes of refusals: a real server that answers as it is told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from aca_notebook.api.loop import PrivateLoop
from aca_notebook.clock import SystemClock
from aca_notebook.errors import NotFound, RemoteError, ServiceFailed, Throttled, Unauthorized
from aca_notebook.model.session import Backend, ContainerType
from tests.fakes.sessions import served, session_at

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

DONE = {"status": "0", "result": {"stdout": "hello\n", "stderr": "", "executionResult": ""}}
OLD_DONE = {"properties": {"status": "Success", "stdout": "old\n", "stderr": "", "result": 42}}
OLD_FAILED = {"properties": {"status": "Failure", "stdout": "", "stderr": "Traceback …\nValueError: no", "result": ""}}


def error(code: str, message: str = "so it is") -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


class Scripted:
    """Answers each request with the next of its answers, the last one ever after; keeps what it was sent."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any, dict[str, str]]] = []
        self.asked: list[tuple[str, str, Any]] = []

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            while (message := await receive())["type"] != "lifespan.shutdown":
                await send({"type": f"{message['type']}.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        body = b""
        while (message := await receive()).get("more_body"):
            body += message["body"]
        body += message.get("body", b"")
        is_json = dict(scope["headers"]).get(b"content-type") == b"application/json"
        self.asked.append((scope["method"], scope["path"], json.loads(body) if is_json else body))
        status, answer, headers = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        sent = [(b"content-type", b"application/json"), *((k.encode(), v.encode()) for k, v in headers.items())]
        await send({"type": "http.response.start", "status": status, "headers": sent})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    def script(self, *answers: tuple[Any, ...]) -> None:
        """Begin anew with these: status, body, headers."""
        self.asked.clear()
        self.answers[:] = [(*each, {})[:3] for each in answers]


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Scripted, str, PrivateLoop]]:
    scripted, loop = Scripted(), PrivateLoop()
    with served(scripted) as (url, _):
        yield scripted, url, loop
    loop.close()


@pytest.fixture
def scripted(server) -> Scripted:
    return server[0]


@pytest.fixture
def session_of(server):
    opened = []

    def make(kind: str):
        session, access = session_at(server[1], server[2], SystemClock(), backend=Backend.POOL, kind=kind)
        opened.append(access)
        return session

    yield make
    for access in opened:
        server[2].run(access.close())


def test_a_shell_gets_a_shell_command_and_no_harness(scripted, session_of) -> None:
    scripted.script((202, DONE))
    run = session_of(ContainerType.SHELL).run("echo hello")
    assert (run.stdout, run.exit_code) == ("hello\n", 0)
    assert scripted.asked == [("POST", "/executions", {"shellCommand": "echo hello", "timeoutInSeconds": 220})]


def test_code_is_sent_again_only_while_it_was_not_begun(scripted, session_of) -> None:
    scripted.script(
        (429, error("TooManyRequests"), {"retry-after": "0"}), (503, error("x"), {"retry-after": "0"}), (202, DONE)
    )
    assert session_of(ContainerType.SHELL).run("echo hello").stdout == "hello\n"
    assert len(scripted.asked) == 3


@pytest.mark.parametrize("status", [500, 502, 504, 408])
def test_code_that_may_have_begun_is_not_sent_again(scripted, session_of, status: int) -> None:
    scripted.script((status, error("InternalServerError")), (202, DONE))
    with pytest.raises(ServiceFailed):
        session_of(ContainerType.SHELL).run("echo hello")
    assert len(scripted.asked) == 1


def test_a_full_pool_says_so(scripted, session_of) -> None:
    scripted.script((429, error("SessionPoolMaxConcurrentSessionsReached", "The pool is full"), {"retry-after": "900"}))
    with pytest.raises(Throttled, match="The pool is full"):
        session_of(ContainerType.SHELL).run("echo hello")
    assert len(scripted.asked) == 1


def test_a_pool_of_the_first_generation_is_asked_in_its_words(scripted, session_of) -> None:
    scripted.script((404, {}), (200, OLD_DONE))
    session = session_of(ContainerType.NODE)
    run = session.run("6 * 7")
    assert (run.stdout, run.result) == ("old\n", "42")
    assert [path for _, path, _ in scripted.asked] == ["/executions", "/code/execute"]
    assert scripted.asked[1][2]["properties"]["code"] == "6 * 7"
    scripted.script((200, OLD_FAILED))
    with pytest.raises(RemoteError, match="ValueError: no"):
        session.run("again")
    assert [path for _, path, _ in scripted.asked if path != "/session"] == ["/code/execute"]
    listed = {"value": [{"properties": {"filename": "a.txt", "size": 7}}]}
    scripted.script((200, listed))
    assert [each.path for each in session.files.list()] == ["a.txt"]
    assert session.upload(b"x", "a.txt").size_bytes == 7
    session.files.read("a.txt")
    assert [path for _, path, _ in scripted.asked] == ["/files", "/files/upload", "/files/content/a.txt"]


def test_refusals_say_what_to_do(scripted, session_of) -> None:
    session = session_of(ContainerType.SHELL)
    scripted.script((403, error("Forbidden", "no role")))
    with pytest.raises(Unauthorized, match="Session Executor"):
        session.run("1")
    scripted.script((400, error("SessionWithIdentifierNotFound")))
    with pytest.raises(NotFound, match="next `%%aca session lab1` makes it"):
        session.state()
    scripted.script((404, error("FileNotFound")))
    with pytest.raises(NotFound, match="%aca session files"):
        session.files.read("a.txt")

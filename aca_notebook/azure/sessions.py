"""The data plane of sessions, over azure-core's pipeline: no SDK has it (facts §5.2 to §5.5).

A pool of the platform and our agent in a container app answer the same paths. Two generations of the API are about:
the flat one (2024-10-02-preview and later; recorded: session_code_interpreter_e2e) is spoken first; where a pool does
not know it, the one before (2024-02-02-preview) is.
"""

from __future__ import annotations

import io
import json
import logging
import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import IncompleteReadError

from aca_notebook.azure import faults
from aca_notebook.azure.patience import Patience
from aca_notebook.azure.session_shapes import (
    NEW_VERSION,
    OLD_VERSION,
    Begun,
    Finished,
    new_execution,
    old_execution,
    read_file,
    read_finished,
    read_isolation,
    read_session,
)
from aca_notebook.errors import NotFound, ServiceFailed, Unreachable
from aca_notebook.model.session import LONGEST_SECONDS, Backend, ContainerType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from azure.core import AsyncPipelineClient
    from azure.core.rest import AsyncHttpResponse, HttpRequest

    from aca_notebook.azure.connection import Connection
    from aca_notebook.model.session import Isolation, SessionFile, SessionState

#: What tokens for the data plane are for (facts §5.2).
AUDIENCE = "https://dynamicsessions.io"
#: One JSON object a line while the code runs: an extension; Azure ignores it and answers at the end.
STREAMED = "application/x-ndjson"
#: A code execution is never sent twice on these: it was not begun. Others may come after it was.
_NOT_BEGUN = frozenset({429, 503})
_FOLDER = "/mnt/data"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where sessions answer: a pool's endpoint, asked with a token, or our agent's app, asked with its `key`."""

    url: str
    name: str
    backend: Backend
    container_type: str = ContainerType.PYTHON
    key: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """A piece of what a running cell wrote: `stream` is stdout or stderr."""

    stream: str
    text: str


class _SessionPatience(Patience):
    """Asks again while a session is allocated; code that may have begun is not sent again."""

    def is_retry(self, settings: dict[str, Any], response: Any) -> bool:
        """Tell whether to ask again."""
        runs = str(response.http_request.headers.get("x-aca-notebook-runs", ""))
        if runs and response.http_response.status_code not in _NOT_BEGUN:
            return False
        return super().is_retry(settings, response)


class Sessions:
    """Calls into sessions. Every method raises the errors of `faults`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._old: set[str] = set()

    async def execute(
        self, at: Endpoint, identifier: str, code: str, *, seconds: float = LONGEST_SECONDS
    ) -> AsyncIterator[Begun | Written | Finished]:
        """Run code and give what it writes as it comes, where the backend streams, and how it ended, last.

        At most once: what may have begun is not repeated. `seconds` is what the backend lets it run.
        """
        if at.url in self._old:
            yield await self._execute_old(at, identifier, code, seconds)
            return
        body = new_execution(at.container_type, code, seconds)
        headers = {"Accept": f"{STREAMED}, application/json;q=0.9", "x-aca-notebook-runs": "1"}
        request = self._request("POST", at, "executions", identifier, json=body, headers=headers)
        try:
            async with self._opened(request, identifier, seconds + 30) as response:
                if not str(response.headers.get("Content-Type", "")).startswith(STREAMED):
                    yield read_finished(_loaded(await response.read()))
                    return
                async for event in _events(response):
                    yield event
        except ServiceFailed as refused:
            if not _unknown_generation(refused, at):
                raise
            self._old.add(at.url)
            yield await self._execute_old(at, identifier, code, seconds)

    async def files(self, at: Endpoint, identifier: str, path: str = "") -> tuple[SessionFile, ...]:
        """List a folder; the top one when `path` is empty."""
        old = at.url in self._old
        answer = await self._json("GET", at, "files", identifier, {"path": path if path or not old else _FOLDER})
        return tuple(read_file(each, path) for each in answer.get("value") or ())

    async def upload(self, at: Endpoint, identifier: str, path: str, content: bytes) -> SessionFile:
        """Write a file; folders on its path are the backend's to make or to refuse."""
        folder, _, name = path.rpartition("/")
        place = "files/upload" if at.url in self._old else "files"
        content_type, form = _form(name, content)
        headers = {"Content-Type": content_type, "Content-Length": str(len(form))}
        # As a file: aiohttp warns of long bodies in bytes, and the retry policy finds its way back to the start.
        request = self._request(
            "POST", at, place, identifier, {"path": folder}, content=io.BytesIO(form), headers=headers
        )
        answer = await self._answer(request, identifier)
        found = answer.get("value")
        return read_file(found[0] if isinstance(found, list) and found else answer, folder)

    async def read(self, at: Endpoint, identifier: str, path: str) -> bytes:
        """Return a file's content."""
        folder, _, name = path.rpartition("/")
        place = f"files/content/{_quoted(name)}" if at.url in self._old else f"files/{_quoted(name)}/content"
        request = self._request("GET", at, place, identifier, {"path": folder})
        async with self._opened(request, f"file {path!r} of session {identifier!r}", 300) as response:
            return await response.read()

    async def delete(self, at: Endpoint, identifier: str, path: str) -> None:
        """Delete a file."""
        folder, _, name = path.rpartition("/")
        request = self._request("DELETE", at, f"files/{_quoted(name)}", identifier, {"path": folder})
        await self._answer(request, identifier, f"file {path!r} of session {identifier!r}")

    async def session(self, at: Endpoint, identifier: str) -> SessionState:
        """Return one session, which is not made by asking. Raises `NotFound`, with the reason where one is known."""
        return read_session(await self._json("GET", at, "session", identifier), at.name, at.backend)

    async def list(self, at: Endpoint) -> tuple[SessionState, ...]:
        """Return every session that lives."""
        found: list[SessionState] = []
        while True:
            answer = await self._json("GET", at, "listSessions", "", {"skip": str(len(found))} if found else {})
            page = answer.get("sessions", answer.get("value")) or ()
            found += [read_session(each, at.name, at.backend) for each in page]
            if not page or not answer.get("nextLink"):
                return tuple(found)

    async def stop(self, at: Endpoint, identifier: str) -> None:
        """End a session; one that is gone is stopped already."""
        try:
            await self._json("DELETE", at, "session", identifier)
        except NotFound:
            return

    async def cancel(self, at: Endpoint, identifier: str, execution: str) -> None:
        """Stop an execution (the emulator and our agent; Azure documents no such call)."""
        await self._json("POST", at, f"executions/{_quoted(execution)}/cancel", identifier)

    async def fork(self, at: Endpoint, identifier: str, copy: str) -> None:
        """Make a second session that continues where the first is now (our agent alone)."""
        await self._json("POST", at, ".management/forkSession", identifier, {"copy": copy})

    async def token(self) -> str:
        """Return a token for the data plane, as other clients of a pool want one."""
        with faults.translated("the token for sessions"):
            return (await self._connection.credential.get_token(f"{AUDIENCE}/.default")).token

    async def isolation(self, at: Endpoint) -> Isolation:
        """Return how far its sessions are from their host and each other."""
        try:
            return read_isolation(await self._json("GET", at, "metadata", ""))
        except NotFound:  # a pool of custom containers has no page of that kind
            return read_isolation({})

    # -- the wire --------------------------------------------------------------------------------------------------

    async def _execute_old(self, at: Endpoint, identifier: str, code: str, seconds: float) -> Finished:
        headers = {"x-aca-notebook-runs": "1"}
        body = old_execution(code, seconds)
        request = self._request("POST", at, "code/execute", identifier, json=body, headers=headers)
        return read_finished(await self._answer(request, identifier, patience=seconds + 30))

    async def _json(
        self, method: str, at: Endpoint, place: str, identifier: str, query: dict[str, str] | None = None
    ) -> dict[str, Any]:
        return await self._answer(self._request(method, at, place, identifier, query), identifier)

    async def _answer(
        self, request: HttpRequest, identifier: str, what: str = "", patience: float = 120
    ) -> dict[str, Any]:
        async with self._opened(request, what or identifier, patience) as response:
            return _loaded(await response.read())

    def _request(
        self, method: str, at: Endpoint, place: str, identifier: str, query: dict[str, str] | None = None,
        **content: Any,
    ) -> HttpRequest:  # fmt: skip
        from azure.core.rest import HttpRequest

        version = OLD_VERSION if at.url in self._old else NEW_VERSION
        params = {"api-version": version, **({"identifier": identifier} if identifier else {}), **(query or {})}
        headers = {**content.pop("headers", {}), **({"X-Api-Key": at.key} if at.key else {})}
        return HttpRequest(method, f"{at.url.rstrip('/')}/{place}", params=params, headers=headers, **content)

    @asynccontextmanager
    async def _opened(self, request: HttpRequest, what: str, patience: float) -> AsyncIterator[AsyncHttpResponse]:
        named = what if " " in what else f"session {what!r}" if what else "the sessions"
        client = self._with_key if "X-Api-Key" in request.headers else self._with_token
        with faults.translated(named):
            response = await client.send_request(request, stream=True, read_timeout=patience)
            try:
                if response.status_code >= 400:
                    text = (await response.read()).decode(errors="replace")
                    raise _refused(response.status_code, text, dict(response.headers), named)
                yield response
            except IncompleteReadError as cut:
                raise Unreachable(
                    f"the connection to {named} was cut", refused=False, detail=str(cut.inner_exception or cut)[:200],
                    hint="what ran there may have ended: `%aca session list` tells",
                ) from cut  # fmt: skip
            finally:
                await response.close()

    @cached_property
    def _with_token(self) -> AsyncPipelineClient[Any, Any]:
        from azure.core.pipeline.policies import AsyncBearerTokenCredentialPolicy

        return self._client(AsyncBearerTokenCredentialPolicy(self._connection.credential, f"{AUDIENCE}/.default"))

    @cached_property
    def _with_key(self) -> AsyncPipelineClient[Any, Any]:
        return self._client()

    def _client(self, *door: Any) -> AsyncPipelineClient[Any, Any]:
        from azure.core import AsyncPipelineClient
        from azure.core.pipeline.policies import UserAgentPolicy

        # An answer that breaks off is raised and translated; its warning goes to those who configured logging.
        logging.getLogger("azure.core").addHandler(logging.NullHandler())

        patience = _SessionPatience(retry_connect=self._connection.target.connect_retries, retry_total=6)
        policies = [UserAgentPolicy("aca_notebook"), patience, *door]
        return AsyncPipelineClient("", policies=policies, transport=self._connection.transport)


def _refused(status: int, text: str, headers: dict[str, str], what: str) -> ServiceFailed:
    """Return our error; a session that is none is not found, whatever status says so (facts §5.2: 400)."""
    error = faults.refused(status, text, headers, what)
    if error.code == "SessionWithIdentifierNotFound" and not isinstance(error, NotFound):
        return NotFound(
            f"{what} does not exist", status=status, code=error.code, detail=error.detail,
            hint="`%aca session list` shows those that do", request_id=error.request_id,
        )  # fmt: skip
    if status == 404 and what.startswith("file "):
        error.hint = "`%aca session files NAME` shows what is there"
    if status == 403 and error.code.lower() != "authorizationfailed":
        error.hint = "give this account the role 'Azure ContainerApps Session Executor' on the pool"
    return error


def _unknown_generation(refused: ServiceFailed, at: Endpoint) -> bool:
    """Whether a pool of code interpreters does not know the flat API: its path, or its version."""
    if at.backend is not Backend.POOL or at.container_type not in {ContainerType.PYTHON, ContainerType.NODE}:
        return False
    unknown = refused.status in {404, 405} and refused.code in {"", f"HTTP {refused.status}"}
    return unknown or refused.code in {"UnsupportedApiVersion", "NoRegisteredProviderFound", "InvalidApiVersion"}


async def _events(response: AsyncHttpResponse) -> AsyncIterator[Begun | Written | Finished]:
    """Read the lines of a streamed execution. Raises `ServiceFailed` for one that ends before its end."""
    rest, ended = b"", False
    async for chunk in response.iter_bytes():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in filter(None, lines):
            event = json.loads(line)
            kind = event.get("event")
            stream = event.get("name") if kind == "stream" else kind
            if kind == "started" and event.get("id"):
                yield Begun(str(event["id"]))
            elif stream in {"stdout", "stderr"}:
                yield Written(str(stream), str(event.get("text") or ""))
            elif kind == "finished":
                ended = True
                yield read_finished(event.get("execution") or event, streamed=True)
    if not ended:
        raise ServiceFailed(
            "the session stopped answering while the code ran", code="StreamEnded",
            hint="`%aca session list` tells whether it still lives",
        )  # fmt: skip


def _loaded(body: bytes) -> dict[str, Any]:
    """Return a JSON object; an empty answer and a sentence (stopSession answers in plain text) are an empty one."""
    try:
        found = json.loads(body) if body else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _form(name: str, content: bytes) -> tuple[str, bytes]:
    """Return a form with one file: its name as browsers write it, in UTF-8, which FormData of aiohttp would not."""
    boundary = secrets.token_hex(16)
    shown = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{shown}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return f"multipart/form-data; boundary={boundary}", b"".join(
        (head.encode(), content, f"\r\n--{boundary}--\r\n".encode())
    )


def _quoted(name: str) -> str:
    from urllib.parse import quote

    return quote(name, safe="")

"""One cell on its way through a session: sent, listened to, interrupted, and read to its end."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aca_notebook.api import sessions_code, sessions_values
from aca_notebook.azure.session_shapes import Begun, Finished, shown_result
from aca_notebook.display.session_text import SafeText, plain_text, safe_text
from aca_notebook.errors import AcaError, Detached, Interrupted, RemoteError, SessionGone, UsageFailed
from aca_notebook.model.session import OWN_FILE, CellError, ContainerType, Execution, Output, expected_end
from aca_notebook.model.session_stream import FrameReader, read_error, read_frame, read_stderr

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aca_notebook.api.access import Access
    from aca_notebook.api.sessions_memory import Memory
    from aca_notebook.api.sessions_places import Place
    from aca_notebook.azure.services import Services
    from aca_notebook.azure.sessions import Endpoint
    from aca_notebook.clock import Clock

logger = logging.getLogger(__name__)

#: How much text of one cell is shown; a session may write without end.
MOST_TEXT = 4 * 2**20
MOST_OUTPUTS = 2000
_SHOWN = frozenset({"display", "update", "result", "clear"})


@dataclass(frozen=True)
class CellJob:
    """A cell to run: `name` is what tracebacks call it, `given` and `wanted` are variables in and out."""

    source: str
    name: str = "cell"
    given: Mapping[str, object] = field(default_factory=dict)
    wanted: Sequence[str] = ()
    seconds: float = 220


class CellRun:
    """Runs one cell once. `emit` hears every output as it comes, on the Workspace's loop."""

    def __init__(
        self, access: Access, place: Place, memory: Memory, clock: Clock, job: CellJob,
        emit: Callable[[Output], None] | None = None,
    ) -> None:  # fmt: skip
        self._access = access
        self._place = place
        self._memory = memory
        self._clock = clock
        self._job = job
        self._emit = emit
        self._token = secrets.token_hex(8)
        self._frames = FrameReader(self._token)
        self._safe = {"stdout": SafeText(), "stderr": SafeText()}
        self._outputs: list[Output] = []
        self._text = 0
        self._values: dict[str, Any] = {}
        self._error: CellError | None = None
        self._finished: Finished | None = None
        self._began = self._ended = self._absent = self._died = False
        self._seconds = 0.0
        self._asked_to_stop = self._left = False
        self._leaving = asyncio.Event()
        self._unheard: list[Output] = []  # what came since it was left
        self._begun_id = ""
        self._last_words = ""
        self._task: asyncio.Task[Execution] | None = None

    async def run(self, *, check: bool = True) -> Execution:
        """Run it; cancelled once it interrupts the cell and raises `Interrupted`, cancelled twice `Detached`.

        Raises `RemoteError` for what the cell raised when `check`, and `SessionGone` when the interpreter that ran the
        session's earlier cells is no more: the cell is not run then.
        """
        self._task = asyncio.create_task(self._go())
        self._task.add_done_callback(_look_at)
        execution = await self._listened()
        return self.checked(execution) if check else execution

    async def rejoin(self, emit: Callable[[Output], None]) -> Execution:
        """Listen again to a cell that was left: what came meanwhile is told first. Ends as `run` does, unchecked."""
        self._left, self._leaving = False, asyncio.Event()
        unheard, self._unheard = self._unheard, []
        for output in unheard:
            emit(output)
        self._emit = emit
        return await self._listened()

    async def _listened(self) -> Execution:
        try:
            return await self._until_left()
        except asyncio.CancelledError:
            await self._interrupted()
            raise self._was_interrupted() from None

    async def _until_left(self) -> Execution:
        """Wait for the end, or to be left. Raises `Detached`."""
        leaving = asyncio.ensure_future(self._leaving.wait())
        try:
            await asyncio.wait((self._started, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
        if self._left and not self._started.done():
            raise self._was_detached()
        return self._started.result()

    @property
    def _started(self) -> asyncio.Task[Execution]:
        if self._task is None:
            raise UsageFailed("the cell was not started", code="UsageError")
        return self._task

    async def _interrupted(self) -> Execution:
        try:
            await self.interrupt()
            return await self._until_left()
        except asyncio.CancelledError:
            self.leave()
            raise self._was_detached() from None

    async def interrupt(self) -> None:
        """Raise `KeyboardInterrupt` in the cell; its session goes on. Raises what the session says when it cannot."""
        self._asked_to_stop = True
        endpoint = await self._place.endpoint(self._access.services)
        if endpoint.container_type != ContainerType.PYTHON:
            if self._begun_id:
                await self._access.services.sessions.cancel(endpoint, self._place.identifier, self._begun_id)
            else:
                self.leave()  # Azure tells no id before the end, and has no call to stop it
            return
        path = f"{OWN_FILE}interrupt-{self._token}"
        await self._access.services.sessions.upload(endpoint, self._place.identifier, path, b"interrupt")

    async def try_to_interrupt(self) -> None:
        """Interrupt, and say in the cell's output why when that cannot be done."""
        try:
            await self.interrupt()
        except AcaError as refused:
            self._add(
                Output("note", text=f"the cell could not be interrupted: {refused.message}; Ctrl-C again leaves it")
            )

    def leave(self) -> None:
        """Stop listening; the cell goes on by itself, and `run` raises `Detached`. `rejoin` listens again."""
        if self._task is not None and self._task.done():
            return
        self._left = True
        self._emit = self._unheard.append
        self._memory.left = self
        self._leaving.set()

    def checked(self, execution: Execution) -> Execution:
        """Return an execution that went well. Raises `Interrupted` and `RemoteError`."""
        error = execution.error
        if self._asked_to_stop and self._begun_id and not self._began and execution.status != "Succeeded":
            raise self._was_interrupted()
        if error is None:
            return execution
        stopped = error.name == "KeyboardInterrupt"
        if stopped and self._asked_to_stop:
            raise self._was_interrupted()
        message = f"{error.name}: {error.message}" if error.message else error.name
        hint = f"it was caused by {error.cause}" if error.cause else ""
        hint = f"a session runs a cell for at most {self._job.seconds:g} seconds" if stopped else hint
        raised = RemoteError(
            safe_text(message), type_name=plain_text(error.name), remote_traceback=safe_text(error.traceback),
            hint=safe_text(hint),
        )  # fmt: skip
        raised.code = ""  # the first line begins with it
        raise raised

    def _was_interrupted(self) -> Interrupted:
        name = self._place.session
        return Interrupted(f"the cell was interrupted; session {name!r} keeps its variables and files")

    def _was_detached(self) -> Detached:
        name = self._place.session
        return Detached(
            f"the cell goes on in session {name!r}; nobody listens to it any more",
            hint=f"`%aca session attach {name}` shows the rest of it; `%aca session stop {name}` ends it",
        )

    async def _go(self) -> Execution:
        await self._access.ask(self._exchange, once=True)
        if self._absent or self._died:
            raise await self._gone()
        self._memory.used_at = self._clock.now()
        return self._execution()

    async def _exchange(self, services: Services) -> None:
        endpoint = await self._place.endpoint(services)
        code = self._job.source
        if endpoint.container_type == ContainerType.PYTHON:
            code = await self._prepared(services, endpoint)
        elif self._job.given or self._job.wanted:
            raise UsageFailed(
                f"variables go in and out of Python sessions alone; {endpoint.name!r} has {endpoint.container_type}",
                code="UsageError", hint="send a file: `%aca session upload`",
            )  # fmt: skip
        identifier = self._place.identifier
        async for event in services.sessions.execute(endpoint, identifier, code, seconds=self._job.seconds):
            if isinstance(event, Finished):
                await self._end(services, endpoint, event)
            elif isinstance(event, Begun):
                self._begun_id = event.id
            else:
                await self._take(services, endpoint, event.stream, event.text)

    async def _prepared(self, services: Services, endpoint: Endpoint) -> str:
        given = {}
        for name, value in self._job.given.items():
            each = sessions_values.encode(name, value, self._token)
            if each.path:
                await services.sessions.upload(endpoint, self._place.identifier, each.path, each.content)
            given[name] = each.asked
        return sessions_code.code_for(
            self._job.source, name=self._job.name, token=self._token, mark=self._memory.mark, given=given,
            wanted=self._job.wanted,
        )  # fmt: skip

    # -- what comes back -----------------------------------------------------------------------------------------------

    async def _take(self, services: Services, endpoint: Endpoint, stream: str, text: str) -> None:
        if stream != "stdout":
            self._write(stream, text)
            return
        for piece in self._frames.feed(text):
            if isinstance(piece, str):
                self._write("stdout", piece)
            else:
                await self._obey(services, endpoint, piece)

    async def _obey(self, services: Services, endpoint: Endpoint, frame: dict[str, Any]) -> None:
        """Take one frame for what it claims to be."""
        kind = frame["kind"]
        if kind == "file":
            content = await self._fetched(services, endpoint, frame.get("path"))
            inner = read_frame(content.decode(errors="replace"))
            if inner is not None and inner["kind"] != "file":
                await self._obey(services, endpoint, inner)
        elif kind == "value" and frame.get("name") in self._job.wanted:
            await self._receive(services, endpoint, frame)
        elif kind in _SHOWN:
            data = frame.get("data")
            self._add(Output(kind, data=data if isinstance(data, dict) else {}, id=str(frame.get("id") or "")))
        else:
            self._note(kind, frame)

    def _note(self, kind: str, frame: dict[str, Any]) -> None:
        """Take what a frame says of the cell itself."""
        if kind == "begin":
            self._begin(frame)
        elif kind == "absent":
            self._absent = True
        elif kind == "error":
            self._error = read_error(frame)
        elif kind == "end":
            self._ended = True
            self._seconds = float(frame["seconds"]) if isinstance(frame.get("seconds"), int | float) else 0.0

    def _begin(self, frame: dict[str, Any]) -> None:
        from datetime import timedelta

        self._began = True
        age = frame.get("age_seconds")
        mark = frame.get("mark")
        self._memory.mark = mark if isinstance(mark, str) and mark.isalnum() and len(mark) == 32 else ""
        if self._memory.began_at is None:
            lived = timedelta(seconds=min(max(float(age), 0.0), 1e7)) if isinstance(age, int | float) else timedelta()
            self._memory.began_at = self._clock.now() - lived

    async def _receive(self, services: Services, endpoint: Endpoint, frame: dict[str, Any]) -> None:
        name = str(frame["name"])
        if frame.get("file"):
            content = await self._fetched(services, endpoint, frame["file"])
        else:
            content = base64.b64decode(str(frame.get("data") or ""))
        self._values[name] = sessions_values.decode(name, frame.get("format"), content)

    async def _fetched(self, services: Services, endpoint: Endpoint, path: object) -> bytes:
        """Take a file of ours out of the session. A session may name any other: that is not read."""
        if not isinstance(path, str) or not path.startswith(f"{OWN_FILE}{self._token}-") or "/" in path:
            return b""
        content = await services.sessions.read(endpoint, self._place.identifier, path)
        with contextlib.suppress(AcaError):  # it is hidden, and goes with the session
            await services.sessions.delete(endpoint, self._place.identifier, path)
        return content

    async def _end(self, services: Services, endpoint: Endpoint, finished: Finished) -> None:
        self._finished = finished
        if not finished.streamed:
            await self._take(services, endpoint, "stdout", finished.stdout)
        self._write("stdout", self._frames.close() + self._safe["stdout"].close())
        failed = not finished.succeeded and not self._absent
        if failed and finished.exit_code:
            self._add(Output("note", text=f"exit code {finished.exit_code}"))
        if not finished.streamed and finished.stderr and not (failed and self._error is None and not self._began):
            self._write("stderr", finished.stderr)
        self._write("stderr", self._safe["stderr"].close())
        if finished.result is not None:
            self._add(Output("result", data=shown_result(finished.result)))
        if failed and self._error is None and endpoint.container_type != ContainerType.SHELL:
            self._error = self._fault(finished)
        if self._began and not self._ended and finished.succeeded:
            await self._look_for_the_end(services, endpoint)

    async def _look_for_the_end(self, services: Services, endpoint: Endpoint) -> None:
        """Read what did not come through stdout, because the cell wrote more than a session passes on."""
        kept = await self._fetched(services, endpoint, f"{OWN_FILE}{self._token}-last")
        known = any(output.kind == "result" for output in self._outputs)
        for line in kept.decode(errors="replace").split("\n"):
            frame = read_frame(line)
            if frame is not None and not (known and frame["kind"] == "result"):
                await self._obey(services, endpoint, frame)
        if not self._ended:
            self._add(Output("note", text="the end of what the session said is missing"))

    def _fault(self, finished: Finished) -> CellError:
        """Say what an execution failed of that told nothing by a frame: its interpreter ended, or never began."""
        said = finished.stderr.strip()
        known = self._began or bool(
            self._memory.mark
        )  # an interpreter that dies at once may not get to say that it began
        if said and not known:
            return read_stderr(said)
        self._died = True
        self._last_words = safe_text(said.splitlines()[-1][:300]) if said else ""
        return CellError("ExecutionFailed", "the session ended while the cell ran", text=finished.stderr)

    def _write(self, stream: str, text: str) -> None:
        text = self._safe[stream].feed(text)
        if not text or self._text > MOST_TEXT:
            return
        self._text += len(text)
        self._add(Output(stream, text))
        if self._text > MOST_TEXT:
            self._add(Output("note", text=f"the rest is not shown: it wrote more than {MOST_TEXT // 2**20} MB"))

    def _add(self, output: Output) -> None:
        if len(self._outputs) >= MOST_OUTPUTS and output.kind in _SHOWN:
            return
        last = self._outputs[-1] if self._outputs else None
        if last is not None and last.kind == output.kind and output.kind in self._safe:
            self._outputs[-1] = Output(output.kind, last.text + output.text)
        else:
            self._outputs.append(output)
        if self._emit is not None:
            self._emit(output)

    def _execution(self) -> Execution:
        finished = self._finished or Finished("", "")
        return Execution(
            self._place.session, finished.id, finished.status, tuple(self._outputs), self._error, self._values,
            self._seconds or finished.milliseconds / 1000, finished.exit_code,
        )  # fmt: skip

    async def _gone(self) -> SessionGone:
        """Say that the interpreter of the earlier cells is no more, why, and how old it was; then forget it."""
        now, memory, name = self._clock.now(), self._memory, self._place.session
        lived = now - (memory.began_at or now)
        idle = now - (memory.used_at or now)
        why = await self._place.reason(self._access.services) or self._last_words
        why = why or expected_end(await self._place.pool(), lived, idle)
        memory.forget()
        minutes = lived.total_seconds() / 60
        age = f"{minutes:.0f} minutes" if minutes >= 1.5 else f"{lived.total_seconds():.0f} seconds"
        what = "ended while the cell ran" if self._died else "is gone"
        return SessionGone(
            f"session {name!r} {what}, with its variables and files; it was {age} old",
            code="SessionGone", detail=why if self._died else f"{why}; the cell was not run",
            hint="run the cell again: it gets a fresh session of that name",
        )  # fmt: skip


def _look_at(task: asyncio.Task[Execution]) -> None:
    """Take note of how a cell ended that may have nobody who asks."""
    if not task.cancelled():
        task.exception()

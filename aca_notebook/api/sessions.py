"""A session in a person's hands: an interpreter somewhere else, kept by name, that runs what nobody need trust."""

from __future__ import annotations

import asyncio
import queue
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Self, TypedDict, Unpack

from aca_notebook.api.sessions_files import SessionFiles
from aca_notebook.api.sessions_running import CellJob, CellRun
from aca_notebook.api.twin import blocking
from aca_notebook.errors import NotFound, UsageFailed
from aca_notebook.model.session import LONGEST_SECONDS, Backend, SessionState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from aca_notebook.api.access import Access
    from aca_notebook.api.loop import PrivateLoop
    from aca_notebook.api.sessions_memory import Memory
    from aca_notebook.api.sessions_places import Place
    from aca_notebook.api.workspace import Workspace
    from aca_notebook.azure.services import Services
    from aca_notebook.model.session import Execution, Isolation, Output, SessionFile, SessionPoolState

_SLICE_SECONDS = 0.5


class RunOptions(TypedDict, total=False):
    """What `run` may be told.

    `on_stdout` and `on_stderr` hear text as it comes (where the backend streams; else at the end), `on_output` all
    there is, each on another thread. Text has colours but no other escapes; HTML is the session's own and untrusted.
    `given` are variables the code gets, `wanted` the names of those it leaves. `timeout_seconds` is at most 220. `name`
    is what tracebacks call the code. `check` raises what the code raised (default).
    """

    on_stdout: Callable[[str], None] | None
    on_stderr: Callable[[str], None] | None
    on_output: Callable[[Output], None] | None
    given: Mapping[str, object] | None
    wanted: Sequence[str]
    timeout_seconds: float
    name: str
    check: bool


class Session:
    """One session, by name. Nothing is asked of the platform before the first cell; that makes it if it is not there.

    In a `with` it is stopped at the end. Blocking methods have a twin to await: `await session.run.aio("1 + 1")`.
    """

    def __init__(self, place: Place, workspace: Workspace, access: Access, memory: Memory) -> None:
        self._place = place
        self._workspace = workspace  # lives as long as its sessions do
        self._access = access
        self._memory = memory
        self.require_isolation = False
        self.files = SessionFiles(access, place, workspace.loop)

    @property
    def _loop(self) -> PrivateLoop:
        return self._workspace.loop

    @property
    def name(self) -> str:
        """What it is called here."""
        return self._place.session

    @property
    def identifier(self) -> str:
        """What the platform calls it: what other clients of the pool take for the same session."""
        return self._place.identifier

    @property
    def place(self) -> str:
        """What it is in: `session pool 'python'`."""
        return self._place.where

    @property
    def note(self) -> str:
        """What is to be known of its GPU, once it was asked for: that there is none on this machine, say."""
        return self._place.note

    @property
    def used(self) -> bool:
        """Whether a cell ran in it through this object."""
        return self._memory.used_at is not None

    @blocking
    async def run(self, code: str, **options: Unpack[RunOptions]) -> Execution:
        """Run code and return how it ended: its outputs in order, the last expression, the `wanted` variables.

        Ctrl-C interrupts the code and keeps the session (`Interrupted`); a second leaves it to go on (`Detached`).
        Raises `RemoteError` for what the code raises when `check`, `SessionGone`, and the errors of the platform.
        """
        limit = min(options.get("timeout_seconds", LONGEST_SECONDS), LONGEST_SECONDS)
        given, wanted = dict(options.get("given") or {}), tuple(options.get("wanted") or ())
        job = CellJob(code, options.get("name", "cell"), given, wanted, limit)
        await self._ready()
        return await self._cell(job, _listener(options)).run(check=options.get("check", True))

    def start(self, job: CellJob) -> RunningCell:
        """Begin a cell and return it: iterate over its outputs, `interrupt()` it, ask for its `result()`."""
        return RunningCell(self, job)

    def attach(self) -> RunningCell:
        """Return the cell that was left to go on by itself, to listen to the rest of it. Raises `UsageFailed`."""
        left, self._memory.left = self._memory.left, None
        if left is None:
            raise UsageFailed(
                f"no cell of session {self.name!r} was left to go on by itself", code="NothingLeft",
                hint="a second Ctrl-C while one runs leaves it; another kernel's cannot be heard from here",
            )  # fmt: skip
        return RunningCell(self, left)

    def upload(self, source: str | Path | bytes, path: str = "") -> SessionFile:
        """Put a file into the session (see `SessionFiles.upload`)."""
        return self.files.upload(source, path)

    def download(self, path: str, target: str | Path = "", *, overwrite: bool = False) -> Path:
        """Fetch a file of the session (see `SessionFiles.download`)."""
        return self.files.download(path, target, overwrite=overwrite)

    @blocking
    async def stop(self) -> None:
        """End the session: its variables and files are gone. One that is gone already is stopped."""
        await self._access.ask(self._stop)
        self._memory.forget()

    @blocking
    async def restart(self) -> Session:
        """End the session and make it anew, empty; returns itself."""
        await self._access.ask(self._stop)
        self._memory.forget()
        await self._cell(CellJob("", "restart"), None).run()
        return self

    @blocking
    async def fork(self, name: str = "") -> Session:
        """Return a second session that continues where this one is now: our agent can, pools cannot."""
        name = name or f"{self.name}-{secrets.token_hex(2)}"
        copy = self._place.beside(name)

        async def fork(services: Services) -> None:
            endpoint = await self._place.endpoint(services)
            if endpoint.backend is not Backend.AGENT:
                raise UsageFailed(
                    f"session {self.name!r} cannot be forked: a session pool has no such thing", code="ForkNotOffered",
                    hint="sessions of our agent can (--gpu T4); or run the same cells in another session",
                )  # fmt: skip
            await services.sessions.fork(endpoint, self.identifier, copy.identifier)

        await self._access.ask(fork, once=True)
        forked = Session(copy, self._workspace, self._access, replace(self._memory, mark=""))
        forked.require_isolation = self.require_isolation
        return forked

    @blocking
    async def state(self) -> SessionState:
        """Return how it is now. Raises `NotFound` for one that no cell has made yet, or that is gone."""
        found: SessionState = await self._access.ask(self._read)
        return found

    @blocking
    async def isolation(self) -> Isolation:
        """Return how far it is from its host and other sessions."""
        return await self._access.ask(self._place.isolation)

    @blocking
    async def pool(self) -> SessionPoolState:
        """Return what it is in, as a pool."""
        await self._access.ask(self._place.endpoint)
        return await self._place.pool()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop.aio()

    def __repr__(self) -> str:
        return f"<Session {self.name!r} in {self._place.where}>"

    async def _ready(self) -> None:
        """Refuse to run where isolation is demanded and there is none."""
        if not self.require_isolation:
            return
        found = await self._access.ask(self._place.isolation)
        if not found.isolated:
            raise UsageFailed(
                f"session {self.name!r} would be {found.words}", code="NotIsolated",
                hint="leave --require-isolation out for code you trust; `aca-notebook doctor` says what it needs",
            )  # fmt: skip

    async def _stop(self, services: Services) -> None:
        try:
            endpoint = await self._place.endpoint(services, make=False)
        except NotFound:
            return  # and with its pool every session
        await services.sessions.stop(endpoint, self.identifier)

    async def _read(self, services: Services) -> SessionState:
        endpoint = await self._place.endpoint(services, make=False)
        try:
            found, isolation = await asyncio.gather(
                services.sessions.session(endpoint, self.identifier), self._place.isolation(services)
            )
        except NotFound as missing:
            missing.hint = f"the next `%%aca session {self.name}` makes it"
            raise
        return replace(
            found, identifier=self.identifier, isolation=isolation, container_type=endpoint.container_type,
            gpu=self._place.gpu, note=self._place.note,
        )  # fmt: skip

    def _cell(self, job: CellJob, emit: Callable[[Output], None] | None) -> CellRun:
        return CellRun(self._access, self._place, self._memory, self._workspace.clock, job, emit)


def _listener(options: RunOptions) -> Callable[[Output], None]:
    hears = {"stdout": options.get("on_stdout"), "stderr": options.get("on_stderr")}
    hear_all = options.get("on_output")

    def emit(output: Output) -> None:
        hear = hears.get(output.kind)
        if hear is not None:
            hear(output.text)
        if hear_all is not None:
            hear_all(output)

    return emit


class RunningCell:
    """A cell under way, new or listened to again. Iterating gives its outputs; `result()` tells how it ended."""

    def __init__(self, session: Session, what: CellJob | CellRun) -> None:
        self._loop = session._loop  # noqa: SLF001  # its own
        self._outputs: queue.SimpleQueue[Output | None] = queue.SimpleQueue()
        if isinstance(what, CellRun):
            self._cell = what
            work = self._rejoined()
        else:
            self._cell = session._cell(what, self._outputs.put)  # noqa: SLF001  # its own
            work = self._work(session)
        self._done: Future[Execution] = self._loop.start(work)

    async def _rejoined(self) -> Execution:
        try:
            return await self._cell.rejoin(self._outputs.put)
        finally:
            self._outputs.put(None)

    async def _work(self, session: Session) -> Execution:
        try:
            await session._ready()  # noqa: SLF001  # its own
            return await self._cell.run(check=False)
        finally:
            self._outputs.put(None)

    def __iter__(self) -> Iterator[Output]:
        while True:
            try:  # in slices: a wait without end would not hear Ctrl-C
                output = self._outputs.get(timeout=_SLICE_SECONDS)
            except queue.Empty:
                continue
            if output is None:
                return
            yield output

    def interrupt(self) -> None:
        """Raise `KeyboardInterrupt` in the cell; its outputs go on to its end."""
        self._loop.start(self._cell.try_to_interrupt())

    def detach(self) -> None:
        """Stop listening: the cell goes on by itself, and `result` raises `Detached`."""

        async def leave() -> None:
            self._cell.leave()

        self._loop.start(leave())

    def result(self) -> Execution:
        """Return how it ended. Raises as `Session.run` does."""
        return self._cell.checked(self._done.result())

"""One session of the agent: its process, its executions, one after the other, and what they write."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aca_notebook.runner.session_files import Folder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

#: What an answer holds of each stream; a follower hears all of it.
MOST_KEPT = 2**20
#: How long code that was interrupted may take to end before its session is ended.
GRACE_SECONDS = 5.0
_KEPT_EXECUTIONS = 50


def stamp(moment: datetime | None = None) -> str:
    """Write a moment as the data plane does."""
    moment = moment or datetime.now(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}0Z"


class Execution:
    """One piece of code: what it wrote, and how it ended."""

    def __init__(self, identifier: str) -> None:
        self.id = str(uuid.uuid4())
        self.identifier = identifier
        self.status = "NotStarted"
        self.result: Any = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._began = asyncio.get_running_loop().time()
        self._milliseconds = 0
        self._kept = {"stdout": "", "stderr": ""}
        self._events: list[tuple[str, str]] = []
        self._changed = asyncio.Event()

    def write(self, stream: str, text: str) -> None:
        """Take what the code wrote."""
        room = MOST_KEPT - len(self._kept[stream])
        self._kept[stream] += text[:room]
        self._events.append((stream, text))
        self._changed.set()

    def end(self, status: str, result: Any = None) -> None:
        """Nothing more comes."""
        if self.done.done():
            return
        self.status, self.result = status, result
        self._milliseconds = round((asyncio.get_running_loop().time() - self._began) * 1000)
        self.done.set_result(None)
        self._changed.set()

    async def lines(self) -> AsyncIterator[bytes]:
        """Yield its events as they come, a line of JSON each; the last holds the whole document."""
        yield _line({"event": "started", "id": self.id, "identifier": self.identifier})
        while True:
            self._changed.clear()
            events, self._events = self._events, []
            for stream, text in events:
                yield _line({"event": stream, "text": text})
            if self.done.done() and not self._events:
                break
            await self._changed.wait()
        yield _line({"event": "finished", "execution": self.document()})

    def document(self) -> dict[str, Any]:
        """Return it as the data plane answers it (recorded: session_code_interpreter_e2e)."""
        result = {**self._kept, "executionResult": "" if self.result is None else self.result,
                  "executionTimeInMilliseconds": self._milliseconds}  # fmt: skip
        return {"id": self.id, "identifier": self.identifier, "executionType": "synchronous", "status": self.status,
                "result": result}  # fmt: skip


class SessionProcess:
    """A process that keeps its variables from one execution to the next."""

    def __init__(self, identifier: str, files: Folder, pid: int, commands: int, outputs: dict[str, int]) -> None:
        self.identifier = identifier
        self.files = files
        self.executions: dict[str, Execution] = {}
        self._pid = pid
        self._commands = commands
        self._outputs = outputs
        self._decoders = {name: _Text() for name in outputs}
        self._turn = asyncio.Lock()
        self._now: Execution | None = None
        self._said = b""
        self._made_at = self._used_at = datetime.now(UTC)
        self._forked: asyncio.Future[int] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._own: asyncio.subprocess.Process | None = None
        self.alive = True
        self._watch()

    @classmethod
    async def start(cls, identifier: str, files: Folder) -> SessionProcess:
        """Start one."""
        pairs = {name: os.pipe() for name in ("in", "stdout", "stderr", "says")}
        takes, gives = pairs["in"]
        says = pairs["says"][1]

        environment = {
            **os.environ, "ACA_SESSION_FOLDER": str(files.path),
            "PYTHONPATH": os.pathsep.join(each for each in sys.path if each),
        }  # fmt: skip
        for name in [each for each in environment if each.startswith("ACA_NOTEBOOK_")]:
            del environment[name]  # the app's key is no business of a session
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "aca_notebook.runner.session_worker", str(says), cwd=files.path, env=environment,
            stdin=takes, stdout=pairs["stdout"][1], stderr=pairs["stderr"][1], pass_fds=(says,), start_new_session=True,
        )  # fmt: skip
        for descriptor in (takes, pairs["stdout"][1], pairs["stderr"][1], says):
            os.close(descriptor)
        outputs = {name: pairs[name][0] for name in ("stdout", "stderr", "says")}
        made = cls(identifier, files, process.pid, gives, outputs)
        made._own = process
        return made

    def begin(self, code: str, seconds: float) -> Execution:
        """Take code; it runs when what came before has ended."""
        execution = Execution(self.identifier)
        self.executions[execution.id] = execution
        while len(self.executions) > _KEPT_EXECUTIONS:
            self.executions.pop(next(iter(self.executions)))
        self._task(self._run(execution, code, seconds))
        return execution

    async def fork(self, identifier: str, files: Folder) -> SessionProcess:
        """Make a copy that goes on from here, with the files too. What runs ends first."""
        async with self._turn:
            where = files.path
            await asyncio.to_thread(shutil.copytree, self.files.path, where / "data", symlinks=True)
            for name in ("in", "out", "err", "says"):
                os.mkfifo(where / name, 0o600)
            self._tell({"fork": str(where)})
            opened = await asyncio.to_thread(_opened, where)
        pid = json.loads(await asyncio.to_thread(_first_line, opened["says"]))["pid"]
        commands = opened.pop("in")
        return SessionProcess(identifier, Folder(where / "data"), pid, commands, opened)

    async def close(self) -> None:
        """End the process and all it started, and remove its files."""
        self._gone()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, signal.SIGKILL)
        if self._own is not None:
            await self._own.wait()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(shutil.rmtree, self.files.path, ignore_errors=True)

    def document(self) -> dict[str, Any]:
        """Return it as the data plane answers it."""
        made, used = stamp(self._made_at), stamp(self._used_at)
        return {"identifier": self.identifier, "createdAt": made, "lastAccessedAt": used, "expireAt": None,
                "etag": self.identifier}  # fmt: skip

    async def _run(self, execution: Execution, code: str, seconds: float) -> None:
        async with self._turn:
            if not self.alive:
                execution.end("Failed")
                return
            self._used_at, self._now, execution.status = datetime.now(UTC), execution, "Running"
            self._tell({"id": execution.id, "code": code})
            for patience, act in ((seconds, self._interrupt), (GRACE_SECONDS, self._kill)):
                with suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(execution.done), patience)
                    break
                act()
            await execution.done
            self._now, self._used_at = None, datetime.now(UTC)

    def _interrupt(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGINT)

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)

    def _tell(self, command: dict[str, Any]) -> None:
        line = memoryview(json.dumps(command).encode() + b"\n")
        try:
            while line:
                line = line[os.write(self._commands, line) :]
        except OSError:
            self._gone()

    def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        for name, descriptor in self._outputs.items():
            os.set_blocking(descriptor, False)
            loop.add_reader(descriptor, self._read, name)

    def _read(self, name: str) -> bool:
        """Take what is there; False when nothing is, or nothing will be."""
        try:
            chunk = os.read(self._outputs[name], 65536)
        except BlockingIOError:
            return False
        except OSError:
            chunk = b""
        if not chunk:
            asyncio.get_running_loop().remove_reader(self._outputs[name])
            if name == "says":
                self._gone()
            return False
        if name == "says":
            self._hear(chunk)
        elif self._now is not None:
            self._now.write(name, self._decoders[name].feed(chunk))
        return True

    def _hear(self, chunk: bytes) -> None:
        *lines, self._said = (self._said + chunk).split(b"\n")
        for line in lines:
            self._drain()
            said = json.loads(line)
            if self._now is not None and said.get("id") == self._now.id:
                self._now.end("Succeeded" if said["ok"] else "Failed", said["result"])

    def _drain(self) -> None:
        """Take what was written before the end was said, and no more than a pipe holds."""
        for name in ("stdout", "stderr"):
            for _ in range(64):
                if not self._read(name):
                    break

    def _gone(self) -> None:
        """The process has ended: so has what ran."""
        if not self.alive:
            return
        self.alive = False
        self._drain()
        loop = asyncio.get_running_loop()
        for descriptor in self._outputs.values():
            loop.remove_reader(descriptor)
            os.close(descriptor)
        os.close(self._commands)
        if self._now is not None:
            self._now.end("Failed")

    def _task(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Text:
    """UTF-8 that comes in pieces."""

    def __init__(self) -> None:
        import codecs

        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, chunk: bytes) -> str:
        return self._decoder.decode(chunk)


def _opened(where: Path) -> dict[str, int]:
    """Open our ends of a fork's pipes, in the order the copy opens its own."""
    return {
        "in": os.open(where / "in", os.O_WRONLY), "stdout": os.open(where / "out", os.O_RDONLY),
        "stderr": os.open(where / "err", os.O_RDONLY), "says": os.open(where / "says", os.O_RDONLY),
    }  # fmt: skip


def _first_line(descriptor: int) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(descriptor, 1)
        if not piece:
            break
        line += piece
    return line


def _line(event: dict[str, Any]) -> bytes:
    return json.dumps(event).encode() + b"\n"

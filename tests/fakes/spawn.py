"""A `Spawn` whose programs are servers inside the test's own event loop: no process is made."""

from __future__ import annotations

import asyncio
import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aca_notebook.emulator.runtime.process import Launch, Leftover, StartFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TERMINATED = 143
KILLED = 137


@dataclass
class Behaviour:
    """What a fake program does: `exit_code` set means it ends at once, `ignores_term` that only KILL ends it."""

    exit_code: int | None = None
    listens: bool = True
    status: int = 200
    ignores_term: bool = False
    lines: Sequence[str] = ()


class FakeSpawn:
    """Programs listen on `CONTAINER_APP_PORT` and answer each request with `status` and who they are as JSON.

    `behave` decides by launch; `children` are all that were ever spawned, `reaped` what `reap` was given.
    """

    def __init__(self, behave: Callable[[Launch], Behaviour] = lambda _: Behaviour()) -> None:
        self.behave = behave
        self.children: list[FakeChild] = []
        self.reaped: list[Leftover] = []
        self._pids = itertools.count(1_000_000_001)  # above any pid_max: a stray kill hits nobody

    @property
    def alive(self) -> list[FakeChild]:
        return [child for child in self.children if child.running]

    async def spawn(self, launch: Launch) -> FakeChild:
        if not launch.argv:
            raise StartFailed("nothing to execute")
        child = FakeChild(launch, self.behave(launch), next(self._pids), next(self._pids))
        self.children.append(child)
        return child

    async def reap(self, leftovers: Sequence[Leftover], owner: str = "") -> int:
        self.reaped.extend(leftovers)
        return 0


@dataclass(eq=False)
class FakeChild:
    launch: Launch
    behaviour: Behaviour
    pid: int
    program_pid: int
    start_ticks: int = 1
    running: bool = False
    requests: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._exit: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def go(self) -> int:
        self._write_log()
        if self.behaviour.exit_code is not None:
            self._exit.set_result(self.behaviour.exit_code)
            return self.program_pid
        port = self.launch.environment.get("CONTAINER_APP_PORT")
        if self.behaviour.listens and port:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", int(port))
        self.running = not self._exit.done()
        if not self.running and self._server is not None:  # stopped while it began to listen
            self._server.close()
        return self.program_pid

    async def exited(self) -> int:
        return await asyncio.shield(self._exit)

    def stop(self, grace_seconds: float) -> None:
        self.crash(KILLED if self.behaviour.ignores_term or grace_seconds <= 0 else TERMINATED)

    def crash(self, exit_code: int = 1) -> None:
        """End now, as if the program had."""
        self.running = False
        self._stop_listening()
        for writer in tuple(self._writers):
            writer.transport.abort()
        if not self._exit.done():
            self._exit.set_result(exit_code)

    def _stop_listening(self) -> None:
        """Accept no more, and close a turn later: closed between accepting a connection and serving it, it leaks it."""
        server, self._server = self._server, None
        if server is not None:
            loop = self._exit.get_loop()
            for listening in server.sockets:
                loop.remove_reader(listening.fileno())
            loop.call_soon(loop.call_soon, server.close)

    def _write_log(self) -> None:
        self.launch.log_file.parent.mkdir(parents=True, exist_ok=True)
        with self.launch.log_file.open("a") as log:
            for line in self.behaviour.lines:
                log.write(f"2026-01-01T00:00:00.000000000+00:00 stdout F {line}\n")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._exit.done():  # it ended between accepting the connection and this task's first turn
            writer.transport.abort()
            return
        self._writers.add(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
                )
                self.requests.append(head + await reader.readexactly(length))
                who = {name: self.launch.environment.get(name, "") for name in _WHO}
                body = json.dumps({"pid": self.program_pid, **who}).encode()
                writer.write(
                    b"HTTP/1.1 %d Fake\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
                    % (self.behaviour.status, len(body))
                )
                writer.write(body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.transport.abort()


_WHO = ("CONTAINER_APP_NAME", "CONTAINER_APP_REVISION", "CONTAINER_APP_REPLICA_NAME")

"""A `Launcher` whose instances run nothing: what code does is said by a test, files are real."""

from __future__ import annotations

import asyncio
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.sandbox.drawer import Drawer
from aca_notebook.emulator.sessions.execution import Ended
from aca_notebook.emulator.sessions.instances import InstanceGone, StartRefused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from aca_notebook.emulator.sessions.execution import Code, Event
    from aca_notebook.emulator.sessions.pool import Rules

    Behave = Callable[["FakeInstance", Code, Callable[[Event], None]], Awaitable[Ended]]


async def echo(instance: FakeInstance, code: Code, hear: Callable[[Event], None]) -> Ended:
    """`print` what stands in brackets, fail for `raise`, and for `wait` wait until it is interrupted."""
    if code.source.startswith("raise"):
        hear({"event": "error", "name": "ValueError", "value": "no", "traceback": ["\x1b[31mTraceback\x1b[0m", "no"]})
        return Ended(succeeded=False)
    if code.source.startswith("wait"):
        hear({"event": "stream", "name": "stdout", "text": "waiting\n"})
        await instance.interrupted.wait()
        return Ended(succeeded=False, exit_code=130)
    if code.source.startswith("print("):
        hear({"event": "stream", "name": "stdout", "text": code.source[7:-2] + "\n"})
        return Ended(succeeded=True, exit_code=0)
    hear({"event": "result", "data": {"text/plain": code.source}, "metadata": {}})
    return Ended(succeeded=True, exit_code=0)


class FakeLauncher:
    """`instances` are all that were started, `refusal` is why the next cannot be, `address` where theirs answer."""

    def __init__(self, folder: Path, behave: Behave = echo) -> None:
        self.folder = folder
        self.behave = behave
        self.instances: list[FakeInstance] = []
        self.refusal: StartRefused | None = None
        self.address: tuple[str, int] | None = None
        self.swept = 0

    @property
    def alive(self) -> list[FakeInstance]:
        return [each for each in self.instances if not each.gone.done()]

    def prepare(self, rules: Rules) -> None:
        pass

    async def prepared(self, rules: Rules) -> None:
        pass

    async def start(self, pool: str, rules: Rules) -> FakeInstance:
        if self.refusal is not None:
            raise self.refusal
        place = self.folder / str(len(self.instances))
        place.mkdir(parents=True)
        made = FakeInstance(pool, rules, place, self.behave, self.address)
        self.instances.append(made)
        return made

    async def about(self, rules: Rules) -> dict[str, Any]:
        return {"containerType": str(rules.kind), "isolation": {"level": "process", "isolated": False}}

    async def sweep(self) -> None:
        self.swept += 1

    async def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(eq=False)
class FakeInstance:
    pool: str
    rules: Rules
    place: Path
    behave: Behave
    address: tuple[str, int] | None = None
    shown: str = "/mnt/data"
    isolation: str = "process"

    def __post_init__(self) -> None:
        self.files = Drawer(os.open(self.place, os.O_RDONLY | os.O_DIRECTORY))
        self.gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.interrupted = asyncio.Event()
        self.ran: list[Code] = []

    async def execute(self, code: Code, hear: Callable[[Event], None]) -> Ended:
        self.ran.append(code)
        self.interrupted.clear()
        work = asyncio.ensure_future(self.behave(self, code, hear))
        await asyncio.wait((work, self.gone), return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return work.result()
        work.cancel()
        raise InstanceGone(self.gone.result())

    async def interrupt(self) -> None:
        self.interrupted.set()

    async def ended(self) -> str:
        return await asyncio.shield(self.gone)

    def crash(self, how: str = "its program was killed") -> None:
        if not self.gone.done():
            self.gone.set_result(how)

    async def close(self) -> None:
        self.crash("closed")
        self.files.close()

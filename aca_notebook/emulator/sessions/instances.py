"""What a session runs in: a sandbox with a kernel or an agent in it, or a container's program."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from aca_notebook.emulator.sandbox.drawer import Drawer
    from aca_notebook.emulator.sandbox.sandbox import Sandbox
    from aca_notebook.emulator.sessions.execution import Code, Ended, Event
    from aca_notebook.emulator.sessions.pool import Rules

T = TypeVar("T")
_KILLED = 128
_LAST_LINES = 3
MOUNT = "/mnt/data"
_MOUNTED = re.compile(r"(?<![\w.-])/mnt/data(?![\w-])")
#: What a sandbox writes what its program says to.
LOG = "output.log"


class StartRefused(Exception):
    """An instance could not be started; the text says why."""


class NotHere(StartRefused):
    """This machine cannot start instances of that kind at all."""


class InstanceGone(Exception):
    """What ran the session has ended; the text says how."""


class DriverGone(Exception):
    """What a driver speaks to hung up: its sandbox is ending."""


class Instance(Protocol):
    """One started environment, waiting or allocated. Whoever has it closes it."""

    @property
    def files(self) -> Drawer | None:
        """The session's folder; None for a container, whose files are its own."""
        ...

    @property
    def address(self) -> tuple[str, int] | None:
        """Where a container's program answers HTTP; None for what runs code."""
        ...

    @property
    def isolation(self) -> str:
        """How far it is kept from everything else: a level's name."""
        ...

    @property
    def shown(self) -> str:
        """How its code names the session's folder."""
        ...

    async def execute(self, code: Code, hear: Callable[[Event], None]) -> Ended:
        """Run code; `hear` is told what it writes and shows. Raises `InstanceGone`."""
        ...

    async def interrupt(self) -> None:
        """Ask what runs to stop."""
        ...

    async def ended(self) -> str:
        """Wait until it has ended by itself; return how."""
        ...

    async def close(self) -> None:
        """End it with all that it started; nothing of it is left. May be called again."""
        ...


class Launcher(Protocol):
    """Starts instances."""

    def prepare(self, rules: Rules) -> None:
        """Begin what instances of such a pool will need, in the background."""
        ...

    async def prepared(self, rules: Rules) -> None:
        """Return when what instances of such a pool need is there, or cannot be had."""
        ...

    async def start(self, pool: str, rules: Rules) -> Instance:
        """Start one for a pool, by its key; it is ready when this returns. Raises `StartRefused`."""
        ...

    async def about(self, rules: Rules) -> dict[str, Any]:
        """Return what sessions of such a pool have and how far they are kept from everything else, as JSON has it."""
        ...

    async def sweep(self) -> None:
        """Remove what instances of an emulator that was killed left."""
        ...

    async def close(self) -> None:
        """Let go of what is shared; instances are closed by whoever has them."""
        ...


class Driver(Protocol):
    """Speaks to what runs code inside a sandbox."""

    async def ready(self) -> None:
        """Wait until it answers."""
        ...

    async def execute(self, code: Code, hear: Callable[[Event], None]) -> Ended:
        """Run code, telling what it writes and shows."""
        ...

    async def interrupt(self) -> None:
        """Ask what runs to stop."""
        ...

    async def close(self) -> None:
        """Let go."""
        ...


class CodeInstance:
    """A kernel or an agent in a sandbox."""

    address: tuple[str, int] | None = None

    def __init__(self, sandbox: Sandbox, driver: Driver, folder: Path, isolation: str) -> None:
        """Take over the sandbox, what speaks to it, and the folder of its log."""
        self.files = sandbox.files
        self.shown = sandbox.shown.data
        self.isolation = isolation
        self._folder = folder
        self._sandbox = sandbox
        self._driver = driver
        self._gone = asyncio.ensure_future(sandbox.wait())

    async def ready(self, timeout_seconds: float) -> None:
        """Wait until it answers. Raises `StartRefused`."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._unless_gone(self._driver.ready())
        except TimeoutError:
            raise StartRefused(f"it did not answer within {timeout_seconds:.0f} s") from None
        except InstanceGone as gone:
            raise StartRefused(f"{gone}{await asyncio.to_thread(last_words, self._folder)}") from gone

    async def execute(self, code: Code, hear: Callable[[Event], None]) -> Ended:
        """Run code. Raises `InstanceGone`."""
        placed = replace(
            code, source=placed_in(self.shown, code.source),
            arguments=tuple(placed_in(self.shown, each) for each in code.arguments),
        )  # fmt: skip
        return await self._unless_gone(self._driver.execute(placed, hear))

    async def interrupt(self) -> None:
        """Ask what runs to stop."""
        with contextlib.suppress(InstanceGone):
            await self._unless_gone(self._driver.interrupt())

    async def ended(self) -> str:
        """Wait until it has ended by itself; return how."""
        return how_it_ended(await asyncio.shield(self._gone))

    async def close(self) -> None:
        """End all of it."""
        await self._driver.close()
        await self._sandbox.close()
        await asyncio.gather(self._gone, return_exceptions=True)
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def _unless_gone(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for some work, or for the end of the sandbox, whichever is first. Raises `InstanceGone`."""
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait((task, self._gone), return_when=asyncio.FIRST_COMPLETED)
            if task.done() and task.exception() is None:
                return task.result()
            if task.done() and not isinstance(task.exception(), DriverGone):
                task.result()
            raise InstanceGone(how_it_ended(await asyncio.shield(self._gone)))
        finally:
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


def placed_in(shown: str, source: str) -> str:
    """Return code with the session's folder as it is called here.

    Clients write `/mnt/data`. Only a sandbox with names of its own can call a folder that; elsewhere the text stands
    for the folder that there is.
    """
    return source if shown == MOUNT else _MOUNTED.sub(lambda _: shown, source)


def last_words(folder: Path) -> str:
    """Return what a program said last, to be put behind how it ended. Blocks."""
    try:
        lines = (folder / LOG).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    said = [line.split(" ", 3)[-1] for line in lines[-_LAST_LINES:]]
    return f"; it said: {' | '.join(said)}" if said else ""


def how_it_ended(exit_code: int) -> str:
    """Say how a program ended, given its exit code, 128+n for signal n."""
    if exit_code == _KILLED + 9:
        return "its program was killed: by the memory limit, or by its own code"
    if exit_code > _KILLED:
        return f"its program was ended by signal {exit_code - _KILLED}"
    return f"its program ended with exit code {exit_code}"

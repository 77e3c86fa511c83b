"""One more program in a running container, at a terminal: what `az containerapp exec` opens."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aca_notebook.emulator.runtime.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.runtime.process import Child, Launch, Spawn

_GRACE_SECONDS = 2.0


class NotRunning(Exception):
    """There is no such container, or its program does not run now."""


class ExecSession:
    """A program and its terminal. It ends by itself, by `close`, with its container, and with the emulator."""

    def __init__(self, terminal: Terminal, child: Child) -> None:
        self.terminal = terminal
        self._child = child
        self._end = asyncio.ensure_future(child.exited())

    @property
    def shim_pid(self) -> int:
        """The process that all of it runs under."""
        return self._child.pid

    def when_ended(self, forget: Callable[[ExecSession], None]) -> None:
        """Call `forget` when nothing of it is left."""
        self._end.add_done_callback(lambda _: forget(self))

    def stop(self, grace_seconds: float = _GRACE_SECONDS) -> None:
        """Hang up and ask for TERM now and KILL after the grace; returns at once."""
        self.terminal.close()
        self._child.stop(grace_seconds)

    async def ended(self) -> int:
        """Wait until nothing of its tree is left; return the exit code."""
        return await asyncio.shield(self._end)

    async def close(self) -> None:
        """Stop it and return when nothing of it is left."""
        self.stop()
        await self.ended()


async def open_session(launch: Callable[[str], Launch], spawn: Spawn, clock: Clock) -> ExecSession:
    """Start what `launch` returns for the path of a terminal. Raises `StartFailed`, or `OSError` without terminals."""
    terminal = Terminal(clock)
    try:
        child = await spawn.spawn(launch(terminal.path))
        session = ExecSession(terminal, child)
    except BaseException:
        terminal.close()
        raise
    try:
        await child.go()
    except BaseException:
        session.stop(0)
        raise
    terminal.hand_over()
    return session

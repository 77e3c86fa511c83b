"""One allocated session: its executions, one after the other, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING

from aca_notebook.emulator.sessions.execution import Status
from aca_notebook.emulator.sessions.instances import InstanceGone
from aca_notebook.emulator.sessions.pool import Life

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.sessions.execution import Code, Ended, Execution
    from aca_notebook.emulator.sessions.instances import Instance

#: So many executions that have ended are remembered, for who asks after them.
_REMEMBERED = 50
#: How long code that was interrupted may take to stop before the session is ended with it.
_STOP_SECONDS = 5.0


class Session:
    """`life` is when it began and was last used, by the monotonic clock; `created_at` by the calendar."""

    def __init__(self, identifier: str, instance: Instance, clock: Clock) -> None:
        now = clock.monotonic()
        self.identifier = identifier
        self.guid = str(uuid.uuid4())
        self.instance = instance
        self.created_at: datetime = clock.now()
        self.used_at: datetime = self.created_at
        self.life = Life(now, now)
        self.uploads = asyncio.Lock()
        self._clock = clock
        self._turn = asyncio.Lock()
        self._executions: OrderedDict[str, Execution] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._current: Execution | None = None

    @property
    def running(self) -> bool:
        """Whether code runs in it."""
        return self._current is not None

    @contextlib.contextmanager
    def used(self) -> Iterator[None]:
        """Hold its cooldown off while a call is answered; it starts anew after."""
        self._touch(1)
        try:
            yield
        finally:
            self._touch(-1)

    def execution(self, id_: str) -> Execution | None:
        """Return an execution that runs or is remembered."""
        return self._executions.get(id_)

    def begin(self, execution: Execution, code: Code) -> asyncio.Task[None]:
        """Run code when its turn comes, in a task of the session's own: who asked may hang up."""
        self._executions[execution.id] = execution
        ended = [key for key, each in self._executions.items() if not each.running]
        for key in ended[: max(0, len(ended) - _REMEMBERED)]:
            del self._executions[key]
        task = asyncio.create_task(self._run(execution, code), name=f"execution in {self.identifier}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def cancel(self, execution: Execution) -> None:
        """Stop code that runs, or that waits for its turn."""
        if not execution.running:
            return
        execution.cancel_asked = True
        if execution is self._current:
            await self.instance.interrupt()
        else:
            execution.end(Status.CANCELED, milliseconds=0)

    async def close(self, reason: str) -> None:
        """End what runs, saying why, and the instance."""
        await self.instance.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for execution in self._executions.values():
            if execution.running:
                _say_gone(execution, reason)
                execution.end(Status.FAILED, milliseconds=0)

    async def _run(self, execution: Execution, code: Code) -> None:
        with self.used():
            async with self._turn:
                if execution.running:
                    await self._execute(execution, code)

    async def _execute(self, execution: Execution, code: Code) -> None:
        self._current = execution
        execution.begin()
        began = self._clock.monotonic()
        work = asyncio.ensure_future(self.instance.execute(code, execution.hear))
        patience = asyncio.ensure_future(self._clock.sleep(code.timeout_seconds))
        try:
            await asyncio.wait((work, patience), return_when=asyncio.FIRST_COMPLETED)
            timed_out = not work.done()
            if timed_out:
                await self._stop(work)
                _write(execution, f"The execution timed out after {code.timeout_seconds:g} s and was interrupted.\n")
            ended = await work
            succeeded = ended.succeeded and not timed_out
            status = Status.SUCCEEDED if succeeded else Status.FAILED
            status = Status.CANCELED if execution.cancel_asked and not succeeded else status
            milliseconds = (self._clock.monotonic() - began) * 1000
            execution.end(status, milliseconds=milliseconds, exit_code=ended.exit_code)
        except InstanceGone as gone:
            _say_gone(execution, str(gone))
            execution.end(Status.FAILED, milliseconds=(self._clock.monotonic() - began) * 1000)
        finally:
            self._current = None
            for task in (work, patience):
                task.cancel()
            await asyncio.gather(work, patience, return_exceptions=True)

    async def _stop(self, work: asyncio.Future[Ended]) -> None:
        """Interrupt; end the instance where that does not help."""
        await self.instance.interrupt()
        grace = asyncio.ensure_future(self._clock.sleep(_STOP_SECONDS))
        try:
            await asyncio.wait((work, grace), return_when=asyncio.FIRST_COMPLETED)
        finally:
            grace.cancel()
            await asyncio.gather(grace, return_exceptions=True)
        if not work.done():
            await self.instance.close()

    def _touch(self, step: int) -> None:
        self.life = replace(self.life, used=self._clock.monotonic(), calls=self.life.calls + step)
        self.used_at = self._clock.now()


def _write(execution: Execution, text: str) -> None:
    execution.hear({"event": "stream", "name": "stderr", "text": text})


def _say_gone(execution: Execution, reason: str) -> None:
    _write(execution, f"The session has ended: {reason}. The next call with its identifier begins a new one.\n")

"""The one event loop of a Workspace, in a thread of its own, and the two ways to wait for it."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from aca_notebook.errors import UsageFailed

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

T = TypeVar("T")

_SLICE_SECONDS = 0.5


class PrivateLoop:
    """Runs coroutines for callers in other threads: the kernel's own loop is never used, so it is never blocked."""

    def __init__(self, name: str = "aca-notebook") -> None:
        #: How much work somebody waits for at present, and how much there has been.
        self.waiting = self.waited_for = 0
        self._counting = threading.Lock()
        import uvloop  # every call passes here, by TLS: 1.19 instead of 1.40 times a plain client's (`make bench`)

        self._loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for `work` from a thread that is not ours.

        The first Ctrl-C cancels the work and waits for it to clean up; whatever it raises then is raised here, or
        `KeyboardInterrupt` when it has nothing to say. A second one cancels the cleaning up: work that leaves it to
        finish by itself can say so, and at a third, or after half a second, it has had its chance.
        """
        job = _Job(self._loop, work)
        try:
            try:
                with self._counted():
                    job.start()  # inside: an interrupt that comes right after must find it
                    return _wait(job.done)
            except KeyboardInterrupt:
                job.cancel()
                return _wait(job.done)
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
        except KeyboardInterrupt:
            job.cancel(times=2)  # twice: the second may have come before the first was passed on
            try:
                return job.done.result(timeout=_SLICE_SECONDS)
            except (asyncio.CancelledError, TimeoutError):
                raise KeyboardInterrupt from None

    async def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for `work` from another event loop; cancelling the waiter cancels the work."""
        job = _Job(self._loop, work)
        done = asyncio.wrap_future(job.done)
        try:
            with self._counted():
                job.start()
                return await asyncio.shield(done)
        except asyncio.CancelledError:
            job.cancel()
            done.add_done_callback(_heard)
            raise

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin `work` and do not wait."""
        job = _Job(self._loop, work)
        job.start()
        return job.done

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._counting:
            self.waiting += 1
            self.waited_for += 1
        try:
            yield
        finally:
            with self._counting:
                self.waiting -= 1

    def close(self) -> None:
        """Stop the loop and its thread. Work that is still under way is cancelled; later work is refused."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout=5)

    @property
    def closed(self) -> bool:
        """Whether it no longer runs."""
        return not self._thread.is_alive()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            while left := asyncio.all_tasks(self._loop):  # more than once: some may begin at the last moment
                for task in left:
                    task.cancel()
                self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()


def _heard(done: asyncio.Future[Any]) -> None:
    """Whatever cancelled work ends with, nobody waits for it any more: that is no error to report."""
    if not done.cancelled():
        done.exception()


def _wait(done: Future[T]) -> T:
    """Wait in slices: an interrupt that arrives just before a lock is waited for is only seen when the wait ends."""
    while True:
        try:
            return done.result(timeout=_SLICE_SECONDS)
        except TimeoutError:
            if done.done():
                return done.result()  # the work's own time-out, or the last moment


class _Job(Generic[T]):
    """One coroutine on the loop; `done` tells its end.

    Unlike asyncio's own bridge it outlives a cancellation, so that one can wait for what the work does on its way out.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> None:
        self.done: Future[T] = Future()
        self._loop = loop
        self._work = work
        self._task: asyncio.Task[T] | None = None

    def start(self) -> None:
        """Begin the work. Raises `UsageFailed` when the loop is closed."""
        try:
            self._loop.call_soon_threadsafe(self._begin)
        except RuntimeError:
            self._work.close()
            raise UsageFailed(
                "this workspace is closed", code="Closed", hint="open another: aca_notebook.connect()"
            ) from None

    def cancel(self, times: int = 1) -> None:
        """Cancel the work; more than once to cancel its cleaning up as well."""
        with suppress(RuntimeError):  # closed meanwhile: its work was cancelled then
            self._loop.call_soon_threadsafe(self._cancel, times)

    def _begin(self) -> None:
        self._task = self._loop.create_task(self._work)
        self._task.add_done_callback(self._finish)

    def _cancel(self, times: int) -> None:
        if self._task is not None:
            for _ in range(times):
                self._task.cancel()

    def _finish(self, task: asyncio.Task[T]) -> None:
        if task.cancelled():
            self.done.set_exception(asyncio.CancelledError())
        elif (error := task.exception()) is not None:
            self.done.set_exception(error)
        else:
            self.done.set_result(task.result())

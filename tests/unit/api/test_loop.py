"""The private loop and its two colours."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import threading

import pytest

from aca_notebook.api.loop import PrivateLoop
from aca_notebook.api.twin import blocking
from aca_notebook.errors import UsageFailed


@pytest.fixture
def loop():
    private = PrivateLoop()
    yield private
    private.close()
    assert private.closed


class Counter:
    def __init__(self, loop: PrivateLoop) -> None:
        self._loop = loop

    @blocking
    async def add(self, a: int, b: int = 1) -> int:
        """Add two numbers."""
        await asyncio.sleep(0)
        return a + b


def test_a_blocking_method_is_called_plainly(loop):
    assert Counter(loop).add(1, b=2) == 3


def test_its_twin_is_awaited_on_another_loop(loop):
    assert asyncio.run(Counter(loop).add.aio(1)) == 2


def test_it_keeps_its_name_and_its_docstring(loop):
    assert Counter(loop).add.__name__ == "add"
    assert Counter.add.__doc__ == "Add two numbers."


def test_an_exception_comes_through(loop):
    async def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        loop.run(fail())


def interrupt_once_it_runs(started: threading.Event) -> threading.Thread:
    """Send this process a Ctrl-C as soon as the work has begun."""

    def send() -> None:
        started.wait(5)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)  # where a Ctrl-C arrives

    thread = threading.Thread(target=send)
    thread.start()
    return thread


def test_an_interrupt_cancels_the_work_and_waits_for_what_it_says_on_its_way_out(loop):
    started = threading.Event()

    async def work() -> None:
        started.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise LookupError("cancelled the build") from None

    sender = interrupt_once_it_runs(started)
    with pytest.raises(LookupError, match="cancelled the build"):
        loop.run(work())
    sender.join()


def test_an_interrupt_of_silent_work_is_a_keyboard_interrupt(loop):
    started = threading.Event()

    async def work() -> None:
        started.set()
        await asyncio.sleep(60)

    sender = interrupt_once_it_runs(started)
    with pytest.raises(KeyboardInterrupt):
        loop.run(work())
    sender.join()


def interrupt_twice(started: threading.Event, cleaning: threading.Event) -> threading.Thread:
    def send() -> None:
        for reached in (started, cleaning):
            reached.wait(5)
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    thread = threading.Thread(target=send)
    thread.start()
    return thread


@pytest.mark.parametrize("says_so", [True, False])
def test_a_second_interrupt_does_not_wait_for_the_cleaning_up(loop, says_so):
    started, cleaning, cleaned, go_on = (threading.Event() for _ in range(4))

    async def clean_up() -> None:
        cleaning.set()
        await asyncio.to_thread(go_on.wait, 5)
        cleaned.set()

    async def work() -> None:
        started.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            going = asyncio.ensure_future(clean_up())
            try:
                await asyncio.shield(going)
            except asyncio.CancelledError:
                if says_so:
                    raise LookupError("it goes on without you") from None
                await going

    sender = interrupt_twice(started, cleaning)
    with pytest.raises(LookupError if says_so else KeyboardInterrupt):
        loop.run(work())
    assert not cleaned.is_set()
    go_on.set()
    assert cleaned.wait(5)
    sender.join()


def test_cancelling_the_twin_cancels_the_work(loop):
    cancelled = threading.Event()
    started = threading.Event()

    async def work() -> None:
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            cancelled.set()

    async def main() -> None:
        waiting = asyncio.create_task(loop.wait(work()))
        await asyncio.to_thread(started.wait, 5)
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting

    asyncio.run(main())
    assert cancelled.wait(5)


def test_work_that_fails_because_it_was_cancelled_is_nobodys_error_any_more(loop):
    begun, reported = threading.Event(), []

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise UsageFailed("closed meanwhile")

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
        waiting = asyncio.create_task(loop.wait(work()))
        await asyncio.to_thread(begun.wait, 5)
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
        await asyncio.to_thread(loop.run, asyncio.sleep(0))  # the other loop is through with it
        await asyncio.sleep(0)
        gc.collect()

    asyncio.run(main())
    assert reported == []


def test_closing_cancels_what_is_under_way():
    private = PrivateLoop()
    started = threading.Event()

    async def work() -> None:
        started.set()
        await asyncio.sleep(60)

    done = private.start(work())
    assert started.wait(5)
    private.close()
    with pytest.raises(asyncio.CancelledError):
        done.result(timeout=5)


def test_a_loop_that_is_closed_refuses_work_and_says_what_to_do():
    private = PrivateLoop()
    private.close()
    counter = Counter(private)
    for call in (lambda: counter.add(1), lambda: asyncio.run(counter.add.aio(1))):
        with pytest.raises(UsageFailed, match="this workspace is closed") as refused:
            call()
        assert "connect()" in refused.value.hint

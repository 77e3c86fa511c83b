"""The driver of kernels against libzmq's own sockets, in the place of a kernel."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
import zmq

from aca_notebook.clock import SystemClock
from aca_notebook.emulator.sessions.execution import Code
from aca_notebook.emulator.sessions.instances import DriverGone
from aca_notebook.emulator.sessions.kernel import Kernel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DELIMITER = b"<IDS|MSG>"
Reply = tuple[str, str, dict[str, Any]]  # channel, type, content


class Impostor:
    """Answers requests with what `script` says, by the code that came; `asked` are the interrupts."""

    def __init__(self, folder: Path, script: Callable[[str], list[Reply]]) -> None:
        self._context = zmq.Context()
        self._sockets = {
            name: self._context.socket(kind) for name, kind in (("shell", zmq.ROUTER), ("output", zmq.XPUB))
        }
        self._control = self._context.socket(zmq.ROUTER)
        self._end = self._context.socket(zmq.PAIR)
        self._end.bind("inproc://end")
        for name, number in (("shell", 1), ("output", 2)):
            self._sockets[name].bind(f"ipc://{folder / f'kernel-{number}'}")
        self._control.bind(f"ipc://{folder / 'kernel-4'}")
        self._script = script
        self.interrupted = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        end = self._context.socket(zmq.PAIR)
        end.connect("inproc://end")
        poller = zmq.Poller()
        for socket in (self._sockets["shell"], self._control, end):
            poller.register(socket, zmq.POLLIN)
        while True:
            ready = dict(poller.poll())
            if end in ready:
                break
            if self._control in ready:
                self._control.recv_multipart()
                self.interrupted.set()
            if self._sockets["shell"] in ready:
                self._answer(self._sockets["shell"].recv_multipart())
        for socket in (*self._sockets.values(), self._control, end):
            socket.close(linger=0)

    def _answer(self, frames: list[bytes]) -> None:
        header = json.loads(frames[3])
        asked = json.loads(frames[6])
        told: list[Reply] = [
            ("shell", "reply", {"status": "ok"}), ("output", "status", {"execution_state": "idle"}),
        ]  # fmt: skip
        if header["msg_type"] == "execute_request":
            told = self._script(asked["code"])
        for channel, kind, content in told:
            parent = {} if kind == "stray" else header
            parts = [json.dumps(part).encode() for part in ({"msg_type": kind}, parent, {}, content)]
            route = frames[0] if channel == "shell" else b"topic"
            self._sockets[channel].send_multipart([route, DELIMITER, b"", *parts])

    def close(self) -> None:
        self._end.send(b"")
        self._thread.join()
        self._end.close(linger=0)
        self._context.term()


DONE: list[Reply] = [("shell", "reply", {"status": "ok"}), ("output", "status", {"execution_state": "idle"})]


def says(code: str) -> list[Reply]:
    if code == "late":
        return [DONE[0], ("output", "stream", {"name": "stdout", "text": "late"}), DONE[1]]
    if code == "large":
        return [("output", "stream", {"name": "stdout", "text": "x" * 70 * 2**20}), *DONE]
    return [
        ("output", "stray", {"name": "stdout", "text": "another's"}),
        ("output", "stream", {"name": "stdout", "text": code}), *DONE,
    ]  # fmt: skip


@pytest.fixture
def impostor(tmp_path: Path) -> Iterator[Impostor]:
    made = Impostor(tmp_path, says)
    yield made
    made.close()


def heard(folder: Path, *codes: str) -> list[str]:
    """Run codes one after the other; return what each wrote."""

    async def run() -> list[str]:
        kernel = Kernel(folder, "key", SystemClock())
        await kernel.ready()
        found = []
        try:
            for code in codes:
                events: list[dict[str, Any]] = []
                ended = await kernel.execute(Code(code, 10), events.append)
                assert ended.succeeded
                found.append("".join(each["text"] for each in events))
        finally:
            await kernel.close()
        return found

    return asyncio.run(run())


def test_what_belongs_to_a_request_is_heard_and_nothing_of_another(impostor: Impostor, tmp_path: Path) -> None:
    assert heard(tmp_path, "first", "second") == ["first", "second"]


def test_output_that_comes_after_the_answer_is_heard_still(impostor: Impostor, tmp_path: Path) -> None:
    assert heard(tmp_path, "late") == ["late"]


def test_a_message_larger_than_any_may_be_is_left_out_and_the_next_is_heard(impostor: Impostor, tmp_path: Path) -> None:
    assert heard(tmp_path, "large", "next") == ["", "next"]


def test_an_interrupt_is_a_message(impostor: Impostor, tmp_path: Path) -> None:
    async def interrupt() -> None:
        kernel = Kernel(tmp_path, "key", SystemClock())
        await kernel.ready()
        await kernel.interrupt()
        await asyncio.to_thread(impostor.interrupted.wait)
        await kernel.close()

    asyncio.run(interrupt())


def test_a_kernel_that_hangs_up_is_gone_at_once(tmp_path: Path) -> None:
    async def lose() -> None:
        made = Impostor(tmp_path, lambda _code: [])
        kernel = Kernel(tmp_path, "key", SystemClock())
        await kernel.ready()
        work = asyncio.ensure_future(kernel.execute(Code("never", 10), lambda _event: None))
        await asyncio.sleep(0)
        await asyncio.to_thread(made.close)
        with pytest.raises(DriverGone):
            await work
        with pytest.raises(DriverGone):
            await kernel.execute(Code("after", 10), lambda _event: None)
        await kernel.close()

    asyncio.run(lose())

"""Drives one ipykernel over unix sockets: Jupyter's messaging protocol; jupyter_client writes the requests.

What comes is not trusted: a session's code can write to these sockets itself. A message that is none is dropped, sizes
are bounded, and an execution ends when the kernel answers or dies, whatever else it was told.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.sessions.execution import Ended
from aca_notebook.emulator.sessions.kernel_start import CHANNELS, NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import zmq.asyncio
    from jupyter_client.session import Session as Codec

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.sessions.execution import Code, Event

_DELIMITER = b"<IDS|MSG>"
#: What nobody is told of, and there is one of each an execution.
_UNHEARD = frozenset({"execute_input"})
_MOST_MESSAGE_BYTES = 64 * 2**20
#: How long output may be on its way after the kernel has answered; what is lost by then was dropped by the sender.
_LATE_SECONDS = 0.5
_ASK_AGAIN_SECONDS = 0.2
#: So many messages of one execution are taken as they come; after that a pause after each leaves others their time.
_MESSAGES_AT_ONCE = 20_000
_PAUSE_SECONDS = 0.001


class Kernel:
    """One kernel's channels. `close` lets go of them; the process is another's."""

    def __init__(self, folder: Path, key: str, clock: Clock, context: zmq.asyncio.Context) -> None:
        import zmq
        from jupyter_client.session import Session as Codec

        self._clock = clock
        self._codec: Codec = Codec(key=key.encode(), check_pid=False)
        self._folder = folder
        self._shell = self._connect(context, zmq.DEALER, "shell_port")
        self._control = self._connect(context, zmq.DEALER, "control_port")
        self._iopub = self._connect(context, zmq.SUB, "iopub_port")
        self._iopub.setsockopt(zmq.SUBSCRIBE, b"")
        self._hear: Callable[[str, dict[str, Any]], None] = lambda _kind, _content: None
        self._message = ""  # the request whose output is heard
        self._heard = 0
        self._idle = asyncio.Event()
        self._any = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None

    async def ready(self) -> None:
        """Wait until the kernel answers and its output arrives; whoever waits bounds the time."""
        self._reader = asyncio.create_task(self._read_output(), name="kernel output")
        while True:
            self._expect(lambda _kind, _content: None)
            request = self._send(self._shell, "kernel_info_request", {})
            self._message = request
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_ASK_AGAIN_SECONDS):
                    await self._reply(self._shell, request)
                    await self._idle.wait()
                return

    async def execute(self, code: Code, hear: Callable[[Event], None]) -> Ended:
        """Run code, telling `hear` what it writes and shows; returns how it ended."""

        def take(kind: str, content: dict[str, Any]) -> None:
            event = read_output(kind, content)
            if event is not None:
                hear(event)

        self._expect(take)
        try:
            request = self._send(
                self._shell, "execute_request",
                {"code": code.source, "silent": False, "store_history": True, "user_expressions": {},
                 "allow_stdin": False, "stop_on_error": True},
            )  # fmt: skip
            self._message = request
            reply = await self._reply(self._shell, request)
            await self._last_output()
            return Ended(reply.get("status") == "ok")
        finally:
            self._message = ""

    async def interrupt(self) -> None:
        """Ask for `KeyboardInterrupt` in the code that runs: by message, for a signal would reach the sandbox."""
        self._send(self._control, "interrupt_request", {})

    async def close(self) -> None:
        """Let go of the channels."""
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader
        for socket in (self._shell, self._control, self._iopub):
            socket.close(linger=0)

    def _connect(self, context: zmq.asyncio.Context, kind: int, channel: str) -> zmq.asyncio.Socket:
        import zmq

        socket = context.socket(kind)
        socket.setsockopt(zmq.MAXMSGSIZE, _MOST_MESSAGE_BYTES)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.RECONNECT_IVL, 20)
        socket.setsockopt(zmq.RECONNECT_IVL_MAX, 200)
        socket.connect(f"ipc://{self._folder / f'{NAME}-{CHANNELS[channel]}'}")
        return socket

    def _expect(self, take: Callable[[str, dict[str, Any]], None]) -> None:
        self._hear = take
        self._heard = 0
        self._idle.clear()

    def _send(self, socket: zmq.asyncio.Socket, kind: str, content: Mapping[str, Any]) -> str:
        message = self._codec.msg(kind, dict(content))
        socket.send_multipart(self._codec.serialize(message))
        return str(message["header"]["msg_id"])

    async def _reply(self, socket: zmq.asyncio.Socket, request: str) -> dict[str, Any]:
        """Return the content of the reply to a request, past those to others."""
        while True:
            message = read_message(await socket.recv_multipart())
            if message is not None and message.parent == request:
                return message.content()

    async def _last_output(self) -> None:
        """Wait for the kernel's word that it is idle, which comes after all output, while anything still comes."""
        while not self._idle.is_set():
            self._any.clear()
            try:
                async with asyncio.timeout(_LATE_SECONDS):
                    await self._any.wait()
            except TimeoutError:
                return

    async def _read_output(self) -> None:
        while True:
            message = read_message(await self._iopub.recv_multipart())
            self._any.set()
            if message is None or not self._message or message.parent != self._message or message.kind in _UNHEARD:
                continue
            self._heard += 1
            if self._heard > _MESSAGES_AT_ONCE:
                await self._clock.sleep(_PAUSE_SECONDS)
            content = message.content()
            if message.kind == "status":
                if content.get("execution_state") == "idle":
                    self._idle.set()
            else:
                self._hear(message.kind, content)


@dataclass(frozen=True, slots=True)
class Message:
    """A message's type, the request it belongs to, and its content, which is read when somebody wants it."""

    kind: str
    parent: str
    raw: bytes

    def content(self) -> dict[str, Any]:
        """Return the content; empty where it is none."""
        try:
            found = json.loads(self.raw)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


def read_message(frames: Sequence[bytes]) -> Message | None:
    """Return what came over a socket, or None for what is no message.

    The signature is not looked at: whoever can write to these sockets has the key as well.
    """
    try:
        start = frames.index(_DELIMITER) + 2
        header, parent = json.loads(frames[start]), json.loads(frames[start + 1])
        return Message(str(header["msg_type"]), str(parent.get("msg_id", "")), frames[start + 3])
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        return None


def read_output(kind: str, content: Mapping[str, Any]) -> Event | None:
    """Return what a message on the output channel says, or None for what nobody is told."""
    if kind == "stream":
        return {"event": "stream", "name": "stderr" if content.get("name") == "stderr" else "stdout",
                "text": str(content.get("text", ""))}  # fmt: skip
    if kind in {"display_data", "execute_result", "update_display_data"}:
        data, metadata, transient = (content.get(name) for name in ("data", "metadata", "transient"))
        event: Event = {
            "event": {"display_data": "display", "execute_result": "result"}.get(kind, "update"),
            "data": data if isinstance(data, dict) else {},
            "metadata": metadata if isinstance(metadata, dict) else {},
        }
        display_id = transient.get("display_id") if isinstance(transient, dict) else None
        return event | ({"display_id": str(display_id)} if display_id else {})
    if kind == "error":
        traceback = content.get("traceback")
        lines = [str(line) for line in traceback] if isinstance(traceback, list) else []
        return {"event": "error", "name": str(content.get("ename", "")), "value": str(content.get("evalue", "")),
                "traceback": lines}  # fmt: skip
    if kind == "clear_output":
        return {"event": "clear", "wait": bool(content.get("wait"))}
    return None

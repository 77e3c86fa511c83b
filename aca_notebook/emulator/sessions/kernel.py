"""Drives one ipykernel over unix sockets: Jupyter's messaging protocol 5.3 on ZeroMQ's wire.

What comes is not trusted: a session's code can write to these sockets itself. A message that is none is dropped, sizes
are bounded, and an execution ends when the kernel answers or dies, whatever else it was told.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aca_notebook.clock import format_instant
from aca_notebook.emulator.sessions import zmtp
from aca_notebook.emulator.sessions.execution import Ended
from aca_notebook.emulator.sessions.instances import DriverGone
from aca_notebook.emulator.sessions.kernel_start import CHANNELS, NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.sessions.execution import Code, Event

_DELIMITER = b"<IDS|MSG>"
_PROTOCOL = "5.3"
#: What nobody is told of, and there is one of each an execution.
_UNHEARD = frozenset({"execute_input"})
_MOST_MESSAGE_BYTES = 64 * 2**20
#: How long output may be on its way after the kernel has answered; what is lost by then was dropped by the sender.
_LATE_SECONDS = 0.5
_ASK_AGAIN_SECONDS = 0.2
_CONNECT_AGAIN_SECONDS = 0.02
#: So many messages of one execution are taken as they come; after that a pause after each leaves others their time.
_MESSAGES_AT_ONCE = 20_000
_PAUSE_SECONDS = 0.001


class Kernel:
    """One kernel's channels. `close` lets go of them; the process is another's."""

    def __init__(self, folder: Path, key: str, clock: Clock) -> None:
        self._clock = clock
        self._folder = folder
        self._key = hmac.new(key.encode(), digestmod=hashlib.sha256)
        self._about = {"username": "", "session": uuid.uuid4().hex, "version": _PROTOCOL}
        self._channels: dict[str, zmtp.Channel] = {}
        self._hear: Callable[[str, dict[str, Any]], None] = lambda _kind, _content: None
        self._message = ""  # the request whose output is heard
        self._replies: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._heard = 0
        self._idle = asyncio.Event()
        self._any = asyncio.Event()
        self._pause: asyncio.Task[None] | None = None

    async def ready(self) -> None:
        """Wait until the kernel answers and its output arrives; whoever waits bounds the time."""
        for name, kind, take in (
            ("shell_port", zmtp.DEALER, self._take_reply), ("control_port", zmtp.DEALER, _take_nothing),
            ("iopub_port", zmtp.SUBSCRIBER, self._take_output),
        ):  # fmt: skip
            self._channels[name] = await self._connected(name, kind, take)
        while True:
            self._expect(lambda _kind, _content: None)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_ASK_AGAIN_SECONDS):
                    await self._asked("kernel_info_request", {})
                    await self._idle.wait()
                return

    async def execute(self, code: Code, hear: Callable[[Event], None]) -> Ended:
        """Run code, telling `hear` what it writes and shows; returns how it ended. Raises `DriverGone`."""

        def take(kind: str, content: dict[str, Any]) -> None:
            event = read_output(kind, content)
            if event is not None:
                hear(event)

        self._expect(take)
        try:
            reply = await self._asked(
                "execute_request",
                {"code": code.source, "silent": False, "store_history": True, "user_expressions": {},
                 "allow_stdin": False, "stop_on_error": True},
            )  # fmt: skip
            await self._last_output()
            return Ended(reply.get("status") == "ok")
        finally:
            self._message = ""

    async def interrupt(self) -> None:
        """Ask for `KeyboardInterrupt` in the code that runs: by message, for a signal would reach the sandbox."""
        _, frames = self._written("interrupt_request", {})
        self._send("control_port", frames)

    async def close(self) -> None:
        """Let go of the channels."""
        if self._pause is not None:
            self._pause.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._pause
        for channel in self._channels.values():
            channel.close()
        self._lose()

    async def _connected(self, name: str, kind: str, take: Callable[[list[bytes]], None]) -> zmtp.Channel:
        """Return a channel to a kernel that may not listen yet."""
        place = self._folder / f"{NAME}-{CHANNELS[name]}"
        while True:
            channel = zmtp.Channel(kind, _MOST_MESSAGE_BYTES, take, self._lose)
            try:
                await zmtp.connect(place, channel)
            except OSError:
                await self._clock.sleep(_CONNECT_AGAIN_SECONDS)
            else:
                return channel

    def _expect(self, take: Callable[[str, dict[str, Any]], None]) -> None:
        self._hear = take
        self._heard = 0
        self._idle.clear()

    async def _asked(self, kind: str, content: Mapping[str, Any]) -> dict[str, Any]:
        """Send a request whose output is heard from now on; return the content of its reply. Raises `DriverGone`."""
        request, frames = self._written(kind, content)
        reply: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._replies[request] = reply
        self._message = request
        try:
            self._send("shell_port", frames)
            return await reply
        finally:
            del self._replies[request]

    def _written(self, kind: str, content: Mapping[str, Any]) -> tuple[str, list[bytes]]:
        """Return a message's id and its frames, signed."""
        id_ = uuid.uuid4().hex
        header = self._about | {"msg_id": id_, "msg_type": kind, "date": format_instant(self._clock.now())}
        parts = [json.dumps(part).encode() for part in (header, {}, {}, content)]
        signature = self._key.copy()
        for part in parts:
            signature.update(part)
        return id_, [_DELIMITER, signature.hexdigest().encode(), *parts]

    def _send(self, channel: str, frames: list[bytes]) -> None:
        if not self._channels[channel].send(frames):
            raise DriverGone

    def _lose(self) -> None:
        """The kernel hung up, and answers nobody any more."""
        for reply in self._replies.values():
            if not reply.done():
                reply.set_exception(DriverGone())

    async def _last_output(self) -> None:
        """Wait for the kernel's word that it is idle, which comes after all output, while anything still comes."""
        while not self._idle.is_set():
            self._any.clear()
            try:
                async with asyncio.timeout(_LATE_SECONDS):
                    await self._any.wait()
            except TimeoutError:
                return

    def _take_reply(self, frames: list[bytes]) -> None:
        message = read_message(frames)
        reply = None if message is None else self._replies.get(message.parent)
        if message is not None and reply is not None and not reply.done():
            reply.set_result(message.content())

    def _take_output(self, frames: list[bytes]) -> None:
        message = read_message(frames)
        self._any.set()
        if message is None or not self._message or message.parent != self._message or message.kind in _UNHEARD:
            return
        self._heard += 1
        if self._heard > _MESSAGES_AT_ONCE and self._pause is None:
            self._pause = asyncio.create_task(self._rest(), name="kernel output pauses")
        content = message.content()
        if message.kind == "status":
            if content.get("execution_state") == "idle":
                self._idle.set()
                self._any.set()
        else:
            self._hear(message.kind, content)

    async def _rest(self) -> None:
        """Read nothing for a moment: as long as what has come since the last one is worth."""
        output, before = self._channels["iopub_port"], self._heard
        output.pause()
        await self._clock.sleep(_PAUSE_SECONDS)
        await self._clock.sleep(_PAUSE_SECONDS * (self._heard - before))
        self._pause = None
        output.resume()


def _take_nothing(_frames: list[bytes]) -> None:
    """Replies to interrupts say nothing."""


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

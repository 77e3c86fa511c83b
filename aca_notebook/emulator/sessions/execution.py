"""One execution: what its code writes and shows, bounded, kept, and handed to whoever follows it."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

#: One thing that happened, as JSON has it. `event` is `stream` (with `name` and `text`), `display` and `update` (with
#: `data` by MIME type, `metadata`, `display_id`), `result` (`data`), `error` (`name`, `value`, `traceback`), `clear`.
Event = dict[str, Any]

#: What a session may say before the rest is left out, in characters: each of its two streams, and all it displays.
MOST_STREAM = 2**20
MOST_DISPLAYED = 32 * 2**20
_IMAGES = {"image/png": "png", "image/jpeg": "jpeg", "image/gif": "gif"}
_ANSI = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-Z\\-_])")
_NUMBER = re.compile(r"[-+]?(\d+|\d+\.\d*([eE][-+]?\d+)?|\d+[eE][-+]?\d+)")
_LONGEST_NUMBER = 300


class Status(StrEnum):
    """Where an execution is; values are those of the API from 2024-10-02-preview on (facts §5.4)."""

    NOT_STARTED = "NotStarted"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELED = "Canceled"


@dataclass(frozen=True, slots=True)
class Code:
    """What to run: source, or for a shell a command; `timeout_seconds` bounds it."""

    source: str
    timeout_seconds: float
    arguments: tuple[str, ...] = ()  #: a program and its arguments, in place of a source


@dataclass(frozen=True, slots=True)
class Ended:
    """How code ended. `exit_code` is a shell's."""

    succeeded: bool
    exit_code: int | None = None


class Written:
    """What was written to one stream, up to a limit."""

    def __init__(self, most: int = MOST_STREAM) -> None:
        self._most = most
        self._parts: list[str] = []
        self._length = 0
        self._left_out = 0

    def add(self, text: str) -> str:
        """Keep as much as there is room for; return that."""
        kept = text[: max(0, self._most - self._length)]
        if kept:
            self._parts.append(kept)
            self._length += len(kept)
        self._left_out += len(text) - len(kept)
        return kept

    @property
    def text(self) -> str:
        """All that was kept, and a note where something was not."""
        if len(self._parts) > 1:
            self._parts = ["".join(self._parts)]
        return "".join(self._parts) + self.note

    @property
    def note(self) -> str:
        """What to say of what was left out; empty when nothing was."""
        if not self._left_out:
            return ""
        return f"\n[output is cut here: {self._left_out:,} more characters were left out]\n"


class Execution:
    """Takes what happens by `hear`; `follow` tells it again from the start, and on until the end."""

    def __init__(self, identifier: str, *, synchronous: bool, shell: bool = False) -> None:
        self.shell = shell
        self.id = str(uuid.uuid4())
        self.identifier = identifier
        self.synchronous = synchronous
        self.status = Status.NOT_STARTED
        self.exit_code: int | None = None
        self.milliseconds = 0
        self.cancel_asked = False
        self._stdout, self._stderr = Written(), Written()
        self._displayed = 0
        self._image: dict[str, Any] | None = None
        self._result: Any = ""
        self._events: list[Event] = []
        self._changed = asyncio.Event()

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.status in {Status.NOT_STARTED, Status.RUNNING}

    @property
    def stdout(self) -> str:
        """What was written to standard output, and the text of what was displayed, bounded."""
        return self._stdout.text

    @property
    def stderr(self) -> str:
        """What was written to standard error, and the traceback of an error, bounded."""
        return self._stderr.text

    @property
    def result(self) -> Any:
        """The last expression as Azure answers it: a number, a text, an image, or an empty text (facts §5.3)."""
        return self._image or self._result

    def begin(self) -> None:
        """Its turn has come."""
        self.status = Status.RUNNING
        self._tell({"event": "running"})

    def hear(self, event: Event) -> None:
        """Take one event, as much of it as there is room for."""
        if not self.running:
            return
        kind = event["event"]
        if kind == "stream":
            written = self._stderr if event["name"] == "stderr" else self._stdout
            kept = written.add(event["text"])
            if kept:
                self._tell(event | {"text": kept})
        elif kind == "error":
            self._stderr.add(plain("\n".join(event["traceback"]) or f"{event['name']}: {event['value']}") + "\n")
            self._tell(event)
        elif kind in {"display", "result", "update"}:
            self._show(event)
        else:
            self._tell(event)

    def end(self, status: Status, *, milliseconds: float, exit_code: int | None = None) -> None:
        """Nothing more comes."""
        self.milliseconds, self.exit_code = round(milliseconds), exit_code
        for name, written in (("stdout", self._stdout), ("stderr", self._stderr)):
            if written.note:
                self._tell({"event": "stream", "name": name, "text": written.note})
        self.status = status
        self._wake()

    async def follow(self) -> AsyncIterator[Event]:
        """Yield what happened, and what happens until it has ended."""
        told = 0
        while True:
            changed = self._changed
            while told < len(self._events):
                told += 1
                yield self._events[told - 1]
            if not self.running:
                return
            if changed is self._changed:
                await changed.wait()

    async def ended(self) -> None:
        """Wait for its end."""
        while self.running:
            await self._changed.wait()

    def _show(self, event: Event) -> None:
        size = len(json.dumps(event["data"]))
        if self._displayed + size > MOST_DISPLAYED:
            self._stderr.add(f"[an output of {size:,} bytes was left out: this execution displays too much]\n")
            return
        self._displayed += size
        self._tell(event)
        data = event["data"]
        image = next((name for name in _IMAGES if isinstance(data.get(name), str)), "")
        text = data.get("text/plain")
        if image:
            encoded = data[image].replace("\n", "")
            self._image = {"type": "image", "format": _IMAGES[image], "base64_data": encoded}
        elif event["event"] == "result":
            self._result = scalar(text) if isinstance(text, str) else ""
        elif event["event"] == "display" and isinstance(text, str):
            self._stdout.add(text + "\n")

    def _tell(self, event: Event) -> None:
        self._events.append(event)
        self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


def scalar(text: str) -> Any:
    """Return a number or a truth for the text of one, else the text: Azure answers 2 for `1 + 1` (facts §5.3)."""
    if text in {"True", "False"}:
        return text == "True"
    if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        return text
    try:
        return int(text)
    except ValueError:
        return float(text)


def plain(text: str) -> str:
    """Return a text without the escape sequences that colour it on a terminal."""
    return _ANSI.sub("", text)

"""What a console has told pages, for those that open later: so much of the newest as fits."""

from __future__ import annotations

from collections import deque
from typing import Any

Message = dict[str, Any]

MOST_BYTES = 4 * 2**20
#: Text that comes bit by bit is kept in pieces of about so much.
_PIECE_BYTES = 2**16


class Transcript:
    """Messages of cells, in order. When there is too much, the oldest cells go, then the last one's outputs."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._messages: deque[Message] = deque()
        self._size = 0
        self._left_out = False

    def add(self, message: Message) -> None:
        """Keep a message: `cell` begins a cell, and `clear` takes its outputs away."""
        if message["kind"] == "clear":
            self._keep(each for each in self._messages if each["cell"] != message["cell"] or each["kind"] == "cell")
            return
        last = self._messages[-1] if self._messages else None
        if last is not None and _continues(last, message):
            self._messages[-1] = last | {"text": last["text"] + message["text"]}
        else:
            self._messages.append(message)
        self._size += _size(message)
        self._trim()

    def messages(self) -> list[Message]:
        """Return what is kept, with a word where something is not."""
        kept = list(self._messages)
        if not self._left_out or not kept:
            return kept
        note = {"cell": 0, "kind": "text", "stream": "note", "text": "earlier outputs are left out\n"}
        return [note, *kept]

    def _keep(self, messages: Any) -> None:
        self._messages = deque(messages)
        self._size = sum(map(_size, self._messages))

    def _trim(self) -> None:
        while self._size > self._most and len(self._messages) > 1:
            self._left_out = True
            oldest, present = self._messages[0]["cell"], self._messages[-1]["cell"]
            if oldest != present:
                self._keep(each for each in self._messages if each["cell"] != oldest)
            else:  # all but its code
                self._size -= _size(self._messages[1])
                del self._messages[1]


def _continues(last: Message, message: Message) -> bool:
    same = all(last.get(part) == message.get(part) for part in ("cell", "kind", "stream"))
    return same and message["kind"] == "text" and len(last["text"]) < _PIECE_BYTES


def _size(message: Message) -> int:
    return sum(len(value) for value in message.values() if isinstance(value, str))

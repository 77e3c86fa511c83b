"""The text of a session taken apart: what the cell wrote, and the frames that `runner.session_cell` put between.

The session may write anything, frames of its own too: a frame is a claim about what to show, and no more.
"""

from __future__ import annotations

import json
from typing import Any

from aca_notebook.model.session import CellError, Frame

_BEGIN, _END = "\x1e", "\x1f"
#: A frame that has not ended by then is text.
_LONGEST = 2**20


class FrameReader:
    """Takes text as it comes, in pieces of any length; gives text and frames in their order."""

    def __init__(self, token: str) -> None:
        self._mark = f"{_BEGIN}aca:{token}:"
        self._rest = ""

    def feed(self, text: str) -> list[str | dict[str, Any]]:
        """Return what is complete now."""
        self._rest += text
        found: list[str | dict[str, Any]] = []
        while self._rest:
            start = self._rest.find(_BEGIN)
            if start < 0:
                found.append(self._rest)
                self._rest = ""
            elif start:
                found.append(self._rest[:start])
                self._rest = self._rest[start:]
            elif (piece := self._first()) is None:
                break
            else:
                found.append(piece)
        return found

    def close(self) -> str:
        """Return what was left: a frame that never ended is text."""
        rest, self._rest = self._rest, ""
        return rest

    def _first(self) -> str | dict[str, Any] | None:
        """Take what the rest begins with; None while it may still become a frame."""
        rest, mark = self._rest, self._mark
        if not rest.startswith(mark) and not mark.startswith(rest):
            self._rest = rest[1:]
            return rest[0]
        end = rest.find(_END) if len(rest) >= len(mark) else -1
        if end < 0:
            if len(rest) <= _LONGEST:
                return None
            self._rest = rest[1:]
            return rest[0]
        self._rest = rest[end + 1 :]
        return read_frame(rest[len(mark) : end]) or rest[: end + 1]


def read_frame(text: str) -> dict[str, Any] | None:
    """Return a frame, or None for what is none."""
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return frame if isinstance(frame, dict) and isinstance(frame.get("kind"), str) else None


def read_error(frame: dict[str, Any]) -> CellError:
    """Return what a cell raised."""
    told = frame.get("frames")
    frames = [_place(each) for each in told if isinstance(each, dict)] if isinstance(told, list) else []
    return CellError(
        str(frame.get("name") or "Exception"), str(frame.get("message") or ""), tuple(frames[:64]),
        str(frame.get("cause") or ""),
    )  # fmt: skip


def _place(told: dict[str, Any]) -> Frame:
    line = told.get("line")
    return Frame(
        str(told.get("file") or "?"), line if isinstance(line, int) else 0, str(told.get("function") or ""),
        str(told.get("text") or ""),
    )  # fmt: skip


def read_stderr(text: str) -> CellError:
    """Return the error of an execution that told of it in text alone, as Azure's do.

    Python names the error last; JavaScript before its frames, which begin with `at`.
    """
    lines = [line for line in text.strip().splitlines() if line.strip()]
    said = lines[-1] if lines else "the execution failed"
    if said.lstrip().startswith("at "):
        said = next((line for line in reversed(lines) if not line.lstrip().startswith("at ")), said)
    name, _, message = said.partition(": ")
    if not name.replace(".", "").isidentifier():
        name, message = "ExecutionFailed", said
    return CellError(name, message, text=text)

"""A container's output: the file its shim writes, read from the end and followed across rotation.

Lines are a container runtime's: `time stdout|stderr F|P text`; `P` says that the line goes on in the next one. The
shim keeps one earlier file beside the current one (`.1`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

_BLOCK = 64 * 1024
_CHUNK = 256 * 1024
_SHIM_STAMP = len("2026-05-01T12:00:00.123456789+00:00")


@dataclass(frozen=True, slots=True)
class ConsoleLine:
    """One line; `stamp` is the text of its moment, `text` has the `F` or `P` before it as Azure sends it.

    The log stream sends them as `TimeStamp` and `Log` (recorded: app_logstream).
    """

    stamp: str
    text: str

    def plain(self) -> str:
        """The line as the log stream sends it with output=text."""
        return f"{self.stamp}  {self.text}"


def parse_line(raw: bytes) -> ConsoleLine:
    """Read one line of a log file; what is none, a torn one, is kept as text with no moment."""
    text = raw.decode("utf-8", "replace")
    parts = text.split(" ", 2)
    if len(parts) < 3 or parts[1] not in {"stdout", "stderr"}:
        return ConsoleLine("", text)
    stamp, _, tagged = parts
    return ConsoleLine(_seven_digits(stamp), tagged)


def greeting(
    container: str, revision: str, replica: str, now: datetime, *, whole: str = "Revision"
) -> list[ConsoleLine]:  # fmt: skip
    """The two lines that come first; their stamps have no zone (recorded: app_logstream, job_logstream).

    `whole` is what the replica is one of: Revision or Execution.
    """
    stamp = f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond:06d}".rstrip("0").rstrip(".")
    connected = f"Successfully Connected to container: '{container}' [{whole}: '{revision}', Replica: '{replica}']"
    return [ConsoleLine(stamp, f"Connecting to the container '{container}'..."), ConsoleLine(stamp, connected)]


class LogReader:
    """Reads the last lines of a log and then what is appended, each line once and in order.

    It keeps the file open that it reads, so a rotation takes nothing away from it; lines are lost only when the log
    is rotated twice more between two reads. A file that is not there yet is waited for.
    """

    def __init__(self, path: Path, tail: int) -> None:
        self._path = path
        self._rest = b""
        self._waiting: list[BinaryIO] = []  # in the order they were written; the last is the one that grows
        self._open_tail(tail)

    def read(self) -> list[bytes]:
        """Return whole lines that are there and were not read yet: some, not all, when there are many."""
        self._look_for_newer()
        taken = b""
        while self._waiting and not taken:
            taken = self._waiting[0].read(_CHUNK)
            if not taken:
                if len(self._waiting) == 1:
                    break
                self._waiting.pop(0).close()
                taken = b"\n" if self._rest else b""  # a torn last line must not run into the next file's first
        *lines, self._rest = (self._rest + taken).split(b"\n")
        return lines

    def close(self) -> None:
        """Give the files back."""
        for file in self._waiting:
            file.close()
        self._waiting.clear()

    def _open_tail(self, tail: int) -> None:
        current, earlier = _open(self._path), _open(_earlier(self._path))
        for file in (current, earlier):
            if file is not None:
                tail -= _seek_tail(file, tail)
                self._waiting.insert(0, file)

    def _look_for_newer(self) -> None:
        """Queue the files that came after the newest one we hold."""
        newest = _identity(os.fstat(self._waiting[-1].fileno())) if self._waiting else None
        try:
            if _identity(self._path.stat()) == newest:
                return
        except FileNotFoundError:  # just rotated, or not there yet
            pass
        found: list[BinaryIO] = []
        for path in (self._path, _earlier(self._path)):
            file = _open(path)
            if file is None:
                continue
            if _identity(os.fstat(file.fileno())) == newest:
                file.close()
                break
            found.insert(0, file)
        self._waiting += found


def _identity(state: os.stat_result) -> tuple[int, int]:
    return state.st_dev, state.st_ino


def _open(path: Path) -> BinaryIO | None:
    try:
        return path.open("rb")
    except FileNotFoundError:
        return None


def _earlier(path: Path) -> Path:
    return path.with_name(path.name + ".1")


def _seek_tail(file: BinaryIO, lines: int) -> int:
    """Go to where the last `lines` whole lines begin; return how many there are."""
    position = file.seek(0, 2)
    text = b""
    while position > 0 and text.count(b"\n") <= lines:
        step = min(_BLOCK, position)
        position -= step
        file.seek(position)
        text = file.read(step) + text
    ends = text.count(b"\n")
    if ends <= lines:
        file.seek(position)
        return ends
    end = len(text)
    for _ in range(lines + 1):
        end = text.rfind(b"\n", 0, end)
    file.seek(position + end + 1)
    return lines


def _seven_digits(stamp: str) -> str:
    """Cut `…:26.339312345+00:00` to the seven digits Azure sends; other stamps stay."""
    if len(stamp) == _SHIM_STAMP and stamp[19] == ".":
        return f"{stamp[:27]}{stamp[29:]}"
    head, dot, rest = stamp.partition(".")
    digits = len(rest) - len(rest.lstrip("0123456789"))
    return f"{head}.{rest[: min(digits, 7)]}{rest[digits:]}" if dot else stamp

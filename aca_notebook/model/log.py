"""A line of a log, whichever log it came from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class LogSource(StrEnum):
    """Which of Azure's logs a line stands in."""

    CONSOLE = "console"  #: what the program wrote
    SYSTEM = "system"  #: what the platform did
    BUILD = "build"  #: the registry's build of the image


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line; `level` is `Normal` or `Warning` for system lines, `stdout` or `stderr` for console lines when known.

    `reason` is the platform's word for a system event (`RevisionReady`); `at` is None for banners without a time.
    """

    text: str
    at: datetime | None = None
    source: LogSource = LogSource.CONSOLE
    revision: str = ""
    replica: str = ""
    container: str = ""
    level: str = ""
    reason: str = ""
    count: int = 1

    def __str__(self) -> str:
        stamp = f"{self.at:%H:%M:%S} " if self.at else ""
        mark = f"[{self.reason}] " if self.reason else ""
        return f"{stamp}{mark}{self.text}"

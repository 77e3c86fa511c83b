"""Which lines of a log somebody wants to see."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aca_notebook.model.log import LogSource

if TYPE_CHECKING:
    from datetime import datetime

    from aca_notebook.model.log import LogLine

#: From the least to the gravest, with the words that programs have for each.
LEVELS: dict[str, tuple[str, ...]] = {
    "debug": ("debug", "trace", "verbose"),
    "info": ("info", "information", "notice", "normal"),
    "warning": ("warning", "warn"),
    "error": ("error", "err", "exception", "fail"),
    "critical": ("critical", "fatal", "emergency", "panic"),
}
_NAMES = {word: level for level, words in LEVELS.items() for word in words}
_ORDER = {level: place for place, level in enumerate(LEVELS)}
_MEMBERS = ("level", "levelname", "severity", "lvl")
#: A level stands at the beginning of a line, after a date or a name, in capitals or before a colon or bracket.
_WORD = re.compile(
    r"\b(?P<capitals>DEBUG|TRACE|INFO|NOTICE|WARNING|WARN|ERROR|CRITICAL|FATAL)\b"
    r"|(?:^|[\s\[(])(?P<word>debug|info|warning|warn|error|critical|fatal)(?=[\]):])"
)
_TRACEBACK = re.compile(r"^(?:Traceback \(most recent call last\):|\w+(?:\.\w+)*(?:Error|Exception)\b)")


def level_of(line: LogLine) -> str:
    """Return a line's level, one of `LEVELS`, or nothing when it does not tell.

    A JSON line tells it in a member; another line in a word near its beginning; an exception is an error.
    """
    if line.source is LogSource.SYSTEM:
        return _NAMES.get(line.level.lower(), "")
    text = line.text.lstrip()
    if text.startswith("{"):
        return _json_level(text)
    if _TRACEBACK.match(text):
        return "error"
    found = _WORD.search(text[:80])
    if found is not None:
        return _NAMES[(found["capitals"] or found["word"]).lower()]
    return "error" if line.level == "stderr" else ""


def _json_level(text: str) -> str:
    try:
        body = json.loads(text)
    except ValueError:
        return ""
    if not isinstance(body, dict):
        return ""
    return next((_NAMES.get(str(body[name]).lower(), "") for name in _MEMBERS if name in body), "")


@dataclass(frozen=True, slots=True)
class LogFilter:
    """What a line must be to pass; nothing asked for lets everything pass.

    `level` is the least there may be, `pattern` a regular expression found anywhere in any case, `since` the earliest
    moment, `call` the id of a call. Raises `ValueError` for a level that is none or a pattern that cannot be read.
    """

    level: str = ""
    pattern: str = ""
    since: datetime | None = None
    call: str = ""
    _found: re.Pattern[str] = field(init=False, repr=False, compare=False, default=re.compile(""))

    def __post_init__(self) -> None:
        if self.level and self.level not in LEVELS:
            raise ValueError(f"{self.level!r} is no level; there are {', '.join(LEVELS)}")
        try:
            object.__setattr__(self, "_found", re.compile(self.pattern, re.IGNORECASE))
        except re.error as wrong:
            raise ValueError(f"{self.pattern!r} is no regular expression: {wrong}") from wrong

    def passes(self, line: LogLine) -> bool:
        """Tell whether a line is wanted. One without a moment is, whatever `since` says: nobody knows how old it is."""
        if self.since is not None and line.at is not None and line.at < self.since:
            return False
        if self.call and self.call not in line.text:
            return False
        if self.level and _ORDER.get(level_of(line), -1) < _ORDER[self.level]:
            return False
        return self._found.search(line.text) is not None

"""One call of Resource Manager as it went, or would go, over the wire."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

#: POSTs that only look, by their last word.
_LOOKING = re.compile(r"(?i)(list|get|check|query|forecast|usage|validate|whatif|fetch|metrics:)")


@dataclass(frozen=True, slots=True)
class WireCall:
    """A request of Resource Manager: `path` without the query, `body` its JSON, `answer` what came back for a read.

    `sent` is whether it went out. Bodies and answers may hold the values of secrets: never show them as they are.
    """

    method: str
    path: str
    api_version: str = ""
    body: Any = None
    answer: Any = None
    sent: bool = True

    @property
    def writes(self) -> bool:
        """Whether it changes something."""
        return is_write(self.method, self.path)

    def __repr__(self) -> str:
        return f"<WireCall {self.method} {self.path}>"


def is_write(method: str, path: str) -> bool:
    """Tell whether a request changes something: a POST does unless its last word only looks."""
    if method == "POST":
        return _LOOKING.match(path.rstrip("/").rpartition("/")[2]) is None
    return method in {"PUT", "PATCH", "DELETE"}

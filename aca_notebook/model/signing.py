"""What became of each way to sign in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How a way ended: it gave a token, has nothing to offer here, was refused, or was not worth trying."""

    TRYING = "trying"
    DONE = "done"
    UNAVAILABLE = "unavailable"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way: what it said, and how long it took."""

    way: str
    outcome: Outcome
    said: str = ""
    seconds: float = 0.0

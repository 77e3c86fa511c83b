"""Time as an argument: the only module that reads the machine's clock."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What the rest of the package knows of time."""

    def now(self) -> datetime:
        """Return the present moment, aware and in UTC: for records people read."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back: for intervals."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that many seconds of this clock."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start; they never go back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait without blocking the event loop."""
        await asyncio.sleep(seconds)


def format_instant(moment: datetime) -> str:
    """Write a moment as Azure does in `systemData`: seven fractional digits and a `Z` (recorded: app_e2e)."""
    moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}0Z"


def format_seconds(moment: datetime) -> str:
    """Write a moment as Azure does in revisions: whole seconds and `+00:00` (recorded: app_e2e)."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}+00:00"


def parse_instant(text: str) -> datetime:
    """Read any of the moments Azure writes, zone or none, up to seven fractional digits, as aware UTC.

    Raises `ValueError` for text that is no ISO 8601 moment.
    """
    cleaned = text.strip().replace(" +0000 UTC", "+00:00").replace(" ", "T", 1)
    head, dot, rest = cleaned.partition(".")
    if dot:
        digits = len(rest) - len(rest.lstrip("0123456789"))
        cleaned = f"{head}.{rest[: min(digits, 6)]:0<6}{rest[digits:]}"
    moment = datetime.fromisoformat(cleaned)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def truncate(moment: datetime, grain: timedelta) -> datetime:
    """Return the start of the `grain`-long bucket that holds `moment`, counted from the Unix epoch."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return moment - (moment - epoch) % grain

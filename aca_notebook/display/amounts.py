"""Seconds, bytes, dollars and moments as people write them."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta


def seconds(amount: float) -> str:
    """Write a span: `4 ms`, `0.42 s`, `12.3 s`, `2 min 5 s`, `3 h 10 min`."""
    if amount < 0.01:
        return f"{amount * 1000:.0f} ms"
    if amount < 59.95:
        return f"{amount:.2f} s" if amount < 10 else f"{amount:.1f} s"
    minutes, rest = divmod(round(amount), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} d {hours % 24} h" if hours % 24 else f"{hours // 24} d"


def brief(amount: float) -> str:
    """Write a short span of a program: `57 µs`, `1.2 ms`, `0.42 s`."""
    if amount < 0.001:
        return f"{amount * 1e6:.0f} µs"
    return f"{amount * 1e3:.1f} ms" if amount < 0.1 else seconds(amount)


def span(amount: timedelta) -> str:
    """Write a span in its two greatest units."""
    return seconds(amount.total_seconds())


def size(amount_bytes: float) -> str:
    """Write bytes in the unit that keeps the number short."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if abs(amount_bytes) < 1024:
            return f"{amount_bytes:.0f} {unit}" if unit == "bytes" else f"{amount_bytes:.3g} {unit}"
        amount_bytes /= 1024
    return f"{amount_bytes:.3g} TiB"


def dollars(amount_usd: float) -> str:
    """Write dollars with two digits that say something: `$1.25`, `$0.034`, `$0.0000072`, `$0`."""
    if not amount_usd:
        return "$0"
    if abs(amount_usd) >= 0.1:
        return f"${amount_usd:,.2f}"
    digits = 1
    while abs(amount_usd) < 10.0**-digits and digits < 12:
        digits += 1
    return f"${amount_usd:.{digits + 1}f}"


def moment(at: datetime) -> str:
    """Write a moment to the minute, in UTC."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b %H:%M} UTC"


def cores(amount: float) -> str:
    """Write cores as the platform does, with no needless zeros."""
    return f"{amount:g} vCPU"


def plural(count: int, one: str, many: str = "") -> str:
    """Write `1 replica`, `3 replicas`."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def pace(factor: float) -> str:
    """How fast the local target is, as a person would say it."""
    return {0.0: "instant", 1.0: "realistic"}.get(factor, f"{factor:g} of Azure's own times")

"""The trace that a call is: made of the call's id alone, so that whoever knows the one can find the other."""

from __future__ import annotations

import hashlib
import re

_TRACE = re.compile(r"[0-9a-f]{32}")
_PARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_NOTHING = "0" * 32


def trace_id_of(call_id: str) -> str:
    """Return the trace id (W3C, 32 hexadecimal digits) of a call.

    An id that is one, with or without the dashes of a UUID, is itself; any other stands for the first half of its
    SHA-256.
    """
    written = call_id.strip().lower().replace("-", "")
    if _TRACE.fullmatch(written) and written != _NOTHING:
        return written
    return hashlib.sha256(call_id.encode()).hexdigest()[:32]


def read_parent(traceparent: str) -> tuple[str, str] | None:
    """Return trace id and span id of a caller's `traceparent`, None for one that is none (W3C Trace Context)."""
    found = _PARENT.match(traceparent.strip().lower())
    if found is None or found[1] == _NOTHING or found[2] == "0" * 16:
        return None
    return found[1], found[2]


def read_sent(written: str) -> int | None:
    """Return the nanoseconds since 1970 at which a caller says that it sent a request, None for what says nothing.

    `X-Request-Start` is `t=` and seconds, milliseconds or microseconds, as proxies write it.
    """
    try:
        number = float(written.strip().removeprefix("t="))
    except ValueError:
        return None
    for unit, nanoseconds in ((1e9, 1_000_000_000), (1e12, 1_000_000), (1e15, 1_000)):
        if unit <= number < unit * 10:
            return int(number * nanoseconds)
    return None

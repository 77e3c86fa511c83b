"""How a word on the line becomes a value: each raises `ValueError` with a sentence for what it cannot read."""

from __future__ import annotations

import re
from datetime import timedelta

from aca_notebook.model import gpu, quantities

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def duration(text: str) -> timedelta:
    """Return the span written `90s`, `30m`, `8h` or `2d`.

    Raises `ValueError` for anything else, zero included.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text.strip().lower())
    if match is None or not float(match[1]):
        raise ValueError(f"{text!r} is not a span of time; write it like 90s, 30m, 8h or 2d")
    return timedelta(**{_UNITS[match[2]]: float(match[1])})


def span_text(text: str) -> str:
    """Return a span as it was written, once it is known to be one."""
    duration(text)
    return text.strip().lower()


def cooldown(text: str) -> float:
    """Return a span in whole seconds, as `cooldownPeriod` has it: `90s` is 90."""
    seconds = duration(text).total_seconds()
    if seconds != int(seconds):
        raise ValueError(f"{text!r} is no whole number of seconds")
    return seconds


def gpu_model(text: str) -> str:
    """Return a GPU's name as we write it."""
    return gpu.gpu_profile_type(text).gpu_model


def memory(text: str) -> str:
    """Return an amount of memory as it was written, once it is known to be one."""
    quantities.parse_memory(text)
    return text


def count(text: str) -> int:
    """Return a whole number of at least 0."""
    if not text.isdigit():
        raise ValueError(f"{text!r} is not a whole number of at least 0")
    return int(text)


def positive(text: str) -> int:
    """Return a whole number of at least 1."""
    if not text.isdigit() or not int(text):
        raise ValueError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def seconds(text: str) -> float:
    """Return a positive number of seconds."""
    try:
        amount = float(text)
    except ValueError:
        amount = 0.0
    if not 0 < amount < float("inf"):
        raise ValueError(f"{text!r} is not a number of seconds; write it like 0.5")
    return amount


def variable(text: str) -> str:
    """Return a word that can be a variable's name."""
    if not text.isidentifier():
        raise ValueError(f"{text!r} cannot be a variable's name")
    return text


def pair(text: str) -> tuple[str, str]:
    """Return the two halves of `NAME=VALUE`."""
    name, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(f"{text!r} is not NAME=VALUE")
    return name, value


def key_value(text: str) -> tuple[str, str]:
    """Return the two halves of `KEY=VALUE`, whose key is anything but empty."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ValueError(f"{text!r} is not KEY=VALUE")
    return key, value


def port(text: str) -> int:
    """Return the number of a port."""
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise ValueError(f"{text!r} is no port; there are 1 to 65535")
    return int(text)


def truth(text: str) -> bool:
    """Return what true or false stands for."""
    if text.lower() not in {"true", "false"}:
        raise ValueError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


def pace(text: str) -> str:
    """Return a pace as it was written, once it is known to be one."""
    try:
        good = text in {"instant", "realistic"} or 0 <= float(text) < float("inf")
    except ValueError:
        good = False
    if not good:
        raise ValueError(f"{text!r} is no pace; write instant, realistic or a factor such as 0.5")
    return text


def severity(text: str) -> int:
    """Return how severe an alert is: 0 is critical, 4 the least."""
    if text not in {"0", "1", "2", "3", "4"}:
        raise ValueError(f"{text!r} is no severity; there are 0 (critical) to 4")
    return int(text)


def budget(text: str) -> str:
    """Return a budget as it was written, once it is known to be one."""
    from aca_notebook.model.budget import parse_limit

    parse_limit(text)
    return text

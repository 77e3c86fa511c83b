"""CPU and memory as Container Apps writes them."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

GIB = 1024**3
_UNITS = {
    "": 1,
    "K": 10**3,
    "M": 10**6,
    "G": 10**9,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}


def parse_memory(text: str) -> int:
    """Return bytes for `0.5Gi`, `512Mi`, `1.0Gi`.

    Raises `ValueError` for anything else, zero and negative sizes included.
    """
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*(K|M|G|Ki|Mi|Gi|Ti)?\s*", text)
    if match is None:
        raise ValueError(f"not a memory size: {text!r}; write it like 0.5Gi")
    size = int(Decimal(match[1]) * _UNITS[match[2] or ""])
    if size <= 0:
        raise ValueError(f"a memory size must be positive: {text!r}")
    return size


def format_memory(size_bytes: int) -> str:
    """Write bytes in Gi with no needless zeros, as Azure answers: `1Gi`, `0.5Gi` (recorded: app_update)."""
    return f"{plain(Decimal(size_bytes) / GIB)}Gi"


def parse_cpu(value: float | str) -> float:
    """Return cores; a string is accepted because `az` sends numbers as strings.

    Raises `ValueError` for text that is no positive number.
    """
    try:
        cores = float(Decimal(str(value)))
    except InvalidOperation as bad:
        raise ValueError(f"not a number of cores: {value!r}") from bad
    if not 0 < cores < float("inf"):
        raise ValueError(f"a number of cores must be positive: {value!r}")
    return cores


def ephemeral_storage(cores: float, *, on_gpu: bool) -> str:
    """Return the scratch space a replica gets for its cores (facts §3.3; a GPU profile answers an empty string)."""
    if on_gpu:
        return ""
    for limit, size in ((0.25, "1Gi"), (0.5, "2Gi"), (1.0, "4Gi")):
        if cores <= limit:
            return size
    return "8Gi"


def plain(number: Decimal) -> str:
    """Write a decimal without exponent or trailing zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text

"""The two hashes of templates: what `uniqueString` and `guid` return, and what tells two templates apart.

`guid` is documented: a name-based UUID in a namespace of its own. `uniqueString` and the template's hash are not
documented; Microsoft's own package (Azure.Deployments.Expression, MIT) shows a 64-bit hash of the Murmur family, and
values that Azure answered confirm it here (tests).
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_GUIDS = uuid.UUID("11fb06fb-712d-4ddd-98c7-e71bbd588830")
_DIGITS = "abcdefghijklmnopqrstuvwxyz234567"
_WORD = 0xFFFFFFFF
_FIRST, _SECOND = 0xAB0E9789, 0x239B961B


def guid(parts: Iterable[str]) -> str:
    """Return the UUID of some texts."""
    return str(uuid.uuid5(_GUIDS, "-".join(parts)))


def unique_string(parts: Iterable[str]) -> str:
    """Return thirteen letters and digits that stand for some texts."""
    rest = murmur64("-".join(parts).encode())
    letters = []
    for _ in range(13):
        letters.append(_DIGITS[rest >> 59])
        rest = rest << 5 & 0xFFFFFFFFFFFFFFFF
    return "".join(letters)


def template_hash(template: Any) -> str:
    """Return what Azure calls a template's hash: of its JSON without blanks, in capitals."""
    return str(murmur64(minified(template).upper().encode()))


def minified(value: Any) -> str:
    """Return JSON without blanks."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def murmur64(content: bytes) -> int:
    """Return the 64-bit hash: two halves of 32 bits, mixed block by block."""
    low = high = 0
    whole = len(content) - len(content) % 8
    for at in range(0, whole, 8):
        low ^= _scrambled(content[at : at + 4], _SECOND, 15, _FIRST)
        low = ((_rotated(low, 19) + high) * 5 + 0x561CCD1B) & _WORD
        high ^= _scrambled(content[at + 4 : at + 8], _FIRST, 17, _SECOND)
        high = ((_rotated(high, 13) + low) * 5 + 0x0BCAA747) & _WORD
    tail = content[whole:]
    if tail:
        low ^= _scrambled(tail[:4], _SECOND, 15, _FIRST)
    if len(tail) > 4:
        high ^= _scrambled(tail[4:], _FIRST, 17, _SECOND)
    low, high = low ^ len(content), high ^ len(content)
    low = (low + high) & _WORD
    high = (high + low) & _WORD
    low, high = _avalanche(low), _avalanche(high)
    low = (low + high) & _WORD
    high = (high + low) & _WORD
    return high << 32 | low


def _scrambled(block: bytes, before: int, turn: int, after: int) -> int:
    number = int.from_bytes(block, "little")
    return _rotated(number * before & _WORD, turn) * after & _WORD


def _rotated(number: int, turn: int) -> int:
    return (number << turn | number >> (32 - turn)) & _WORD


def _avalanche(number: int) -> int:
    number = (number ^ number >> 16) * 0x85EBCA6B & _WORD
    number = (number ^ number >> 13) * 0xC2B2AE35 & _WORD
    return number ^ number >> 16

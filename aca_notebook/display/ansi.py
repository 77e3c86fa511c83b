"""Text that a program wrote for a terminal, made fit for a page or for somebody's terminal.

A program's output is not to be trusted with a terminal: sequences can set its title, its clipboard and its keys. Only
colours and weights pass, where they are wanted.
"""

from __future__ import annotations

import re

#: CSI, OSC, the string sequences, two-character escapes, and an escape that stands alone (ECMA-48).
_ESCAPE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-~])|\x1b"
)
_LOOKS = re.compile(r"\x1b\[[0-9;:]*m")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_RESET = "\x1b[0m"


def plain(text: str) -> str:
    """Return the text as it would read on a terminal: no sequences, the last of what was written over."""
    if not _CONTROL.search(text):
        return text
    return _CONTROL.sub(_picture, _ESCAPE.sub("", _last_written(text)))


def coloured(text: str) -> str:
    """Return the text for a terminal: colours and weights stay, and end with it; every other sequence goes."""
    if not _CONTROL.search(text):
        return text
    last = _last_written(text)
    looks = _LOOKS.findall(last)
    pieces = [plain(piece) for piece in _LOOKS.split(last)]
    kept = "".join(piece + look for piece, look in zip(pieces, [*looks, ""], strict=True))
    return kept + _RESET if looks and looks[-1] != _RESET else kept


def _last_written(text: str) -> str:
    return text.rstrip("\r").rpartition("\r")[2]


def _picture(control: re.Match[str]) -> str:
    code = ord(control[0])
    return chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else "\ufffd"

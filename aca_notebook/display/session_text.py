"""Text of a session made harmless: colours stay; what would move a cursor, set a title or turn letters round goes."""

from __future__ import annotations

import re

#: A colour or a weight: the one escape that stays.
_COLOUR = re.compile(r"\x1b\[[\d;:]*m")
#: Whole escape sequences (ECMA-48): CSI, strings such as OSC, and the short ones.
_ESCAPE = re.compile(
    r"\x1b\[[\x30-\x3f]*[\x20-\x2f]*[\x40-\x7e]"
    r"|\x1b[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[\x20-\x2f]*[\x30-\x4f\x51-\x57\x59-\x5a\x60-\x7e]"
)
_OPEN = re.compile(r"\x1b(?:\[[\x30-\x3f]*[\x20-\x2f]*|[\]PX^_][^\x07\x1b\x9c]*\x1b?|[\x20-\x2f]*)?\Z")
#: Controls that a terminal or a page would obey, and marks that turn the order of letters round.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
#: An escape that has not ended by then never will.
_LONGEST = 4096


class SafeText:
    """Takes text as it comes; an escape sequence may begin in one piece and end in the next."""

    def __init__(self) -> None:
        self._rest = ""

    def feed(self, text: str) -> str:
        """Return what may be shown now."""
        text = self._rest + text
        begun = _OPEN.search(text)
        self._rest = ""
        if begun and len(begun[0]) <= _LONGEST:
            text, self._rest = text[: begun.start()], begun[0]
        return _clean(text)

    def close(self) -> str:
        """Return what was left."""
        rest, self._rest = self._rest, ""
        return _clean(rest)


def safe_text(text: str) -> str:
    """Return text that may be shown anywhere; nothing but colours is left of its escapes."""
    return _clean(text)


def plain_text(text: str) -> str:
    """Return text without colours too."""
    return _COLOUR.sub("", _clean(text))


def _clean(text: str) -> str:
    if text.isprintable():
        return text
    pieces, at = [], 0
    for match in _ESCAPE.finditer(text):
        pieces += [_CONTROL.sub("", text[at : match.start()]), match[0] if _COLOUR.fullmatch(match[0]) else ""]
        at = match.end()
    pieces.append(_CONTROL.sub("", text[at:]))
    return "".join(pieces)

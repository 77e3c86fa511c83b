"""Takes secret values that are known out of text, before it is shown or kept."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

SHOWN = "[redacted]"
#: A shorter value would strike out ordinary words.
_SHORTEST = 6


class Redactor:
    """Knows values that must not be shown. It shows none of them, not in its repr either."""

    __slots__ = ("_pattern", "_values")

    def __init__(self) -> None:
        self._values: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None

    def learn(self, *values: str) -> None:
        """Know further values; those of fewer than six characters are left alone, as they may be any word.

        A value is known as JSON, an address and base64 write it, too.
        """
        known = self._values | {value for value in values if len(value) >= _SHORTEST}
        if known != self._values:
            # The longest first: one value may begin another.
            forms = {form for value in known for form in _forms(value)}
            found = sorted((re.escape(form) for form in forms), key=len, reverse=True)
            self._pattern = re.compile("|".join(found))
            self._values = known

    def text(self, text: str) -> str:
        """Return text without the values."""
        return text if self._pattern is None else self._pattern.sub(SHOWN, text)

    def __repr__(self) -> str:
        return f"<Redactor of {len(self._values)} values>"


def _forms(value: str) -> Iterator[str]:
    raw = value.encode(errors="surrogatepass")
    yield value
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield quote(raw, safe="")
    for encoded in (base64.b64encode(raw), base64.urlsafe_b64encode(raw)):
        yield encoded.decode().rstrip("=")

"""Signatures in a query: who holds the link may use it until it expires."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from aca_notebook.clock import parse_instant
from aca_notebook.emulator.wire import AzureError, query

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.clock import Clock

_VERSION = "2024-11-04"


class Sas:
    """Signs a path for some permissions (`r` read, `c` create, `w` write) and checks what comes back."""

    def __init__(self, key: bytes, clock: Clock) -> None:
        self._key = key
        self._clock = clock

    def sign(self, path: str, permissions: str, lifetime_seconds: float) -> str:
        """Return the query string, without its question mark, that opens `path`."""
        expires = f"{self._clock.now() + timedelta(seconds=lifetime_seconds):%Y-%m-%dT%H:%M:%SZ}"
        fields = {"sv": _VERSION, "se": expires, "sr": "b", "sp": permissions}
        return urlencode({**fields, "sig": self._signature(path, permissions, expires)}, quote_via=quote)

    def verify(self, request: Request, permission: str) -> None:
        """Raise `AzureError` 403, as the storage service does, unless the request's query grants `permission`."""
        permissions, expires = query(request, "sp"), query(request, "se")
        expected = self._signature(request.url.path, permissions, expires)
        if not hmac.compare_digest(expected.encode(), query(request, "sig").encode()):  # a text must be ASCII
            raise _refused("the signature does not match")
        if permission not in permissions:
            raise _refused(f"the signature grants {permissions!r}, not {permission!r}")
        if parse_instant(expires) <= self._clock.now():
            raise _refused("the signature has expired")

    def _signature(self, path: str, permissions: str, expires: str) -> str:
        text = f"{_VERSION}\n{path}\n{permissions}\n{expires}"
        return base64.b64encode(hmac.new(self._key, text.encode(), hashlib.sha256).digest()).decode()


def _refused(why: str) -> AzureError:
    return AzureError(403, "AuthenticationFailed", f"Server failed to authenticate the request: {why}.")

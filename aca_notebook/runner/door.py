"""Who may call: the endpoint's key, or a link that was signed with it."""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aca_notebook.runner.failures import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

COOKIE_SECONDS = 8 * 3600
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
LINK_SECONDS = 300
"""A link that claims to live longer than this was not made by our client."""


@dataclass(frozen=True)
class Door:
    """Lets a call in or refuses it. Without a key and not public, it refuses everything.

    `app` names the cookie: browsers share cookies between the ports of one host. `now` is the Unix time that links
    and cookies expire by.
    """

    key: str = field(default="", repr=False)
    public: bool = False
    app: str = ""
    now: Callable[[], float] = time.time

    def admit(self, headers: Mapping[bytes, bytes], method: str = "GET") -> None:
        """Raise `Refused` (401) unless the headers carry the key or a cookie made by `cookie`.

        A cookie comes along whichever page asks, and every port of a host is the same site to it: with one alone,
        a method that may change something is refused (403) unless the app's own page asks. `method` is HTTP's, or
        `WEBSOCKET`.
        """
        if self.public:
            return
        if self.key and self._same(presented_key(headers), self.key):
            return
        if self.key and self._has_cookie(headers):
            if method in _READING or asked_by_own_page(headers):
                return
            raise Refused(
                403,
                "CrossOrigin",
                "a page of another site or port made this call",
                hint="the cookie of open() counts for the app's own pages; others send the key as X-Api-Key",
            )
        name = self.app or "NAME"
        raise Refused(
            401,
            "Unauthorized",
            "this endpoint needs its key" if self.key else "this endpoint has no key and is not public",
            hint=f"add -H X-Api-Key:$(aca-notebook key {name}) to curl; in a notebook: %aca curl {name}",
        )

    def admit_link(self, expires: str, signature: str) -> None:
        """Raise `Refused` (401) unless the link was signed with the key and has not expired."""
        if self.public:
            return
        now = self.now()
        moment = float(expires) if expires.isdigit() and len(expires) < 16 else 0.0
        if self.key and self._same(signature, self.sign(f"open:{expires}")) and now < moment < now + LINK_SECONDS:
            return
        raise Refused(401, "Unauthorized", "this link has expired", hint="make a new one: app.open()")

    def cookie(self, *, secure: bool) -> str:
        """Return the `Set-Cookie` value that stands for the key in a browser for eight hours."""
        expires = str(int(self.now()) + COOKIE_SECONDS)
        flags = f"Max-Age={COOKIE_SECONDS}; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")
        return f"{self._cookie_name()}={expires}.{self.sign(f'cookie:{expires}')}; {flags}"

    def sign(self, text: str) -> str:
        """Return the HMAC-SHA256 of `text` with the key, in hex."""
        return hmac.new(self.key.encode(), text.encode(), hashlib.sha256).hexdigest()

    def _has_cookie(self, headers: Mapping[bytes, bytes]) -> bool:
        for pair in headers.get(b"cookie", b"").decode("latin-1").split(";"):
            name, _, value = pair.strip().partition("=")
            expires, _, signature = value.partition(".")
            if name == self._cookie_name() and expires.isdigit() and len(expires) < 16:
                return int(expires) > self.now() and self._same(signature, self.sign(f"cookie:{expires}"))
        return False

    def _cookie_name(self) -> str:
        return f"aca_open_{self.app or 'app'}"

    @staticmethod
    def _same(presented: str, wanted: str) -> bool:
        return hmac.compare_digest(presented.encode(), wanted.encode())


def asked_by_own_page(headers: Mapping[bytes, bytes]) -> bool:
    """Tell whether a browser says that a page of this very host and port makes the request (or the person does)."""
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        return site in {b"same-origin", b"none"}
    page = headers.get(b"origin", headers.get(b"referer", b"")).decode("latin-1")
    host = headers.get(b"host", b"").decode("latin-1")
    return bool(host) and page.partition("://")[2].partition("/")[0].lower() == host.lower()


def presented_key(headers: Mapping[bytes, bytes]) -> str:
    """Return the key a caller sent as `X-Api-Key` or as a bearer token, or an empty string."""
    key = headers.get(b"x-api-key", b"").decode("latin-1")
    if key:
        return key
    scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""

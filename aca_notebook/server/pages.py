"""Apps' pages through the Jupyter server, for browsers that reach nothing else: behind JupyterHub, on Binder.

A page's address holds a word that nobody can guess, good for one app and some hours. It stands for the app's key, which
stays here. What an app serves is not trusted with the Jupyter server: it is shown in a sandbox, as of an origin of its
own, without the server's cookies; so no cookie of ours is asked for either, and the word is all that opens the door.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import secrets
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import JupyterHandler
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import aiohttp

    from aca_notebook.clock import Clock

ADDRESS = r"/aca-notebook-page/([\w-]+)/(.*)"
#: How long an address is good for, and how many are kept.
GOOD_SECONDS = 8 * 3600.0
MOST_PAGES = 64
#: Azure's ingress ends a request that is silent for so long.
ANSWER_SECONDS = 240.0
CONNECT_SECONDS = 20.0
#: So many requests to one app at a time; one that is slow keeps no other from answering.
MOST_REQUESTS = 64
#: An origin of its own: scripts run, and reach nothing of the Jupyter server.
SANDBOX = "sandbox allow-scripts allow-forms allow-popups allow-downloads allow-modals"

_SENT = ("Accept", "Accept-Language", "Content-Type", "If-None-Match", "Range")
_TOLD = (
    "Content-Type", "Content-Disposition", "Content-Language", "Content-Range", "Accept-Ranges", "Cache-Control",
    "ETag", "Last-Modified", "X-Call-Id",
)  # fmt: skip
_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"


@dataclass(frozen=True, slots=True)
class Page:
    """Where an app answers our own clients, its key, and whom to trust."""

    url: str
    key: str
    ca_bundle: Path | None
    until: float


class Pages:
    """The addresses that are good at present."""

    def __init__(self, clock: Clock, word: Callable[[], str] = lambda: secrets.token_urlsafe(32)) -> None:
        self._clock = clock
        self._word = word
        self._pages: dict[str, Page] = {}

    def add(self, url: str, key: str, ca_bundle: Path | None) -> str:
        """Return a path below the server's base URL; the oldest go when there are too many."""
        now = self._clock.monotonic()
        self._pages = {word: page for word, page in self._pages.items() if page.until > now}
        for word in list(self._pages)[: max(len(self._pages) - MOST_PAGES + 1, 0)]:
            del self._pages[word]
        word = self._word()
        self._pages[word] = Page(url, key, ca_bundle, now + GOOD_SECONDS)
        return f"aca-notebook-page/{word}/docs"

    def drop(self, url: str) -> None:
        """Let nobody reach an app any more by an address that was given before."""
        self._pages = {word: page for word, page in self._pages.items() if page.url != url}

    def clear(self) -> None:
        """Let no address stand for anything any more."""
        self._pages = {}

    def find(self, word: str) -> Page | None:
        """Return the page of a word that is good."""
        page = self._pages.get(word)
        return page if page is not None and page.until > self._clock.monotonic() else None


class Asking:
    """The requests to apps: connections of our own, which nothing else in the server waits for. Close it at the end."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._trusted: dict[Path, ssl.SSLContext] = {}

    def session(self) -> aiohttp.ClientSession:
        """Return the session. It keeps no cookies: an app's are nobody's."""
        import aiohttp  # with the first page, not with the server

        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, limit_per_host=MOST_REQUESTS),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=ANSWER_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    def trust(self, ca_bundle: Path | None) -> ssl.SSLContext | bool:
        """Return whom to trust: those of a bundle alone, or whom the machine trusts."""
        if ca_bundle is None:
            return True
        if ca_bundle not in self._trusted:
            self._trusted[ca_bundle] = ssl.create_default_context(cafile=str(ca_bundle))
        return self._trusted[ca_bundle]

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None


class PageHandler(JupyterHandler):
    """Hands one request on. It asks for no cookie and sets none: see the module."""

    def initialize(self, find: Callable[[str], Page | None], asking: Asking) -> None:
        """Take the addresses, and take the word out of what the server and a hub write into their logs."""
        self._find = find
        self._asking = asking
        self._handing: asyncio.Task[None] | None = None
        self._uri = self.request.uri or ""
        self.request.uri = masked(self._uri, self.base_url)
        self.request.headers.pop("Referer", None)  # it may be such an address, and is logged as well

    def check_xsrf_cookie(self) -> None:
        """There is no cookie that another site could ride on."""

    def set_default_headers(self) -> None:
        """Keep what an app serves apart from the server, and its address to itself."""
        super().set_default_headers()
        self.set_header("Content-Security-Policy", SANDBOX)
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_cors_headers()

    def set_cors_headers(self) -> None:
        """Let the page itself ask, whose origin is `null`; what the server allows other sites is not for it."""
        self.set_header("Access-Control-Allow-Origin", "null")
        self.set_header("Access-Control-Allow-Headers", "Content-Type")
        self.set_header("Access-Control-Allow-Methods", _METHODS)

    @allow_unauthenticated
    async def get(self, word: str, path: str) -> None:
        """Hand it on."""
        del path  # it is taken as it was sent
        await self._hand_on(word)

    head = post = put = patch = delete = get

    @allow_unauthenticated
    async def options(self, word: str, path: str) -> None:
        """What a page of another origin asks before it sends JSON."""
        del path
        if self._find(word) is None:
            raise HTTPError(404)
        self.set_status(204)

    def on_connection_close(self) -> None:
        """Ask the app no further when the browser has gone."""
        if self._handing is not None:
            self._handing.cancel()

    async def _hand_on(self, word: str) -> None:
        page = self._find(word)
        if page is None:
            raise HTTPError(404, "this address is not good any more: open the app's page anew")
        self._handing = asyncio.ensure_future(self._carry(page, word))
        with suppress(asyncio.CancelledError, StreamClosedError):  # the browser has gone
            await self._handing

    async def _carry(self, page: Page, word: str) -> None:
        """Carry the answer over as it comes."""
        import aiohttp
        from yarl import URL

        asked = self.request
        path = self._uri.partition(f"/{word}/")[2]  # as it was sent, with its query
        try:
            async with self._asking.session().request(
                asked.method or "GET", URL(f"{page.url}/{path}", encoded=True), data=asked.body or None,
                headers=sent(asked.headers, page.key), ssl=self._asking.trust(page.ca_bundle), allow_redirects=False,
            ) as answer:  # fmt: skip
                self._begin(answer, page, self._root(word))
                async for part in answer.content.iter_any():
                    self.write(part)
                    await self.flush()
        except (aiohttp.ClientError, TimeoutError, OSError) as gone:
            if isinstance(gone, StreamClosedError):
                raise
            if not self._headers_written:
                raise HTTPError(502, "the app does not answer") from gone
            self._cut()

    def _begin(self, answer: aiohttp.ClientResponse, page: Page, root: str) -> None:
        self.set_status(answer.status)
        for name in _TOLD:
            if name in answer.headers:
                self.set_header(name, answer.headers[name])
        if "Location" in answer.headers:
            self.set_header("Location", inside(answer.headers["Location"], page.url, root))

    def _cut(self) -> None:
        """End an answer that the app did not end: the browser must not take it for a whole one."""
        self.request.connection.close()  # type: ignore[union-attr]

    def _root(self, word: str) -> str:
        return f"{self.base_url.rstrip('/')}/aca-notebook-page/{word}/"


def masked(uri: str, base_url: str) -> str:
    """Return an address of a page without its word."""
    root = f"{base_url.rstrip('/')}/aca-notebook-page/"
    return root + re.sub(r"^[^/?]*", "[secret]", uri.removeprefix(root)) if uri.startswith(root) else uri


def sent(headers: Mapping[str, str], key: str) -> dict[str, str]:
    """Return what an app is sent: nothing of the Jupyter server's, cookies and tokens least of all."""
    kept = {name: headers[name] for name in _SENT if name in headers}
    return {**kept, **({"X-Api-Key": key} if key else {})}


def inside(location: str, app: str, root: str) -> str:
    """Return where a redirect of an app leads, seen from here."""
    parts, own = urlsplit(location), urlsplit(app)
    elsewhere = parts.netloc and parts.netloc != own.netloc
    if elsewhere or not parts.path.startswith("/"):
        return location
    return root + parts.path.lstrip("/") + (f"?{parts.query}" if parts.query else "")


def is_loopback(url: str) -> bool:
    """Whether only programs of this machine reach an address."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name
        return False


def same_place(one: str, other: str) -> bool:
    """Whether two addresses are of one host and port, whatever their scheme and path."""
    return urlsplit(one).netloc.lower() == urlsplit(other).netloc.lower() != ""

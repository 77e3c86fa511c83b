"""Apps' pages through the Jupyter server, for browsers that reach nothing else: behind JupyterHub, on Binder.

A page's address holds a word that nobody can guess, good for one app and some hours. It stands for the app's key, which
stays here. What an app serves is not trusted with the Jupyter server: it is shown in a sandbox, as of an origin of its
own, without the server's cookies; so no cookie of ours is asked for either, and the word is all that opens the door.
"""

from __future__ import annotations

import ipaddress
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import JupyterHandler
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.web import HTTPError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from aca_notebook.clock import Clock

ADDRESS = r"/aca-notebook-page/([\w-]+)/(.*)"
#: How long an address is good for, and how many are kept.
GOOD_SECONDS = 8 * 3600.0
MOST_PAGES = 64
#: Azure's ingress ends a request that is silent for so long.
ANSWER_SECONDS = 240.0
#: An origin of its own: scripts run, and reach nothing of the Jupyter server.
SANDBOX = "sandbox allow-scripts allow-forms allow-popups allow-downloads allow-modals"

_SENT = ("Accept", "Accept-Language", "Content-Type", "If-None-Match", "Range")
_TOLD = (
    "Content-Type", "Content-Disposition", "Content-Language", "Content-Range", "Accept-Ranges", "Cache-Control",
    "ETag", "Last-Modified", "X-Call-Id",
)  # fmt: skip


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

    def find(self, word: str) -> Page | None:
        """Return the page of a word that is good."""
        page = self._pages.get(word)
        return page if page is not None and page.until > self._clock.monotonic() else None


class PageHandler(JupyterHandler):
    """Hands one request on. It asks for no cookie and sets none: see the module."""

    def initialize(self, find: Callable[[str], Page | None]) -> None:
        """Take the addresses."""
        self._find = find

    def check_xsrf_cookie(self) -> None:
        """There is no cookie that another site could ride on."""

    def set_default_headers(self) -> None:
        """Keep what an app serves apart from the server, and its address to itself."""
        super().set_default_headers()
        self.set_header("Content-Security-Policy", SANDBOX)
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Access-Control-Allow-Origin", "null")
        self.set_header("Access-Control-Allow-Headers", "Content-Type")

    @allow_unauthenticated
    async def get(self, word: str, path: str) -> None:
        """Hand it on."""
        del path  # it is taken as it was sent
        await self._hand_on(word)

    @allow_unauthenticated
    async def post(self, word: str, path: str) -> None:
        """Hand it on."""
        del path  # it is taken as it was sent
        await self._hand_on(word)

    @allow_unauthenticated
    async def options(self, word: str, path: str) -> None:
        """What a page of another origin asks before it sends JSON."""
        del path
        if self._find(word) is None:
            raise HTTPError(404)
        self.set_status(204)

    async def _hand_on(self, word: str) -> None:
        page = self._find(word)
        if page is None:
            raise HTTPError(404, "this address is not good any more: open the app's page anew")
        try:
            answer = await AsyncHTTPClient().fetch(self._request(page, word), raise_error=False)
        except (OSError, HTTPClientError) as gone:
            raise HTTPError(502, "the app does not answer") from gone
        if answer.code == 599:
            raise HTTPError(502, "the app does not answer")
        self.set_status(answer.code)
        for name in _TOLD:
            if name in answer.headers:
                self.set_header(name, answer.headers[name])
        if "Location" in answer.headers:
            self.set_header("Location", inside(answer.headers["Location"], page.url, self._root(word)))
        if answer.body:
            self.write(answer.body)

    def _root(self, word: str) -> str:
        return f"{self.base_url.rstrip('/')}/aca-notebook-page/{word}/"

    def _request(self, page: Page, word: str) -> HTTPRequest:
        asked = self.request
        path = asked.uri.partition(f"/{word}/")[2] if asked.uri else ""  # as it was sent, with its query
        return HTTPRequest(
            f"{page.url}/{path}", method=asked.method or "GET", headers=sent(asked.headers, page.key),
            body=asked.body if asked.method == "POST" else None, follow_redirects=False,
            ca_certs=str(page.ca_bundle) if page.ca_bundle else None, request_timeout=ANSWER_SECONDS,
        )  # fmt: skip


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

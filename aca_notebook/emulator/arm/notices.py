"""Telling action groups: their webhooks are posted to, over HTTP, and to no other address than the user's own.

An address must be this machine's, or one whose host the emulator was told (`ACA_NOTEBOOK_WEBHOOK_HOSTS`), and none of
the emulator's own ports. A notice is on disk before its first try and is tried again after kill -9, so it is told at
least once, and now and then twice. Retries and the pause that follows are Azure's (documented: action groups, webhook
retries); mails and calls to phones are not sent.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aca_notebook.emulator.journal.database import delete_document, put_document
from aca_notebook.emulator.wire import AzureError
from aca_notebook.model.ids import parse_id

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.arm.posting import Posting
    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.emulator.journal.database import Database, Statement

logger = logging.getLogger(__name__)

#: When an endpoint is asked again; after the last time it is left alone for a while (documented).
RETRY_SECONDS = (5.0, 20.0, 5.0, 40.0, 5.0)
PAUSE_SECONDS = 15 * 60.0
_AGAIN = frozenset({408, 429, 503, 504})
_KIND = "notice"
_MOST_AT_ONCE = 8
_MOST_WAITING = 1000
_LOCAL = "localhost"


@dataclass(frozen=True, slots=True)
class Notice:
    """One payload for one receiver. Its address is read from the group at each try: it may hold a secret."""

    id: str
    group: str
    receiver: str
    payload: dict[str, Any]

    def statement(self) -> Statement:
        """Store it."""
        body = {"group": self.group, "receiver": self.receiver, "payload": self.payload}
        return put_document(_KIND, self.id, body)


class Notices:
    """Sends them. `own_ports` are never posted to; `hosts` may be beside this machine."""

    def __init__(
        self, *, store: Store, database: Database, clock: Clock, own_ports: Callable[[], Collection[int]],
        hosts: Collection[str] = (),
    ) -> None:  # fmt: skip
        self._store = store
        self._clock = clock
        self._own_ports = own_ports
        self._hosts = frozenset(host.lower() for host in hosts)
        self._waiting = {key: Notice(key, **body) for key, body in database.documents(_KIND).items()}
        self._paused: dict[tuple[str, str], float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(_MOST_AT_ONCE)
        self._posting: Posting | None = None

    def start(self) -> None:
        """Go on with those that a crash cut off."""
        for notice in list(self._waiting.values()):
            self._begin(notice)

    async def close(self) -> None:
        """Try no more; what was not told stays on disk."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._posting is not None:
            await self._posting.close()

    def prepare(self, groups: Collection[str], make: Callable[[bool], dict[str, Any]]) -> list[Notice]:
        """Return the notices for the receivers of some action groups; `make` is told if the schema is the common one.

        Store their statements with what they tell of, then `send` them.
        """
        found = []
        for group in dict.fromkeys(each.lower() for each in groups):
            document = self._group(group)
            if document is None or not document["properties"].get("enabled", True):
                continue
            for receiver in document["properties"].get("webhookReceivers") or ():
                common = bool(receiver.get("useCommonAlertSchema"))
                found.append(Notice(uuid.uuid4().hex, group, str(receiver.get("name")), make(common)))
        room = max(0, _MOST_WAITING - len(self._waiting))
        if len(found) > room:
            logger.warning("%d notices are not sent: too many wait already", len(found) - room)
        return found[:room]

    def send(self, notices: Collection[Notice]) -> None:
        """Begin to tell; their statements are on disk."""
        for notice in notices:
            self._waiting[notice.id] = notice
            self._begin(notice)

    def _begin(self, notice: Notice) -> None:
        task = asyncio.create_task(self._tell(notice), name=f"notice {notice.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self, notice: Notice) -> None:
        try:
            await self._tries(notice)
            await self._store.write(delete_document(_KIND, notice.id))
        except AzureError as full:
            logger.warning("the end of a notice could not be written: %s", full)
        self._waiting.pop(notice.id, None)

    async def _tries(self, notice: Notice) -> None:
        place = (notice.group, notice.receiver)
        if self._clock.monotonic() < self._paused.get(place, 0.0):
            logger.warning("webhook %r is left alone for now: it did not answer", notice.receiver)
            return
        for pause in RETRY_SECONDS:
            outcome = await self._try(notice)
            if outcome is None:
                return
            logger.info("webhook %r: %s; again in %g s", notice.receiver, outcome, pause)
            await self._clock.sleep(pause)
        outcome = await self._try(notice)
        if outcome is not None:
            self._paused[place] = self._clock.monotonic() + PAUSE_SECONDS
            logger.warning("webhook %r was not told: %s", notice.receiver, outcome)

    async def _try(self, notice: Notice) -> str | None:
        """Post once; return why it is worth another try, or None when there is nothing more to do."""
        url = self._address(notice)
        refusal = refused_address(url, self._own_ports(), self._hosts)
        if refusal:
            logger.warning("webhook %r is not told: %s", notice.receiver, refusal)
            return None
        try:
            async with self._room:
                status = await self._post().post(url, json.dumps(notice.payload))
        except OSError as trouble:
            return f"nobody answered ({trouble})"
        if status in _AGAIN:
            return f"it answered {status}"
        if status >= 300:
            logger.warning("webhook %r answered %d", notice.receiver, status)
        return None

    def _post(self) -> Posting:
        if self._posting is None:
            from aca_notebook.emulator.arm.posting import Posting  # heavy, and few emulators tell anybody

            self._posting = Posting(self._hosts, _MOST_AT_ONCE)
        return self._posting

    def _group(self, key: str) -> dict[str, Any] | None:
        try:
            return self._store.get(parse_id(key))
        except ValueError:
            return None

    def _address(self, notice: Notice) -> str:
        document = self._group(notice.group) or {"properties": {}}
        receivers = document["properties"].get("webhookReceivers") or ()
        return next((str(each.get("serviceUri")) for each in receivers if each.get("name") == notice.receiver), "")


def refused_address(url: str, own_ports: Collection[int], hosts: Collection[str]) -> str:
    """Return why nothing is posted to an address, or an empty text."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return "its address cannot be read"
    host = (parts.hostname or "").lower()
    if parts.scheme not in {"http", "https"} or not host:
        return "its address is none of http or https"
    if host in hosts:
        return ""
    if not is_loopback(host):
        return f"{host} is not this machine; ACA_NOTEBOOK_WEBHOOK_HOSTS names hosts that may be told"
    return "it is an address of the emulator itself" if port in own_ports else ""


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, without asking anybody."""
    if host == _LOCAL or host.endswith(f".{_LOCAL}"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

"""What runs, written down now and then: a start reads that and the few events since, however old the journal is.

A snapshot is the fold of the journal up to one event, so it can say nothing that the journal did not. It is written in
the same queue as events are, and so knows up to which one.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aca_notebook.clock import parse_instant
from aca_notebook.emulator.journal.database import Statement, delete_document, put_document
from aca_notebook.emulator.runtime.observed import ObservedApp, ObservedContainer, ObservedReplica, ObservedRevision
from aca_notebook.model.states import ContainerRunningState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aca_notebook.emulator.journal.database import Database

#: So many events are folded anew at the most, in about 30 ms.
EVENTS_BETWEEN = 1000
_KIND = "observed"
_UNTIL = "observed-until"
_FORMAT = 1  #: another number in the file means: read the journal instead


class Snapshots:
    """Reads them at the start; says which statements write those that have changed since the last time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._touched: set[str] = set()
        self._events = 0

    @property
    def due(self) -> bool:
        """Whether a start would have to fold many events."""
        return self._events >= EVENTS_BETWEEN

    def touched(self, app_key: str) -> None:
        """An event of this app was appended."""
        self._touched.add(app_key)
        self._events += 1

    def statements(self, apps: Mapping[str, ObservedApp]) -> list[Statement]:
        """Return what writes down the changed ones of all `apps`, to be queued after their last event."""
        written = [
            put_document(_KIND, key, encode_observed(app))
            if (app := apps.get(key)) is not None and app.revisions
            else delete_document(_KIND, key)
            for key in sorted(self._touched)
        ]
        self._touched.clear()
        self._events = 0
        until = Statement(
            "INSERT OR REPLACE INTO documents(kind, key, body, checksum) "
            "SELECT kind, '', body, checksum(kind, '', body) FROM (SELECT ? AS kind, "
            "json_object('format', ?, 'sequence', coalesce(max(sequence), 0)) AS body FROM events)",
            (_UNTIL, _FORMAT),
        )
        return [*written, until]

    def until(self) -> int:
        """Return the number of the last event that the snapshots hold; 0 without any. Blocks."""
        mark = self._database.documents(_UNTIL).get("", {})
        return int(mark["sequence"]) if mark.get("format") == _FORMAT else 0

    def load(self) -> dict[str, ObservedApp]:
        """Return what ran when the last event was written, by app key. Blocks."""
        after = self.until()
        kept = self._database.documents(_KIND) if after else {}
        apps = {key: decode_observed(body) for key, body in kept.items()}
        for _, event in self._database.events(after=after):
            apps.setdefault(event.app, ObservedApp(event.app)).apply(event)
            self.touched(event.app)
        return apps


def encode_observed(app: ObservedApp) -> dict[str, Any]:
    """Return an app as plain JSON values."""
    return asdict(app, dict_factory=_plain)


def decode_observed(body: Mapping[str, Any]) -> ObservedApp:
    """Read what `encode_observed` wrote."""
    return ObservedApp(body["key"], {name: _revision(each) for name, each in body["revisions"].items()})


def _revision(body: Mapping[str, Any]) -> ObservedRevision:
    replicas = {name: _replica(each) for name, each in body["replicas"].items()}
    return ObservedRevision(**_known(ObservedRevision, body) | {"replicas": replicas})


def _replica(body: Mapping[str, Any]) -> ObservedReplica:
    containers = {name: _container(each) for name, each in body["containers"].items()}
    return ObservedReplica(**_known(ObservedReplica, body) | {"containers": containers, "gpus": tuple(body["gpus"])})


def _container(body: Mapping[str, Any]) -> ObservedContainer:
    return ObservedContainer(**_known(ObservedContainer, body) | {"state": ContainerRunningState(body["state"])})


def _known(kind: type, body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that `kind` has, with moments read."""
    names = {each.name for each in fields(kind)}
    found = {name: value for name, value in body.items() if name in names}
    return {name: parse_instant(value) if name.endswith("_at") and value else value for name, value in found.items()}


def _plain(items: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in items}

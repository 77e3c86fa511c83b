"""The faults in force: durable, read from memory, and no cost to anybody while there are none."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from aca_notebook.emulator.journal.database import delete_document, put_document
from aca_notebook.model.fault import Fault, parse_fault
from aca_notebook.model.ids import parse_id

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.journal.database import Database, Statement
    from aca_notebook.model.fault import Subject
    from aca_notebook.model.fault_kinds import Seam
    from aca_notebook.model.ids import ResourceId

logger = logging.getLogger(__name__)

_KIND = "fault"
#: The tag in which a resource spells its own faults.
TAG = "aca-notebook-fault"
K = TypeVar("K")


class Strikes(Protocol):
    """What a seam asks of the faults in force."""

    def at(self, seam: Seam) -> tuple[Posted, ...]:
        """Return the faults of a seam; empty costs nothing."""
        ...

    def strike(
        self, subject: Subject, *kinds: type[K], by_name: bool = False, fits: Callable[[K], bool] | None = None
    ) -> K | None:
        """Return what strikes a subject now, and count it.

        With `by_name` only faults that name its operation; with `fits` only those whose parameters do.
        """
        ...

    def standing(self, subject: Subject, kind: type[K]) -> K | None:
        """Return the fault of a kind that lasts and covers a subject, the latest of them."""
        ...

    def lasting(self, subject: Subject, kind: type[K]) -> list[K]:
        """Return all of those, the latest last."""
        ...


class NoFaults:
    """All is well."""

    def at(self, seam: Seam) -> tuple[Posted, ...]:
        """Return none."""
        del seam
        return ()

    def strike(
        self, subject: Subject, *kinds: type[K], by_name: bool = False, fits: Callable[[K], bool] | None = None
    ) -> K | None:
        """Return none."""
        del subject, kinds, by_name, fits
        return None

    def standing(self, subject: Subject, kind: type[K]) -> K | None:
        """Return none."""
        del subject, kind
        return None

    def lasting(self, subject: Subject, kind: type[K]) -> list[K]:
        """Return none."""
        del subject, kind
        return []


@dataclass(frozen=True, slots=True)
class Posted:
    """A fault in force: how many subjects it has met and how many of those it has struck."""

    id: int
    fault: Fault
    met: int = 0
    struck: int = 0
    tagged: str = ""  #: the key of the resource whose own tag spells it, which then is what is kept of it

    def statement(self) -> Statement:
        """Store it."""
        return put_document(_KIND, str(self.id), {"fault": str(self.fault), "met": self.met, "struck": self.struck})


class Faults:
    """Keeps the faults. `start` and `close` frame the task that ends those whose time is over.

    Adding and clearing are durable when they return; what a tag spells lasts as the tag does, and cleared until that
    changes or a restart. Counts follow within moments: after a crash a fault may strike
    once more than it was to.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._watchers: list[Callable[[], None]] = []
        self._posted: dict[int, Posted] = {}
        self._by_seam: dict[Seam, tuple[Posted, ...]] = {}
        self._tags: dict[str, str] = {}
        self._unwritten: set[int] = set()
        self._writing: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        for key, body in database.documents(_KIND).items():
            try:
                fault = parse_fault(body["fault"], clock.now())
            except ValueError as unreadable:  # another version's
                logger.warning("the fault %s is not in force: %s", body["fault"], unreadable)
            else:
                self._posted[int(key)] = Posted(int(key), fault, body["met"], body["struck"])
        self._last = max(self._posted, default=0)
        self._sort()

    async def start(self, documents: Iterable[Mapping[str, Any]] = ()) -> None:
        """Read the tags of what is there, and watch the time of those that have one."""
        for document in documents:
            self.read_tag(parse_id(document["id"]), document)
        self._expire()
        self._schedule()

    async def close(self) -> None:
        """Write down the counts and stop."""
        if self._ending is not None:
            self._ending.cancel()
            await asyncio.gather(self._ending, return_exceptions=True)
        if self._writing is not None:
            await self._writing

    def read_tag(self, id_: ResourceId, document: Mapping[str, Any]) -> None:
        """Take in what a resource's own tag spells: faults of this resource, with semicolons between.

        A tag that spells none is a tag like any other. Those it spelt before are over.
        """
        tags = document.get("tags")
        text = str(tags.get(TAG) or "") if isinstance(tags, Mapping) else ""
        if text == self._tags.get(id_.key, ""):
            return
        self._tags[id_.key] = text
        self._posted = {key: each for key, each in self._posted.items() if each.tagged != id_.key}
        for spelt in filter(None, map(str.strip, text.split(";"))):
            try:
                fault = parse_fault(spelt, self._clock.now())
            except ValueError as unreadable:
                logger.warning("the tag %s of %s spells no fault: %s", TAG, id_, unreadable)
            else:
                self._last += 1
                here = replace(fault, scope=replace(fault.scope, resource=str(id_)))
                self._posted[self._last] = Posted(self._last, here, tagged=id_.key)
        self._changed()

    async def forget_tags(self, gone: Collection[ResourceId]) -> None:
        """End the faults of resources that are no more."""
        for id_ in gone:
            self.read_tag(id_, {})
            self._tags.pop(id_.key, None)

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call `watcher` on the loop whenever a fault comes or goes; it must not block."""
        self._watchers.append(watcher)

    def posted(self) -> list[Posted]:
        """Return those in force, the oldest first."""
        self._expire()
        return [self._posted[id_] for id_ in sorted(self._posted)]

    async def add(self, text: str) -> Posted:
        """Put the fault in force that `text` spells. Raises `ValueError` with a sentence."""
        posted = Posted(self._last + 1, parse_fault(text, self._clock.now()))
        self._last = posted.id
        await self._database.write(posted.statement())
        self._posted[posted.id] = posted
        self._changed()
        return posted

    async def clear(self, id_: int | None = None) -> int:
        """End one fault, or all; return how many there were."""
        gone = [each for each in self._posted if id_ is None or each == id_]
        ordered = [each for each in gone if not self._posted[each].tagged]
        await self._database.write(*(delete_document(_KIND, str(each)) for each in ordered))
        for each in gone:
            self._posted.pop(each, None)
        if gone:
            self._changed()
        return len(gone)

    def at(self, seam: Seam) -> tuple[Posted, ...]:
        """Return the faults of a seam; empty costs nothing."""
        return self._by_seam.get(seam, ())

    def strike(
        self, subject: Subject, *kinds: type[K], by_name: bool = False, fits: Callable[[K], bool] | None = None
    ) -> K | None:
        """Return what strikes a subject now, and count it.

        With `by_name` only faults that name its operation; with `fits` only those whose parameters do.
        """
        for posted in self._covering(subject, kinds):
            what = posted.fault.what
            if not isinstance(what, kinds) or (by_name and not posted.fault.scope.operation):
                continue
            if fits is not None and not fits(what):
                continue
            met = posted.met + 1
            struck = posted.fault.strikes(met)
            self._count(replace(posted, met=met, struck=posted.struck + struck))
            if struck:
                return what
        return None

    def standing(self, subject: Subject, kind: type[K]) -> K | None:
        """Return the fault of a kind that lasts and covers a subject, the latest of them."""
        found = self.lasting(subject, kind)
        return found[-1] if found else None

    def lasting(self, subject: Subject, kind: type[K]) -> list[K]:
        """Return all of those, the latest last."""
        found = [each.fault.what for each in self._covering(subject, (kind,))]
        return [each for each in found if isinstance(each, kind)]

    def _covering(self, subject: Subject, kinds: tuple[type[Any], ...]) -> list[Posted]:
        now = self._clock.now()
        return [
            posted
            for seam in {kind.seam for kind in kinds}
            for posted in self.at(seam)
            if isinstance(posted.fault.what, kinds)
            and posted.fault.scope.covers(subject)
            and not posted.fault.over(posted.struck, now)
        ]

    def _count(self, posted: Posted) -> None:
        self._posted[posted.id] = posted
        if not posted.tagged:
            self._unwritten.add(posted.id)
        if posted.fault.over(posted.struck, self._clock.now()):
            del self._posted[posted.id]
            self._changed()
        else:
            self._sort()
        self._write_soon()

    def _write_soon(self) -> None:
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write_counts())

    async def _write_counts(self) -> None:
        while self._unwritten:
            ids, self._unwritten = self._unwritten, set()
            kept = [self._posted[each].statement() for each in ids if each in self._posted]
            spent = [delete_document(_KIND, str(each)) for each in ids if each not in self._posted]
            try:
                await self._database.write(*kept, *spent)
            except sqlite3.Error as failure:  # a full disk: the counts in memory hold
                logger.warning("the counts of faults are not written: %s", failure)

    def _expire(self) -> None:
        """Forget those whose time is over."""
        now = self._clock.now()
        over = [id_ for id_, posted in self._posted.items() if posted.fault.over(posted.struck, now)]
        for id_ in over:
            if not self._posted.pop(id_).tagged:
                self._unwritten.add(id_)
        if over:
            self._changed()
            self._write_soon()

    def _changed(self) -> None:
        self._sort()
        self._schedule()
        for watcher in self._watchers:
            watcher()

    def _sort(self) -> None:
        in_order = [self._posted[id_] for id_ in sorted(self._posted)]
        self._by_seam = {
            seam: tuple(each for each in in_order if each.fault.what.seam is seam)
            for seam in {each.fault.what.seam for each in in_order}
        }

    def _schedule(self) -> None:
        """Look again when the next one's time is over."""
        if self._ending is asyncio.current_task():
            return  # it looks by itself
        if self._ending is not None:
            self._ending.cancel()
        if any(each.fault.until is not None for each in self._posted.values()):
            self._ending = asyncio.get_running_loop().create_task(self._end_in_time())

    async def _end_in_time(self) -> None:
        while times := [each.fault.until for each in self._posted.values() if each.fault.until is not None]:
            await self._clock.sleep(max(0.0, (min(times) - self._clock.now()).total_seconds()))
            self._expire()

"""Forgets what nothing needs any more: old events of the journal, and logs of replicas that are gone."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import shutil
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from aca_notebook.emulator.journal.database import Statement
from aca_notebook.emulator.rounds import Rounds
from aca_notebook.emulator.runtime.job_runner import ObservedJob

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.journal.database import Database
    from aca_notebook.emulator.runtime.controller import Controller
    from aca_notebook.emulator.runtime.observed import ObservedApp

logger = logging.getLogger(__name__)

EVERY_SECONDS = 3600.0
EVENTS_DAYS = 31  #: as long as metrics, of which replicas and restarts are a fold of events
LOGS_DAYS = 7
LOGS_BYTES = 2**30
_BATCH = 5000
_SECONDS_A_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class LogFolder:
    """The folder of one replica; `written_at` is when its newest file was, in seconds since the epoch."""

    path: Path
    written_at: float
    size_bytes: int


def decide_removals(folders: Iterable[LogFolder], now: float, budget_bytes: int = LOGS_BYTES) -> list[LogFolder]:
    """Return which logs of gone replicas to remove: those that are old, and then the oldest beyond the budget."""
    removed: list[LogFolder] = []
    for folder in sorted(folders, key=lambda each: each.written_at, reverse=True):
        budget_bytes -= folder.size_bytes
        if budget_bytes < 0 or now - folder.written_at > LOGS_DAYS * _SECONDS_A_DAY:
            removed.append(folder)
    return removed


def is_needed(kind: str, body: str, observed: ObservedApp | None) -> bool:
    """Whether an old event, which snapshots hold, must stay.

    Metering reads when what exists now began, and an execution of a job is folded from all of its own.
    """
    executed = isinstance(observed, ObservedJob)
    if observed is None or not (executed or kind in {"RevisionCreated", "ReplicaAssigned"}):
        return False
    event = json.loads(body)
    if executed:
        return event["revision"] in observed.revisions
    revision = observed.revisions.get(event["revision"])
    return revision is not None and (kind == "RevisionCreated" or event["replica"] in revision.replicas)


class Retention:
    """Looks once at the start and then every hour."""

    def __init__(self, *, database: Database, controller: Controller, clock: Clock, folder: Path) -> None:
        self._database = database
        self._controller = controller
        self._clock = clock
        self._folder = folder
        self._rounds = Rounds("retention", self.once, pause=lambda: EVERY_SECONDS, clock=clock)

    def start(self) -> None:
        """Begin, in a task. To be called when the controller knows what runs."""
        self._rounds.start(pause_first=False)

    async def close(self) -> None:
        """Stop where it is; what was begun is finished the next time."""
        await self._rounds.close()

    async def once(self) -> None:
        """Forget what is due now."""
        await self._forget_events()
        await self._forget_logs()

    async def _forget_events(self) -> None:
        before = (self._clock.now() - timedelta(days=EVENTS_DAYS)).isoformat()
        oldest = await self._database.read("SELECT at FROM events ORDER BY sequence LIMIT 1")
        if not oldest or oldest[0][0] >= before:
            return
        observed, until = await self._controller.checkpoint()
        young = await self._database.read(
            "SELECT sequence FROM events WHERE at >= ? ORDER BY sequence LIMIT 1", (before,)
        )
        end = min(until, young[0][0] - 1 if young else until)
        first = 0
        while first < end:
            first = await self._forget_some(first, end, observed)

    async def _forget_some(self, after: int, end: int, observed: Mapping[str, ObservedApp]) -> int:
        """Look at a batch of old events; return up to which one."""
        rows = await self._database.read(
            "SELECT sequence, kind, app, body FROM events WHERE sequence > ? AND sequence <= ? "
            "ORDER BY sequence LIMIT ?",
            (after, end, _BATCH),
        )
        if not rows:
            return end
        kept = [sequence for sequence, kind, app, body in rows if is_needed(kind, body, observed.get(app))]
        last = int(rows[-1][0])
        await self._database.write(
            Statement(
                "DELETE FROM events WHERE sequence > ? AND sequence <= ? "
                "AND sequence NOT IN (SELECT value FROM json_each(?))",
                (after, last, json.dumps(kept)),
            )
        )
        return last

    async def _forget_logs(self) -> None:
        found = await asyncio.to_thread(_list_folders, self._folder)
        living = self._controller.living_folders()  # after the look: what has come since is not among what was found
        gone = [each for each in found if each.path not in living]
        removed = decide_removals(gone, self._clock.now().timestamp())
        await asyncio.to_thread(_remove, gone, removed)


def _list_folders(root: Path) -> list[LogFolder]:
    return [_measure(path) for path in root.glob("*/*/*") if path.is_dir()]


def _measure(path: Path) -> LogFolder:
    newest, size = path.stat().st_mtime, 0
    for folder, _, names in os.walk(path):
        for name in names:
            with contextlib.suppress(OSError):  # it has just been rotated, or its replica cleans up
                found = os.stat(os.path.join(folder, name))  # noqa: PTH116, PTH118  # thousands of files
                newest, size = max(newest, found.st_mtime), size + found.st_size
    return LogFolder(path, newest, size)


def _remove(gone: Iterable[LogFolder], removed: Iterable[LogFolder]) -> None:
    for folder in gone:
        shutil.rmtree(folder.path / "scratch", ignore_errors=True)  # left by an emulator that was killed
    for folder in removed:
        shutil.rmtree(folder.path, ignore_errors=True)
        for parent in folder.path.parents[:2]:
            with contextlib.suppress(OSError):  # not empty
                parent.rmdir()

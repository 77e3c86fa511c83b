"""Evaluates metric alerts: each minute those that are due, by the same answers that the metrics API gives.

A change of an alert's state and what is to be told of it are written in one transaction; the telling comes after.
"""

from __future__ import annotations

import json
import logging
import uuid
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from aca_notebook.clock import format_instant
from aca_notebook.emulator.arm.alert_payloads import Happening, payload
from aca_notebook.emulator.arm.alerts import ALERT
from aca_notebook.emulator.journal.database import delete_document, put_document
from aca_notebook.emulator.rounds import Rounds
from aca_notebook.emulator.telemetry.alert_rules import (
    FIRED,
    WINDOWS,
    AlertState,
    decide_alert,
    join,
    read_rule,
    read_values,
)
from aca_notebook.emulator.wire import AzureError
from aca_notebook.model.ids import ResourceId, parse_id

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.arm.notices import Notices
    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.emulator.journal.database import Database
    from aca_notebook.emulator.telemetry.alert_rules import Criterion, Rule, Series

logger = logging.getLogger(__name__)

_KIND = "alert-state"
_MINUTE = 60


class Metrics(Protocol):
    """The metrics API, asked from inside."""

    async def values(self, resource: ResourceId, ask: Callable[[str], str]) -> dict[str, Any]:
        """Answer as the REST API does. Raises `AzureError`."""
        ...


class AlertWatch:
    """Owns the task and the states of alerts."""

    def __init__(
        self, *, store: Store, database: Database, metrics: Metrics, notices: Notices, clock: Clock, subscription: str
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._notices = notices
        self._clock = clock
        self._subscription = subscription
        self._states: dict[str, dict[str, Any]] = database.documents(_KIND)
        self._told: set[str] = set()
        self._awaited = 0  # the minute since the epoch that the next round is for
        self._rounds = Rounds("alerts", self._round, pause=self._until_next_minute, clock=clock)
        store.when_deleted(self._forget)

    def start(self) -> None:
        """Evaluate from the next minute on."""
        self._rounds.start()

    async def close(self) -> None:
        """Evaluate no more."""
        await self._rounds.close()

    def statuses(self, rule: ResourceId) -> list[dict[str, Any]]:
        """Return how a rule stands, a status for each series it has looked at (SDK: MetricAlertStatus)."""
        found = []
        for key, body in sorted(self._states.items()):
            if body["rule"] == rule.key:
                name = uuid.uuid5(uuid.NAMESPACE_URL, key).hex
                dimensions = {"resourceId": body["resource"], **dict(body["series"])}
                found.append({
                    "id": f"{rule}/status/{name}", "name": name, "type": f"{ALERT}/status",
                    "properties": {
                        "dimensions": dimensions, "status": "Unhealthy" if body["state"]["fired"] else "Healthy",
                        "timestamp": body["at"],
                    },
                })  # fmt: skip
        return found

    async def once(self, minute: int) -> None:
        """Evaluate the rules that are due at the beginning of a minute since the epoch."""
        answers: dict[tuple[str, ...], Any] = {}  # several rules that ask the same are answered once
        for document in self._store.list(ALERT, self._subscription):
            rule = self._readable(document)
            if rule is not None and rule.due(minute):
                for scope in rule.scopes:
                    await self._evaluate(rule, document, scope, minute, answers)

    def _readable(self, document: dict[str, Any]) -> Rule | None:
        try:
            return read_rule(document)
        except (KeyError, TypeError, ValueError, AttributeError) as odd:
            self._say(str(document["id"]), f"its criteria cannot be read ({odd})")
            return None

    async def _evaluate(
        self, rule: Rule, document: dict[str, Any], scope: str, minute: int, answers: dict[tuple[str, ...], Any]
    ) -> None:
        end = datetime.fromtimestamp(minute * _MINUTE, UTC)
        begin = end - timedelta(minutes=WINDOWS[rule.window])
        try:
            resource = parse_id(scope)
            values = [await self._values(resource, each, (begin, end), answers) for each in rule.criteria]
        except (AzureError, ValueError) as refused:  # no such app, or it has no such metric
            self._say(rule.key, str(refused))
            return
        self._told.discard(rule.key)
        for reading in join(rule.criteria, values):
            happening = Happening(document, resource, reading, begin, end)
            try:
                await self._settle(rule, happening)
            except AzureError as full:
                logger.warning("what became of alert %s could not be written: %s", rule.key, full)

    async def _values(
        self, resource: ResourceId, criterion: Criterion, window: tuple[datetime, datetime],
        answers: dict[tuple[str, ...], Any],
    ) -> Mapping[Series, float | None]:  # fmt: skip
        asked = {
            "metricnames": criterion.metric, "metricnamespace": criterion.namespace, "interval": "FULL",
            "aggregation": criterion.aggregation, "$filter": criterion.filter, "top": "1000",
            "timespan": "/".join(f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in window),
        }  # fmt: skip
        key = (resource.key, *asked.values())
        if key not in answers:
            answers[key] = await self._metrics.values(resource, lambda name: asked.get(name, ""))
        return read_values(criterion, answers[key])

    async def _settle(self, rule: Rule, happening: Happening) -> None:
        reading = happening.reading
        key = "|".join((rule.key, happening.resource.key, json.dumps(reading.series)))
        body = self._states.get(key)
        before = AlertState(**body["state"]) if body else AlertState()
        state, told = decide_alert(before, rule, met=reading.met)
        now = self._clock.now()
        if told == FIRED:
            state = AlertState(fired=True, fired_at=format_instant(now), alert_id=str(uuid.uuid4()))
        if body and state == before:
            body["at"] = format_instant(now)  # only how fresh it is: that may be lost
            return
        fresh = {
            "rule": rule.key, "resource": str(happening.resource), "series": [list(each) for each in reading.series],
            "state": asdict(state), "at": format_instant(now),
        }  # fmt: skip
        notices = self._notices.prepare(
            [str(each.get("actionGroupId") or "") for each in happening.rule["properties"]["actions"]],
            lambda common: payload(happening, told, state, now, common=common),
        ) if told else []  # fmt: skip
        await self._store.write(put_document(_KIND, key, fresh), *(each.statement() for each in notices))
        self._states[key] = fresh
        self._notices.send(notices)
        if told:
            logger.info("alert %s on %s: %s", rule.key, happening.resource, told)

    async def _forget(self, ids: Collection[ResourceId]) -> None:
        gone = {id_.key for id_ in ids}
        doomed = [
            key for key, body in self._states.items() if body["rule"] in gone or str(body["resource"]).lower() in gone
        ]
        if doomed:
            await self._store.write(*(delete_document(_KIND, key) for key in doomed))
            for key in doomed:
                self._states.pop(key, None)

    def _say(self, rule: str, why: str) -> None:
        if rule not in self._told:
            self._told.add(rule)
            logger.warning("alert %s is not evaluated: %s", rule, why)

    def _until_next_minute(self) -> float:
        now = self._clock.now().timestamp()
        self._awaited = int(now) // _MINUTE + 1  # two clocks may differ: what counts is which minute was waited for
        return self._awaited * _MINUTE - now

    async def _round(self) -> None:
        await self.once(max(self._awaited, int(self._clock.now().timestamp()) // _MINUTE))

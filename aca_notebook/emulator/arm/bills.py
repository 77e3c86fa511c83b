"""What running would have cost: the meters of apps and jobs at dated list prices. Nothing that runs here is billed.

Cost Management, budgets and what a person sees of them read this one list, so they cannot disagree. It leaves out free
grants, discounts and tax; a meter without a price in a region is reckoned at East US's, so that no guard counts it as
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.journal.database import delete_document, put_document
from aca_notebook.model.ids import ResourceId, parse_id
from aca_notebook.model.price import DEFAULT_REGION, price_list
from aca_notebook.model.rate import USD, fold_region

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from datetime import datetime

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.emulator.journal.database import Database
    from aca_notebook.emulator.settings import Pace
    from aca_notebook.emulator.telemetry.metering import Usage
    from aca_notebook.emulator.telemetry.meters import Meters
    from aca_notebook.model.meter import Meter

#: What stands wherever a person sees a figure of this list.
NOTE = "estimated, nothing was billed"
METERED_TYPES = ("Microsoft.App/containerApps", "Microsoft.App/jobs")
#: How long Azure takes until Cost Management knows what was used: 8 to 24 hours (facts §10.1), here times the pace.
LAG_SECONDS = 8 * 3600.0
_KIND = "metered-resource"
_KEPT = timedelta(days=32)


@dataclass(frozen=True, slots=True)
class Resource:
    """What was metered, as it is or last was."""

    id: ResourceId
    location: str
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BillLine:
    """One meter of one resource in one hour; `unit_price` is for one of what the meter counts."""

    hour: datetime
    resource: Resource
    meter: Meter
    quantity: float
    unit_price: float

    @property
    def cost(self) -> float:
        """US dollars."""
        return self.quantity * self.unit_price


class Bills:
    """Prices the meters. It remembers location and tags of what was deleted as long as its usage is known."""

    def __init__(self, *, meters: Meters, store: Store, database: Database, clock: Clock, pace: Pace) -> None:
        self._meters = meters
        self._store = store
        self._database = database
        self._clock = clock
        self._pace = pace
        self._seen: dict[str, Resource] = {}
        self._gone: dict[str, dict[str, Any]] = database.documents(_KIND)
        store.when_written(self._written)
        store.when_deleted(self._deleted)

    async def start(self) -> None:
        """Learn what is there; forget those whose usage nobody knows any more."""
        for document in self._store.all():
            self._written(parse_id(document["id"]), document)
        oldest = (self._clock.now() - _KEPT).isoformat()
        old = [key for key, body in self._gone.items() if body["deleted_at"] < oldest]
        if old:
            await self._store.write(*(delete_document(_KIND, key) for key in old))
        for key in old:
            del self._gone[key]

    @property
    def known_until(self) -> datetime:
        """Up to when Cost Management knows: Azure's lag, at the emulator's pace."""
        return self._clock.now() - timedelta(seconds=self._pace.seconds(LAG_SECONDS))

    async def lines(self, scope: ResourceId, since: datetime, until: datetime) -> list[BillLine]:
        """Return what a group, or all of a subscription, came to from a whole hour on and before `until`."""
        found = await self._meters.everything(since, until, also=list(self._seen))
        priced: list[BillLine] = []
        for key, usages in found.items():
            resource = self._resource(key)
            if resource is not None and _lies_in(resource.id, scope):
                priced += _priced(resource, usages)
        return priced

    def _resource(self, key: str) -> Resource | None:
        if key in self._seen:
            return self._seen[key]
        body = self._gone.get(key)
        if body is not None:
            return Resource(parse_id(body["id"]), body["location"], body["tags"])
        try:
            return Resource(parse_id(key), DEFAULT_REGION, {})
        except ValueError:  # events of what has no resource of its own
            return None

    def _written(self, id_: ResourceId, document: dict[str, Any]) -> None:
        if id_.type in METERED_TYPES:
            tags = {str(name): str(value) for name, value in (document.get("tags") or {}).items()}
            self._seen[id_.key] = Resource(id_, str(document.get("location") or DEFAULT_REGION), tags)

    async def _deleted(self, ids: Collection[ResourceId]) -> None:
        for id_ in ids:
            resource = self._seen.pop(id_.key, None)
            if resource is not None:
                body = {
                    "id": str(resource.id), "location": resource.location, "tags": dict(resource.tags),
                    "deleted_at": self._clock.now().isoformat(),
                }  # fmt: skip
                await self._store.write(put_document(_KIND, id_.key, body))
                self._gone[id_.key] = body


def _priced(resource: Resource, usages: Iterable[Usage]) -> Iterator[BillLine]:
    prices, others = price_list(resource.location, USD), price_list(DEFAULT_REGION, USD)
    for usage in usages:
        price = prices.price(usage.meter)
        unit = others.price(usage.meter) if price is None else price
        yield BillLine(usage.hour, resource, usage.meter, usage.quantity, unit or 0.0)


def _lies_in(id_: ResourceId, scope: ResourceId) -> bool:
    return id_.key == scope.key or id_.key.startswith(f"{scope.key}/")


def region_of(resource: Resource) -> str:
    """Return a resource's region as Cost Management writes it: `eastus`."""
    return fold_region(resource.location)

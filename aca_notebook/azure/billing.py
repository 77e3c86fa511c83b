"""Cost Management: what was billed, by resource, day and meter (facts §10.1).

Azure is 8 to 24 hours late with it. A place where nothing is billed says so in its answer; `Billed.note` repeats it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aca_notebook.azure import faults
from aca_notebook.errors import ServiceFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aca_notebook.azure.connection import Connection

_WHAT = "what was billed"
_MOST_PAGES = 200


@dataclass(frozen=True, slots=True)
class Billed:
    """So much money for a meter of a resource on a day (UTC). `resource` is an id in lower case.

    `note` is what the platform says of all its figures, such as that nobody is charged.
    """

    day: date
    resource: str
    meter: str
    amount: float
    currency: str
    note: str = ""


class Billing:
    """Asks Cost Management."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def billed(self, scope: str, since: datetime, until: datetime) -> tuple[Billed, ...]:
        """Return what a subscription or a group was billed on the days from `since` to `until`.

        Raises `Unauthorized` for an account that may not read costs, `Throttled` when it asked too often.
        """
        from azure.mgmt.costmanagement.models import QueryDefinition

        with faults.translated(_WHAT):
            found = await self._connection.cost_management.query.usage(
                scope.removeprefix("/"), QueryDefinition(_question(since, until))
            )
        if found is None:  # 204: nothing was used
            return ()
        rows = list(_rows(found.as_dict()))
        link, asked = str(found.next_link or ""), _question(since, until)
        for _ in range(_MOST_PAGES):
            if not link:
                return tuple(rows)
            page = await self._page(link, asked)
            rows += _rows(page)
            link = str(page["properties"].get("nextLink") or "")
        raise ServiceFailed(f"{_WHAT} does not end", code="TooManyPages", hint="ask for fewer days with --since")

    async def _page(self, link: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Ask for the rest: by POST, with the same question; the SDK has no method for it."""
        from azure.core.rest import HttpRequest

        if urlsplit(link).netloc != urlsplit(self._connection.target.resource_manager).netloc:
            raise ServiceFailed("the platform sends us elsewhere for the rest", code="InvalidNextLink", detail=link)
        with faults.translated(_WHAT):
            response = await self._connection.cost_management.send_request(HttpRequest("POST", link, json=asked))
            if response.status_code == 204:
                return {"properties": {"columns": [], "rows": []}}
            response.raise_for_status()
            page: dict[str, Any] = response.json()
            return page


def _question(since: datetime, until: datetime) -> dict[str, Any]:
    return {
        "type": "ActualCost",
        "timeframe": "Custom",
        "timePeriod": {"from": _written(since), "to": _written(until)},
        "dataset": {
            "granularity": "Daily",
            "aggregation": {"totalCost": {"name": "Cost", "function": "Sum"}},
            "grouping": [{"type": "Dimension", "name": name} for name in ("ResourceId", "Meter")],
        },
    }


def _written(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S+00:00}"


def _rows(page: dict[str, Any]) -> Iterator[Billed]:
    """Read a page by the names of its columns: their order is the platform's affair."""
    properties = page["properties"]
    names = [str(column["name"]).lower() for column in properties["columns"]]
    note = str((page.get("tags") or {}).get("note") or "")
    for values in properties["rows"]:
        row = dict(zip(names, values, strict=True))
        amount = row["cost"] if "cost" in row else row["pretaxcost"]
        yield Billed(
            datetime.strptime(str(int(row["usagedate"])), "%Y%m%d").replace(tzinfo=UTC).date(),
            str(row["resourceid"]).lower(), str(row["meter"]), float(amount), str(row["currency"]), note,
        )  # fmt: skip

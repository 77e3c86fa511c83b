"""The Retail Prices API: list prices of anybody's, paged, asked for without a credential (facts §10.2)."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aca_notebook.azure import faults
from aca_notebook.errors import ServiceFailed
from aca_notebook.model.retail import API_VERSION, filter_of

if TYPE_CHECKING:
    from datetime import date

    from azure.core.rest import AsyncHttpResponse

    from aca_notebook.azure.connection import Connection

_WHAT = "the prices"
_PATH = "/api/retail/prices"
#: A thousand items a page; all of Container Apps' in one currency are fewer than three.
_MOST_PAGES = 50
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class PricesRead:
    """Items as they came, and the day that whoever answered had them from, where it says so."""

    items: tuple[dict[str, Any], ...]
    modified: date | None = None


class RetailPrices:
    """Asks for prices, page by page."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def source(self) -> str:
        """Where they come from, as a figure names it."""
        return f"{self._connection.target.retail_prices}{_PATH}"

    async def read(self, currency: str, region: str = "") -> PricesRead:
        """Return every item of Container Apps in a currency, of one region or of all.

        Raises `Unreachable` when nobody answers, and `ServiceFailed` for an answer that is no page of prices.
        """
        query = {"api-version": API_VERSION, "currencyCode": currency, "$filter": filter_of(region)}
        items: list[dict[str, Any]] = []
        page, link, modified = await self._page(self.source, query)
        items += page
        for _ in range(_MOST_PAGES):
            if not link:
                return PricesRead(tuple(items), modified)
            self._check(link)
            page, link, _ = await self._page(link, {})
            items += page
        raise _unreadable(f"more than {_MOST_PAGES} pages")

    async def _page(self, url: str, query: dict[str, str]) -> tuple[list[dict[str, Any]], str, date | None]:
        with faults.translated(_WHAT):
            response = await self._send(url, query)
            body = response.text()
        if response.status_code >= 300:
            raise faults.refused(response.status_code, body, response.headers, _WHAT)
        try:
            page = response.json()
            items, link = [dict(item) for item in page["Items"]], str(page.get("NextPageLink") or "")
        except (ValueError, KeyError, TypeError, AttributeError) as bad:
            raise _unreadable(body[:200]) from bad
        return items, link, _day(response.headers.get("Last-Modified") or "")

    async def _send(self, url: str, query: dict[str, str]) -> AsyncHttpResponse:
        from azure.core import AsyncPipelineClient
        from azure.core.pipeline.policies import UserAgentPolicy
        from azure.core.rest import HttpRequest

        from aca_notebook.azure.patience import Patience

        policies = [UserAgentPolicy("aca_notebook"), Patience(retry_connect=self._connection.target.connect_retries)]
        client: Any = AsyncPipelineClient(url, policies=policies, transport=self._connection.transport)
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        response: AsyncHttpResponse = await client.send_request(HttpRequest("GET", url, params=query, headers=headers))
        return response

    def _check(self, link: str) -> None:
        """A page leads to the next one of the same place, and nowhere else."""
        if _origin(link) != _origin(self.source):
            raise _unreadable(f"its next page is elsewhere: {link[:100]}")


def _day(header: str) -> date | None:
    try:
        return parsedate_to_datetime(header).date()
    except ValueError:
        return None


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme, 0)


def _unreadable(detail: str) -> ServiceFailed:
    return ServiceFailed(
        "the answer is no page of prices", code="PricesUnreadable", detail=detail,
        hint="try again later; estimates go on with the prices at hand: %aca prices",
    )  # fmt: skip

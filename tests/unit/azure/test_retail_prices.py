"""The Retail Prices API, page by page, over real HTTP: what is followed, and what is not."""

from __future__ import annotations

import json
import threading
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from azure.core.pipeline.transport import AioHttpTransport

from aca_notebook.azure.retail_prices import RetailPrices
from aca_notebook.errors import ServiceFailed, Throttled
from tests.fakes.services import fake_target

pytestmark = pytest.mark.anyio


@pytest.fixture
def site():
    """Answers with what is in `pages`, in order, and keeps what it was asked; `{self}` is its own address."""
    asked, pages = [], []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            status, body = pages.pop(0)
            written = (body if isinstance(body, str) else json.dumps(body)).replace("{self}", url).encode()
            self.send_response(status)
            for name, value in (("Content-Length", str(len(written))), *made.headers.items()):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(written)

        def log_message(self, format: str, *arguments) -> None:  # noqa: A002  # the name is the base class's
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    url = f"http://127.0.0.1:{server.server_address[1]}"
    made = SimpleNamespace(url=url, asked=asked, pages=pages, headers={})
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield made
    server.shutdown()
    thread.join(20)
    server.server_close()


@pytest.fixture
async def prices(site):
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        transport = AioHttpTransport(session=session, session_owner=False)
        yield RetailPrices(SimpleNamespace(target=fake_target(retail_prices=site.url), transport=transport))


async def test_pages_are_followed_to_the_last_and_asked_for_without_a_credential(site, prices):
    link = "{self}/api/retail/prices?$skip=1000"
    site.pages += [
        (200, {"Items": [{"n": 1}], "NextPageLink": link}),
        (200, {"Items": [{"n": 2}], "NextPageLink": None}),
    ]
    site.headers["Last-Modified"] = "Sat, 01 Aug 2026 00:00:00 GMT"
    read = await prices.read("EUR", "West Europe")
    assert read.items == ({"n": 1}, {"n": 2})
    assert read.modified == date(2026, 8, 1)
    asked = parse_qs(urlsplit(site.asked[0]).query)
    assert asked["currencyCode"] == ["EUR"]
    assert asked["$filter"] == ["serviceName eq 'Azure Container Apps' and armRegionName eq 'westeurope'"]
    assert site.asked[1].endswith("$skip=1000")


@pytest.mark.parametrize(
    "page",
    [
        "<html>sign in</html>", [], {"Items": None}, {"Count": 0}, {"Items": [1]},
        {"Items": [], "NextPageLink": "http://169.254.169.254/latest"}, {"Items": [], "NextPageLink": "file:///etc/passwd"},
        {"Items": [], "NextPageLink": 7},
    ],
)  # fmt: skip
async def test_an_answer_that_is_no_page_of_prices_is_an_error_and_leads_nowhere(site, prices, page):
    site.pages += [(200, page)]
    with pytest.raises(ServiceFailed) as refused:
        await prices.read("USD")
    assert refused.value.code == "PricesUnreadable"
    assert len(site.asked) == 1


async def test_pages_without_an_end_end(site, prices):
    site.pages += [(200, {"Items": [], "NextPageLink": "{self}/again"})] * 60
    with pytest.raises(ServiceFailed, match="no page of prices"):
        await prices.read("USD")


async def test_a_refusal_keeps_the_words_of_the_platform(site, prices):
    site.pages += [(400, {"error": {"code": "BadRequest", "message": "Invalid currency code 'XXX'."}})]
    with pytest.raises(ServiceFailed) as refused:
        await prices.read("XXX")
    assert refused.value.lines()[1] == "BadRequest: Invalid currency code 'XXX'."


async def test_who_is_asked_to_wait_for_long_is_told(site, prices):
    site.pages += [(429, "")]
    site.headers["Retry-After"] = "372"
    with pytest.raises(Throttled):
        await prices.read("USD")

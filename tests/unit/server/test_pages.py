"""Addresses of apps' pages, what travels through them and what does not."""

from __future__ import annotations

import itertools

import pytest

from aca_notebook.server.pages import GOOD_SECONDS, MOST_PAGES, Pages, inside, is_loopback, same_place, sent
from tests.fakes.clock import ManualClock


def word_in(path: str) -> str:
    return path.split("/")[1]


@pytest.mark.anyio
async def test_an_address_stands_for_one_app_and_is_good_for_hours() -> None:
    clock = ManualClock()
    pages = Pages(clock)
    one, other = (word_in(pages.add(f"https://127.0.0.1:{port}", f"key-{port}", None)) for port in (1, 2))
    assert one != other
    found = pages.find(one)
    assert found is not None
    assert (found.url, found.key) == ("https://127.0.0.1:1", "key-1")
    assert pages.find("guessed") is None
    await clock.advance(GOOD_SECONDS)
    assert pages.find(one) is None


def test_the_oldest_addresses_go_when_there_are_too_many() -> None:
    words = map(str, itertools.count())
    pages = Pages(ManualClock(), lambda: next(words))
    for number in range(MOST_PAGES + 2):
        pages.add(f"https://127.0.0.1:{number}", "", None)
    assert [pages.find(str(number)) is not None for number in (0, 1, 2, MOST_PAGES + 1)] == [False, False, True, True]


def test_an_app_is_sent_its_key_and_nothing_of_the_servers() -> None:
    asked = {"Cookie": "session", "Authorization": "token t", "X-XSRFToken": "x", "Host": "hub", "Accept": "*/*"}
    assert sent(asked, "secret") == {"Accept": "*/*", "X-Api-Key": "secret"}
    assert sent({}, "") == {}


@pytest.mark.parametrize(("location", "leads"), [
    ("/docs", "/hub/page/docs"),
    ("/docs?a=1", "/hub/page/docs?a=1"),
    ("http://127.0.0.1:5/x", "/hub/page/x"),
    ("docs", "docs"),
    ("https://elsewhere.example/x", "https://elsewhere.example/x"),
    ("//elsewhere.example/x", "//elsewhere.example/x"),
    ("//127.0.0.1:5//elsewhere.example", "/hub/page/elsewhere.example"),
])  # fmt: skip
def test_a_redirect_of_an_app_stays_below_its_page(location, leads) -> None:
    assert inside(location, "https://127.0.0.1:5", "/hub/page/") == leads


@pytest.mark.parametrize(("url", "is_here"), [
    ("http://127.0.0.1:5", True), ("http://localhost:5", True), ("http://[::1]:5", True),
    ("https://a.eastus.azurecontainerapps.io", False), ("", False), ("https://127.example.com", False),
])  # fmt: skip
def test_only_addresses_of_this_machine_need_the_way_through_the_server(url, is_here) -> None:
    assert is_loopback(url) is is_here


@pytest.mark.parametrize(("one", "other", "same"), [
    ("http://127.0.0.1:5", "https://127.0.0.1:5/docs?a=1", True),
    ("http://127.0.0.1:5", "http://127.0.0.1:56", False),
    ("", "", False), ("http://127.0.0.1:5", "docs", False),
])  # fmt: skip
def test_a_place_is_a_host_and_a_port(one, other, same) -> None:
    assert same_place(one, other) is same

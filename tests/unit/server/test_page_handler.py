"""An app's page through a server's handlers: what is handed on, as it comes, and what is never written down."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import aiohttp
import jinja2
import pytest
from jupyter_server.auth import AllowAllAuthorizer
from jupyter_server.auth.identity import IdentityProvider
from jupyter_server.log import log_request
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from aca_notebook.server.pages import ADDRESS, Asking, PageHandler, Pages
from tests.fakes.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio


class App(RequestHandler):
    """Says what it was asked; `/stream` says one thing and waits before it says the other."""

    def on_connection_close(self) -> None:
        self.settings["left"].set()

    async def get(self, path: str) -> None:
        if path == "cut":
            self.write("half of it")
            await self.flush()
            self.request.connection.close()
            return
        if path == "stream":
            self.set_header("Content-Type", "text/event-stream")
            self.write("data: first\n\n")
            await self.flush()
            await self.settings["more"].wait()
            self.write("data: second\n\n")
            return
        self.write(f"{self.request.method} {self.request.uri} {self.request.body.decode()}")

    post = put = patch = delete = options = get


class Served:
    """An app, a server before it with a word for it, and somebody who asks."""

    def __init__(self, client: aiohttp.ClientSession, root: str, word: str, app: Application) -> None:
        self.client, self.root, self.word = client, root, word
        self.more, self.left = app.settings["more"], app.settings["left"]

    def ask(self, path: str, method: str = "GET", **also):
        return self.client.request(method, f"{self.root}{self.word}/{path}", timeout=None, **also)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    asking, pages = Asking(), Pages(ManualClock())
    application = Application([(r"/(.*)", App)], more=asyncio.Event(), left=asyncio.Event())
    socket, port = bind_unused_port()
    app = HTTPServer(application)
    app.add_socket(socket)
    word = pages.add(f"http://127.0.0.1:{port}", "key", None).split("/")[1]
    handlers = [(f"/user/me{ADDRESS}", PageHandler, {"find": pages.find, "asking": asking})]
    server = HTTPServer(
        Application(
            handlers, base_url="/user/me/", identity_provider=IdentityProvider(token="t"), log_function=log_request,
            authorizer=AllowAllAuthorizer(), allow_origin="https://hub.example", allow_credentials=True,
            allow_remote_access=True, cookie_secret="c",
            jinja2_env=jinja2.Environment(loader=jinja2.DictLoader({"error.html": "no"})),
        )
    )  # fmt: skip
    socket, port = bind_unused_port()
    server.add_socket(socket)
    async with aiohttp.ClientSession() as client:
        yield Served(client, f"http://127.0.0.1:{port}/user/me/aca-notebook-page/", word, application)
    application.settings["more"].set()
    await asking.close()
    server.stop()
    app.stop()


async def test_every_method_and_the_address_as_it_was_sent_reach_the_app(served: Served) -> None:
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        async with served.ask("a%2Fb?c=%20d", method, data=b"" if method == "GET" else b"body") as answer:
            said = "" if method == "GET" else "body"
            assert await answer.text() == f"{method} /a%2Fb?c=%20d {said}"


async def test_no_log_holds_the_word(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with served.ask("docs?key=1", headers={"Referer": f"{served.root}{served.word}/"}) as answer:
        assert answer.status == 200
    async with served.ask("docs", "TRACE") as refused:
        assert refused.status == 405
    async with served.client.get(f"{served.root}guessed-word/docs") as missing:
        assert missing.status == 404
    assert "/user/me/aca-notebook-page/[secret]/docs" in caplog.text
    assert served.word not in caplog.text
    assert "guessed-word" not in caplog.text


async def test_what_comes_bit_by_bit_is_handed_on_bit_by_bit(served: Served) -> None:
    async with served.ask("stream") as answer:
        assert await answer.content.readuntil(b"\n\n") == b"data: first\n\n"
        served.more.set()
        assert await answer.content.readuntil(b"\n\n") == b"data: second\n\n"


async def test_an_app_is_asked_no_further_when_the_browser_has_gone(served: Served) -> None:
    answer = await served.ask("stream")
    answer.close()
    await served.left.wait()


async def test_an_answer_that_the_app_cuts_short_is_not_taken_for_a_whole_one(served: Served) -> None:
    with pytest.raises(aiohttp.ClientPayloadError):
        async with served.ask("cut") as answer:
            await answer.read()


async def test_apps_that_are_slow_keep_no_others_request_waiting(served: Served) -> None:
    slow = [await served.ask("stream") for _ in range(12)]
    async with served.ask("docs") as answer:
        assert answer.status == 200
    for each in slow:
        each.close()


async def test_the_page_may_ask_and_no_site_that_the_server_trusts(served: Served) -> None:
    async with served.ask("docs", "OPTIONS") as answer:
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == "null"
        assert "DELETE" in answer.headers["Access-Control-Allow-Methods"]
        assert "Access-Control-Allow-Credentials" not in answer.headers

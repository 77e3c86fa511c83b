"""The credentials behind the ways to sign in, as far as nobody needs to be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from aca_notebook.azure import faults, ways
from aca_notebook.clock import SystemClock
from aca_notebook.errors import Unauthorized
from aca_notebook.model.clouds import PUBLIC

if TYPE_CHECKING:
    from datetime import datetime

pytestmark = pytest.mark.anyio


async def test_a_token_that_only_the_person_can_give_asks_nobody_and_says_what_to_run() -> None:
    codes: list[str] = []

    def on_code(page: str, code: str, until: datetime) -> None:
        codes.append(f"{page} {code} {until}")

    person = ways.Person(ways.DEVICE, ways.Setting(PUBLIC, persist=False), on_code=on_code)
    with pytest.raises(Unauthorized) as refused, faults.translated("the apps"):
        await person.token(PUBLIC.scope)
    assert "%aca login" in "\n".join(refused.value.lines())
    assert codes == []


@pytest.mark.parametrize("client", ["", "11111111-1111-1111-1111-111111111111"])
async def test_a_managed_identity_is_the_one_the_environment_names(
    monkeypatch: pytest.MonkeyPatch, client: str
) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.query.get("client_id", ""))
        expires = int(SystemClock().now().timestamp()) + 3600
        told = {"access_token": "t", "expires_on": str(expires), "token_type": "Bearer"}
        return web.json_response(told | {"resource": request.query["resource"]})

    app = web.Application()
    app.router.add_get("/msi/token", answer)
    async with TestServer(app) as server:
        monkeypatch.setenv("IDENTITY_ENDPOINT", str(server.make_url("/msi/token")))
        monkeypatch.setenv("IDENTITY_HEADER", "h")
        monkeypatch.setenv("AZURE_CLIENT_ID", client)
        async with ways.silent_credential(ways.MANAGED, ways.Setting(PUBLIC)) as credential:
            assert (await credential.get_token(PUBLIC.scope)).token == "t"
    assert asked == [client]

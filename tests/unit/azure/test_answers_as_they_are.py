"""What we ask for without an SDK is read as it comes, though the server compresses for whoever lets it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from azure.core.credentials import AccessToken

from aca_notebook.azure import choices
from aca_notebook.azure.connection import Connection
from aca_notebook.azure.logs import Logs
from aca_notebook.azure.registry import Registry
from aca_notebook.errors import ServiceFailed
from tests.fakes.clock import ManualClock
from tests.unit.api.test_plan import TARGET

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio


class Credential:
    async def get_token(self, *_: str) -> AccessToken:
        return AccessToken("t", 1 << 40)

    async def close(self) -> None:
        pass


@asynccontextmanager
async def answering(text: str, status: int = 200) -> AsyncIterator[tuple[str, Connection]]:
    """A server that answers so, compressed for whoever takes that; its address and a connection to it."""

    async def answer(_: web.Request) -> web.Response:
        response = web.Response(text=text, status=status)
        response.enable_compression()
        return response

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", answer)
    async with TestServer(app) as server:
        address = str(server.make_url("/")).rstrip("/")
        connection = Connection(
            replace(TARGET, subscription_id="", resource_manager=address, credential=lambda _: Credential())
        )
        try:
            yield address, connection
        finally:
            await connection.close()


async def test_subscriptions() -> None:
    async with answering('{"value": [{"subscriptionId": "s", "displayName": "mine"}]}') as (_, connection):
        assert [each.id for each in (await choices.look(connection)).subscriptions] == ["s"]


async def test_a_stream_that_is_refused() -> None:
    async with answering('{"error": {"code": "C", "message": "the reason"}}', 403) as (address, connection):
        with pytest.raises(ServiceFailed) as refused:
            async with Logs(connection).console(f"{address}/logs", "t", tail=1, follow=False):
                pass
    assert "the reason" in refused.value.detail


async def test_a_builds_log_and_a_context_that_is_refused() -> None:
    async with answering("the reason", 403) as (address, connection), answering("step 1") as (log, _):

        async def log_link(*_: str) -> SimpleNamespace:
            return SimpleNamespace(log_link=f"{log}/log")

        async def place(*_: str) -> SimpleNamespace:
            return SimpleNamespace(upload_url=f"{address}/blob", relative_path="p")

        client = SimpleNamespace(
            runs=SimpleNamespace(get_log_sas_url=log_link),
            registries=SimpleNamespace(get_build_source_upload_url=place),
        )
        connected = SimpleNamespace(target=TARGET, registry_tasks=client, session=connection.session)
        registry = Registry(connected, ManualClock())
        assert await registry.log("r") == "step 1"
        with pytest.raises(ServiceFailed) as refused:
            await registry.upload(b"")
    assert refused.value.detail == "the reason"

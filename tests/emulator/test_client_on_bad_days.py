"""Our own client against the emulator's bad days, over HTTPS and the SDKs, with nothing faked between them."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aca_notebook.api.access import Access
from aca_notebook.api.diagnosing import diagnose
from aca_notebook.api.progress import ProgressBoard
from aca_notebook.api.starting import Starting
from aca_notebook.azure.credential import client_secret
from aca_notebook.azure.target import Target
from aca_notebook.clock import SystemClock
from aca_notebook.errors import Conflict, DeploymentFailed, QuotaExceeded, Throttled, Unauthorized
from aca_notebook.model.app import AppState
from aca_notebook.model.diagnosis import Verdict
from aca_notebook.model.ids import parse_id
from tests.emulator.running import Running, running_emulator
from tests.emulator.test_faults import in_force, put_in_force
from tests.fakes.gpus import FakeGpus
from tests.unit.display.examples import plan

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aca_notebook.clock import Clock

pytestmark = pytest.mark.anyio


def starting(emulator: Running, access: Access, clock: Clock | None = None) -> Starting:
    """What waits for the app `scorer` to come up."""
    shown = clock or SystemClock()
    app = AppState(parse_id(emulator.app_path()))
    return Starting(app, access, ProgressBoard(plan(), shown, None), shown, updates=False)


def target(emulator: Running) -> Target:
    told = emulator.environment
    return Target(
        name="local", subscription_id=told["AZURE_SUBSCRIPTION_ID"], resource_group="local", environment="local",
        location="eastus", registry="local", registry_server="local.azurecr.io",
        credential=client_secret(
            authority=told["AZURE_AUTHORITY_HOST"], tenant_id=told["AZURE_TENANT_ID"],
            client_id=told["AZURE_CLIENT_ID"], secret=told["AZURE_CLIENT_SECRET"], connect_retries=0,
        ),
        resource_manager=told["AZURE_RESOURCE_MANAGER_URL"], ca_bundle=Path(told["SSL_CERT_FILE"]),
        polling_seconds=0.01, connect_retries=0, use_proxy_settings=False,
    )  # fmt: skip


@contextlib.asynccontextmanager
async def client(emulator: Running) -> AsyncIterator[Access]:
    access = Access(target(emulator), SystemClock())
    try:
        yield access
    finally:
        await access.close()


async def put(access: Access, body: dict[str, Any]) -> Any:
    return await access.ask(lambda services: services.apps.put("scorer", body))


async def names(access: Access) -> list[str]:
    return [each["name"] for each in await access.ask(lambda services: services.apps.list())]


@pytest.mark.parametrize("fault", [
    "throttle retry_after=0 count=1", "outage count=1", "outage status=500 count=1", "drop-connection count=1",
    "expired-token count=1", "slow-answer seconds=0 count=1",
])  # fmt: skip
async def test_what_passes_at_once_is_not_noticed(emulator: Running, fault: str) -> None:
    put_in_force(emulator, fault)
    async with client(emulator) as access:
        assert await names(access) == []
    assert in_force(emulator) == [], "it has struck"


async def test_a_wait_beyond_a_minute_is_told_instead_of_begun(emulator: Running) -> None:
    put_in_force(emulator, "throttle retry_after=372")
    async with client(emulator) as access:
        with pytest.raises(Throttled) as raised:
            await names(access)
    assert raised.value.lines()[0] == "the platform asks us to slow down"
    assert "Please try again after '372' seconds." in raised.value.lines()[1]
    assert raised.value.lines()[2] == "wait 372 seconds, then try again"


async def test_a_token_that_stays_expired_is_an_error_with_the_next_command(emulator: Running) -> None:
    put_in_force(emulator, "expired-token")
    async with client(emulator) as access:
        with pytest.raises(Unauthorized) as raised:
            await names(access)
    what, said, hint = raised.value.lines()
    assert what == "our token has expired"
    assert said.startswith("ExpiredAuthenticationToken: The access token expiry UTC time")
    assert "`%aca login`" in hint


async def test_a_role_that_is_not_there_yet_is_told_in_azures_words(emulator: Running) -> None:
    put_in_force(emulator, "forbidden on=PUT")
    async with client(emulator) as access:
        with pytest.raises(Unauthorized, match="AuthorizationFailed"):
            await put(access, emulator.body())


async def test_a_write_that_nobody_confirmed_is_made_once(data_dir: Path) -> None:
    with running_emulator(data_dir, hold=True) as emulator:
        put_in_force(emulator, "drop-connection when=after on=PUT containerApps/scorer count=1")
        async with client(emulator) as access:
            with pytest.raises(Conflict):  # the SDK asks again, and the first is in progress
                await put(access, emulator.body())
            emulator.on_loop(emulator.runtime.settle)
            path = emulator.app_path()
            await asyncio.to_thread(
                emulator.eventually,
                lambda: emulator.ask("GET", path).json()["properties"]["provisioningState"] == "Succeeded",
            )
            await (await put(access, emulator.body())).result()
            assert len(await access.ask(lambda services: services.apps.revisions("scorer"))) == 1


async def test_a_deployment_is_followed_by_its_app_when_its_operation_cannot_be_asked(emulator: Running) -> None:
    async with client(emulator) as access:
        operation = await put(access, emulator.body())
        put_in_force(emulator, "expired-token on=containerapp_OperationStatus")
        document = await starting(emulator, access).follow(operation.result, lambda _: False)
    assert document["properties"]["provisioningState"] == "Succeeded"


async def test_a_crowded_region_is_told_with_what_to_try(emulator: Running) -> None:
    put_in_force(emulator, "fail-operation code=AKSCapacityHeavyUsage message=The region is out of capacity.")
    async with client(emulator) as access:
        operation = await put(access, emulator.body())
        with pytest.raises(DeploymentFailed) as raised:
            await starting(emulator, access).follow(operation.result, lambda _: False)
    what, said, hint = raised.value.lines()
    assert what == "the region has no room for app 'scorer' now"
    assert said.startswith("AKSCapacityHeavyUsage: The region is out of capacity.")
    assert hint == "try another region, or later"


async def test_no_quota_is_told_as_such(emulator: Running) -> None:
    put_in_force(emulator, "quota name=T4")
    body = emulator.body()
    body["properties"]["workloadProfileName"] = "gpu-t4"
    async with client(emulator) as access:
        with pytest.raises(QuotaExceeded, match="SubscriptionConsumptionT4Gpus"):
            await put(access, body)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_an_app_is_gone_although_nobody_confirmed_it(emulator: Running, when: str) -> None:
    emulator.deploy()
    put_in_force(emulator, f"drop-connection when={when} on=DELETE count=1")
    async with client(emulator) as access:
        await access.ask(lambda services: services.apps.delete("scorer"))
        assert await names(access) == []


async def test_an_app_whose_gpu_never_comes_says_so_and_what_to_run(data_dir: Path) -> None:
    with running_emulator(data_dir, gpus=FakeGpus(1)) as emulator:
        put_in_force(emulator, "stuck-gpu")
        body = emulator.body(scale={"minReplicas": 1})
        body["properties"]["workloadProfileName"] = "gpu-t4"
        async with client(emulator) as access:
            await put(access, body)
            replicas = f"{emulator.app_path()}/revisions/{{}}/replicas"
            name = emulator.ask("GET", emulator.app_path()).json()["properties"]["latestRevisionName"]
            await asyncio.to_thread(
                emulator.eventually, lambda: emulator.ask("GET", replicas.format(name)).json()["value"]
            )
            document = await access.ask(lambda services: services.apps.document("scorer"))
            profiles = await access.ask(lambda services: services.environments.profiles())
            found = await diagnose(access, access.services.apps.read(document, profiles))
    assert found.verdict is Verdict.BROKEN
    assert found.code == "AssigningReplica"
    assert found.cause == "no node has a free GPU (T4)"
    assert found.commands == ("%aca gpu", "%aca down scorer")
    assert any("AssigningReplica" in line for line in found.evidence)

"""A set-up whose process is killed leaves nothing that the next one does not find: the subscription is the record."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from aca_notebook.api.access import Access
from aca_notebook.api.setting_up import SettingUp
from aca_notebook.api.tearing_down import TearingDown
from aca_notebook.clock import SystemClock
from aca_notebook.model.setup import Act, Part
from tests.emulator.test_client_on_bad_days import target
from tests.emulator.test_faults import put_in_force

if TYPE_CHECKING:
    from tests.emulator.running import Running

pytestmark = [pytest.mark.anyio, pytest.mark.process]

NAMES = {"resource_group": "research", "environment": "gpu-env", "registry": "acaresearch"}
SET_UP = """
import asyncio, json, sys
from pathlib import Path
from aca_notebook.api.access import Access
from aca_notebook.api.setting_up import SettingUp
from aca_notebook.azure.credential import client_secret
from aca_notebook.azure.target import Target
from aca_notebook.clock import SystemClock

told, names = json.loads(sys.argv[1]), json.loads(sys.argv[2])
credential = client_secret(
    authority=told["AZURE_AUTHORITY_HOST"], tenant_id=told["AZURE_TENANT_ID"], client_id=told["AZURE_CLIENT_ID"],
    secret=told["AZURE_CLIENT_SECRET"],
)
place = Target(
    name="local", subscription_id=told["AZURE_SUBSCRIPTION_ID"], location="eastus", registry_server="",
    credential=credential, resource_manager=told["AZURE_RESOURCE_MANAGER_URL"], ca_bundle=Path(told["SSL_CERT_FILE"]),
    polling_seconds=0.05, use_proxy_settings=False, **names,
)

def tell(progress):
    states = {each.step.part.name: each.state.name for each in progress.steps}
    if states["ENVIRONMENT"] == "RUNNING" and states["PULL"] == "DONE":
        print("waiting", flush=True)

async def main():
    making = SettingUp(Access(place, SystemClock()), SystemClock(), "ada")
    await making.run(await making.plan(making.wanted()), tell)

asyncio.run(main())
"""


async def test_a_killed_set_up_is_gone_on_with_and_nothing_is_made_twice(emulator: Running) -> None:
    put_in_force(emulator, "slow-operation seconds=600 on=managedEnvironments/gpu-env")
    arguments = [json.dumps(emulator.environment), json.dumps(NAMES)]
    child = subprocess.Popen(
        [sys.executable, "-c", SET_UP, *arguments], start_new_session=True, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    path = f"{emulator.group.removesuffix('local')}research/providers/Microsoft.App/managedEnvironments/gpu-env"
    try:
        assert await asyncio.to_thread(child.stdout.readline) == "waiting\n"
        await asyncio.to_thread(emulator.eventually, lambda: emulator.ask("GET", path).status_code == 200)
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
    access = Access(replace(target(emulator), **NAMES), SystemClock())
    try:
        making = SettingUp(access, SystemClock(), "ada")
        left = await making.plan(making.wanted())
        acts = {step.part: step.act for step in left.steps}
        assert acts[Part.ENVIRONMENT] is Act.WAIT
        assert Part.REGISTRY not in acts
        going_on = asyncio.ensure_future(making.run(left))
        while not going_on.done():
            await asyncio.to_thread(emulator.advance, 601)
        await going_on
        assert (await making.plan(making.wanted())).steps == ()
        emulator.control("DELETE", "faults")
        ending = TearingDown(access, SystemClock(), "ada")
        await ending.run(await ending.doomed())
        assert await access.ask(lambda services: services.resources.group()) is None
    finally:
        await access.close()

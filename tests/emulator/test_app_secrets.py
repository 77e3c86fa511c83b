"""Our client's secrets against the emulator, by the SDK over HTTPS: no write loses what another one set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aca_notebook.api.secrets import AppSecrets, SecretBox
from aca_notebook.errors import NotFound, ServiceFailed, UsageFailed
from tests.emulator.test_client_on_bad_days import client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aca_notebook.api.access import Access
    from tests.emulator.running import Running

pytestmark = pytest.mark.anyio
CANARY = "c4n4ry-value"


@pytest.fixture
async def access(emulator: Running) -> AsyncIterator[Access]:
    body = emulator.body()
    body["properties"]["configuration"]["secrets"] = [{"name": "first", "value": "one"}]
    body["properties"]["template"]["containers"][0]["env"] = [{"name": "FIRST", "secretRef": "first"}]
    emulator.deploy(body=body)
    async with client(emulator) as access:
        yield access


async def test_a_secret_is_set_beside_the_others_and_changed(access: Access) -> None:
    secrets = AppSecrets(access, "scorer")
    await secrets.set("token", CANARY)
    assert [(each.name, each.read_by) for each in await secrets.states()] == [("first", ("FIRST",)), ("token", ())]
    await secrets.set("token", "another")
    kept = await access.ask(lambda services: services.apps.secrets("scorer"))
    assert kept == {"first": "one", "token": "another"}


async def test_a_secret_that_nothing_reads_is_removed_and_one_that_is_read_stays(access: Access) -> None:
    secrets = AppSecrets(access, "scorer")
    await secrets.set("token", CANARY)
    await secrets.remove("token")
    with pytest.raises(NotFound, match="has no secret 'token'"):
        await secrets.remove("token")
    with pytest.raises(ServiceFailed, match="first"):
        await secrets.remove("first")
    assert [each.name for each in await secrets.states()] == ["first"]


@pytest.mark.parametrize(
    ("name", "value", "code"), [("HF_TOKEN", CANARY, "InvalidSecretName"), ("token", "", "InvalidSecret")]
)
async def test_what_cannot_be_a_secret_is_refused_before_anything_is_sent(access, name, value, code) -> None:
    with pytest.raises(UsageFailed) as refused:
        await AppSecrets(access, "scorer").set(name, value)
    assert refused.value.code == code
    assert CANARY not in "".join(refused.value.lines())


async def test_a_vault_is_referred_to_by_the_address_of_a_secret(access: Access) -> None:
    with pytest.raises(UsageFailed, match="no secret of a vault"):
        await AppSecrets(access, "scorer").refer("token", "https://example.com/x")


def test_what_a_notebook_keeps_shows_names_alone() -> None:
    box = SecretBox()
    box.put("token", CANARY)
    assert repr(box) == "<SecretBox: token>"
    assert CANARY not in repr(vars(box)["_values"].keys())
    assert box.get("token") == CANARY
    box.remove("token")
    with pytest.raises(NotFound):
        box.remove("token")
    assert box.names == ()

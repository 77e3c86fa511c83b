"""What a command would ask for, taken from the SDK's own pipeline; nothing of it reaches the platform."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aca_notebook.api.revising import Revising
from aca_notebook.api.secrets import AppSecrets
from aca_notebook.api.showing import held, shown
from aca_notebook.api.updating import Changes, update
from aca_notebook.azure.recording import noting
from aca_notebook.errors import NotFound, UsageFailed
from aca_notebook.model.redaction import Redactor
from tests.emulator.test_client_on_bad_days import client
from tests.emulator.test_set_up import set_up

if TYPE_CHECKING:
    from tests.emulator.running import Running

pytestmark = pytest.mark.anyio


async def test_a_held_change_is_shown_and_not_made(emulator: Running) -> None:
    emulator.deploy()
    before = emulator.ask("GET", emulator.app_path()).json()
    async with client(emulator) as access:
        with held() as notes:
            await update(access, "scorer", Changes(min_replicas=1, max_replicas=4))
        assert shown(notes, "az", Redactor()) == (
            "az containerapp update -n scorer -g local --min-replicas 1 --max-replicas 4"
        )
        rest = shown(notes, "rest", Redactor())
    assert rest.startswith(f"GET {emulator.app_path()}?api-version=")
    assert "# not sent" in rest
    assert '"maxReplicas": 4' in rest
    assert emulator.ask("GET", emulator.app_path()).json() == before


async def test_no_value_of_a_secret_is_shown(emulator: Running) -> None:
    emulator.deploy()
    async with client(emulator) as access:
        secrets = AppSecrets(access, "scorer")
        await secrets.set("kept", "first-s3cret")
        with held() as notes:
            await secrets.set("hf-token", "second-s3cret")
    for form in ("az", "rest"):
        text = shown(notes, form, access.redactor)
        assert "s3cret" not in text
        assert "$HF_TOKEN" in text
    assert "hf-token" not in [
        each["name"] for each in emulator.ask("POST", f"{emulator.app_path()}/listSecrets").json()["value"]
    ]


async def test_several_writes_are_all_held(emulator: Running) -> None:
    for name in ("one", "two"):
        emulator.deploy(name)
    async with client(emulator) as access:
        with held() as notes:
            for name in ("one", "two"):
                await access.ask(lambda services, name=name: services.apps.delete(name))
    assert [call.method for call in notes.writes] == ["DELETE", "DELETE"]
    listed = emulator.ask("GET", f"{emulator.group}/providers/Microsoft.App/containerApps").json()["value"]
    assert {each["name"] for each in listed} == {"one", "two"}


async def test_what_was_put_in_a_held_block_is_read_back_there(emulator: Running) -> None:
    emulator.deploy()
    async with client(emulator) as access:
        document = await access.ask(lambda services: services.apps.document("scorer"))
        with held():
            await access.ask(lambda services: services.apps.put("other", document))
            assert (await access.ask(lambda services: services.apps.document("other")))["name"] == "other"
        with pytest.raises(NotFound):
            await access.ask(lambda services: services.apps.document("other"))


async def test_what_was_deleted_or_changed_in_a_held_block_is_so_there(emulator: Running) -> None:
    for name in ("one", "two"):
        emulator.deploy(name)
    before = emulator.ask("GET", emulator.app_path("one")).json()
    async with client(emulator) as access:
        with held():
            for maximum in (3, 4):
                body = {"properties": {"template": {"scale": {"maxReplicas": maximum}}}, "tags": {"a": str(maximum)}}
                await access.ask(lambda services, body=body: services.apps.patch("one", body))
            await access.ask(lambda services: services.apps.delete("two"))
            changed = await access.ask(lambda services: services.apps.document("one"))
            listed = await access.ask(lambda services: services.resources.listed())
            with pytest.raises(NotFound):
                await access.ask(lambda services: services.apps.document("two"))
    assert changed["properties"]["template"]["scale"]["maxReplicas"] == 4
    assert changed["tags"]["a"] == "4"
    image = changed["properties"]["template"]["containers"][0]["image"]
    assert image == before["properties"]["template"]["containers"][0]["image"], "the rest stays"
    assert "two" not in {each["name"] for each in listed}
    assert emulator.ask("GET", emulator.app_path("one")).json() == before


async def test_taking_all_down_is_shown_to_its_end(emulator: Running) -> None:
    async with set_up(emulator) as one:
        await one.run(pool="python")
        before = await one.names()
        with held() as notes:
            await one.ending.run(await one.ending.doomed())
        gone = [call.path.rpartition("/")[2] for call in notes.writes if "roleAssignments" not in call.path]
        assert sorted(gone) == sorted([*before, "research"])
        assert gone[-1] == "research", "a group goes last"
        assert notes.stopped == ""
        assert await one.names() == before


async def test_what_is_shown_in_part_says_so(emulator: Running) -> None:
    emulator.deploy()
    async with client(emulator) as access:
        with held() as notes:
            await access.ask(lambda services: services.apps.delete("scorer"))
            await access.ask(lambda services: services.apps.document("scorer"))
    for form in ("az", "rest"):
        assert shown(notes, form, Redactor()).splitlines()[-1].startswith("# shown as far as it is known before")


async def test_a_failure_before_anything_was_held_is_the_users_to_see(emulator: Running) -> None:
    async with client(emulator) as access:
        with pytest.raises(NotFound), held():
            await Revising(access, "absent").rollback()
        with held() as notes, pytest.raises(UsageFailed):
            raise UsageFailed("no")
    with pytest.raises(UsageFailed, match="asks nothing"):
        shown(notes, "az", Redactor())


async def test_calls_are_noted_and_sent_where_nothing_is_held(emulator: Running) -> None:
    emulator.deploy()
    async with client(emulator) as access:
        with noting() as notes:
            await Revising(access, "scorer").set_mode("Multiple")
        await Revising(access, "scorer").mode()
    assert [(call.method, call.sent) for call in notes.writes] == [("PATCH", True)]
    assert (
        emulator.ask("GET", emulator.app_path()).json()["properties"]["configuration"]["activeRevisionsMode"]
        == "Multiple"
    )

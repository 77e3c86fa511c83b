"""An app's identities and roles, by the SDKs over HTTPS: given once however often, and told with their delay."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from aca_notebook.api.access import Access
from aca_notebook.api.identities import AppIdentities
from aca_notebook.api.loop import PrivateLoop
from aca_notebook.api.showing import held, shown
from aca_notebook.errors import NotFound, Unauthorized
from aca_notebook.model.identity import SYSTEM
from aca_notebook.model.redaction import Redactor
from tests.emulator.test_client_on_bad_days import target
from tests.emulator.test_faults import put_in_force
from tests.fakes.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.emulator.running import Running

SECRETS_USER = "Key Vault Secrets User"


@pytest.fixture
def identities(emulator: Running) -> Iterator[AppIdentities]:
    emulator.deploy()
    loop = PrivateLoop()

    async def made() -> Access:
        return Access(target(emulator), ManualClock())

    access = loop.run(made())
    yield AppIdentities(access, "scorer", ManualClock(), loop)
    loop.run(access.close())
    loop.close()


def make(emulator: Running, provider: str, name: str, body: dict | None = None, version: str = "2023-01-31") -> str:
    path = f"{emulator.group}/providers/{provider}/{name}"
    answer = emulator.ask("PUT", path, {"location": "eastus"} | (body or {}), params={"api-version": version})
    assert answer.status_code < 300, answer.text
    return path


def vault(emulator: Running, name: str = "thevault") -> str:
    properties = {
        "tenantId": emulator.environment["AZURE_TENANT_ID"], "sku": {"family": "A", "name": "standard"},
        "enableRbacAuthorization": True,
    }  # fmt: skip
    return make(emulator, "Microsoft.KeyVault/vaults", name, {"properties": properties}, "2023-07-01")


def test_an_app_gets_its_own_identity_once_and_keeps_what_it_has(
    emulator: Running, identities: AppIdentities
) -> None:  # fmt: skip
    assert identities.states() == ()
    reader = make(emulator, "Microsoft.ManagedIdentity/userAssignedIdentities", "readers")
    identities.assign(system=True)
    identities.assign(users=["readers"])
    for _ in range(2):
        identities.assign(system=True, users=[reader])
    own, given = identities.states()
    assert (own.name, given.name, given.id.lower()) == (SYSTEM, "readers", reader.lower())
    assert own.principal_id != given.principal_id != ""


def test_a_role_on_a_vault_is_given_once_and_shown_with_its_name(emulator: Running, identities: AppIdentities) -> None:
    where = vault(emulator)
    for _ in range(2):
        identities.let(SECRETS_USER, "thevault")
    (own,) = identities.states()
    assert [(grant.role, grant.scope.lower()) for grant in own.grants] == [(SECRETS_USER, where.lower())]
    assert 0 < own.grants[0].settles_seconds <= 600


def test_a_role_is_given_to_the_identity_that_is_named(emulator: Running, identities: AppIdentities) -> None:
    make(emulator, "Microsoft.ManagedIdentity/userAssignedIdentities", "readers")
    identities.let("AcrPull", "group", "readers")
    (given,) = identities.states()
    assert (given.name, [grant.role for grant in given.grants]) == ("readers", ["AcrPull"])


@pytest.mark.parametrize(
    ("role", "scope", "user", "code"),
    [("No Such Role", "thevault", "", "RoleDefinitionDoesNotExist"), (SECRETS_USER, "nowhere", "", "ResourceNotFound"),
     (SECRETS_USER, "thevault", "nobody", "ResourceNotFound")],
)  # fmt: skip
def test_what_is_not_there_is_named(
    emulator: Running, identities: AppIdentities, role: str, scope: str, user: str, code: str
) -> None:  # fmt: skip
    vault(emulator)
    with pytest.raises(NotFound) as raised:
        identities.let(role, scope, user)
    assert (raised.value.code, bool(raised.value.hint)) == (code, True)


def test_who_may_not_give_roles_is_told_the_line_that_an_owner_runs(
    emulator: Running, identities: AppIdentities
) -> None:  # fmt: skip
    vault(emulator)
    put_in_force(emulator, "forbidden on=PUT roleAssignments/*")
    with pytest.raises(Unauthorized, match="may not give roles on 'thevault'") as raised:
        identities.let(SECRETS_USER, "thevault")
    assert f'az role assignment create --role "{SECRETS_USER}"' in raised.value.hint


def test_both_colours_do_the_same(identities: AppIdentities) -> None:
    asyncio.run(identities.assign.aio(system=True))
    assert [each.name for each in asyncio.run(identities.states.aio())] == [SYSTEM]


def test_the_role_of_an_identity_that_is_only_shown_is_shown_too(identities: AppIdentities) -> None:
    with held() as notes:
        identities.assign(system=True)
        identities.let("Reader", "group")
    given, role = shown(notes, "az", Redactor()).splitlines()
    assert given == "az containerapp identity assign -n scorer -g local --system-assigned"
    assert role.startswith("az role assignment create --assignee-object-id PRINCIPAL-ID-OF-scorer ")
    assert identities.states() == ()

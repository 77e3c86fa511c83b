"""An app that pulls its image with an identity of its own gets the right to before it is told to run it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from aca_notebook.api.pull_rights import QUICKSTART, let_app_pull, let_in, principal_of, waiting
from aca_notebook.errors import UsageFailed
from aca_notebook.model.roles import ACR_PULL

pytestmark = pytest.mark.anyio
WANTED: dict[str, Any] = {
    "location": "eastus", "tags": {"a": "b"}, "identity": {"type": "SystemAssigned"},
    "properties": {
        "environmentId": "/env", "workloadProfileName": "gpu-t4",
        "configuration": {"registries": [{"server": "mine.azurecr.io", "identity": "system"}],
                          "secrets": [{"name": "token", "value": "v4lue"}], "ingress": {"external": True}},
        "template": {"containers": [{"name": "web", "image": "mine.azurecr.io/web:1"}], "scale": {"minReplicas": 2}},
    },
}  # fmt: skip
MADE = {"identity": {"type": "SystemAssigned", "principalId": "who"}}


class Subscriptions:
    """Registries and roles, remembered."""

    def __init__(self, *, roles: tuple[str, ...] = ()) -> None:
        self.roles = roles
        self.let: list[tuple[str, str]] = []

    async def registry_id(self, server: str) -> str:
        return "/registries/mine" if server == "mine.azurecr.io" else ""

    async def role_assignments(self, scope: str, principal: str) -> list[dict[str, str]]:
        return [{"roleDefinitionId": f"/x/{role}", "principalId": principal} for role in self.roles]

    async def assign(self, role: str, scope: str, principal: str) -> None:
        assert role == ACR_PULL
        self.let.append((scope, principal))


class Asked:
    """An access to those, and the apps that were made through it."""

    def __init__(self, **given: Any) -> None:
        self.subscriptions = Subscriptions(**given)
        self.made: list[dict[str, Any]] = []
        self.changed: list[dict[str, Any]] = []

    async def ask(self, action: Any) -> Any:
        return await action(SimpleNamespace(subscriptions=self.subscriptions, roles=self.subscriptions))

    async def make(self, document: dict[str, Any]) -> dict[str, Any]:
        self.made.append(document)
        return MADE

    async def change(self, part: dict[str, Any]) -> dict[str, Any]:
        self.changed.append(part)
        return MADE


async def test_a_new_app_is_made_without_its_image_and_its_identity_let_in() -> None:
    asked = Asked()
    await let_app_pull(asked, WANTED, None, asked.make, asked.change)
    (first,) = asked.made
    assert first["properties"]["template"]["containers"][0]["image"] == QUICKSTART
    assert "registries" not in first["properties"]["configuration"]
    assert asked.subscriptions.let == [("/registries/mine", "who")]


async def test_an_app_that_has_its_identity_is_not_made_again() -> None:
    asked = Asked()
    await let_app_pull(asked, WANTED, MADE, asked.make, asked.change)
    assert asked.made == []
    assert asked.subscriptions.let == [("/registries/mine", "who")]


async def test_an_app_that_serves_without_an_identity_gets_one_and_goes_on_serving() -> None:
    asked = Asked()
    there = {"identity": {"type": "None"}, "properties": {"template": {"containers": [{"image": "live"}]}}}
    await let_app_pull(asked, WANTED, there, asked.make, asked.change)
    assert asked.made == []
    assert asked.changed == [{"identity": {"type": "SystemAssigned"}}]
    assert asked.subscriptions.let == [("/registries/mine", "who")]


async def test_a_right_that_is_there_is_not_given_again() -> None:
    asked = Asked(roles=("other", ACR_PULL))
    await let_app_pull(asked, WANTED, MADE, asked.make, asked.change)
    assert asked.subscriptions.let == []


async def test_a_registry_of_nobody_is_refused_before_anything_is_made() -> None:
    asked = Asked()
    foreign = {
        **WANTED,
        "properties": {**WANTED["properties"], "configuration": {"registries": [{"server": "x.azurecr.io"}]}},
    }
    with pytest.raises(UsageFailed, match=r"no registry 'x\.azurecr\.io'"):
        await let_app_pull(asked, foreign, None, asked.make, asked.change)
    assert asked.made == []


def test_the_app_that_waits_costs_nothing_is_reached_by_nobody_and_holds_no_secret() -> None:
    first = waiting(WANTED)
    assert first["identity"] == {"type": "SystemAssigned"}
    assert first["properties"]["configuration"] == {"activeRevisionsMode": "Single"}
    assert first["properties"]["template"]["scale"]["minReplicas"] == 0
    assert "v4lue" not in str(first)


def test_who_an_app_is() -> None:
    assert [principal_of(each) for each in (None, {}, {"identity": None}, MADE)] == ["", "", "", "who"]


async def test_an_update_identifies_the_app_before_it_is_to_pull_by_that() -> None:
    asked = Asked()

    async def identify() -> dict[str, Any]:
        return await asked.make({})

    await let_in(asked, "mine.azurecr.io", {"identity": {"type": "None"}}, identify)
    assert asked.made == [{}]
    assert asked.subscriptions.let == [("/registries/mine", "who")]

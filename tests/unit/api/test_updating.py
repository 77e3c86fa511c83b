"""Changing an app: what is said changes, the rest is not in the request or stays as it is there."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from aca_notebook.api.placing import Place
from aca_notebook.api.updating import Changes, patch, place_of
from aca_notebook.azure.documents import SETTINGS
from aca_notebook.errors import UsageFailed
from aca_notebook.model.gpu import CONSUMPTION, SERVERLESS_T4
from aca_notebook.model.hosting import Dapr, Hosting, Probe, ScaleRule
from tests.unit.api.test_plan import TARGET

CONTAINER: dict[str, Any] = {
    "name": "web", "image": "i:1", "imageType": "ContainerImage",
    "env": [{"name": "A", "value": "1"}, {"name": "EMPTY"}],
    "resources": {"cpu": 0.5, "memory": "1Gi", "ephemeralStorage": "2Gi"},
    "probes": [{"type": "Liveness", "httpGet": {"path": "/old", "port": 80}}, {"type": "Startup"}],
}  # fmt: skip
APP: dict[str, Any] = {
    "name": "web", "tags": {SETTINGS: "abc"}, "identity": {"type": "SystemAssigned", "principalId": "p"},
    "properties": {
        "configuration": {"secrets": [{"name": "token"}], "ingress": {"external": True, "targetPort": 80}},
        "template": {"containers": [CONTAINER]},
    },
}  # fmt: skip


def body(app: dict[str, Any] = APP, place: Place | None = None, **said: Any) -> dict[str, Any]:
    hosting = Hosting(**{name: said.pop(name) for name in tuple(said) if name in Hosting.__slots__})
    return patch(app, Changes(hosting=hosting, **said), TARGET, place)


def container(**said: Any) -> dict[str, Any]:
    (changed,) = body(**said)["properties"]["template"]["containers"]
    return changed


def test_bounds_alone_touch_no_container_and_take_the_cells_settings_away() -> None:
    assert body(min_replicas=0, max_replicas=3) == {
        "properties": {"template": {"scale": {"minReplicas": 0, "maxReplicas": 3}, "revisionSuffix": None}},
        "tags": {SETTINGS: None},
    }


def test_a_container_keeps_what_was_not_said() -> None:
    changed = container(image="i:2", cpu=1.0)
    assert changed["image"] == "i:2"
    assert changed["resources"] == {"cpu": 1.0, "memory": "1Gi"}
    assert changed["probes"] == CONTAINER["probes"]
    assert "imageType" not in changed, "the platform's own word is not sent back"


def test_variables_are_added_changed_removed_and_replaced() -> None:
    assert container(set_env={"A": "2", "B": "secretref:token"})["env"] == [
        {"name": "A", "value": "2"}, {"name": "EMPTY", "value": ""}, {"name": "B", "secretRef": "token"},
    ]  # fmt: skip
    assert container(remove_env=("A",))["env"] == [{"name": "EMPTY", "value": ""}]
    assert container(replace_env={})["env"] == []
    assert container(replace_env={"C": "3"})["env"] == [{"name": "C", "value": "3"}]


def test_a_probe_takes_the_place_of_its_kind() -> None:
    probes = container(probes=(Probe("liveness", "/new"),))["probes"]
    assert [each["type"] for each in probes] == ["Startup", "Liveness"]
    assert probes[1]["httpGet"] == {"path": "/new", "port": 80, "scheme": "HTTP"}


def test_moving_to_a_gpu_takes_the_whole_machine() -> None:
    moved = body(place=Place(SERVERLESS_T4, "gpu-t4"), gpu="T4")
    assert moved["properties"]["workloadProfileName"] == "gpu-t4"
    assert moved["properties"]["template"]["containers"][0]["resources"] == {"cpu": 8.0, "memory": "56Gi"}


PROFILES = {"Consumption": CONSUMPTION, "gpu-t4": SERVERLESS_T4}


def on(profile: str) -> dict[str, Any]:
    return {"name": "web", "properties": {"workloadProfileName": profile}}


def test_an_app_stays_where_it_is_and_moves_where_it_is_told() -> None:
    assert place_of(on("gpu-t4"), Changes(gpu_count=1), PROFILES) is None
    assert place_of(on("GPU-T4"), Changes(gpu="T4"), PROFILES) is None
    assert place_of(on("Consumption"), Changes(gpu="T4"), PROFILES) == Place(SERVERLESS_T4, "gpu-t4")
    assert place_of(on("Consumption"), Changes(), {}) is None


@pytest.mark.parametrize(("profile", "says"), [("gpu-t4", "one T4, not 2"), ("Consumption", "says not which")])
def test_a_number_of_gpus_is_of_the_kind_that_the_app_has(profile: str, says: str) -> None:
    with pytest.raises(UsageFailed, match=says):
        place_of(on(profile), Changes(gpu_count=2), PROFILES)


def test_parts_of_the_configuration_are_sent_alone() -> None:
    assert body(ingress="internal")["properties"] == {"configuration": {"ingress": {"external": False}}}
    assert body(dapr=Dapr("web", 80))["properties"]["configuration"] == {
        "dapr": {"enabled": True, "appId": "web", "appPort": 80}
    }
    assert (
        body(scale_rule=ScaleRule("q", "cron", {"timezone": "UTC", "start": "1", "end": "2", "desiredReplicas": "1"}))[
            "properties"
        ]["template"]["scale"]["rules"][0]["custom"]["type"]
        == "cron"
    )


@pytest.mark.parametrize(
    ("servers", "image", "meant"),
    [
        (["mine.azurecr.io"], "", "mine.azurecr.io"),
        (["docker.io", "Mine.azurecr.io"], "mine.azurecr.io/web:1", "Mine.azurecr.io"),
    ],
)
def test_an_identity_alone_pulls_from_the_registry_that_is_there(servers: list[str], image: str, meant: str) -> None:
    app = copy.deepcopy(APP)
    there = [{"server": each, "username": "u", "passwordSecretRef": "token"} for each in servers]
    app["properties"]["configuration"]["registries"] = there
    found = body(app, registry_identity="system", image=image)["properties"]["configuration"]["registries"]
    assert found == [*(each for each in there if each["server"] != meant), {"server": meant, "identity": "system"}]


def test_an_identity_is_not_taken_for_a_registry_that_the_new_image_is_not_in() -> None:
    app = copy.deepcopy(APP)
    app["properties"]["configuration"]["registries"] = [{"server": "mine.azurecr.io", "identity": "x"}]
    with pytest.raises(UsageFailed, match="none is named"):
        body(app, registry_identity="system", image="other.azurecr.io/web:1")


def test_a_registry_is_the_same_however_it_is_written() -> None:
    app = copy.deepcopy(APP)
    app["properties"]["configuration"]["registries"] = [{"server": "Mine.azurecr.io", "identity": "x"}]
    said = body(app, registry_server="mine.azurecr.io", registry_identity="system")
    assert said["properties"]["configuration"]["registries"] == [{"server": "mine.azurecr.io", "identity": "system"}]


@pytest.mark.parametrize("wanted", [True, False])
def test_what_is_on_can_be_switched_off(*, wanted: bool) -> None:
    assert body(allow_insecure=wanted)["properties"]["configuration"] == {"ingress": {"allowInsecure": wanted}}
    assert body(dapr=Dapr("web", enabled=wanted))["properties"]["configuration"]["dapr"]["enabled"] is wanted


def test_an_identity_is_added_to_those_there_are() -> None:
    assert body(user_assigned=("me",))["identity"] == {
        "type": "SystemAssigned,UserAssigned",
        "userAssignedIdentities": {
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/me": {}
        },
    }


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({}, "UsageError"),
        ({"set_env": {"A": "secretref:absent"}}, "ContainerAppSecretRefNotFound"),
        ({"scale_rule": ScaleRule("q", "prometheus")}, "ScaleRuleIncomplete"),
        ({"image": "i", "container_name": "other"}, "UsageError"),
        ({"registry_identity": "system"}, "RegistryServerMissing"),
        ({"registry_server": "mine.azurecr.io"}, "RegistryIdentityMissing"),
        ({"registry_server": "docker.io", "registry_identity": "system"}, "RegistryNotAzure"),
        ({"user_assigned": ("/subscriptions/s/x/y",)}, "IdentityNotFound"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_sent(said: dict[str, Any], code: str) -> None:
    with pytest.raises(UsageFailed) as refused:
        body(**said)
    assert refused.value.code == code
    assert refused.value.hint


def test_of_several_containers_one_is_named() -> None:
    two = replace_containers([CONTAINER, {**CONTAINER, "name": "side"}])
    with pytest.raises(UsageFailed, match="2 containers"):
        body(two, image="i:2")
    changed = body(two, image="i:2", container_name="side")["properties"]["template"]["containers"]
    assert [each["image"] for each in changed] == ["i:1", "i:2"]


def replace_containers(containers: list[dict[str, Any]]) -> dict[str, Any]:
    return {**APP, "properties": {**APP["properties"], "template": {"containers": containers}}}

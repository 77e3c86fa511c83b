from __future__ import annotations

import contextlib

import pytest

from aca_notebook.emulator.arm.app_defaults import settled_configuration, settled_template
from aca_notebook.emulator.arm.app_rules import check_app, check_exposed_ports, check_name, check_tcp, profile_of
from aca_notebook.emulator.wire import AzureError
from aca_notebook.model.gpu import CONSUMPTION, SERVERLESS_T4, find_profile_type

GOOD = {"name": "main", "image": "nginx"}


def settled(configuration: dict | None = None, template: dict | None = None, *, on_gpu: bool = False) -> dict:
    return {
        "properties": {
            "configuration": settled_configuration(configuration or {}, first=True),
            "template": settled_template({"containers": [GOOD], **(template or {})}, on_gpu=on_gpu),
        }
    }


def refusal(
    configuration: dict | None = None, template: dict | None = None, profile=CONSUMPTION, secrets=()
) -> AzureError:
    with pytest.raises(AzureError) as refused:
        check_app("scorer", settled(configuration, template), profile, set())
    assert refused.value.status == 400
    return refused.value


def container(**fields) -> dict:
    return {"containers": [GOOD | fields]}


def ingress(**fields) -> dict:
    return {"ingress": {"external": True, "targetPort": 80} | fields}


def mixed(*weights: int) -> list[dict]:
    return [{"latestRevision": True, "weight": weights[0]}, *({"revisionName": "r", "weight": w} for w in weights[1:])]


@pytest.mark.parametrize("name", ["a1", "scorer", "my-app", "a" * 32, "x0-1-2"])
def test_a_name_azure_takes_is_taken(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize("name", ["a", "My_App", "1app", "-app", "app-", "my--app", "a" * 33, "", "äpp"])
def test_a_name_azure_refuses_is_refused_in_its_words(name: str) -> None:
    with pytest.raises(AzureError, match=r"ContainerAppInvalidName: Invalid ContainerApp name") as refused:
        check_name(name)
    assert refused.value.message.endswith("The length must be between 2 and 32 characters inclusive.")


@pytest.mark.parametrize(
    ("code", "configuration", "template"),
    [
        pytest.param("ContainerAppCreateMustContainContainer", {}, {"containers": []}, id="an app without a container"),
        pytest.param("ContainerAppImageRequired", {}, container(image=""), id="a container without an image"),
        pytest.param("ContainerAppServiceNotSupported", {"service": {"type": "redis"}}, {}, id="an add-on"),
        pytest.param("ContainerAppContainerNameRequired", {}, container(name=""), id="a container without a name"),
        pytest.param(
            "ContainerAppDuplicateContainerName", {}, {"containers": [GOOD, GOOD]}, id="two containers of one name"
        ),
        pytest.param(
            "ContainerAppSecretRefNotFound", {}, container(env=[{"name": "A", "secretRef": "nope"}]),
            id="a variable from a secret that is not there",
        ),
        pytest.param(
            "ContainerAppRegistriesPasswordSecretRefNotFound",
            {"registries": [{"server": "r.azurecr.io", "username": "u", "passwordSecretRef": "nope"}]}, {},
            id="a registry password that is not there",
        ),
        pytest.param("ContainerAppSecretInvalid", {"secrets": [{"name": "s"}]}, {}, id="a secret without a value"),
        pytest.param("ContainerAppInvalidSecretName", {"secrets": [{"name": "S_"}]}, {}, id="a secret with a bad name"),
        pytest.param(
            "ContainerAppInvalidScaleOptions", {}, {"scale": {"minReplicas": 3, "maxReplicas": 2}}, id="min beyond max"
        ),
        pytest.param("ContainerAppInvalidScaleOptions", {}, {"scale": {"maxReplicas": 0}}, id="no replica at all"),
        pytest.param("ContainerAppInvalidScaleOptions", {}, {"scale": {"maxReplicas": 1001}}, id="too many replicas"),
        pytest.param("ContainerAppInvalidScaleOptions", {}, {"scale": {"minReplicas": -1}}, id="fewer than none"),
        pytest.param("ContainerAppInvalidRevisionName", {}, {"revisionSuffix": "V--1"}, id="a bad suffix"),
        pytest.param("ContainerAppInvalidRevisionName", {}, {"revisionSuffix": "v" * 50}, id="a suffix too long"),
        pytest.param("InvalidRequestContent", {"activeRevisionsMode": "Some"}, {}, id="an unknown revisions mode"),
        pytest.param("ContainerAppInvalidTrafficWeight", ingress(traffic=mixed(60, 50)), {}, id="weights beyond 100"),
        pytest.param("ContainerAppInvalidTrafficWeight", ingress(traffic=mixed(150, -50)), {}, id="a negative weight"),
        pytest.param(
            "ContainerAppInvalidTrafficWeight", ingress(traffic=[{"weight": 100}]), {}, id="traffic to nobody"
        ),
        pytest.param(
            "ContainerAppInvalidIngressStickySessionRevisionMode",
            ingress(stickySessions={"affinity": "sticky"}) | {"activeRevisionsMode": "Multiple"}, {},
            id="sticky sessions over several revisions",
        ),
        pytest.param("InvalidRequestContent", ingress(transport="quic"), {}, id="an unknown transport"),
        pytest.param("ContainerAppInvalidTargetPort", ingress(targetPort=70000), {}, id="a port that cannot be"),
    ],
)  # fmt: skip
def test_what_azure_refuses_is_refused_with_its_code(code: str, configuration: dict, template: dict) -> None:
    assert refusal(configuration, template).code == code


@pytest.mark.parametrize(
    ("cpu", "memory"), [(0.25, "0.5Gi"), (0.5, "1Gi"), (1, "2Gi"), ("1.75", "3.5Gi"), (4, "8Gi"), (0.5, "1024Mi")]
)
def test_consumption_takes_its_pairs_of_cores_and_memory(cpu, memory: str) -> None:
    check_app("scorer", settled({}, container(resources={"cpu": cpu, "memory": memory})), CONSUMPTION, set())


@pytest.mark.parametrize(("cpu", "memory"), [(4, "4Gi"), (0.3, "0.6Gi"), (4.25, "8.5Gi"), (0.5, "2Gi")])
def test_consumption_refuses_other_pairs_and_lists_those_it_takes(cpu, memory: str) -> None:
    refused = refusal({}, container(resources={"cpu": cpu, "memory": memory}))
    assert refused.code == "ContainerAppInvalidResourceTotal"
    assert "[cpu: 0.25, memory: 0.5Gi]; [cpu: 0.5, memory: 1Gi]" in refused.message
    assert refused.message.endswith("[cpu: 4, memory: 8Gi].")


def test_an_environment_without_profiles_gives_two_cores_at_most() -> None:
    template = container(resources={"cpu": 4, "memory": "8Gi"})
    assert refusal({}, template, profile=None).message.endswith("[cpu: 2, memory: 4Gi].")


def test_a_t4_takes_any_pair_up_to_its_size_and_no_more() -> None:
    fits = settled({}, container(resources={"cpu": 8, "memory": "56Gi"}), on_gpu=True)
    check_app("scorer", fits, SERVERLESS_T4, set())
    check_app("scorer", settled({}, container(resources={"cpu": 0.1, "memory": "0.1Gi"})), SERVERLESS_T4, set())
    assert (
        "Consumption-GPU-NC8as-T4"
        in refusal({}, container(resources={"cpu": 9, "memory": "56Gi"}), profile=SERVERLESS_T4).message
    )


def test_tcp_from_outside_needs_a_network_of_the_environments_own() -> None:
    app = settled(ingress(transport="tcp"))
    with pytest.raises(AzureError, match="ContainerAppTcpRequiresVnet"):
        check_tcp(app, {"properties": {"vnetConfiguration": None}})
    check_tcp(app, {"properties": {"vnetConfiguration": {"internal": False}}})
    shared = settled(ingress(transport="tcp", external=False, corsPolicy={"allowedOrigins": ["*"]}))
    with pytest.raises(AzureError, match="ContainerAppInvalidIngressCORSPolicyForTcpApp"):
        check_tcp(shared, {"properties": {}})


FIVE = {"transport": "tcp", "exposedPort": 5432}


@pytest.mark.parametrize(
    ("asked", "stands", "refused"),
    [
        (FIVE, FIVE, True),
        ({"transport": "tcp", "targetPort": 5432}, FIVE, True),
        ({"transport": "tcp", "exposedPort": 5433}, FIVE, False),
        ({"transport": "http", "targetPort": 5432}, FIVE, False),
        ({"transport": "tcp", "exposedPort": 443}, {"transport": "http"}, True),
        ({"additionalPortMappings": [{"external": True, "targetPort": 5432}]}, FIVE, True),
        ({"additionalPortMappings": [{"external": False, "targetPort": 5432}]}, FIVE, False),
    ],
)
def test_a_port_of_the_environment_is_one_apps_and_never_https(asked, stands, *, refused: bool) -> None:
    outcome = pytest.raises(AzureError, match="exposedPort already in use") if refused else contextlib.nullcontext()
    with outcome:
        check_exposed_ports(settled(ingress(**asked)), [settled(ingress(**stands))])


def test_there_are_five_additional_ports_at_most() -> None:
    mappings = [{"external": False, "targetPort": 9000 + each} for each in range(6)]
    refused = refusal(ingress(additionalPortMappings=mappings))
    assert refused.code == "ContainerAppInvalidIngressAdditionalPortMappings"


def test_a_secret_from_a_key_vault_needs_no_value() -> None:
    secret = {"name": "s", "keyVaultUrl": "https://v.vault.azure.net/secrets/s", "identity": "system"}
    check_app("scorer", settled({"secrets": [secret]}), CONSUMPTION, set())


def test_the_secret_of_a_scale_rule_is_not_looked_for() -> None:
    rule = {"name": "q", "azureQueue": {"auth": [{"secretRef": "nope", "triggerParameter": "connection"}]}}
    check_app("scorer", settled({}, {"scale": {"rules": [rule]}}), CONSUMPTION, set())


def test_a_profile_is_found_by_its_name_in_the_environment() -> None:
    profiles = [{"name": "gpu-t4", "workloadProfileType": "Consumption-GPU-NC8as-T4"}]
    environment = {"name": "env", "properties": {"workloadProfiles": profiles}}
    assert profile_of("gpu-t4", environment) == find_profile_type("consumption-gpu-nc8as-t4")
    with pytest.raises(AzureError, match="WorkloadProfileNotFound"):
        profile_of("Consumption-GPU-NC8as-T4", environment)


@pytest.mark.parametrize("value", ["nan", "inf", True, [], {}, "two"])
def test_a_number_that_is_none_is_refused_without_repeating_it(value) -> None:
    with pytest.raises(AzureError, match=r"InvalidRequestContent|ContainerAppInvalid"):
        settled({}, container(resources={"cpu": value, "memory": "1Gi"}))

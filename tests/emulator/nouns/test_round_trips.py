"""What GET answers can be PUT again and changes nothing: clients read a resource, change a member and write it all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.emulator.nouns.test_children import pfx
from tests.emulator.running import Running, running_emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

_EAST = {"location": "eastus"}
_APP = "Microsoft.App/containerApps/scorer"
_WHOLE_APP = "Microsoft.App/containerApps/whole"
_ENVIRONMENT = "Microsoft.App/managedEnvironments/other"
_IMAGE = "mcr.microsoft.com/k8se/quickstart:latest"
_CONTAINER = {"name": "main", "image": _IMAGE, "resources": {"cpu": 0.5, "memory": "1Gi"}}
_PROBE = {"type": "Liveness", "httpGet": {"path": "/h", "port": 80, "scheme": "HTTP"}, "periodSeconds": 10}
_INGRESS = {
    "external": True, "targetPort": 80, "transport": "http", "allowInsecure": True, "clientCertificateMode": "accept",
    "traffic": [{"latestRevision": True, "weight": 100, "label": "live"}],
    "ipSecurityRestrictions": [{"name": "a", "ipAddressRange": "10.0.0.0/8", "action": "Allow"}],
    "corsPolicy": {"allowedOrigins": ["https://a.org"], "maxAge": 5}, "stickySessions": {"affinity": "sticky"},
    "customDomains": [{"name": "shop.example.org", "bindingType": "Disabled"}],
}  # fmt: skip
#: Every noun that can be written, by its path below the group's providers, with a body that says much.
NOUNS: dict[str, dict[str, Any]] = {
    _ENVIRONMENT: _EAST | {
        "tags": {"a": "b"},
        "properties": {
            "workloadProfiles": [
                {"name": "Consumption", "workloadProfileType": "Consumption"},
                {"name": "d4", "workloadProfileType": "D4", "minimumCount": 1, "maximumCount": 3},
                {"name": "gpu-t4", "workloadProfileType": "Consumption-GPU-NC8as-T4"},
            ],
            "zoneRedundant": False, "peerAuthentication": {"mtls": {"enabled": True}},
            "customDomainConfiguration": {"dnsSuffix": "apps.example.org"},
            "appLogsConfiguration": {"destination": "azure-monitor"},
        },
    },
    _WHOLE_APP: _EAST | {
        "tags": {"a": "b"}, "identity": {"type": "SystemAssigned"},
        "properties": {
            "environmentId": "ENVIRONMENT", "workloadProfileName": "Consumption",
            "configuration": {
                "activeRevisionsMode": "single", "ingress": _INGRESS, "maxInactiveRevisions": 7,
                "dapr": {"enabled": True, "appId": "scorer", "appPort": 80, "appProtocol": "http"},
                "identitySettings": [{"identity": "system", "lifecycle": "Main"}],
            },
            "template": {
                "containers": [_CONTAINER | {"probes": [_PROBE], "env": [{"name": "A", "value": "1"}]}],
                "initContainers": [_CONTAINER | {"name": "first"}],
                "scale": {"minReplicas": 1, "maxReplicas": 3, "rules": [
                    {"name": "http", "http": {"metadata": {"concurrentRequests": "5"}}},
                ]},
                "volumes": [{"name": "scratch", "storageType": "EmptyDir"}],
                "terminationGracePeriodSeconds": 9,
            },
        },
    },
    "Microsoft.App/jobs/nightly": _EAST | {
        "identity": {"type": "SystemAssigned"},
        "properties": {
            "environmentId": "ENVIRONMENT",
            "configuration": {
                "triggerType": "Event", "replicaTimeout": 60, "replicaRetryLimit": 1,
                "eventTriggerConfig": {"scale": {"rules": [
                    {"name": "q", "type": "azure-queue", "metadata": {"queueName": "q", "queueLength": "1"}},
                ]}},
            },
            "template": {"containers": [_CONTAINER]},
        },
    },
    "Microsoft.App/sessionPools/interpreters": _EAST | {
        "properties": {
            "poolManagementType": "Dynamic", "containerType": "PythonLTS",
            "scaleConfiguration": {"maxConcurrentSessions": 10},
            "dynamicPoolConfiguration": {
                "lifecycleConfiguration": {"lifecycleType": "Timed", "cooldownPeriodInSeconds": 300},
            },
        },
    },
    "Microsoft.App/managedEnvironments/local/daprComponents/store": {
        "properties": {
            "componentType": "state.redis", "version": "v1", "secrets": [{"name": "k", "value": "v"}],
            "metadata": [{"name": "p", "secretRef": "k"}], "scopes": ["scorer"],
        },
    },
    "Microsoft.App/managedEnvironments/local/storages/share": {
        "properties": {"azureFile": {
            "accountName": "a", "accountKey": "k", "accessMode": "ReadOnly", "shareName": "s",
        }},
    },
    "Microsoft.App/managedEnvironments/local/certificates/shop": _EAST | {
        "properties": {"value": "PFX", "password": "word"},
    },
    "Microsoft.App/managedEnvironments/local/httpRouteConfigs/routes": {
        "properties": {"rules": [{"targets": [{"containerApp": "scorer"}], "routes": [{"match": {"prefix": "/"}}]}]},
    },
    "Microsoft.App/managedEnvironments/local/maintenanceConfigurations/default": {
        "properties": {"scheduledEntries": [{"weekDay": "Sunday", "startHourUtc": 2, "durationHours": 8}]},
    },
    f"{_APP}/authConfigs/current": {
        "properties": {"platform": {"enabled": True}, "globalValidation": {"unauthenticatedClientAction": "Return401"}},
    },
    f"{_APP}/resiliencyPolicies/calm": {
        "properties": {"timeoutPolicy": {"responseTimeoutInSeconds": 5, "connectionTimeoutInSeconds": 5}},
    },
    "Microsoft.ManagedIdentity/userAssignedIdentities/worker": _EAST | {"tags": {"a": "b"}},
    "Microsoft.OperationalInsights/workspaces/logs": _EAST | {"properties": {"retentionInDays": 30}},
    "Microsoft.ContainerRegistry/registries/images": _EAST | {
        "sku": {"name": "Basic"}, "properties": {"adminUserEnabled": True},
    },
    "Microsoft.Network/virtualNetworks/net": _EAST | {
        "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}},
    },
    "Microsoft.Insights/actionGroups/people": {
        "location": "Global", "properties": {"groupShortName": "people", "enabled": True},
    },
}  # fmt: skip
#: Those that the API has no PATCH for, or none here.
NOT_PATCHED = frozenset({
    "Microsoft.App/managedEnvironments/local/daprComponents/store",
    "Microsoft.App/managedEnvironments/local/storages/share",
    "Microsoft.App/managedEnvironments/local/maintenanceConfigurations/default",
    f"{_APP}/authConfigs/current",
    "Microsoft.Network/virtualNetworks/net",
})  # fmt: skip
#: What is made anew with each write.
_FRESH = frozenset({"lastModifiedAt", "lastModifiedBy", "lastModifiedByType", "etag", "createdTime", "modifiedDate"})


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One for all: each noun has a name of its own."""
    with running_emulator(tmp_path_factory.mktemp("nouns")) as running:
        running.deploy()
        yield running


def _written(emulator: Running, body: Any) -> Any:
    """A body with the environment's id and a certificate in their places."""
    text = json.dumps(body).replace("ENVIRONMENT", emulator.environment_id)
    return json.loads(text.replace("PFX", pfx("word")) if "PFX" in text else text)


def _settled(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _settled(each) for name, each in value.items() if name not in _FRESH}
    return [_settled(each) for each in value] if isinstance(value, list) else value


def _put(emulator: Running, path: str, body: Any) -> dict[str, Any]:
    answer = emulator.ask("PUT", path, body)
    assert answer.status_code < 300, answer.text
    if "Azure-AsyncOperation" in answer.headers or "Location" in answer.headers:
        emulator.follow(answer)
    return dict(emulator.ask("GET", path).json())


@pytest.mark.parametrize("noun", NOUNS)
def test_what_is_read_can_be_written_again(emulator: Running, noun: str) -> None:
    path = f"{emulator.group}/providers/{noun}"
    first = _put(emulator, path, _written(emulator, NOUNS[noun]))
    second = _put(emulator, path, first)
    assert _settled(second) == _settled(first)


def test_writing_an_app_again_makes_no_revision(emulator: Running) -> None:
    path = emulator.app_path("again")
    first = _put(emulator, path, _written(emulator, NOUNS[_WHOLE_APP]))
    _put(emulator, path, first)
    assert len(emulator.ask("GET", f"{path}/revisions").json()["value"]) == 1


@pytest.mark.parametrize("noun", sorted(set(NOUNS) - NOT_PATCHED))
def test_a_patch_that_says_nothing_changes_nothing(emulator: Running, noun: str) -> None:
    path = f"{emulator.group}/providers/{noun}"
    before = _put(emulator, path, _written(emulator, NOUNS[noun]))
    answer = emulator.ask("PATCH", path, {})
    assert answer.status_code in {200, 202}, answer.text
    if answer.status_code == 202:
        emulator.follow(answer)
    assert _settled(emulator.ask("GET", path).json()) == _settled(before)


@pytest.mark.parametrize("noun", NOUNS)
def test_what_is_gone_is_not_found_and_deleted_once_more(emulator: Running, noun: str) -> None:
    path = f"{emulator.group}/providers/{noun}"
    _put(emulator, path, _written(emulator, NOUNS[noun]))
    listed = path.rpartition("/")[0]
    names = {each["name"] for each in emulator.ask("GET", listed).json()["value"]}
    assert path.rpartition("/")[2] in names
    answer = emulator.ask("DELETE", path)
    assert answer.status_code in {200, 202, 204}, answer.text
    if answer.status_code == 202:
        emulator.follow(answer)
    assert emulator.ask("GET", path).status_code == 404
    assert emulator.ask("DELETE", path).status_code == 204
    left = {each["name"] for each in emulator.ask("GET", listed).json()["value"]}
    assert left == names - {path.rpartition("/")[2]}

"""Documents in the shape Terraform's azurerm sends them: every member it has, most of them empty or zero."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.emulator.running import Running

_VERSIONS = ("2025-01-01", "2025-07-01")
_NOBODY = {"type": "None", "userAssignedIdentities": None}
_MAIN = {
    "name": "main", "image": "nginx", "args": [], "command": [], "env": [{"name": "KEY", "secretRef": "key"}],
    "probes": [], "resources": {"cpu": 0.25, "memory": "0.5Gi", "ephemeralStorage": ""}, "volumeMounts": [],
}  # fmt: skip
_SECRETS = [{"name": "key", "value": "opens"}]
_ENVIRONMENT = {
    "name": "shop", "location": "eastus", "identity": _NOBODY, "tags": {},
    "properties": {
        "appLogsConfiguration": {"destination": ""}, "vnetConfiguration": {}, "zoneRedundant": False,
        "peerAuthentication": {"mtls": {"enabled": False}},
        "peerTrafficConfiguration": {"encryption": {"enabled": False}}, "workloadProfiles": None,
    },
}  # fmt: skip
_APP = {
    "location": "eastus", "identity": _NOBODY, "tags": {},
    "properties": {
        "managedEnvironmentId": "ENVIRONMENT", "workloadProfileName": "",
        "configuration": {
            "activeRevisionsMode": "Single", "maxInactiveRevisions": 0, "dapr": None, "registries": None,
            "secrets": _SECRETS,
            "ingress": {
                "allowInsecure": False, "customDomains": None, "exposedPort": 0, "external": True, "fqdn": "",
                "ipSecurityRestrictions": [], "targetPort": 80, "transport": "auto",
                "traffic": [{"label": "", "latestRevision": True, "weight": 100}],
            },
        },
        "template": {
            "containers": [_MAIN], "initContainers": [], "revisionSuffix": "", "volumes": [],
            "scale": {"minReplicas": 0, "maxReplicas": 10, "cooldownPeriod": 300, "pollingInterval": 30, "rules": []},
            "terminationGracePeriodSeconds": 0,
        },
    },
}  # fmt: skip
_JOB = {
    "location": "eastus", "identity": _NOBODY, "tags": {},
    "properties": {
        "environmentId": "ENVIRONMENT", "workloadProfileName": "",
        "configuration": {
            "replicaRetryLimit": 0, "replicaTimeout": 10, "triggerType": "Manual", "registries": [],
            "secrets": _SECRETS, "manualTriggerConfig": {"parallelism": 1, "replicaCompletionCount": 1},
            "scheduleTriggerConfig": None, "eventTriggerConfig": None,
        },
        "template": {"containers": [_MAIN], "initContainers": None, "volumes": None},
    },
}  # fmt: skip


def made(emulator: Running, path: str, body: dict[str, Any], version: str) -> dict[str, Any]:
    """PUT it, follow the operation, GET it."""
    url, params = f"{emulator.group}/providers/Microsoft.App/{path}", {"api-version": version}
    answer = emulator.ask("PUT", url, body, params=params)
    assert answer.status_code in {200, 201}, answer.text
    if "Azure-AsyncOperation" in answer.headers:
        assert emulator.follow(answer)["status"] == "Succeeded"
    found: dict[str, Any] = emulator.ask("GET", url, params=params).json()
    return found


@pytest.mark.parametrize("version", _VERSIONS)
def test_an_environment_app_and_job_are_made_and_made_again(emulator: Running, version: str) -> None:
    environment = made(emulator, "managedEnvironments/shop", _ENVIRONMENT, version)
    properties = environment["properties"]
    # azurerm follows both without asking whether they are there.
    assert properties["customDomainConfiguration"]["customDomainVerificationId"]
    assert properties["peerAuthentication"]["mtls"]["enabled"] is False
    made(emulator, "managedEnvironments/shop", environment | {"identity": _NOBODY}, version)

    app, job = copy.deepcopy(_APP), copy.deepcopy(_JOB)
    app["properties"]["managedEnvironmentId"] = job["properties"]["environmentId"] = environment["id"]
    first = made(emulator, "containerApps/front", app, version)
    # An update is what was read, the template as configured, the secrets with their values.
    first["properties"]["template"] = app["properties"]["template"]
    first["properties"]["configuration"]["secrets"] = _SECRETS
    again = made(emulator, "containerApps/front", first, version)
    assert again["properties"]["latestRevisionName"] == first["properties"]["latestRevisionName"]
    assert made(emulator, "jobs/nightly", job, version)["properties"]["provisioningState"] == "Succeeded"

"""What the emulator answers is what Microsoft describes: bodies validate, and no member is of our own invention.

Every operation that is both described and offered is asked, so a new route is judged without a new test. The
description is the folder named by `ACA_NOTEBOOK_SPECIFICATION`; a member it lacks must be in some recording.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.contract.conftest import require_folder
from tests.contract.recorded import load
from tests.contract.specification import Specification
from tests.real_emulator import IMAGE, RealEmulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VERSIONS = ("2025-07-01", "2026-07-01")
INITIAL = "example.azurecr.io/initial:1"
#: Described, but not so in recorded traffic, which is the stronger authority (recorded: env_usages).
STRONGER = frozenset({"'unit' is a required property"})


class World:
    """An emulator with an environment and an app that use all the description offers, made at one api-version."""

    def __init__(self, emulator: RealEmulator, version: str) -> None:
        self.emulator = emulator
        self.version = version
        suffix = version.replace("-", "")
        self.names = {
            "subscriptionId": emulator.environment["AZURE_SUBSCRIPTION_ID"],
            "resourceGroupName": f"group-{suffix}",
            "environmentName": f"environment-{suffix}",
            "containerAppName": f"app-{suffix}",
            "location": "eastus",
        }

    def ask(self, method: str, path: str, body: Any = None) -> requests.Response:
        return requests.request(
            method,
            path if path.startswith("https:") else f"{self.emulator.ready['url']}{path}",
            params=None if "api-version" in path else {"api-version": self.version},
            json=body,
            headers={"Authorization": f"Bearer {self.emulator.environment['ACCESS_TOKEN']}"},
            verify=self.emulator.environment["REQUESTS_CA_BUNDLE"],
            timeout=30,
        )

    def make(self, path: str, body: dict[str, Any]) -> Any:
        """PUT, follow to the end, and return what the PUT answered."""
        made = self.ask("PUT", path, body)
        assert made.status_code in {200, 201}, made.text
        if "Azure-AsyncOperation" in made.headers:
            while (state := self.ask("GET", made.headers["Azure-AsyncOperation"]).json())["status"] == "InProgress":
                time.sleep(0.05)  # noqa: TID251  # another process is waited for
            assert state["status"] == "Succeeded", state
        return made.json()

    def path(self, template: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda found: self.names[found[1]], template)

    def offered(self) -> set[tuple[str, str]]:
        """Method and path of all routes but those that are refused in words, names left out."""
        token = (self.emulator.folder / "control-token").read_text().strip()
        answer = requests.get(
            f"{self.emulator.ready['http_url']}/_emulator/routes",
            headers={"Authorization": f"Bearer {token}"},
            timeout=10,
        )
        offered = [each for each in answer.json()["value"] if each["offer"] != "refused"]
        return {(each["method"].lower(), _nameless(each["template"])) for each in offered}


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealEmulator]:
    running = RealEmulator(tmp_path_factory.mktemp("specified") / "emulator")
    token = (running.folder / "control-token").read_text().strip()
    requests.put(
        f"{running.ready['http_url']}/_emulator/images",
        json={"image": INITIAL, "command": ["true"]},
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    ).raise_for_status()
    yield running
    running.stop()


@pytest.mark.process
@pytest.mark.timeout(120)
@pytest.mark.parametrize("version", VERSIONS)
def test_every_body_is_as_described(version: str, emulator: RealEmulator) -> None:
    folder = require_folder("ACA_NOTEBOOK_SPECIFICATION")
    recorded = _recorded_members(require_folder("ACA_NOTEBOOK_RECORDINGS"))
    specification = Specification(next(folder.glob(f"*{version}*.json")))
    world = World(emulator, version)
    problems, asked = [], set()
    for method, path, status, body in _bodies(world, specification):
        schema = specification.response_schema(method, path, status)
        asked.add(f"{method} {path.rpartition('/')[2]}")
        if schema is None:
            problems.append(f"{method} {path}: {status} is not described: {str(body)[:200]}")
            continue
        problems += [f"{method} {path}: {each}" for each in specification.problems(schema, body)
                     if not any(known in each for known in STRONGER)]  # fmt: skip
        unknown = [each for each in specification.unknown_fields(schema, body) if _member(each) not in recorded]
        problems += [f"{method} {path}: {each} is neither described nor recorded" for each in unknown]
    assert not problems, "\n".join(["", *problems])
    assert {"GET replicas", "GET usages", "POST listSecrets", "PUT " + world.names["containerAppName"]} <= asked


def _bodies(world: World, specification: Specification) -> Iterator[tuple[str, str, int, Any]]:
    """Make everything, then ask every described operation that is offered."""
    group = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}"
    environment = world.path(group + "/providers/Microsoft.App/managedEnvironments/{environmentName}")
    app = world.path(group + "/providers/Microsoft.App/containerApps/{containerAppName}")
    world.make(world.path(group), {"location": "eastus"})
    yield "PUT", environment, 201, world.make(environment, environment_body())
    yield "PUT", app, 201, world.make(app, app_body(environment))
    world.names["revisionName"] = world.ask("GET", app).json()["properties"]["latestRevisionName"]
    replicas = world.ask("GET", f"{app}/revisions/{world.names['revisionName']}/replicas").json()["value"]
    world.names["replicaName"] = replicas[0]["name"]
    offered = world.offered()
    paths = specification.document["paths"].items()
    for template, operations in sorted(paths, key=lambda each: each[0].endswith("/deactivate")):  # it ends replicas
        if set(re.findall(r"\{(\w+)\}", template)) <= world.names.keys():
            for method in sorted({"get", "post"} & operations.keys()):
                if (method, _nameless(template)) in offered and not template.endswith(("/start", "/stop")):
                    path = world.path(template)
                    answer = world.ask(method.upper(), path, {"name": "x", "type": "y"} if method == "post" else None)
                    if answer.content:
                        yield method.upper(), path, answer.status_code, answer.json()


def environment_body() -> dict[str, Any]:
    return {
        "location": "eastus",
        "tags": {"owner": "someone"},
        "identity": {"type": "SystemAssigned"},
        "properties": {
            "appLogsConfiguration": {"destination": "azure-monitor"},
            "workloadProfiles": [
                {"name": "Consumption", "workloadProfileType": "Consumption"},
                {"name": "d4", "workloadProfileType": "D4", "minimumCount": 1, "maximumCount": 2},
                {"name": "t4", "workloadProfileType": "Consumption-GPU-NC8as-T4"},
            ],
            "zoneRedundant": False,
            "peerAuthentication": {"mtls": {"enabled": False}},
        },
    }


def app_body(environment: str) -> dict[str, Any]:
    """Everything of facts §3.2 that can be said at once."""
    return {
        "location": "East US",
        "tags": {"owner": "someone"},
        "identity": {"type": "SystemAssigned"},
        "properties": {
            "environmentId": environment,
            "workloadProfileName": "Consumption",
            "configuration": {
                "activeRevisionsMode": "single",
                "secrets": [{"name": "one", "value": "1"}, {"name": "two", "value": "2"}],
                "registries": [{"server": "example.azurecr.io", "username": "u", "passwordSecretRef": "one"}],
                "ingress": {
                    "external": True,
                    "targetPort": 80,
                    "transport": "auto",
                    "allowInsecure": False,
                    "traffic": [{"latestRevision": True, "weight": 100, "label": "blue"}],
                    "stickySessions": {"affinity": "sticky"},
                    "clientCertificateMode": "ignore",
                    "ipSecurityRestrictions": [
                        {"name": "office", "ipAddressRange": "127.0.0.0/8", "action": "Allow", "description": "x"}
                    ],
                    "corsPolicy": {"allowedOrigins": ["https://example.org"], "allowedMethods": ["GET"], "maxAge": 60},
                },
                "dapr": {"enabled": True, "appId": "a", "appPort": 80, "appProtocol": "http", "logLevel": "info"},
                "maxInactiveRevisions": 10,
                "identitySettings": [{"identity": "system", "lifecycle": "All"}],
            },
            "template": {
                "revisionSuffix": "first",
                "terminationGracePeriodSeconds": 5,
                "initContainers": [
                    {"name": "initial", "image": INITIAL, "resources": {"cpu": 0.25, "memory": "0.5Gi"}}
                ],
                "containers": [_container()],
                "scale": {"minReplicas": 1, "maxReplicas": 3, "cooldownPeriod": 60, "pollingInterval": 10,
                          "rules": _rules()},
                "volumes": [
                    {"name": "scratch", "storageType": "EmptyDir"},
                    {"name": "keys", "storageType": "Secret", "secrets": [{"secretRef": "two", "path": "two"}]},
                ],
            },
        },
    }  # fmt: skip


def _container() -> dict[str, Any]:
    return {
        "name": "hello",
        "image": IMAGE,
        "env": [{"name": "A", "value": "1"}, {"name": "B", "secretRef": "one"}],
        "resources": {"cpu": 0.5, "memory": "1Gi"},
        "volumeMounts": [{"volumeName": "scratch", "mountPath": "/scratch"}],
        "probes": [
            {"type": "Startup", "tcpSocket": {"port": 80}, "periodSeconds": 1, "failureThreshold": 30},
            {"type": "Readiness", "httpGet": {"path": "/", "port": 80, "scheme": "HTTP",
             "httpHeaders": [{"name": "X", "value": "1"}]}, "initialDelaySeconds": 1, "timeoutSeconds": 2},
            {"type": "Liveness", "httpGet": {"path": "/", "port": 80}},
        ],
    }  # fmt: skip


def _rules() -> list[dict[str, Any]]:
    key = {"auth": [{"secretRef": "one", "triggerParameter": "connection"}]}
    return [
        {"name": "http", "http": {"metadata": {"concurrentRequests": "50"}}},
        {"name": "queue", "azureQueue": {"accountName": "a", "queueName": "q", "queueLength": 5, **key}},
        {"name": "bus", "custom": {"type": "azure-servicebus", "metadata": {"queueName": "q"}, **key}},
    ]


def _nameless(template: str) -> str:
    return re.sub(r"\{\*?\w+\}", "{}", template).lower()


def _member(at: str) -> str:
    """A member's path from the resource it belongs to: list places left out."""
    return re.sub(r"\[\d+\]", "", at).removeprefix("$").removeprefix(".value")


def _recorded_members(folder: Path) -> set[str]:
    found: set[str] = set()
    for file in folder.glob("*.yaml"):
        for each in load(file).interactions:
            if "Microsoft.App/" in each.operation:
                found |= {path.removeprefix(".value") for path in _members(each.answer.body)}
    return found


def _members(body: Any, at: str = "") -> Iterator[str]:
    if isinstance(body, dict):
        for key, value in body.items():
            yield f"{at}.{key}"
            yield from _members(value, f"{at}.{key}")
    elif isinstance(body, list):
        for value in body:
            yield from _members(value, at)

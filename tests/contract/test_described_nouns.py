"""Every noun, written, changed, read, listed, asked and removed: each answer as Microsoft describes it, and as we do.

Whatever both descriptions have and this emulator offers is asked, so a new operation is judged without a new test. The
bodies use all that the description offers of each noun. What Microsoft describes is in the folder named by
`ACA_NOTEBOOK_SPECIFICATION`; what we describe is the emulator's own document.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.conftest import require_folder
from tests.contract.specification import Specification
from tests.contract.test_specification import INITIAL, VERSIONS, _member, _recorded_members, app_body, environment_body
from tests.emulator.running import Running, running_emulator
from tests.emulator.test_secrets_stay import certificate

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.App"
ENVIRONMENT = f"{PREFIX}/managedEnvironments/{{environmentName}}"
APP = f"{PREFIX}/containerApps/{{containerAppName}}"
#: Names in the descriptions' paths that nothing stands behind here: what is asked of them is refused with 404.
NOT_THERE = frozenset({
    "labelName", "detectorName", "functionName", "functionAppName", "apiName", "privateEndpointConnectionName",
    "privateLinkResourceName", "sourceControlName", "managedCertificateName", "replicaName",
})  # fmt: skip
#: Described, and not so in recorded traffic, which is the stronger authority.
STRONGER = ("'unit' is a required property",)
#: How many operations of each version are answered at all; more is better, fewer is a loss.
ANSWERED = {"2025-07-01": 90, "2026-07-01": 103}


class Nouns:
    """One of each at one api-version, and what was answered about it."""

    def __init__(self, emulator: Running, version: str) -> None:
        self.emulator = emulator
        self.version = version
        suffix = version.replace("-", "")
        self.names = {
            "subscriptionId": emulator.environment["AZURE_SUBSCRIPTION_ID"], "resourceGroupName": f"group-{suffix}",
            "environmentName": f"environment-{suffix}", "containerAppName": f"app-{suffix}", "location": "eastus",
            "jobName": f"job-{suffix}", "certificateName": "certificate", "storageName": "share",
            "componentName": "component", "name": "policy", "authConfigName": "current", "httpRouteName": "route",
            "configName": "default", "sessionPoolName": f"pool{suffix}",
        }  # fmt: skip
        self.answers: list[tuple[str, str, int, Any]] = []

    def path(self, template: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda found: self.names.get(found[1], "not-there"), template)

    def ask(self, method: str, template: str, body: Any = None, *, keep: bool = True) -> Any:
        path = self.path(template)
        answer = self.emulator.ask(method, path, body, params={"api-version": self.version})
        if "Azure-AsyncOperation" in answer.headers or "Location" in answer.headers:
            self.emulator.follow(answer)
        if keep:
            found = answer.json() if answer.content else None
            self.answers.append((method, template, answer.status_code, found))
        return answer

    def walk(self, document: dict[str, Any]) -> None:
        """Make, change, read and remove all of them, in the order that they need each other."""
        subscription, group = self.path(PREFIX).split("/resourceGroups/")
        made = self.emulator.ask("PUT", f"{subscription}/resourceGroups/{group.split('/')[0]}", {"location": "eastus"})
        assert made.status_code == 201, made.text
        self.ask("PUT", ENVIRONMENT, environment_body())
        every = noun_bodies(self.path(ENVIRONMENT))
        bodies = {template: body for template, body in every.items() if template in document["paths"]}
        for template, body in bodies.items():
            assert self.ask("PUT", template, body).status_code in {200, 201}, self.answers[-1]
        app = self.ask("GET", APP).json()
        self.names["revisionName"] = app["properties"]["latestRevisionName"]
        self.names["jobExecutionName"] = self.ask("POST", f"{PREFIX}/jobs/{{jobName}}/start", {}).json()["name"]
        offered = self.offered()
        for method in ("get", "patch", "post"):
            for template, operations in document["paths"].items():
                if method in operations and (method, _nameless(template)) in offered:
                    self.ask(method.upper(), template, _asked(method, template))
        for template in [*reversed(bodies), ENVIRONMENT]:
            if ("delete", _nameless(template)) in offered:
                assert self.ask("DELETE", template).status_code < 300, self.answers[-1]

    def offered(self) -> set[tuple[str, str]]:
        listed = self.emulator.emulator.listed_routes()
        return {(each.method.lower(), _nameless(each.template)) for each in listed if str(each.offer) != "refused"}


def noun_bodies(environment: str) -> dict[str, Any]:
    """What each noun is made of, by its path in the description."""
    job = app_body(environment)
    template = job["properties"]["template"]
    configuration = {
        "triggerType": "Manual", "replicaTimeout": 60, "replicaRetryLimit": 1,
        "manualTriggerConfig": {"parallelism": 1, "replicaCompletionCount": 1},
        "secrets": [{"name": "one", "value": "1"}, {"name": "two", "value": "2"}],
        "registries": [{"server": "example.azurecr.io", "username": "u", "passwordSecretRef": "one"}],
    }  # fmt: skip
    initial = [{"name": "initial", "image": INITIAL, "resources": {"cpu": 0.25, "memory": "0.5Gi"}}]
    retry = {"maxRetries": 2, "retryBackOff": {"initialDelayInMilliseconds": 5, "maxIntervalInMilliseconds": 50}}
    direction = {"timeoutPolicy": {"responseTimeoutInSeconds": 5}, "httpRetryPolicy": retry}
    return {
        APP: app_body(environment),
        f"{PREFIX}/jobs/{{jobName}}": {
            "location": "East US", "tags": {"owner": "someone"}, "identity": {"type": "SystemAssigned"},
            "properties": {
                "environmentId": environment, "workloadProfileName": "Consumption", "configuration": configuration,
                "template": {
                    "containers": [{key: value for key, value in template["containers"][0].items() if key != "probes"}],
                    "initContainers": initial, "volumes": template["volumes"],
                },
            },
        },
        f"{PREFIX}/sessionPools/{{sessionPoolName}}": {
            "location": "eastus", "tags": {"owner": "someone"},
            "properties": {
                "poolManagementType": "Dynamic", "containerType": "PythonLTS",
                "scaleConfiguration": {"maxConcurrentSessions": 5},
                "dynamicPoolConfiguration": {
                    "lifecycleConfiguration": {"lifecycleType": "Timed", "cooldownPeriodInSeconds": 300}
                },
                "sessionNetworkConfiguration": {"status": "EgressEnabled"},
                "secrets": [{"name": "one", "value": "1"}],
            },
        },
        f"{ENVIRONMENT}/storages/{{storageName}}": {"properties": {"azureFile": {
            "accountName": "account", "accountKey": "key", "accessMode": "ReadOnly", "shareName": "share",
        }}},
        f"{ENVIRONMENT}/certificates/{{certificateName}}": {
            "location": "eastus", "properties": {"value": certificate("x"), "password": "x"},
        },
        f"{ENVIRONMENT}/daprComponents/{{componentName}}": {"properties": {
            "componentType": "state.azure.cosmosdb", "version": "v1", "ignoreErrors": False, "initTimeout": "50s",
            "secrets": [{"name": "key", "value": "v"}], "scopes": ["app"],
            "metadata": [{"name": "url", "value": "u"}, {"name": "masterKey", "secretRef": "key"}],
        }},
        f"{ENVIRONMENT}/daprComponents/{{componentName}}/resiliencyPolicies/{{name}}": {
            "properties": {"inboundPolicy": direction, "outboundPolicy": direction}
        },
        f"{ENVIRONMENT}/httpRouteConfigs/{{httpRouteName}}": {"properties": {
            "customDomains": [{"name": "example.org", "bindingType": "Disabled"}],
            "rules": [{
                "description": "all", "targets": [{"containerApp": "app"}],
                "routes": [{"match": {"prefix": "/v1", "caseSensitive": True}, "action": {"prefixRewrite": "/"}}],
            }],
        }},
        f"{ENVIRONMENT}/maintenanceConfigurations/{{configName}}": {
            "properties": {"scheduledEntries": [{"weekDay": "Sunday", "startHourUtc": 12, "durationHours": 9}]}
        },
        f"{APP}/authConfigs/{{authConfigName}}": {"properties": {
            "platform": {"enabled": True},
            "globalValidation": {"unauthenticatedClientAction": "AllowAnonymous"},
            "identityProviders": {"facebook": {"registration": {"appId": "1", "appSecretSettingName": "one"}}},
        }},
    }  # fmt: skip


def _asked(method: str, template: str) -> Any:
    if method == "get":
        return None
    if method == "patch":
        return {"tags": {"changed": "yes"}} if "resiliency" not in template.lower() else {"properties": {}}
    return {"name": "x", "type": "Microsoft.App/containerApps"} if "check" in template.lower() else {}


def _twin(at: str) -> str:
    """A member's path as recordings have it: no execution with an init container was recorded."""
    return _member(at).replace(".template.initContainers", ".template.containers")


def _nameless(template: str) -> str:
    return re.sub(r"\{\*?\w+\}", "{}", template).rstrip("/").lower()


@pytest.fixture(scope="module", params=VERSIONS)
def walked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = require_folder("ACA_NOTEBOOK_SPECIFICATION")
    specification = Specification(next(folder.glob(f"*{request.param}*.json")))
    with running_emulator(tmp_path_factory.mktemp("described") / "emulator") as emulator:
        nouns = Nouns(emulator, request.param)
        nouns.walk(specification.document)
        yield nouns, specification, emulator.control("GET", "openapi.json").json()


def test_every_answer_is_as_microsoft_describes_it(walked: Any) -> None:
    nouns, specification, _ = walked
    recorded = _recorded_members(require_folder("ACA_NOTEBOOK_RECORDINGS"))
    problems = []
    for method, template, status, body in nouns.answers:
        said = f"{method} {template}: {status}"
        if status == 404 and set(re.findall(r"\{(\w+)\}", template)) & NOT_THERE:
            status = "default"  # noqa: PLW2901  # described as every refusal is
        schema = specification.response_schema(method, nouns.path(template), status)
        if schema is None:
            problems.append(f"{said} is not described: {str(body)[:200]}")
        elif body is not None:
            problems += [f"{said}: {each}" for each in specification.problems(schema, body)
                         if not any(known in each for known in STRONGER)]  # fmt: skip
            unknown = [each for each in specification.unknown_fields(schema, body) if _twin(each) not in recorded]
            problems += [f"{said}: {each} is neither described nor recorded" for each in unknown]
    assert not problems, "\n".join(["", *problems])


def test_every_answer_is_as_the_emulator_describes_itself(walked: Any) -> None:
    nouns, _, document = walked
    own = Specification(document)
    problems = []
    for method, template, status, body in nouns.answers:
        said = f"{method} {template}: {status}"
        schema = own.response_schema(method, nouns.path(template), status)
        if schema is None:
            problems.append(f"{said} is not described: {str(body)[:200]}")
        elif body is not None:
            problems += [f"{said}: {each}" for each in own.problems(schema, body)]
            problems += [f"{said}: {each} is not described" for each in own.unknown_fields(schema, body)]
    assert not problems, "\n".join(["", *problems])


def test_so_many_operations_are_answered(walked: Any) -> None:
    nouns, _, _ = walked
    answered = {(method, template) for method, template, status, _ in nouns.answers if status < 300}
    assert len(answered) >= ANSWERED[nouns.version], sorted(answered)

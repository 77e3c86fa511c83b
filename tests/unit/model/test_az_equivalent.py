"""Calls as lines of az: a noun's own command where it says the whole call, else the call itself."""

from __future__ import annotations

from typing import Any

import pytest

from aca_notebook.model.az_equivalent import az_lines
from aca_notebook.model.wire_call import WireCall

GROUP = "/subscriptions/s/resourceGroups/g"
APP = f"{GROUP}/providers/Microsoft.App/containerApps/web"
ON = "-n web -g g"
CONTAINER = {"name": "web", "image": "i", "resources": {"cpu": 0.5, "memory": "1Gi"}}
THERE = {
    "name": "web",
    "properties": {
        "configuration": {"secrets": [{"name": "kept"}, {"name": "old"}]},
        "template": {"containers": [{**CONTAINER, "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}]},
    },
}
VALUES = {"value": [{"name": "kept", "value": "1"}, {"name": "old", "value": "2"}]}
READ = (WireCall("GET", APP, "v", answer=THERE), WireCall("POST", f"{APP}/listSecrets", "v", answer=VALUES))


def lines(method: str, path: str, body: Any = None) -> list[str]:
    return az_lines([*READ, WireCall(method, path, "2025-07-01", body, sent=False)])


def patched(properties: dict[str, Any], **beside: Any) -> list[str]:
    return lines("PATCH", APP, {"properties": properties, **beside})


@pytest.mark.parametrize(
    ("method", "path", "said"),
    [
        ("DELETE", APP, f"az containerapp delete {ON} --yes"),
        ("POST", f"{APP}/revisions/web--1/restart", f"az containerapp revision restart {ON} --revision web--1"),
        ("POST", f"{APP}/stop", f"az rest --method post --url '{APP}/stop?api-version=2025-07-01'"),
        ("POST", f"{APP}/listSecrets", None),
        ("GET", APP, None),
    ],
)
def test_calls_without_a_body(method: str, path: str, said: str | None) -> None:
    assert lines(method, path) == ([said] if said else [])


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ({"template": {"scale": {"minReplicas": 0, "maxReplicas": 3}, "revisionSuffix": None}},
         f"az containerapp update {ON} --min-replicas 0 --max-replicas 3"),
        ({"configuration": {"activeRevisionsMode": "Multiple"}},
         f"az containerapp revision set-mode {ON} --mode multiple"),
        ({"configuration": {"ingress": {"traffic": [{"weight": 80, "revisionName": "web--1"},
                                                    {"weight": 20, "latestRevision": True}]}}},
         f"az containerapp ingress traffic set {ON} --revision-weight web--1=80 latest=20"),
        ({"template": {"containers": [{**CONTAINER, "image": "j", "env": [{"name": "A", "value": "1"},
                                                                        {"name": "C", "secretRef": "kept"}]}]}},
         f"az containerapp update {ON} --image j --set-env-vars C=secretref:kept --remove-env-vars B"),
        ({"configuration": {"secrets": [{"name": "kept", "value": "1"}, {"name": "new-one", "value": "s3cret"}]}},
         (f'az containerapp secret set {ON} --secrets "new-one=$NEW_ONE"\n'
          f"az containerapp secret remove {ON} --secret-names old")),
        ({"configuration": {"secrets": [{"name": "kept", "value": "new"}, {"name": "old", "value": "2"}]}},
         f'az containerapp secret set {ON} --secrets "kept=$KEPT"'),
    ],
)  # fmt: skip
def test_a_change_of_one_thing_is_its_own_command(properties: dict[str, Any], said: str) -> None:
    assert "\n".join(patched(properties)) == said


@pytest.mark.parametrize(
    "properties",
    [
        {"configuration": {"ingress": {"external": True}}},
        {"template": {"containers": [{**CONTAINER, "probes": [{"type": "Liveness"}]}]}},
        {"template": {"scale": {"cooldownPeriod": 60}}},
        {
            "configuration": {
                "secrets": [{"name": "kept", "value": "1"}, {"name": "old", "value": "2"}],
                "dapr": {"enabled": True},
            }
        },
    ],
)
def test_what_flags_cannot_say_is_the_call_itself_without_secrets(properties: dict[str, Any]) -> None:
    (line,) = patched(properties)
    assert line.startswith("az rest --method patch --url ")
    assert '"value": "1"' not in line
    assert "kept" not in line or "$KEPT" in line


def test_identities_and_dapr_have_commands() -> None:
    user = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/me"
    identity = {"type": "SystemAssigned,UserAssigned", "userAssignedIdentities": {user: {}}}
    assert patched({}, identity=identity) == [
        f"az containerapp identity assign {ON} --system-assigned --user-assigned {user}"
    ]
    dapr = {"enabled": True, "appId": "web", "appPort": 80, "enableApiLogging": True}
    assert patched({"configuration": {"dapr": dapr}}) == [
        f"az containerapp dapr enable {ON} --dapr-app-id web --dapr-app-port 80 --dapr-enable-api-logging"
    ]


def test_tags_that_go_are_said_by_themselves() -> None:
    update, gone = patched({"template": {"scale": {"minReplicas": 1}}}, tags={"a": None, "b": None})
    assert update == f"az containerapp update {ON} --min-replicas 1"
    assert gone.endswith("""--body '{"tags": {"a": null, "b": null}}'""")


def test_an_environment_is_given_only_the_profiles_it_had_not() -> None:
    environment = f"{GROUP}/providers/Microsoft.App/managedEnvironments/env"
    had = [{"name": "Consumption", "workloadProfileType": "Consumption"}]
    new = {"name": "gpu-t4", "workloadProfileType": "Consumption-GPU-NC8as-T4"}
    read = WireCall("GET", environment, "v", answer={"properties": {"workloadProfiles": had}})
    call = WireCall("PATCH", environment, "v", {"properties": {"workloadProfiles": [*had, new]}})
    (line,) = az_lines([read, call])
    assert line.startswith("az containerapp env workload-profile add -n env -g g --workload-profile-name gpu-t4 ")
    assert line.endswith(" --workload-profile-type Consumption-GPU-NC8as-T4")


def test_a_role_and_a_build_have_commands() -> None:
    role = {"properties": {"principalId": "p", "principalType": "User", "roleDefinitionId": "/x/roleDefinitions/r"}}
    assert lines("PUT", f"{APP}/providers/Microsoft.Authorization/roleAssignments/n", role) == [
        f"az role assignment create --assignee-object-id p --assignee-principal-type User --role r --scope {APP}"
    ]
    build = {"type": "DockerBuildRequest", "imageNames": ["scorer:1"], "sourceLocation": "CONTEXT"}
    assert lines("POST", f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/acr/scheduleRun", build) == [
        "az acr build -r acr -g g -t scorer:1 scorer"
    ]

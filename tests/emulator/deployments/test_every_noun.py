"""Every noun that stands by itself, and most that stand in one, is predicted, deployed, and predicted not to change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.emulator.deployments.deploying import ask, body, deploy, path, predict, resources
from tests.emulator.furnished import IMAGE, job_body

if TYPE_CHECKING:
    from tests.emulator.running import Running


def resource(type_: str, name: str, version: str, *needs: str, **members: Any) -> dict[str, Any]:
    return {"type": type_, "apiVersion": version, "name": name, "dependsOn": list(needs), **members}


def everything(emulator: Running) -> dict[str, Any]:
    """A template with one of each, those inside another after it."""
    app = "2025-01-01"
    here = {"location": "eastus"}
    environment = f"{emulator.group}/providers/Microsoft.App/managedEnvironments/env"
    application = emulator.body() | {"properties": emulator.body()["properties"] | {"environmentId": environment}}
    job = job_body(emulator)
    job["properties"]["environmentId"] = environment
    alert = {
        "severity": 2, "enabled": True, "scopes": [f"{emulator.group}/providers/Microsoft.App/containerApps/app"],
        "evaluationFrequency": "PT1M", "windowSize": "PT5M",
        "criteria": {
            "odata.type": "Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria",
            "allOf": [{
                "criterionType": "StaticThresholdCriterion", "name": "busy", "metricName": "Requests",
                "operator": "GreaterThan", "threshold": 5, "timeAggregation": "Total",
            }],
        },
    }  # fmt: skip
    network = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}
    group = {"groupShortName": "people", "enabled": True}
    pool = {"containerType": "PythonLTS", "poolManagementType": "Dynamic",
            "dynamicPoolConfiguration": {"lifecycleConfiguration": {"lifecycleType": "Timed",
                                                                   "cooldownPeriodInSeconds": 300}},
            "scaleConfiguration": {"maxConcurrentSessions": 5}}  # fmt: skip
    tenant = emulator.environment["AZURE_TENANT_ID"]
    vault = {"tenantId": tenant, "sku": {"family": "A", "name": "standard"}, "enableRbacAuthorization": True}
    logs = [{"category": "ContainerAppConsoleLogs", "enabled": True}]
    workspace = f"{emulator.group}/providers/Microsoft.OperationalInsights/workspaces/logs"
    share = {"azureFile": {"accountName": "a", "accountKey": "a2V5", "accessMode": "ReadWrite", "shareName": "s"}}
    auth = {"platform": {"enabled": True}, "globalValidation": {"unauthenticatedClientAction": "AllowAnonymous"}}
    container = {"name": "main", "image": IMAGE}
    application["properties"]["template"] = {"containers": [container]}
    return resources(
        resource("Microsoft.OperationalInsights/workspaces", "logs", "2023-09-01", **here, properties={}),
        resource("Microsoft.App/managedEnvironments", "env", app, **here, properties={}),
        resource("Microsoft.App/containerApps", "app", app, "env", **application),
        resource("Microsoft.App/jobs", "job", app, "env", **job),
        resource("Microsoft.App/sessionPools", "pool", app, **here, properties=pool),
        resource("Microsoft.App/managedEnvironments/daprComponents", "env/state", app, "env",
                 properties={"componentType": "state.redis", "version": "v1"}),
        resource("Microsoft.App/managedEnvironments/storages", "env/share", app, "env", properties=share),
        resource("Microsoft.App/containerApps/authConfigs", "app/current", app, "app", properties=auth),
        resource("Microsoft.ContainerRegistry/registries", "registryofeverything", "2023-07-01", **here,
                 sku={"name": "Basic"}),
        resource("Microsoft.ManagedIdentity/userAssignedIdentities", "identity", "2023-01-31", **here),
        resource("Microsoft.Network/virtualNetworks", "network", "2024-01-01", **here, properties=network),
        resource("Microsoft.Network/virtualNetworks/subnets", "network/inside", "2024-01-01", "network",
                 properties={"addressPrefix": "10.0.0.0/23"}),
        resource("Microsoft.Storage/storageAccounts", "accountofeverything", "2024-01-01", **here,
                 sku={"name": "Standard_LRS"}, kind="StorageV2"),
        resource("Microsoft.KeyVault/vaults", "vaultofeverything", "2023-07-01", **here, properties=vault),
        resource("Microsoft.Insights/actionGroups", "people", "2023-01-01", location="Global", properties=group),
        resource("Microsoft.Insights/metricAlerts", "busy", "2018-03-01", "app", location="global", properties=alert),
        resource("Microsoft.Insights/diagnosticSettings", "all", "2021-05-01-preview", "env", "logs",
                 scope="Microsoft.App/managedEnvironments/env", properties={"logs": logs, "workspaceId": workspace}),
        resource("Microsoft.Authorization/locks", "keep", "2020-05-01", "identity",
                 scope="Microsoft.ManagedIdentity/userAssignedIdentities/identity",
                 properties={"level": "CanNotDelete"}),
    )  # fmt: skip


def kinds(emulator: Running, content: dict[str, Any]) -> dict[str, list[str]]:
    """The names of what would change, by how; for what would be modified, the paths too."""
    found: dict[str, list[str]] = {}
    for each in predict(emulator, content)["properties"]["changes"]:
        name = each["resourceId"].rpartition("/")[2]
        paths = [change["path"] for change in each.get("delta") or ()]
        found.setdefault(each["changeType"], []).append(f"{name}: {paths}" if paths else name)
    return found


def test_every_noun_is_predicted_deployed_and_then_left_as_it_is(emulator: Running) -> None:
    asked = body(everything(emulator))
    before = kinds(emulator, asked)
    assert set(before) == {"Create", "Ignore"}
    assert len(before["Create"]) == 18
    checked = ask(emulator, "POST", f"{path(emulator)}/validate", asked)
    assert checked.status_code == 200, checked.text
    made = deploy(emulator, asked)["properties"]
    assert made["provisioningState"] == "Succeeded", made.get("error")
    assert len(made["outputResources"]) == 18
    after = kinds(emulator, asked)
    assert set(after) == {"NoChange", "Ignore"}, after
    again = deploy(emulator, asked)["properties"]
    assert again["provisioningState"] == "Succeeded", again.get("error")

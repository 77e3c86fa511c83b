"""One of most nouns in an emulator, and where each stands in a path: for tests that walk every route."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.emulator.running import Running

IMAGE = "mcr.microsoft.com/k8se/quickstart:latest"


def furnish(emulator: Running) -> dict[str, str]:
    """Make them, and return the name of each by the word before it in a path."""
    app = emulator.body()
    app["properties"]["configuration"]["secrets"] = [{"name": "one", "value": "1"}]
    revision = emulator.deploy("app", app)["properties"]["latestRevisionName"]
    provider = f"{emulator.group}/providers/Microsoft.App"
    emulator.follow(emulator.ask("PUT", f"{provider}/jobs/job", job_body(emulator)))
    execution = emulator.ask("POST", f"{provider}/jobs/job/start").json()["name"]
    component = {"properties": {"componentType": "state.redis", "version": "v1"}}
    network = {"location": "eastus", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}
    pool = {"location": "eastus", "properties": {"containerType": "PythonLTS", "scaleConfiguration": {}}}
    there = {"location": "eastus"}
    for path, body in (
        (f"{emulator.environment_id}/daprComponents/component", component),
        (f"{provider}/sessionPools/pool", pool),
        (f"{emulator.group}/providers/Microsoft.Network/virtualNetworks/network", network),
        (f"{emulator.group}/providers/Microsoft.OperationalInsights/workspaces/workspace", there),
        (f"{emulator.group}/providers/Microsoft.Storage/storageAccounts/account", there),
        (f"{emulator.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/identity", there),
    ):
        made = emulator.ask("PUT", path, body)
        assert made.status_code < 300, made.text
    return {
        "resourceGroups": "local", "managedEnvironments": "local", "registries": "local", "containerApps": "app",
        "revisions": revision, "jobs": "job", "executions": execution, "daprComponents": "component",
        "sessionPools": "pool", "virtualNetworks": "network", "workspaces": "workspace", "storageAccounts": "account",
        "userAssignedIdentities": "identity", "providers": "Microsoft.App", "locations": "eastus",
        "{provider}": "managedEnvironments", "{type}": "local", "{resource}": "daprComponents",
        "{inner_type}": "component", "subscriptions": emulator.environment["AZURE_SUBSCRIPTION_ID"],
    }  # fmt: skip


def job_body(emulator: Running) -> dict[str, Any]:
    """A job that Azure would take, started by hand."""
    return {
        "location": "eastus",
        "properties": {
            "environmentId": emulator.environment_id,
            "configuration": {"triggerType": "Manual", "replicaTimeout": 60, "manualTriggerConfig": {}},
            "template": {"containers": [{"name": "main", "image": IMAGE}]},
        },
    }


def named(template: str, known: dict[str, str], otherwise: str = "unknown") -> str:
    """A route's path with the names of what is there, and `otherwise` where nothing is."""
    words = ["", *template.split("/")]
    return "/".join(
        known.get(before, otherwise) if word.startswith("{") else word for before, word in itertools.pairwise(words)
    )

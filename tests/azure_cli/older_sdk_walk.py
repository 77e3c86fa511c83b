"""What `test_older_sdks.py` runs with an older SDK: a program of its own, for both cannot be installed at once.

Prints one JSON object; what is not as it should be raises.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any, Self

from azure.core.credentials import AccessToken
from azure.mgmt.appcontainers import ContainerAppsAPIClient, _version, models
from azure.mgmt.appcontainers.aio import ContainerAppsAPIClient as AsyncContainerAppsAPIClient

URL = os.environ["AZURE_RESOURCE_MANAGER_URL"]
SUBSCRIPTION = os.environ["AZURE_SUBSCRIPTION_ID"]
ROOTS = os.environ["REQUESTS_CA_BUNDLE"]
GROUP = "local"
HELLO = "mcr.microsoft.com/k8se/quickstart:latest"
HELLO_JOB = "mcr.microsoft.com/k8se/quickstart-jobs:latest"


class Credential:
    """The token that the emulator hands out."""

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        return AccessToken(os.environ["ACCESS_TOKEN"], 2**31)


class AsyncCredential(Credential):
    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        return super().get_token(*scopes, **options)

    async def close(self) -> None:
        pass

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *gone: object) -> None:
        pass


def walk(name: str) -> dict[str, Any]:
    options = {"base_url": URL, "credential_scopes": [f"{URL}/.default"], "connection_verify": ROOTS}
    seen: dict[str, Any] = {"version": _version.VERSION}
    with ContainerAppsAPIClient(Credential(), SUBSCRIPTION, **options) as client:
        environment = client.managed_environments.begin_create_or_update(
            GROUP, name, models.ManagedEnvironment(location="eastus")
        ).result()
        seen["environments"] = [each.name for each in client.managed_environments.list_by_resource_group(GROUP)]
        seen["app"] = apps(client, name, environment.id)
        if hasattr(client, "jobs"):
            seen["job"] = jobs(client, name, environment.id)
        client.managed_environments.begin_delete(GROUP, name).result()
    seen["left"] = asyncio.run(left(options))
    return seen


def apps(client: ContainerAppsAPIClient, name: str, environment_id: str) -> dict[str, Any]:
    def body(value: str) -> models.ContainerApp:
        ingress = models.Ingress(external=True, target_port=80, transport="auto")
        configuration = models.Configuration(
            active_revisions_mode="Multiple", ingress=ingress, secrets=[models.Secret(name="key", value="s3cret")]
        )
        variables = [
            models.EnvironmentVar(name="KEY", secret_ref="key"),
            models.EnvironmentVar(name="VALUE", value=value),
        ]
        container = models.Container(
            name="hello", image=HELLO, env=variables, resources=models.ContainerResources(cpu=0.25, memory="0.5Gi")
        )
        rule = models.ScaleRule(name="web", http=models.HttpScaleRule(metadata={"concurrentRequests": "10"}))
        scale = models.Scale(min_replicas=1, max_replicas=2, rules=[rule])
        return models.ContainerApp(
            location="eastus", managed_environment_id=environment_id, configuration=configuration,
            template=models.Template(containers=[container], scale=scale),
        )  # fmt: skip

    made = client.container_apps.begin_create_or_update(GROUP, name, body("first")).result()
    client.container_apps.begin_create_or_update(GROUP, name, body("second")).result()
    client.container_apps.begin_update(
        GROUP, name, models.ContainerApp(location="eastus", tags={"owner": "me"})
    ).result()
    read = client.container_apps.get(GROUP, name)
    revisions = list(client.container_apps_revisions.list_revisions(GROUP, name))
    client.container_apps_revisions.restart_revision(GROUP, name, revisions[0].name)
    client.container_apps_revisions.deactivate_revision(GROUP, name, revisions[0].name)
    replicas = client.container_apps_revision_replicas.list_replicas(GROUP, name, read.latest_revision_name).value
    secrets = client.container_apps.list_secrets(GROUP, name).value
    listed = [each.name for each in client.container_apps.list_by_resource_group(GROUP)]
    client.container_apps.begin_delete(GROUP, name).result()
    return {
        "made": made.provisioning_state,
        "tags": read.tags,
        "values": {each.name: each.value for each in read.template.containers[0].env},
        "scale": read.template.scale.rules[0].http.metadata,
        "revisions": len(revisions),
        "replicas": len(replicas),
        "secrets": {each.name: each.value for each in secrets},
        "listed": listed,
    }


def jobs(client: ContainerAppsAPIClient, name: str, environment_id: str) -> dict[str, Any]:
    manual = models.JobConfigurationManualTriggerConfig(parallelism=1, replica_completion_count=1)
    configuration = models.JobConfiguration(
        trigger_type="Manual", replica_timeout=60, replica_retry_limit=0, manual_trigger_config=manual
    )
    resources = models.ContainerResources(cpu=0.25, memory="0.5Gi")
    template = models.JobTemplate(containers=[models.Container(name="main", image=HELLO_JOB, resources=resources)])
    body = models.Job(
        location="eastus", environment_id=environment_id, configuration=configuration, template=template
    )  # fmt: skip
    made = client.jobs.begin_create_or_update(GROUP, name, body).result()
    started = client.jobs.begin_start(GROUP, name).result()
    listed = [each.name for each in client.jobs_executions.list(GROUP, name)]
    client.jobs.begin_stop_execution(GROUP, name, started.name).result()
    client.jobs.begin_delete(GROUP, name).result()
    return {"made": made.provisioning_state, "listed": listed == [started.name]}


async def left(options: dict[str, Any]) -> list[str]:
    async with AsyncContainerAppsAPIClient(AsyncCredential(), SUBSCRIPTION, **options) as client:
        return [each.name async for each in client.container_apps.list_by_resource_group(GROUP)]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(walk(sys.argv[1])))

"""The unmodified Azure SDK, over HTTPS, with nothing but what `/_emulator/env` hands out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.identity import ClientSecretCredential, DefaultAzureCredential
from azure.identity.aio import DefaultAzureCredential as AsyncDefaultAzureCredential
from azure.mgmt.appcontainers import ContainerAppsAPIClient, models
from azure.mgmt.appcontainers.aio import ContainerAppsAPIClient as AsyncContainerAppsAPIClient
from azure.mgmt.containerregistry import ContainerRegistryManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.resource.subscriptions import SubscriptionClient

from tests.emulator.running import Running, running_emulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GROUP = "local"


@pytest.fixture
def emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    with running_emulator(tmp_path / "emulator") as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def client(emulator: Running) -> Iterator[ContainerAppsAPIClient]:
    with (
        DefaultAzureCredential() as credential,
        ContainerAppsAPIClient(
            credential, os.environ["AZURE_SUBSCRIPTION_ID"], base_url=os.environ["AZURE_RESOURCE_MANAGER_URL"]
        ) as made,
    ):
        yield made


def app(environment_id: str | None, **template) -> models.ContainerApp:
    container = models.Container(
        name="main", image="mcr.microsoft.com/k8se/quickstart:latest",
        env=[models.EnvironmentVar(name="KEY", secret_ref="key")],
        resources=models.ContainerResources(cpu=0.5, memory="1Gi"),
    )  # fmt: skip
    return models.ContainerApp(
        location=os.environ["AZURE_LOCATION"],
        properties=models.ContainerAppProperties(
            environment_id=environment_id,
            configuration=models.Configuration(
                ingress=models.Ingress(external=True, target_port=8000),
                secrets=[models.Secret(name="key", value="hidden")],
            ),
            template=models.Template(containers=[container], **template),
        ),
        tags={"owner": "me"},
    )


def test_an_app_lives_its_life_through_the_sync_client(client: ContainerAppsAPIClient) -> None:
    environment = client.managed_environments.get(GROUP, os.environ["AZURE_CONTAINERAPPS_ENVIRONMENT"])
    made = client.container_apps.begin_create_or_update(GROUP, "scorer", app(environment.id)).result()
    assert made.properties.provisioning_state == "Succeeded"
    assert made.properties.configuration.ingress.fqdn
    assert client.container_apps.get(GROUP, "scorer").tags == {"owner": "me"}
    assert [each.name for each in client.container_apps.list_by_resource_group(GROUP)] == ["scorer"]
    assert [each.name for each in client.container_apps.list_by_subscription()] == ["scorer"]
    assert client.container_apps.list_secrets(GROUP, "scorer").value[0].value == "hidden"
    assert client.container_apps.get_auth_token(GROUP, "scorer").properties.token

    patch = models.ContainerApp(
        location=os.environ["AZURE_LOCATION"],
        properties=models.ContainerAppProperties(template=models.Template(scale=models.Scale(max_replicas=3))),
    )
    changed = client.container_apps.begin_update(GROUP, "scorer", patch).result()
    assert changed.properties.template.scale.max_replicas == 3
    assert changed.properties.latest_revision_name == "scorer--0000001"
    revisions = list(client.container_apps_revisions.list_revisions(GROUP, "scorer"))
    assert [each.properties.active for each in revisions] == [False, True]
    client.container_apps_revisions.restart_revision(GROUP, "scorer", "scorer--0000001")
    replicas = client.container_apps_revision_replicas.list_replicas(GROUP, "scorer", "scorer--0000001")
    assert replicas.value == []

    assert client.container_apps.begin_stop(GROUP, "scorer").result().properties.running_status == "Stopped"
    assert client.container_apps.begin_start(GROUP, "scorer").result().properties.running_status == "Running"
    client.container_apps.begin_delete(GROUP, "scorer").result()
    with pytest.raises(ResourceNotFoundError) as missing:
        client.container_apps.get(GROUP, "scorer")
    assert missing.value.error.code == "ResourceNotFound"


async def _live_a_life(client: AsyncContainerAppsAPIClient) -> None:
    environment = await client.managed_environments.get(GROUP, os.environ["AZURE_CONTAINERAPPS_ENVIRONMENT"])
    poller = await client.container_apps.begin_create_or_update(GROUP, "scorer", app(environment.id))
    made = await poller.result()
    assert made.properties.provisioning_state == "Succeeded"
    changed = await (await client.container_apps.begin_update(GROUP, "scorer", app(environment.id))).result()
    assert changed.name == "scorer"
    assert [each.name async for each in client.container_apps.list_by_subscription()] == ["scorer"]
    await (await client.container_apps.begin_delete(GROUP, "scorer")).result()
    assert [each.name async for each in client.container_apps.list_by_resource_group(GROUP)] == []


@pytest.mark.anyio
async def test_an_app_lives_its_life_through_the_aio_client(emulator: Running) -> None:
    url = os.environ["AZURE_RESOURCE_MANAGER_URL"]
    roots = os.environ["SSL_CERT_FILE"]  # read by aiohttp when it is imported; this process had it later
    async with (
        AsyncDefaultAzureCredential() as credential,
        AsyncContainerAppsAPIClient(
            credential, os.environ["AZURE_SUBSCRIPTION_ID"], base_url=url, connection_verify=roots
        ) as client,
    ):
        await _live_a_life(client)


def test_a_client_secret_logs_in_at_the_emulators_authority(emulator: Running) -> None:
    def names(secret: str) -> list[str | None]:
        with (
            ClientSecretCredential(
                os.environ["AZURE_TENANT_ID"], os.environ["AZURE_CLIENT_ID"], secret,
                authority=os.environ["AZURE_AUTHORITY_HOST"], disable_instance_discovery=True,
            ) as credential,
            ContainerAppsAPIClient(
                credential, os.environ["AZURE_SUBSCRIPTION_ID"], base_url=os.environ["AZURE_RESOURCE_MANAGER_URL"],
                credential_scopes=[os.environ["AZURE_RESOURCE_MANAGER_URL"] + "/.default"],
            ) as client,
        ):  # fmt: skip
            return [each.name for each in client.managed_environments.list_by_subscription()]

    assert names(os.environ["AZURE_CLIENT_SECRET"]) == ["local"]
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        names("wrong")


def test_a_refusal_reaches_the_caller_with_azures_code(client: ContainerAppsAPIClient) -> None:
    with pytest.raises(HttpResponseError) as refused:
        client.container_apps.begin_create_or_update(GROUP, "My_App", app(None))
    assert refused.value.error.code == "ContainerAppInvalidName"


def test_an_environment_lives_its_life(client: ContainerAppsAPIClient) -> None:
    wanted = models.ManagedEnvironment(
        location="eastus",
        properties=models.ManagedEnvironmentProperties(
            workload_profiles=[models.WorkloadProfile(name="Consumption", workload_profile_type="Consumption")]
        ),
    )
    made = client.managed_environments.begin_create_or_update(GROUP, "mine", wanted).result()
    assert made.properties.provisioning_state == "Succeeded"
    t4 = models.WorkloadProfile(name="gpu", workload_profile_type="Consumption-GPU-NC8as-T4")
    wanted.properties.workload_profiles.append(t4)
    changed = client.managed_environments.begin_update(GROUP, "mine", wanted).result()
    assert [each.name for each in changed.properties.workload_profiles] == ["Consumption", "gpu"]
    states = client.managed_environments.list_workload_profile_states(GROUP, "mine")
    assert [each.name for each in states] == ["Consumption", "gpu"]
    client.managed_environments.begin_delete(GROUP, "mine").result()
    assert [each.name for each in client.managed_environments.list_by_resource_group(GROUP)] == ["local"]
    assert {each.name.value for each in client.usages.list("eastus")} >= {"SubscriptionConsumptionT4Gpus"}
    assert {each.name for each in client.available_workload_profiles.get("westus3")} >= {"NC24-A100"}


def test_groups_registries_and_subscriptions_through_their_own_clients(emulator: Running) -> None:
    url, subscription = os.environ["AZURE_RESOURCE_MANAGER_URL"], os.environ["AZURE_SUBSCRIPTION_ID"]
    with DefaultAzureCredential() as credential:
        with SubscriptionClient(credential, base_url=url) as subscriptions:
            assert [each.subscription_id for each in subscriptions.subscriptions.list()] == [subscription]
        with ResourceManagementClient(credential, subscription, base_url=url) as resources:
            resources.resource_groups.create_or_update("mine", {"location": "eastus"})
            assert resources.resource_groups.check_existence("mine") is True
            with ContainerRegistryManagementClient(credential, subscription, base_url=url) as registries:
                body = {"location": "eastus", "sku": {"name": "Basic"}, "properties": {"adminUserEnabled": True}}
                made = registries.registries.begin_create("mine", "myregistry", body).result()
                assert made.properties.login_server == "myregistry.azurecr.io"
                assert registries.registries.list_credentials("mine", "myregistry").passwords[0].value
            resources.resource_groups.begin_delete("mine").result()
            assert resources.resource_groups.check_existence("mine") is False

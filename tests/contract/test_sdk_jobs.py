"""Jobs through the unmodified Azure SDK, over HTTPS, with nothing but what `/_emulator/env` hands out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.identity.aio import DefaultAzureCredential as AsyncDefaultAzureCredential
from azure.mgmt.appcontainers import ContainerAppsAPIClient, models
from azure.mgmt.appcontainers.aio import ContainerAppsAPIClient as AsyncContainerAppsAPIClient

from tests.emulator.running import Running, running_emulator
from tests.fakes.spawn import Behaviour, FakeSpawn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GROUP = "local"
IMAGE = "mcr.microsoft.com/k8se/quickstart-jobs:latest"


@pytest.fixture
def emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    endless = FakeSpawn(lambda launch: Behaviour(exit_code=None if "endless" in launch.argv else 0))
    with running_emulator(tmp_path / "emulator", spawn=endless) as running:
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


def job(environment_id: str | None, command: list[str] | None = None, **configuration) -> models.Job:
    settings = {"trigger_type": "Manual", "replica_timeout": 60, "replica_retry_limit": 1} | configuration
    return models.Job(
        location=os.environ["AZURE_LOCATION"],
        properties=models.JobProperties(
            environment_id=environment_id,
            configuration=models.JobConfiguration(secrets=[models.Secret(name="key", value="hidden")], **settings),
            template=models.JobTemplate(
                containers=[models.Container(name="main", image=IMAGE, command=command)],
            ),
        ),
        tags={"owner": "me"},
    )


def environment_of(client: ContainerAppsAPIClient) -> str | None:
    return client.managed_environments.get(GROUP, os.environ["AZURE_CONTAINERAPPS_ENVIRONMENT"]).id


def test_a_job_lives_its_life_through_the_sync_client(client: ContainerAppsAPIClient) -> None:
    made = client.jobs.begin_create_or_update(GROUP, "train", job(environment_of(client))).result()
    assert made.properties.provisioning_state == "Succeeded"
    assert made.properties.running_state == "Ready"
    assert made.properties.configuration.manual_trigger_config.parallelism == 1
    assert client.jobs.get(GROUP, "train").tags == {"owner": "me"}
    assert [each.name for each in client.jobs.list_by_resource_group(GROUP)] == ["train"]
    assert [each.name for each in client.jobs.list_by_subscription()] == ["train"]
    assert client.jobs.list_secrets(GROUP, "train").value[0].value == "hidden"

    patch = models.JobPatchProperties(
        properties=models.JobPatchPropertiesProperties(
            configuration=models.JobConfiguration(trigger_type="Manual", replica_timeout=90)
        )
    )
    assert client.jobs.begin_update(GROUP, "train", patch).result().properties.configuration.replica_timeout == 90

    client.jobs.begin_delete(GROUP, "train").result()
    with pytest.raises(ResourceNotFoundError):
        client.jobs.get(GROUP, "train")


def test_executions_are_started_listed_and_stopped(client: ContainerAppsAPIClient, emulator: Running) -> None:
    client.jobs.begin_create_or_update(GROUP, "train", job(environment_of(client), ["endless"])).result()
    first = client.jobs.begin_start(GROUP, "train").result()
    override = models.JobExecutionTemplate(
        containers=[models.JobExecutionContainer(name="main", image=IMAGE, command=["run"])]
    )
    second = client.jobs.begin_start(GROUP, "train", override).result()
    assert first.name.startswith("train-")

    def status(name: str | None) -> str | None:
        found = {each.name: each for each in client.jobs_executions.list(GROUP, "train")}
        return found[name].properties.status

    emulator.eventually(lambda: status(second.name) == "Succeeded")
    assert status(first.name) == "Running"
    client.jobs.begin_stop_execution(GROUP, "train", first.name).result()
    assert status(first.name) == "Stopped"
    third = client.jobs.begin_start(GROUP, "train").result()
    stopped = client.jobs.begin_stop_multiple_executions(GROUP, "train").result()
    assert [each.name for each in stopped.value] == [third.name]
    (shown,) = [each for each in client.jobs_executions.list(GROUP, "train") if each.name == second.name]
    assert shown.properties.template.containers[0].command == ["run"]
    assert shown.properties.detailed_status.replicas[0].containers[0].code == 0
    assert shown.properties.end_time >= shown.properties.start_time


def test_what_is_refused_keeps_its_code(client: ContainerAppsAPIClient) -> None:
    wrong = job(
        environment_of(client), trigger_type="Schedule",
        schedule_trigger_config=models.JobConfigurationScheduleTriggerConfig(cron_expression="daily"),
    )  # fmt: skip
    with pytest.raises(HttpResponseError) as refused:
        client.jobs.begin_create_or_update(GROUP, "train", wrong)
    assert refused.value.error.code == "InvalidCronExpression"


@pytest.mark.anyio
@pytest.mark.usefixtures("emulator")
async def test_the_async_client_does_the_same() -> None:
    roots = os.environ["SSL_CERT_FILE"]  # read by aiohttp when it is imported; this process had it later
    async with (
        AsyncDefaultAzureCredential() as credential,
        AsyncContainerAppsAPIClient(
            credential,
            os.environ["AZURE_SUBSCRIPTION_ID"],
            base_url=os.environ["AZURE_RESOURCE_MANAGER_URL"],
            connection_verify=roots,
        ) as client,  # fmt: skip
    ):
        environment = await client.managed_environments.get(GROUP, os.environ["AZURE_CONTAINERAPPS_ENVIRONMENT"])
        poller = await client.jobs.begin_create_or_update(GROUP, "train", job(environment.id))
        assert (await poller.result()).properties.running_state == "Ready"
        started = await (await client.jobs.begin_start(GROUP, "train")).result()
        assert started.name in [each.name async for each in client.jobs_executions.list(GROUP, "train")]
        await (await client.jobs.begin_delete(GROUP, "train")).result()
        assert [each.name async for each in client.jobs.list_by_resource_group(GROUP)] == []

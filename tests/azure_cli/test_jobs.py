"""Jobs: made, started, followed, stopped and deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.azure_cli.shell import HELLO_JOB

if TYPE_CHECKING:
    from tests.azure_cli.shell import Az

_LIMITS = "--replica-timeout 300 --replica-retry-limit 1"


@pytest.fixture(scope="module")
def job(az: Az, environment: str) -> str:
    """The name of a job that is started by hand and reads a secret."""
    made = az(
        f"containerapp job create -n batch --environment {environment} --trigger-type Manual {_LIMITS} "
        f"--parallelism 1 --replica-completion-count 1 --image {HELLO_JOB} --cpu 0.25 --memory 0.5Gi "
        "--secrets key=s3cret --env-vars KEY=secretref:key"
    )
    assert made["properties"]["provisioningState"] == "Succeeded"
    return "batch"


def test_a_started_execution_succeeds_and_is_in_the_history(az: Az, job: str) -> None:
    started = az(f"containerapp job start -n {job}")
    assert started["id"].endswith(f"/jobs/{job}/executions/{started['name']}")
    show = f"containerapp job execution show -n {job} --job-execution-name {started['name']}"
    ended = az.until(show, lambda seen: seen["properties"]["status"] not in {"Running", "Processing"})
    assert ended["properties"]["status"] == "Succeeded"
    (replica,) = ended["properties"]["detailedStatus"]["replicas"]
    assert replica["containers"][0]["code"] == 0
    listed = az.text(f"containerapp job execution list -n {job} -o table")
    assert started["name"] in listed
    assert "Succeeded" in listed


def test_a_started_template_of_its_own_is_stopped_by_name(az: Az, job: str) -> None:
    own = f"--image {HELLO_JOB} --command sleep --args 600 --cpu 0.5 --memory 1Gi"
    name = az(f"containerapp job start -n {job} {own}")["name"]
    said = az(f"containerapp job stop -n {job} --job-execution-name {name}")
    assert said == f"Job Execution: {name}, stopped successfully."
    show = f"containerapp job execution show -n {job} --job-execution-name {name}"
    ended = az.until(show, lambda seen: seen["properties"]["status"] not in {"Running", "Processing"})
    assert ended["properties"]["status"] == "Stopped"
    assert ended["properties"]["template"]["containers"][0]["args"] == ["600"]


def test_all_executions_are_stopped_at_once(az: Az, job: str) -> None:
    own = f"--image {HELLO_JOB} --command sleep --args 600 --cpu 0.5 --memory 1Gi"
    names = {az(f"containerapp job start -n {job} {own}")["name"] for _ in range(2)}
    az(f"containerapp job stop -n {job}")
    listing = f"containerapp job execution list -n {job}"
    az.until(
        listing,
        lambda seen: {each["name"] for each in seen if each["properties"]["status"] == "Stopped"} >= names,
    )


def test_a_job_is_changed_in_place(az: Az, job: str) -> None:
    az(f"containerapp job update -n {job} --cpu 0.5 --memory 1Gi --set-env-vars MODE=second --replica-timeout 90")
    properties = az(f"containerapp job show -n {job}")["properties"]
    container = properties["template"]["containers"][0]
    assert properties["configuration"]["replicaTimeout"] == 90
    assert [each["name"] for each in container["env"]] == ["KEY", "MODE"]
    assert container["resources"]["memory"] == "1Gi"
    secret = f"containerapp job secret {{}} -n {job}"
    az(f"{secret.format('set')} --secrets other=value")
    assert az(f"{secret.format('show')} --secret-name other") == {"name": "other", "value": "value"}
    az(f"{secret.format('remove')} --secret-names other --yes")
    assert az.text(f"{secret.format('list')} --query [].name -o tsv").split() == ["key"]
    assert az(f"containerapp job identity assign -n {job} --system-assigned")["type"] == "SystemAssigned"
    assert az(f"containerapp job identity remove -n {job} --system-assigned --yes")["type"] == "None"
    registry = f"containerapp job registry {{}} -n {job} --server other.azurecr.io"
    az(f"{registry.format('set')} --username me --password s3cret")
    assert az(registry.format("show"))["passwordSecretRef"] == "otherazurecrio-me"
    az(registry.format("remove"))
    (az.folder / "job.yaml").write_text(az.text(f"containerapp job show -n {job} -o yaml"))
    az(f"containerapp job update -n {job} --yaml job.yaml")
    assert az(f"containerapp job show -n {job}")["properties"]["template"]["containers"] == [container]


def test_schedules_and_events_are_kept_as_they_were_given(az: Az, environment: str) -> None:
    create = f"containerapp job create --environment {environment} {_LIMITS} --image {HELLO_JOB}"
    az(f"{create} -n nightly --trigger-type Schedule --cron-expression '0 3 * * *'")
    scheduled = az("containerapp job show -n nightly")["properties"]["configuration"]
    assert scheduled["scheduleTriggerConfig"]["cronExpression"] == "0 3 * * *"
    az(
        f"{create} -n queued --trigger-type Event --min-executions 0 --max-executions 5 --polling-interval 60 "
        "--scale-rule-name queue --scale-rule-type azure-servicebus --scale-rule-metadata queueName=q messageCount=5 "
        "--scale-rule-auth connection=connection --secrets connection=s3cret"
    )
    scale = az("containerapp job show -n queued")["properties"]["configuration"]["eventTriggerConfig"]["scale"]
    assert (scale["maxExecutions"], scale["pollingInterval"]) == (5, 60)
    assert scale["rules"][0]["auth"] == [{"secretRef": "connection", "triggerParameter": "connection"}]
    wrong = az.refused(f"{create} -n wrong --trigger-type Schedule --cron-expression 'every day'")
    assert "cron" in wrong.lower()
    assert {"nightly", "queued"} <= set(az.text("containerapp job list --query [].name -o tsv").split())
    for name in ("nightly", "queued"):
        assert "successfully deleted" in az.told(f"containerapp job delete -n {name} --yes")
    assert not {"nightly", "queued"} & set(az.text("containerapp job list --query [].name -o tsv").split())

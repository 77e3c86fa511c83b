"""GPU apps and jobs as guides to Container Apps write them, in the flags that the CLI really has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.azure_cli.shell import HELLO, HELLO_JOB

if TYPE_CHECKING:
    from tests.azure_cli.shell import Az

_T4, _A100 = "Consumption-GPU-NC8as-T4", "Consumption-GPU-NC24-A100"


@pytest.fixture(scope="module")
def gpu(az: Az) -> str:
    """The name of an environment with both serverless GPU profiles and a dedicated one."""
    az("containerapp env create -n gpu -l eastus --enable-workload-profiles true --logs-destination none")
    add = "containerapp env workload-profile add -n gpu"
    az(f"{add} --workload-profile-name gpu-t4 --workload-profile-type {_T4}")
    az(f"{add} --workload-profile-name gpu-a100 --workload-profile-type {_A100}")
    return "gpu"


def test_an_inference_app_scales_by_requests_on_a_serverless_gpu(az: Az, gpu: str) -> None:
    az(
        f"containerapp create -n inference --environment {gpu} --workload-profile-name gpu-t4 --image {HELLO} "
        "--cpu 8 --memory 56Gi --min-replicas 0 --max-replicas 2 --ingress external --target-port 80 --transport http2 "
        "--scale-rule-name http-scaling --scale-rule-type http --scale-rule-http-concurrency 1 "
        "--secrets huggingface-token=s3cret --env-vars HF_TOKEN=secretref:huggingface-token EPOCHS=100 "
        "--enable-dapr --dapr-app-id inference --dapr-app-port 80 --dapr-app-protocol http --system-assigned"
    )
    app = az("containerapp show -n inference")
    properties = app["properties"]
    assert properties["workloadProfileName"] == "gpu-t4"
    assert properties["template"]["containers"][0]["resources"]["memory"] == "56Gi"
    assert properties["template"]["scale"]["minReplicas"] == 0
    assert properties["configuration"]["dapr"]["appId"] == "inference"
    assert app["identity"]["type"] == "SystemAssigned"


def test_scale_rules_of_any_kind_are_kept(az: Az, gpu: str) -> None:
    create = f"containerapp create --environment {gpu} --workload-profile-name gpu-a100 --image {HELLO} --cpu 24 "
    create += "--memory 220Gi --min-replicas 0 --max-replicas 1"
    query = ("query=avg(nvidia_gpu_utilization{app='x'})",)
    az(
        f"{create} -n watched --scale-rule-name gpu-utilization --scale-rule-type prometheus "
        "--scale-rule-metadata serverAddress=http://127.0.0.1:9090 metricName=gpu_utilization threshold=80",
        *query,
    )
    (rule,) = az("containerapp show -n watched")["properties"]["template"]["scale"]["rules"]
    assert rule["custom"]["type"] == "prometheus"
    assert "query" in rule["custom"]["metadata"]
    az(
        f"{create} -n queue --secrets servicebus-connection=s3cret --scale-rule-name queue-scaling "
        "--scale-rule-type azure-servicebus --scale-rule-metadata queueName=ai-jobs namespace=bus messageCount=5 "
        "--scale-rule-auth connection=servicebus-connection"
    )
    (rule,) = az("containerapp show -n queue")["properties"]["template"]["scale"]["rules"]
    assert rule["custom"]["auth"] == [{"secretRef": "servicebus-connection", "triggerParameter": "connection"}]


def test_a_training_job_runs_on_a_gpu_profile(az: Az, gpu: str) -> None:
    az(
        f"containerapp job create -n training --environment {gpu} --workload-profile-name gpu-t4 --trigger-type Manual "
        f"--image {HELLO_JOB} --cpu 8 --memory 56Gi --parallelism 1 --replica-timeout 7200 --replica-retry-limit 3 "
        "--env-vars EPOCHS=100"
    )
    assert az("containerapp job show -n training")["properties"]["workloadProfileName"] == "gpu-t4"
    name = az("containerapp job start -n training")["name"]
    ended = az.until(
        f"containerapp job execution show -n training --job-execution-name {name}",
        lambda seen: seen["properties"]["status"] not in {"Running", "Processing"},
    )
    assert ended["properties"]["status"] == "Succeeded"


def test_more_than_a_profile_has_is_refused(az: Az, gpu: str) -> None:
    too_much = f"containerapp create -n big --environment {gpu} --workload-profile-name gpu-t4 --image {HELLO} --cpu 16"
    assert "(ContainerAppInvalidResourceTotal)" in az.refused(f"{too_much} --memory 56Gi")


@pytest.mark.parametrize(
    "line",
    [
        "containerapp create -n x --environment gpu --gpu-type nvidia-a100 --gpu-count 1",
        "containerapp update -n x --force-restart",
    ],
)
def test_flags_that_guides_made_up_are_none_of_the_clis(az: Az, line: str) -> None:
    assert "unrecognized arguments" in az.refused(line)

"""What Azure refuses in a job, each with its code and sentence (facts §4, §13). Pure.

Names, containers, secrets, registries and resources follow an app's rules. The codes marked so are unconfirmed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.arm.app_rules import check_app
from aca_notebook.emulator.arm.cron import is_cron
from aca_notebook.emulator.arm.faults import invalid
from aca_notebook.emulator.arm.job_defaults import TRIGGERS, as_app

if TYPE_CHECKING:
    from collections.abc import Collection

    from aca_notebook.model.gpu import WorkloadProfileType

Document = dict[str, Any]


def check_job(
    name: str, settled: Document, profile: WorkloadProfileType | None, known_secrets: Collection[str]
) -> None:
    """Refuse what Azure would refuse in a settled job; the arguments are those of `check_app`."""
    configuration, template = settled["properties"]["configuration"], settled["properties"]["template"]
    check_app(name, as_app(configuration, template), profile, known_secrets)
    trigger = configuration["triggerType"]
    if trigger not in TRIGGERS:
        raise invalid(
            "InvalidRequestContent", f"'{trigger}' is no value of triggerType; {', '.join(TRIGGERS)} are."
        )  # fmt: skip
    _check_limits(configuration)
    chosen = configuration[TRIGGERS[trigger]]
    _check_counts(TRIGGERS[trigger], chosen)
    if trigger == "Schedule":
        _check_cron(chosen["cronExpression"])
    if trigger == "Event":
        _check_scale(chosen["scale"], {secret["name"] for secret in configuration["secrets"] or ()})


def check_override(name: str, job: Document, template: Document, profile: WorkloadProfileType | None) -> None:
    """Refuse what Azure would refuse in the template that a start brings along."""
    configuration = job["properties"]["configuration"]
    known = {secret["name"] for secret in configuration["secrets"] or ()}
    check_app(name, as_app(configuration, template), profile, known)


def _check_limits(configuration: Document) -> None:
    # Unconfirmed code: that the timeout is required is in the API's description.
    timeout, retries = configuration["replicaTimeout"], configuration["replicaRetryLimit"]
    if timeout is None or timeout < 1:
        raise invalid(
            "InvalidParameterValueInJobConfiguration",
            f"'configuration.replicaTimeout' must be a number of seconds from 1 on; it is {timeout}.",
        )
    if retries < 0:
        raise invalid(
            "InvalidParameterValueInJobConfiguration",
            f"'configuration.replicaRetryLimit' must not be negative; it is {retries}.",
        )


def _check_counts(name: str, config: Document) -> None:
    for field in ("parallelism", "replicaCompletionCount"):
        if config[field] < 1:  # unconfirmed code
            raise invalid(
                "InvalidParameterValueInJobConfiguration",
                f"'configuration.{name}.{field}' must be 1 or more; it is {config[field]}.",
            )


def _check_cron(expression: str) -> None:
    if not is_cron(expression):  # code and sentence: azure-container-apps issue 886
        raise invalid(
            "InvalidCronExpression",
            f"Given CRON expression - '{expression}' is not valid, please visit "
            "https://learn.microsoft.com/en-us/rest/api/containerapps/preview/jobs/create-or-update"
            "?tabs=HTTP#scheduletriggerconfig for more information.",
        )


def _check_scale(scale: Document, secrets: Collection[str]) -> None:
    least, most = scale["minExecutions"], scale["maxExecutions"]
    if not 0 <= least <= most or scale["pollingInterval"] < 1:  # unconfirmed code
        raise invalid(
            "InvalidParameterValueInJobConfiguration",
            "'configuration.eventTriggerConfig.scale' must have 0 <= minExecutions <= maxExecutions and a "
            f"pollingInterval of 1 or more; it has {least}, {most} and {scale['pollingInterval']}.",
        )
    for rule in scale["rules"]:
        if not rule["name"] or not rule["type"]:  # unconfirmed code
            raise invalid(
                "ContainerAppsJobInvalidScaleRule", "Each rule of an event-driven job must have a name and a type."
            )
        missing = [each["secretRef"] for each in rule["auth"] if each["secretRef"] not in secrets]
        if missing:
            raise invalid(
                "ContainerAppSecretRefNotFound",
                f"SecretRef '{missing[0]}' defined for scale rule '{rule['name']}' not found.",
            )

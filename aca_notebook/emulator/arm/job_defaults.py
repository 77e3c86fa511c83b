"""What Azure makes of a job's body: read, coerced, completed (facts §4.2; recorded: job_manual_e2e, job_event_e2e)."""

from __future__ import annotations

from typing import Any

from aca_notebook.emulator.arm.app_defaults import settled_configuration, settled_template
from aca_notebook.emulator.arm.values import items, member, text, whole

Document = dict[str, Any]
#: The configuration that a trigger is told by; those of the other triggers are null.
TRIGGERS = {
    "Manual": "manualTriggerConfig",
    "Schedule": "scheduleTriggerConfig",
    "Event": "eventTriggerConfig",
}
_WORDS = {name.lower(): name for name in TRIGGERS}
_SHARED = ("secrets", "registries", "identitySettings")
_PATH = "properties.configuration"
_POLLING_SECONDS = 30
_MOST_EXECUTIONS = 100  # the API's description; `az` asks for 10


def settled_job(properties: Document, *, on_gpu: bool) -> tuple[Document, Document]:
    """Return `configuration` and `template` with every field Azure answers, given properties without nulls.

    Raises `AzureError` 400 for a member of another type than the API describes.
    """
    asked = member(properties.get("configuration"), _PATH)
    template = settled_template(_only(properties.get("template"), "properties.template"), on_gpu=on_gpu)
    return _configuration(asked), {name: template[name] for name in ("containers", "initContainers", "volumes")}


def as_app(configuration: Document, template: Document) -> Document:
    """Return the two as those of an app, for the rules that apps and jobs share."""
    app_configuration = settled_configuration({}, first=False)
    app_configuration |= {name: configuration[name] for name in ("secrets", "registries")}
    return {"properties": {
        "configuration": app_configuration,
        "template": settled_template({}, on_gpu=False) | template,
    }}  # fmt: skip


def settled_override(asked: Document, stored: Document, *, on_gpu: bool) -> Document:
    """Return an execution's template: what the start asks for instead of the job's own, or that (facts §4.3)."""
    given = {name: asked[name] for name in ("containers", "initContainers") if asked.get(name, []) != []}
    template = settled_template(given, on_gpu=on_gpu) if given.get("containers") else stored
    if given and not given.get("containers"):
        template = stored | {"initContainers": settled_template(given, on_gpu=on_gpu)["initContainers"]}
    return {
        name: [_in_execution(each) for each in template[name] or ()] for name in ("containers", "initContainers")
    }  # fmt: skip


def _in_execution(container: Document) -> Document:
    # An execution shows no size of the scratch disk (recorded: job_executions_e2e).
    return container | {"resources": container["resources"] | {"ephemeralStorage": ""}}


def _configuration(asked: Document) -> Document:
    shared = settled_configuration({name: asked[name] for name in _SHARED if name in asked}, first=False)
    trigger = text(asked.get("triggerType"), f"{_PATH}.triggerType")
    trigger = _WORDS.get(trigger.lower(), trigger)
    timeout = whole(asked.get("replicaTimeout"), f"{_PATH}.replicaTimeout")
    retries = whole(asked.get("replicaRetryLimit"), f"{_PATH}.replicaRetryLimit")
    config = TRIGGERS.get(trigger, "")
    return {
        "secrets": shared["secrets"],
        "triggerType": trigger,
        "replicaTimeout": timeout,
        "replicaRetryLimit": 0 if retries is None else retries,
        **{name: _trigger(name, asked.get(name)) if name == config else None for name in TRIGGERS.values()},
        "registries": shared["registries"],
        "identitySettings": shared["identitySettings"],
        "dapr": asked.get("dapr"),
    }


def _trigger(name: str, asked: Any) -> Document:
    path = f"{_PATH}.{name}"
    given = member(asked, path)
    completions = whole(given.get("replicaCompletionCount"), f"{path}.replicaCompletionCount")
    parallelism = whole(given.get("parallelism"), f"{path}.parallelism")
    settled: Document = {"replicaCompletionCount": 1 if completions is None else completions}
    if name == "scheduleTriggerConfig":
        settled["cronExpression"] = text(given.get("cronExpression"), f"{path}.cronExpression")
    settled["parallelism"] = 1 if parallelism is None else parallelism
    if name == "eventTriggerConfig":
        settled["scale"] = _scale(member(given.get("scale"), f"{path}.scale"), f"{path}.scale")
    return settled


def _scale(asked: Document, path: str) -> Document:
    least, most, polling = (
        whole(asked.get(name), f"{path}.{name}") for name in ("minExecutions", "maxExecutions", "pollingInterval")
    )
    return {
        "minExecutions": 0 if least is None else least,
        "maxExecutions": _MOST_EXECUTIONS if most is None else most,
        "pollingInterval": _POLLING_SECONDS if polling is None else polling,
        "rules": [_rule(each, f"{path}.rules") for each in items(asked.get("rules"), f"{path}.rules")],
    }


def _rule(asked: Document, path: str) -> Document:
    """A job's rule is flat: type, metadata and auth are its own members (recorded: job_event_e2e)."""
    settled: Document = {name: text(asked.get(name), f"{path}.{name}") for name in ("name", "type")}
    metadata = member(asked.get("metadata"), f"{path}.metadata")
    settled["metadata"] = {key: text(value, f"{path}.metadata.{key}") for key, value in metadata.items()}
    settled["auth"] = [
        {name: text(each.get(name), f"{path}.auth.{name}") for name in ("secretRef", "triggerParameter")}
        for each in items(asked.get("auth"), f"{path}.auth")
    ]
    if asked.get("identity"):
        settled["identity"] = text(asked["identity"], f"{path}.identity")
    return settled


def _only(asked: Any, path: str) -> Document:
    given = member(asked, path)
    return {name: given[name] for name in ("containers", "initContainers", "volumes") if name in given}

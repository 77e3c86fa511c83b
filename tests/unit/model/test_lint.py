"""Best practices, each held against an app: what shows it, and the command that follows it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from aca_notebook.magics import words
from aca_notebook.magics.subcommands import GRAMMAR
from aca_notebook.model.checkup import Check, Outcome
from aca_notebook.model.lint import Subject, lint

T4 = "Consumption-GPU-NC8as-T4"
GOOD: dict[str, Any] = {
    "name": "web",
    "identity": {"type": "SystemAssigned"},
    "properties": {
        "configuration": {
            "ingress": {"external": False, "targetPort": 8080, "fqdn": "web.internal"},
            "secrets": [{"name": "token", "keyVaultUrl": "https://v/secrets/token"}, {"name": "aca-notebook-key"}],
            "registries": [{"server": "r.azurecr.io", "identity": "system"}],
            "dapr": {"enabled": True, "appId": "web"},
        },
        "template": {
            "containers": [
                {
                    "name": "web", "image": "r.azurecr.io/web:1.2",
                    "env": [{"name": "APPLICATIONINSIGHTS_CONNECTION_STRING", "secretRef": "insights"}],
                    "probes": [{"type": "Liveness"}, {"type": "Readiness"}],
                }
            ],
            "scale": {"minReplicas": 0, "maxReplicas": 3,
                      "rules": [{"name": "http", "http": {"metadata": {"concurrentRequests": "4"}}}]},
        },
    },
}  # fmt: skip
WATCHED = ("GpuUtilizationPercentage",)


def judged(subject: Subject) -> dict[str, Check]:
    return {check.name: check for check in lint(subject)}


def changed(where: str, value: Any) -> dict[str, Any]:
    """The good app with one member changed; None takes it away."""
    app = copy.deepcopy(GOOD)
    *path, last = where.split(".")
    part: Any = app
    for step in path:
        part = part[int(step)] if step.isdigit() else part[step]
    if value is None:
        part.pop(last, None)
    else:
        part[last] = value
    return app


def test_an_app_that_follows_every_practice_is_told_so_with_what_shows_it() -> None:
    checks = lint(Subject(GOOD, T4, WATCHED, neighbours=2))
    assert {check.outcome for check in checks} == {Outcome.OK}
    assert all(check.said and not check.command for check in checks)
    assert len(checks) == 12


TEMPLATE, CONFIGURATION = "properties.template", "properties.configuration"
CONTAINER = f"{TEMPLATE}.containers.0"


@pytest.mark.parametrize(
    ("practice", "where", "value", "outcome", "says"),
    [
        ("scale to zero", f"{TEMPLATE}.scale.minReplicas", 1, Outcome.WARN, "T4 is paid for day and night"),
        ("health probes", f"{CONTAINER}.probes", [{"type": "Liveness"}], Outcome.WARN, "no readiness probe"),
        ("health probes", f"{CONTAINER}.probes", None, Outcome.FAIL, "no liveness and no readiness"),
        ("managed identity", f"{CONFIGURATION}.registries", [{"server": "r.io", "passwordSecretRef": "p"}],
         Outcome.FAIL, "pulled with a password"),
        ("Key Vault", f"{CONFIGURATION}.secrets", [{"name": "token"}], Outcome.WARN, "token: the value lies"),
        ("Key Vault", f"{CONTAINER}.env", [{"name": "HF_TOKEN", "value": "v4lue"}], Outcome.FAIL,
         "HF_TOKEN shows its value"),
        ("Dapr", f"{CONFIGURATION}.dapr", None, Outcome.WARN, "2 neighbours"),
        ("scale rules", f"{TEMPLATE}.scale.rules", None, Outcome.WARN, "ten requests at once"),
        ("scale rules", f"{TEMPLATE}.scale.rules", [{"name": "h", "http": {"metadata": {"concurrentRequests": "50"}}}],
         Outcome.WARN, "many at once on one T4"),
        ("jobs for batch", f"{CONFIGURATION}.ingress", None, Outcome.FAIL, "nothing ever starts it"),
        ("retries", f"{CONFIGURATION}.dapr", None, Outcome.WARN, "502, 503 and 504"),
        ("Application Insights", f"{CONTAINER}.env", None, Outcome.WARN, "traced nowhere"),
        ("Application Insights", f"{CONTAINER}.env", [{"name": "APPLICATIONINSIGHTS_CONNECTION_STRING", "value": "x"}],
         Outcome.FAIL, "plain variable"),
        ("door", f"{CONFIGURATION}.ingress.external", True, Outcome.WARN, "anyone may call it"),
        ("pinned image", f"{CONTAINER}.image", "r.azurecr.io/web:latest", Outcome.WARN, "another one tomorrow"),
        ("pinned image", f"{CONTAINER}.image", "localhost:5000/web", Outcome.WARN, "another one tomorrow"),
    ],
)  # fmt: skip
def test_a_practice_that_is_not_followed_is_named_with_a_command(
    practice: str, where: str, value: Any, outcome: Outcome, says: str
) -> None:
    check = judged(Subject(changed(where, value), T4, WATCHED, neighbours=2))[practice]
    assert check.outcome is outcome
    assert says in check.said
    assert "v4lue" not in f"{check.said} {check.command}"
    assert check.command
    if check.command.startswith("%aca"):  # what is proposed is what the grammar takes
        command, _, more = check.command.partition("  # then: ")
        for line in filter(None, (command, more)):
            GRAMMAR.parse(words.split(line.removeprefix("%aca ")))


def test_a_gpu_that_no_alert_looks_at_is_named() -> None:
    assert judged(Subject(GOOD, T4))["GPU watched"].outcome is Outcome.WARN
    assert judged(Subject(GOOD, "Consumption"))["GPU watched"].said == "it has no GPU"


def test_a_queue_worker_is_advised_to_be_a_job() -> None:
    app = changed(f"{CONFIGURATION}.ingress", None)
    app["properties"]["template"]["scale"]["rules"] = [{"name": "q", "custom": {"type": "azure-servicebus"}}]
    check = judged(Subject(app))["jobs for batch"]
    assert check.outcome is Outcome.WARN
    assert "trigger type Event" in check.said


def test_an_app_of_a_cell_has_a_door_and_its_clients_ask_again() -> None:
    app = changed(f"{CONTAINER}.env", [{"name": "ACA_NOTEBOOK_KEY", "secretRef": "aca-notebook-key"}])
    app["properties"]["configuration"]["ingress"]["external"] = True
    app["properties"]["configuration"].pop("dapr")
    checks = judged(Subject(app))
    assert checks["door"].said == "callers need its key"
    assert checks["retries"].outcome is Outcome.OK
    assert checks["Application Insights"].command == "%aca deploy web --traces"


def test_a_document_that_says_next_to_nothing_is_judged_all_the_same() -> None:
    assert len(lint(Subject({"name": "web", "properties": {}}))) == 12

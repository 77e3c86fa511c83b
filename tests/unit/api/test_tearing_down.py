"""What goes and what stays when a person takes down all of theirs: nothing that somebody else still uses goes."""

from __future__ import annotations

from typing import Any

import pytest

from aca_notebook.api.tearing_down import decide_doomed
from aca_notebook.azure.documents import DIGEST, OWNER, PULLER, SETUP

GROUP = "/subscriptions/s/resourceGroups/research"
MADE = {SETUP: "env", OWNER: "ann"}
ENVIRONMENT, REGISTRY = "Microsoft.App/managedEnvironments", "Microsoft.ContainerRegistry/registries"
IDENTITY, WORKSPACE = "Microsoft.ManagedIdentity/userAssignedIdentities", "Microsoft.OperationalInsights/workspaces"
APP, TRACES = "Microsoft.App/containerApps", "Microsoft.Insights/components"


def thing(type_: str, name: str, tags: dict[str, str] | None = None, *, group: str = GROUP) -> dict[str, Any]:
    return {"id": f"{group}/providers/{type_}/{name}", "name": name, "tags": tags}


ANNS = [
    thing(ENVIRONMENT, "env", MADE | {PULLER: "env-pull"}), thing(REGISTRY, "acareg", MADE),
    thing(IDENTITY, "env-pull", MADE), thing(WORKSPACE, "env-logs", MADE),
]  # fmt: skip
OURS = {"id": GROUP, "name": "research", "tags": MADE}


def notes(*others: dict[str, Any], **more: Any) -> dict[str, str]:
    return {each.name: each.note for each in decide_doomed([*ANNS, *others], OURS, "ann", **more)}


def test_all_goes_when_nobody_else_is_there() -> None:
    assert set(notes().values()) == {""}


def test_an_app_of_another_keeps_what_is_written_in_it_and_what_that_needs() -> None:
    app = thing(APP, "web", {DIGEST: "d", OWNER: "bob"})
    told = {app["id"].lower(): f'{{"environmentid": "{ANNS[0]["id"].lower()}"}}'}
    assert notes(app, told=told) == {
        "env": "app web may use it", "acareg": "environment env may use it", "env-pull": "environment env may use it",
        "env-logs": "environment env may use it",
        "research": "app web, environment env, registry acareg, identity env-pull, log workspace env-logs stay in it",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "kept"),
    [("", set()), ("acareg.azurecr.io/web:1", {"acareg"}),
     (f"{GROUP}/providers/{IDENTITY}/env-pull".lower(), {"env-pull"})],
)  # fmt: skip
def test_an_app_elsewhere_keeps_what_it_pulls_from_and_by(text: str, kept: set[str]) -> None:
    app = thing(APP, "web")
    assert {name for name, note in notes(app, told={app["id"].lower(): text}).items() if note} == kept | {"research"}


def test_what_is_not_told_of_may_use_anything_but_the_logs() -> None:
    assert notes(thing(APP, "web"))["acareg"] == "app web, environment env may use it"


def test_another_persons_environment_keeps_the_registry_of_the_group_and_its_own_parts_alone() -> None:
    bobs = thing(ENVIRONMENT, "bobs", {SETUP: "bobs", OWNER: "bob", PULLER: "bobs-pull"})
    found = notes(bobs)
    assert {name for name, note in found.items() if note} == {"acareg", "research"}
    assert found["research"] == "environment bobs, registry acareg stay in it"


def test_an_environment_of_no_set_up_keeps_no_registry() -> None:
    assert notes(thing(ENVIRONMENT, "platform"))["acareg"] == ""


def test_an_identity_in_the_environments_group_goes_unless_the_environment_is_of_a_set_up_that_stays() -> None:
    beside = [thing(IDENTITY, "team-pull", MADE, group="/subscriptions/s/resourceGroups/team")]
    plain = thing(ENVIRONMENT, "team", {PULLER: "team-pull"}, group="/subscriptions/s/resourceGroups/team")
    made = {**plain, "tags": {**plain["tags"], SETUP: "team", OWNER: "ann"}}
    assert notes(beside=beside, around=[plain])["team-pull"] == ""
    assert notes(beside=beside, around=[made])["team-pull"] == "environment team may use it"


def test_what_gathers_traces_stays_with_somebody_elses_apps_and_keeps_the_workspace() -> None:
    app, traces = thing(APP, "web"), thing(TRACES, "env-traces", MADE)
    found = notes(app, traces, told={app["id"].lower(): ""})
    assert (found["env-traces"], found["env-logs"]) == ("app web may use it", "traces env-traces may use it")

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from aca_notebook.emulator.arm.app_defaults import settled_configuration, settled_template
from aca_notebook.emulator.arm.provisioning import (
    failed,
    in_order,
    needs_revision,
    revision_document,
    revision_name,
    revision_ready,
    succeeded,
    surplus_revisions,
    traffic_of,
    with_revision,
)
from aca_notebook.model.ids import app_id
from aca_notebook.model.states import RevisionProvisioningState

APP = app_id("s", "g", "scorer")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def app(configuration: dict | None = None, **template) -> dict:
    wanted = {"containers": [{"name": "main", "image": "nginx"}]} | template
    return {
        "id": str(APP),
        "name": "scorer",
        "properties": {
            "provisioningState": "InProgress",
            "latestRevisionName": "scorer--0000002",
            "latestReadyRevisionName": "scorer--0000001",
            "configuration": settled_configuration(configuration or {}, first=True),
            "template": settled_template(wanted, on_gpu=False),
        },
    }


def revision(name: str, *, active: bool = True, state: str = "Provisioned") -> dict:
    made = revision_document(APP, name, app()["properties"]["template"], NOW)
    return with_revision(made, active=active, state=RevisionProvisioningState(state))


@pytest.mark.parametrize(
    ("suffix", "existing", "expected"),
    [
        pytest.param("", [], "scorer--drawn01", id="the first is drawn"),
        pytest.param("v1", [], "scorer--v1", id="a suffix is taken as it is"),
        pytest.param("", ["scorer--drawn01"], "scorer--0000001", id="the second is number one"),
        pytest.param("", ["scorer--v1", "scorer--0000041"], "scorer--0000042", id="and so on"),
    ],
)
def test_revisions_are_named_as_azure_names_them(suffix: str, existing: list[str], expected: str) -> None:
    assert revision_name("scorer", suffix, existing, "drawn01") == expected


def test_a_changed_template_makes_a_revision_and_changed_configuration_does_not() -> None:
    latest = revision("scorer--0000002")
    assert needs_revision(app(), app(scale={"maxReplicas": 3}), latest)
    assert not needs_revision(app(), app({"ingress": {"external": True, "targetPort": 80}}), latest)
    assert not needs_revision(app(), app(), latest)


def test_the_first_write_and_one_after_a_failure_make_a_revision() -> None:
    assert needs_revision(None, app(), None)
    assert needs_revision(app(), app(), revision("scorer--0000002", state="Failed"))


def test_in_single_mode_a_ready_revision_retires_the_others() -> None:
    revisions = [revision("scorer--0000001"), revision("scorer--0000002", state="Provisioning")]
    ready, changed = revision_ready(app(), revisions, "scorer--0000002")
    assert ready["properties"]["provisioningState"] == "Succeeded"
    assert ready["properties"]["latestReadyRevisionName"] == "scorer--0000002"
    assert {
        each["name"]: (each["properties"]["active"], each["properties"]["provisioningState"]) for each in changed
    } == {
        "scorer--0000001": (False, "Provisioned"),
        "scorer--0000002": (True, "Provisioned"),
    }


def test_in_multiple_mode_the_others_stay() -> None:
    revisions = [revision("scorer--0000001"), revision("scorer--0000002", state="Provisioning")]
    _, changed = revision_ready(app({"activeRevisionsMode": "Multiple"}), revisions, "scorer--0000002")
    assert [each["name"] for each in changed] == ["scorer--0000002"]


LABELS = {"activeRevisionsMode": "Labels", "targetLabel": "dev"}


def labelled(traffic: list[dict[str, Any]], *revisions: dict[str, Any], name: str) -> tuple[Any, dict[str, bool]]:
    """Traffic and activity after revision `name` became ready in Labels mode."""
    ingress = {"external": True, "targetPort": 80, "traffic": traffic}
    ready, changed = revision_ready(app(LABELS | {"ingress": ingress}), revisions, name)
    activity = {each["name"]: each["properties"]["active"] for each in changed}
    return ready["properties"]["configuration"]["ingress"]["traffic"], activity


def test_in_labels_mode_a_new_revision_takes_the_target_label_and_what_has_none_is_shut_down() -> None:
    old, prod, new = revision("s--1"), revision("s--2"), revision("s--3", state="Provisioning")
    traffic = [
        {"revisionName": "s--1", "weight": 30, "label": "Dev"}, {"revisionName": "s--2", "weight": 70, "label": "prod"}
    ]  # fmt: skip
    assert labelled(traffic, old, prod, new, name="s--3") == (
        [{"revisionName": "s--3", "weight": 30, "label": "dev"}, traffic[1]], {"s--1": False, "s--3": True},
    )  # fmt: skip


def test_the_first_label_has_what_the_latest_had_and_a_further_one_has_nothing() -> None:
    new = revision("s--1", state="Provisioning")
    first = [{"revisionName": "s--1", "weight": 100, "label": "dev"}]
    assert labelled([{"latestRevision": True, "weight": 100}], new, name="s--1")[0] == first
    prod = {"revisionName": "s--1", "weight": 100, "label": "prod"}
    assert labelled([prod], revision("s--1"), revision("s--2", state="Provisioning"), name="s--2")[0] == [
        prod, {"revisionName": "s--2", "weight": 0, "label": "dev"},
    ]  # fmt: skip


def test_a_label_that_is_moved_by_hand_wakes_its_revision_and_stays_there() -> None:
    back = [{"revisionName": "s--1", "weight": 100, "label": "dev"}]
    found = labelled(back, revision("s--1", active=False), revision("s--2"), revision("s--3"), name="s--3")
    assert found == (back, {"s--1": True, "s--2": False, "s--3": True})


def test_a_failure_says_why_and_a_later_success_forgets_it() -> None:
    broken = failed(app(), "Operation expired")
    assert broken["properties"]["provisioningState"] == "Failed"
    assert broken["properties"]["deploymentErrors"] == "Operation expired"
    assert "deploymentErrors" not in succeeded(broken)["properties"]


def test_inactive_revisions_beyond_the_limit_go_oldest_first() -> None:
    revisions = [revision(f"scorer--000000{n}", active=False) for n in range(5)]
    surplus = surplus_revisions(app({"maxInactiveRevisions": 2}), revisions)
    assert [each["name"] for each in surplus] == ["scorer--0000000", "scorer--0000001"]


def test_revisions_of_one_second_are_in_the_order_of_their_numbers() -> None:
    shuffled = [revision("scorer--0000002"), revision("scorer--abc1234"), revision("scorer--0000001")]
    assert [each["name"] for each in in_order(shuffled)] == ["scorer--abc1234", "scorer--0000001", "scorer--0000002"]


def test_traffic_for_the_latest_goes_to_the_one_that_is_ready() -> None:
    split = [{"latestRevision": True, "weight": 80}, {"revisionName": "scorer--0000002", "weight": 20}]
    document = app({"ingress": {"external": True, "targetPort": 80, "traffic": split}})
    assert traffic_of(document, "scorer--0000001") == 80
    assert traffic_of(document, "scorer--0000002") == 20


def test_a_revision_shows_its_template_as_it_was_asked_for() -> None:
    shown = revision("scorer--0000001")["properties"]["template"]
    assert shown["containers"] == [
        {"image": "nginx", "name": "main", "resources": {"cpu": 0.5, "memory": "1Gi"}, "probes": []}
    ]
    assert shown["scale"]["cooldownPeriod"] is None
    assert shown["revisionSuffix"] is None


def test_only_containers_that_stay_have_probes_in_a_revision() -> None:
    template = app(initContainers=[{"name": "first", "image": "busybox"}])["properties"]["template"]
    shown = revision_document(APP, "scorer--0000001", template, NOW)["properties"]["template"]
    assert "probes" in shown["containers"][0]
    assert "probes" not in shown["initContainers"][0]

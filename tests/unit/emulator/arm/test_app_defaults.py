from __future__ import annotations

import pytest

from aca_notebook.emulator.arm.app_defaults import created_view, settled_configuration, settled_template

QUICKSTART = {"image": "mcr.microsoft.com/k8se/quickstart:latest", "name": "main"}


def app(configuration: dict, template: dict, *, first: bool = True, on_gpu: bool = False) -> dict:
    return {
        "properties": {
            "runningStatus": "Running",
            "latestRevisionName": "scorer--abc1234",
            "configuration": settled_configuration(configuration, first=first),
            "template": settled_template(template, on_gpu=on_gpu),
        }
    }


def test_what_was_not_asked_for_is_filled_in_as_recorded() -> None:
    template = settled_template({"containers": [QUICKSTART]}, on_gpu=False)
    assert template["containers"] == [
        QUICKSTART | {"imageType": "ContainerImage",
                      "resources": {"cpu": 0.5, "memory": "1Gi", "ephemeralStorage": "2Gi"}}
    ]  # fmt: skip
    assert template["scale"] == {
        "minReplicas": None, "maxReplicas": 10, "cooldownPeriod": 300, "pollingInterval": 30, "rules": None,
    }  # fmt: skip
    assert template["revisionSuffix"] == ""


def test_the_201_shows_what_was_asked_and_not_what_was_filled_in() -> None:
    asked = {
        "configuration": {"activeRevisionsMode": "single", "ingress": {"external": True, "targetPort": 80,
                                                                       "transport": "auto"}},
        "template": {"containers": [QUICKSTART]},
    }  # fmt: skip
    shown = created_view(app(asked["configuration"], asked["template"]), asked)["properties"]
    assert "runningStatus" not in shown
    assert "latestRevisionName" not in shown
    assert shown["configuration"]["activeRevisionsMode"] == "Single"
    assert (
        shown["configuration"]["ingress"] | {"transport": "Auto", "fqdn": None, "traffic": None}
        == (shown["configuration"]["ingress"])
    )
    assert shown["template"]["scale"] is None
    assert shown["template"]["containers"] == [QUICKSTART | {"imageType": "CloudBuild"}]


def test_words_and_numbers_are_read_in_any_spelling() -> None:
    ingress = {
        "external": "true", "targetPort": "8000", "transport": "HTTP2",
        "traffic": [
            {"weight": "50", "latestRevision": True}, {"weight": 50, "revisionName": "r", "latestRevision": False},
        ],
    }  # fmt: skip
    settled = settled_configuration({"ingress": ingress, "activeRevisionsMode": "MULTIPLE"}, first=True)
    assert settled["activeRevisionsMode"] == "Multiple"
    assert settled["ingress"]["transport"] == "Http2"
    assert settled["ingress"]["targetPort"] == 8000
    assert settled["ingress"]["traffic"] == [
        {"weight": 50, "latestRevision": True}, {"revisionName": "r", "weight": 50},
    ]  # fmt: skip


def test_memory_is_written_without_needless_zeros_and_storage_follows_cores() -> None:
    def resources(cpu: float, *, on_gpu: bool = False) -> dict:
        container = QUICKSTART | {"resources": {"cpu": cpu, "memory": "1.0Gi", "ephemeralStorage": "99Gi"}}
        return settled_template({"containers": [container]}, on_gpu=on_gpu)["containers"][0]["resources"]

    assert resources(0.25) == {"cpu": 0.25, "memory": "1Gi", "ephemeralStorage": "1Gi"}
    assert resources(1)["ephemeralStorage"] == "4Gi"
    assert resources(8, on_gpu=True)["ephemeralStorage"] == ""


def test_only_the_first_write_is_given_a_limit_of_inactive_revisions() -> None:
    assert settled_configuration({}, first=True)["maxInactiveRevisions"] == 100
    assert settled_configuration({}, first=False)["maxInactiveRevisions"] is None


def test_a_secret_keeps_its_name_and_loses_its_value() -> None:
    settled = settled_configuration({"secrets": [{"name": "k", "value": "canary"}]}, first=True)
    assert settled["secrets"] == [{"name": "k"}]


@pytest.mark.parametrize(
    ("written", "answered"), [("1.0Gi", "1Gi"), ("0.1Gi", "0.1Gi"), ("512Mi", "0.5Gi"), ("0.50Gi", "0.5Gi")]
)
def test_memory_is_answered_in_gibibytes_as_it_was_meant(written: str, answered: str) -> None:
    container = QUICKSTART | {"resources": {"cpu": 0.5, "memory": written}}
    assert (
        settled_template({"containers": [container]}, on_gpu=False)["containers"][0]["resources"]["memory"] == answered
    )


def test_null_collections_are_left_out_of_a_container() -> None:
    container = settled_template({"containers": [QUICKSTART | {"env": [], "args": []}]}, on_gpu=False)["containers"][0]
    assert not {"env", "args", "command", "volumeMounts", "probes"} & set(container)

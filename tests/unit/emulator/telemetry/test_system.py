"""The journal in Azure's words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from aca_notebook.emulator.journal import events
from aca_notebook.emulator.telemetry.system import system_line

AT = datetime(2025, 5, 24, 17, 22, 29, 426901, tzinfo=UTC)
APP = {"at": AT, "app": "/subscriptions/s/resourcegroups/g/providers/microsoft.app/containerapps/scorer"}
REPLICA = {**APP, "revision": "scorer--1", "replica": "scorer--1-abc"}
CONTAINER = {**REPLICA, "container": "main"}


def test_a_line_has_the_recorded_members_in_the_recorded_form():
    line = system_line(events.ContainerStarted(**CONTAINER))

    assert line is not None
    assert line.record() == {
        "TimeStamp": "2025-05-24 17:22:29.4269010 +0000 UTC",
        "Type": "Normal",
        "ContainerAppName": "scorer",
        "RevisionName": "scorer--1",
        "ReplicaName": "scorer--1-abc",
        "Msg": "Started container 'main'",
        "Reason": "ContainerStarted",
        "EventSource": "ContainerAppController",
        "Count": 1,
    }


@pytest.mark.parametrize(
    ("event", "reason", "kind"),
    [
        (events.RevisionCreated(**APP, revision="r"), "RevisionCreation", "Normal"),
        (events.RevisionReady(**APP, revision="r"), "RevisionReady", "Normal"),
        (events.RevisionFailed(**APP, revision="r", reason="x", message="y"), "Error", "Warning"),
        (events.ReplicasScaled(**APP, before=0, after=1, reason="http"), "KEDAScaleTargetActivated", "Normal"),
        (events.ReplicasScaled(**APP, before=2, after=0, reason="idle"), "KEDAScaleTargetDeactivated", "Normal"),
        (events.ReplicasScaled(**APP, before=1, after=3, reason="http"), "SuccessfulRescale", "Normal"),
        (events.ReplicaAssigned(**REPLICA), "AssigningReplica", "Normal"),
        (events.ReplicaUnassigned(**REPLICA, reason="NoGpu", message="none free"), "AssigningReplica", "Warning"),
        (events.ImagePulled(**CONTAINER, image="i", seconds=2.2), "PulledImage", "Normal"),
        (events.ImagePullFailed(**CONTAINER, image="i", message="m"), "ImagePullBackOff", "Warning"),
        (events.ProbeFailed(**CONTAINER, probe="Liveness", message="m"), "ProbeFailed", "Warning"),
        (events.ContainerExited(**CONTAINER, exit_code=0, reason="Completed"), "ContainerTerminated", "Normal"),
        (events.ContainerExited(**CONTAINER, exit_code=137, reason="OOMKilled"), "ContainerTerminated", "Warning"),
        (events.AppExpired(**APP, until="2025-05-24T17:00:00Z"), "AppExpired", "Warning"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, events.Event) else str(value),
)
def test_each_event_has_azures_reason_and_type(event, reason, kind):
    line = system_line(event)

    assert line is not None
    assert (line.reason, line.type) == (reason, kind)


def test_what_azure_says_nothing_about_has_no_line():
    assert system_line(events.ContainerReady(**CONTAINER)) is None

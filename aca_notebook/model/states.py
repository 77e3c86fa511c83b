"""The states Azure Container Apps reports: six vocabularies that sound alike and are not the same.

Values are Azure's own spelling. They arrive as open strings (the portal shows some the SDK does not list), so read
them with `known`, which keeps what it does not know as text.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

S = TypeVar("S", bound=StrEnum)


class ProvisioningState(StrEnum):
    """What the last write to a resource has come to (recorded: app_e2e, env_e2e, app_failed_registry_msi)."""

    WAITING = "Waiting"
    IN_PROGRESS = "InProgress"
    UPDATING = "Updating"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELED = "Canceled"
    DELETING = "Deleting"
    SCHEDULED_FOR_DELETE = "ScheduledForDelete"

    @property
    def terminal(self) -> bool:
        """Whether nothing more happens without another write."""
        return self in {
            ProvisioningState.SUCCEEDED,
            ProvisioningState.FAILED,
            ProvisioningState.CANCELED,
        }


class OperationStatus(StrEnum):
    """What a long-running operation's status URL answers."""

    IN_PROGRESS = "InProgress"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELED = "Canceled"


class RunningStatus(StrEnum):
    """Whether an app is meant to run: `properties.runningStatus`."""

    PROGRESSING = "Progressing"
    RUNNING = "Running"
    STOPPED = "Stopped"
    SUSPENDED = "Suspended"
    READY = "Ready"


class RevisionProvisioningState(StrEnum):
    """What has become of making a revision."""

    PROVISIONING = "Provisioning"
    PROVISIONED = "Provisioned"
    FAILED = "Failed"
    DEPROVISIONING = "Deprovisioning"
    DEPROVISIONED = "Deprovisioned"


class RevisionHealthState(StrEnum):
    """Whether a revision's replicas pass their probes."""

    HEALTHY = "Healthy"
    UNHEALTHY = "Unhealthy"
    NONE = "None"


class RevisionRunningState(StrEnum):
    """What a revision's replicas are doing."""

    RUNNING = "Running"
    PROCESSING = "Processing"
    STOPPED = "Stopped"
    DEGRADED = "Degraded"
    FAILED = "Failed"
    UNKNOWN = "Unknown"
    ACTIVATING = "Activating"
    ACTIVATION_FAILED = "ActivationFailed"
    SCALED_TO_ZERO = "ScaledToZero"
    RUNNING_AT_MAX_SCALE = "RunningAtMaxScale"
    DEPROVISIONING = "Deprovisioning"


class ReplicaRunningState(StrEnum):
    """What one replica is doing."""

    RUNNING = "Running"
    NOT_RUNNING = "NotRunning"
    UNKNOWN = "Unknown"


class ContainerRunningState(StrEnum):
    """What one container of a replica is doing."""

    RUNNING = "Running"
    WAITING = "Waiting"
    TERMINATED = "Terminated"


class ExecutionStatus(StrEnum):
    """What a job's execution has come to."""

    RUNNING = "Running"
    PROCESSING = "Processing"
    STOPPED = "Stopped"
    DEGRADED = "Degraded"
    FAILED = "Failed"
    UNKNOWN = "Unknown"
    SUCCEEDED = "Succeeded"

    @property
    def terminal(self) -> bool:
        """Whether nothing more happens."""
        return self in {ExecutionStatus.STOPPED, ExecutionStatus.FAILED, ExecutionStatus.SUCCEEDED}


class BuildStatus(StrEnum):
    """What a registry build run has come to."""

    QUEUED = "Queued"
    STARTED = "Started"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELED = "Canceled"
    ERROR = "Error"
    TIMEOUT = "Timeout"

    @property
    def terminal(self) -> bool:
        """Whether the run has ended."""
        return self not in {BuildStatus.QUEUED, BuildStatus.STARTED, BuildStatus.RUNNING}


def known(states: type[S], text: str | None) -> S | str:
    """Return the member spelt `text` in any case, or the text itself when Azure says something new."""
    folded = (text or "").lower()
    return next((state for state in states if state.value.lower() == folded), text or "")

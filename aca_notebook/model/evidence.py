"""What is known of an app at one moment, and how its logs are read; `model.trouble` and `model.diagnosis` judge it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aca_notebook.model.app import AppState
    from aca_notebook.model.log import LogLine
    from aca_notebook.model.revision import ContainerState, ReplicaState, RevisionState

_SHOWN = 6
#: The platform's word for a program that ended (facts §8.3).
EXITED = "ContainerTerminated"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of an app at one moment.

    `revisions` oldest first; `replicas` are the latest revision's; `system` and `console` the last lines, oldest first;
    `import_error` is the runner's own account of a cell that could not be imported; `deployment_errors` Azure's words
    of the last write that failed.
    """

    app: AppState
    revisions: tuple[RevisionState, ...] = ()
    replicas: tuple[ReplicaState, ...] = ()
    system: tuple[LogLine, ...] = ()
    console: tuple[LogLine, ...] = ()
    import_error: str = ""
    deployment_errors: str = ""

    @property
    def latest(self) -> RevisionState | None:
        """The newest revision."""
        name = self.app.latest_revision
        return next((each for each in reversed(self.revisions) if each.name == name), None)

    @property
    def containers(self) -> tuple[ContainerState, ...]:
        """Those of the latest revision's replicas."""
        return tuple(container for replica in self.replicas for container in replica.containers)

    @property
    def serves_instead(self) -> str:
        """That an older revision serves; empty when none does."""
        older = self.app.latest_ready_revision
        return f"{older} keeps serving" if older and older != self.app.latest_revision else ""


def last_line(lines: tuple[LogLine, ...], *reasons: str) -> LogLine | None:
    """Return the last line of the system log that has one of these reasons."""
    return next((line for line in reversed(lines) if line.reason in reasons), None)


def exit_code(known: Evidence) -> int | None:
    """Return the last exit code that the system log names."""
    line = last_line(known.system, EXITED)
    _, marked, rest = line.text.partition("exit code '") if line else ("", "", "")
    digits = rest.partition("'")[0]
    return int(digits) if marked and digits.lstrip("-").isdigit() else None


def last_exit(known: Evidence) -> str:
    """Return what the platform said when a program last ended."""
    line = last_line(known.system, EXITED)
    return line.text if line else ""


def shown_lines(*logs: tuple[LogLine, ...]) -> tuple[str, ...]:
    """Return the ends of logs as lines to show."""
    return tuple(str(line) for log in logs for line in log[-_SHOWN:])

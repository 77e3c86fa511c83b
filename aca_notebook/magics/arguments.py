"""What each sub-command parses into: one frozen value a sub-command, checked once, at the edge."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal


@dataclass(frozen=True, slots=True)
class Target:
    """Where the following commands go; an empty `target` only shows the present one."""

    target: str = ""
    resource_group: str = ""
    environment: str = ""
    location: str = ""
    subscription: str = ""
    registry: str = ""
    pace: str = ""


@dataclass(frozen=True, slots=True)
class Deploy:
    """What to make of a cell. Zero and empty mean the default, which the plan shows."""

    name: str
    gpu: str = ""
    min_replicas: int = 0
    max_replicas: int = 0
    concurrency: int = 10
    cpu: float = 0.0
    memory: str = ""
    entry: str = ""
    pip: tuple[str, ...] = ()
    requirements: str = ""
    env_vars: dict[str, str] = field(default_factory=dict)
    public: bool = False
    keep: bool = False
    ttl: str = "8h"
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Plan(Deploy):
    """The same as `Deploy`: a plan is a deployment that is only looked at."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A command that takes nothing: `ps`, `gpu`, `prices`, `limits`."""


@dataclass(frozen=True, slots=True)
class OneApp:
    """A command about one app: `show`, `curl`, `open`, `start`, `stop`."""

    name: str


@dataclass(frozen=True, slots=True)
class Down:
    """The apps to delete; `all` means every one of this target."""

    names: tuple[str, ...] = ()
    all: bool = False


@dataclass(frozen=True, slots=True)
class Logs:
    """Which lines of an app's log to fetch or to follow."""

    name: str
    tail: int = 50
    follow: bool = False
    type: Literal["console", "system"] = "console"
    revision: str = ""
    replica: str = ""
    call: str = ""
    since: timedelta | None = None
    level: str = ""
    grep: str = ""
    output: str = ""


@dataclass(frozen=True, slots=True)
class Invoke:
    """A call: `values` are JSON or `name=JSON`; `function` empty means the entry."""

    name: str
    values: tuple[str, ...] = ()
    function: str = ""
    json: str = ""


@dataclass(frozen=True, slots=True)
class Metrics:
    """What an app did over the past `since`, in buckets of `interval`, or of what suits the span."""

    name: str
    since: timedelta = timedelta(hours=1)
    interval: timedelta | None = None
    plot: bool = False


@dataclass(frozen=True, slots=True)
class Cost:
    """What an app, or with no name all of them, cost over the past `since`."""

    name: str = ""
    since: timedelta = timedelta(hours=24)
    plot: bool = False


@dataclass(frozen=True, slots=True)
class Top:
    """What all apps did over the past `since`."""

    since: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Query:
    """What to ask the history of logs: `text` is KQL or the name of a question, empty with `list`.

    `output` is the variable that gets the table.
    """

    text: str = ""
    app: str = ""
    since: timedelta | None = None
    output: str = ""
    list: bool = False


@dataclass(frozen=True, slots=True)
class Revision:
    """What to do with an app's revisions; `revision` empty only when listing."""

    action: str
    name: str
    revision: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """What to do with the faults in force; `kind` and `parameters` only for a new one, `id` empty for all."""

    action: str
    kind: str = ""
    parameters: tuple[str, ...] = ()
    id: str = ""


Arguments = Target | Deploy | Plan | Listing | OneApp | Down | Logs | Invoke | Metrics | Cost | Revision | Fault

"""What the browser and the server extension say to each other: each value once, typed.

`labextension/src/protocol.ts` is made from this module (`python -m aca_notebook.server.typescript`); a stale one fails
the tests. Names are camelCase on the wire. Moments are ISO 8601 texts in UTC, money is US dollars.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

#: Goes up when a page of another version could misread an answer; both halves show it in the self-test.
PROTOCOL = 1

Standing = Literal["ready", "asleep", "busy", "stopped", "broken"]
AppAction = Literal[
    "stop", "start", "restart", "scale", "down", "promote", "activate", "deactivate", "keep",
]  # fmt: skip
LogName = Literal["console", "system"]
Connection = Literal["off", "connecting", "on"]


class Value(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What travels."""


class Asked(msgspec.Struct, frozen=True, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """What the browser sends; a field that there is not is refused."""


class Problem(Value, frozen=True):
    """An error as its three lines: what happened, what the platform said, what to do next."""

    message: str
    code: str = ""
    detail: str = ""
    hint: str = ""


class Halves(Value, frozen=True):
    """What the server half is, for the self-test: the other half compares it with itself."""

    protocol: int
    package: str
    python: str
    problem: Problem | None = None


class Target(Value, frozen=True):
    """Where the panel looks. With `connection` `off` nothing has been asked: looking must not start what spends."""

    name: str
    connection: Connection
    choices: tuple[str, ...]
    subscription: str = ""
    resource_group: str = ""
    environment: str = ""
    location: str = ""
    charges: bool = False
    notice: str = ""


class TargetChoice(Asked, frozen=True):
    """Look there; `connect` also starts what is not running on this machine, and signs in."""

    name: str
    connect: bool = True


class Status(Value, frozen=True):
    """One line for the status bar, and what the guard on closing needs: `paid` are apps that cost something now.

    `hourlyUsd` is what runs now costs an hour, `todayUsd` since midnight UTC; null while unknown.
    """

    target: Target
    apps: int = 0
    replicas: int = 0
    gpus: int = 0
    gpu_note: str = ""
    hourly_usd: float | None = None
    today_usd: float | None = None
    paid: tuple[str, ...] = ()
    problem: Problem | None = None


class App(Value, frozen=True):
    """One app of the tree. `dot` is the colour, `state` the word beside it; `hourlyUsd` is one replica's hour.

    `cell`, `notebook` and `digest` say which cell it was deployed from (the revision's tags).
    """

    name: str
    environment: str
    dot: Standing
    state: str
    settled: bool = True
    replicas: int | None = None
    min_replicas: int = 0
    max_replicas: int = 0
    gpu: str = ""
    gpus: int = 0
    gpu_note: str = ""
    idle_note: str = ""
    hourly_usd: float | None = None
    url: str = ""
    link: str = ""
    public: bool = False
    functions: tuple[str, ...] = ()
    revision: str = ""
    ready_revision: str = ""
    owner: str = ""
    notebook: str = ""
    cell: str = ""
    digest: str = ""
    expires_at: str | None = None
    modified_at: str | None = None


class Revision(Value, frozen=True):
    """One revision of an app, newest first in a list."""

    name: str
    active: bool
    latest: bool
    traffic_percent: int = 0
    replicas: int = 0
    health: str = ""
    state: str = ""
    created_at: str | None = None


class Revisions(Value, frozen=True):
    """What an app's node opens to."""

    app: str
    revisions: tuple[Revision, ...]


class Session(Value, frozen=True):
    """One session that lives."""

    identifier: str
    pool: str
    backend: str = ""
    gpu: str = ""
    isolation: str = ""
    created_at: str | None = None
    expires_at: str | None = None


class Pool(Value, frozen=True):
    """One session pool."""

    name: str
    container_type: str
    state: str = ""
    ready_sessions: int = 0
    max_sessions: int = 0
    isolation: str = ""
    sessions: tuple[Session, ...] = ()


class Environment(Value, frozen=True):
    """One environment and its apps."""

    name: str
    location: str = ""
    apps: tuple[App, ...] = ()


class Tree(Value, frozen=True):
    """All that the panel shows. An answer has an ETag: what has not changed is not sent again."""

    target: Target
    environments: tuple[Environment, ...] = ()
    pools: tuple[Pool, ...] = ()
    agents: tuple[Session, ...] = ()
    notes: tuple[str, ...] = ()
    problem: Problem | None = None


class Action(Asked, frozen=True):
    """Do something with an app. The browser asks the person first where it deletes or spends."""

    action: AppAction
    revision: str = ""
    min_replicas: int | None = None
    max_replicas: int | None = None


class Done(Value, frozen=True):
    """What came of an action, in a sentence."""

    message: str


class CallingCode(Value, frozen=True):
    """Lines of Python that call an app; they hold no key."""

    code: str


class LogsAsked(Asked, frozen=True):
    """Which lines: those from a position on, of a log that begins with its last `tail` lines."""

    from_: int | None = msgspec.field(default=None, name="from")
    source: LogName = "console"
    tail: Annotated[int, msgspec.Meta(ge=0, le=300)] = 200


class MetricsAsked(Asked, frozen=True):
    """How far back."""

    minutes: Annotated[int, msgspec.Meta(ge=1, le=1440)] = 30


class LogLine(Value, frozen=True):
    """One line of a log."""

    text: str
    at: str | None = None
    source: str = "console"
    level: str = ""
    revision: str = ""
    replica: str = ""
    reason: str = ""


class LogPage(Value, frozen=True):
    """Lines from a position on. Ask again from `next`; `missed` came and went in between. `ended` is for good.

    With `begun` these are the log's last lines, whatever position was asked for: they stand for all that is shown.
    """

    lines: tuple[LogLine, ...]
    next: int
    begun: bool = False
    missed: int = 0
    ended: bool = False
    problem: Problem | None = None


class Series(Value, frozen=True):
    """One measured quantity; a value a moment, null where nobody measured."""

    name: str
    label: str
    unit: str
    values: tuple[float | None, ...]


class Metrics(Value, frozen=True):
    """What an app used and answered: `at` are the starts of buckets, in milliseconds since 1970."""

    app: str
    at: tuple[float, ...]
    series: tuple[Series, ...]
    bucket_seconds: float = 60.0
    note: str = ""


class LinkAsked(Asked, frozen=True):
    """`here` says that the browser runs on the server's own machine, and reaches what listens there."""

    here: bool = False


class LinkToAsked(Asked, frozen=True):
    """An address on the server's own machine, as a card shows it."""

    address: str


class Link(Value, frozen=True):
    """Where an app's page is: an address, or a path of this server where only the server can reach the app."""

    url: str


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One address below `<base url>/aca-notebook/`; `{app}` stands for a name."""

    name: str
    method: Literal["GET", "PUT", "POST", "DELETE"]
    path: str
    answer: type[Value]
    body: type[Asked] | None = None
    query: type[Asked] | None = None
    doc: str = ""


ROUTES = (
    Route(name="halves", method="GET", path="halves", answer=Halves, doc="The self-test's question; asks nobody."),
    Route(name="status", method="GET", path="status", answer=Status, doc="The status bar's line."),
    Route(name="tree", method="GET", path="tree", answer=Tree, doc="The panel's tree."),
    Route(name="target", method="GET", path="target", answer=Target, doc="Where the panel looks."),
    Route(name="chooseTarget", method="PUT", path="target", answer=Target, body=TargetChoice, doc="Look elsewhere."),
    Route(name="revisions", method="GET", path="apps/{app}/revisions", answer=Revisions, doc="An app's revisions."),
    Route(name="act", method="POST", path="apps/{app}/actions", answer=Done, body=Action, doc="Change an app."),
    Route(name="callingCode", method="GET", path="apps/{app}/code", answer=CallingCode, doc="What dragging inserts."),
    Route(
        name="logs", method="GET", path="apps/{app}/logs", answer=LogPage, query=LogsAsked,
        doc="Lines of an app's log; `source` is `console` or `system`. The server follows while somebody asks.",
    ),
    Route(
        name="metrics", method="GET", path="apps/{app}/metrics", answer=Metrics, query=MetricsAsked,
        doc="What an app used and answered in the past minutes.",
    ),
    Route(
        name="link", method="GET", path="apps/{app}/link", answer=Link, query=LinkAsked,
        doc="Where a click on an app leads; good for a minute.",
    ),
    Route(
        name="linkTo", method="GET", path="link", answer=Link, query=LinkToAsked,
        doc="Where a card's link leads that only the server's machine reaches.",
    ),
    Route(
        name="endSession", method="DELETE", path="pools/{pool}/sessions/{session}", answer=Done, doc="End a session."
    ),
)  # fmt: skip

"""Deploying, calling and ending apps."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from aca_notebook.magics import readers
from aca_notebook.magics.grammar import BY_SHOWING, Command, Option
from aca_notebook.magics.subcommands.hosting import HOSTING, HostingFlags
from aca_notebook.magics.subcommands.shared import NAME, Listing, OneApp
from aca_notebook.model import gpu, quantities


@dataclass(frozen=True, slots=True)
class Deploy(HostingFlags):
    """What to make of a cell, or of a finished image. Zero and empty mean the default, which the plan shows."""

    name: str
    gpu: str = ""
    min_replicas: int = 0
    max_replicas: int = 0
    concurrency: int = 10
    cooldown: float = 300.0
    cpu: float = 0.0
    memory: str = ""
    entry: str = ""
    pip: tuple[str, ...] = ()
    requirements: str = ""
    secret: dict[str, str] = field(default_factory=dict)
    public: bool = False
    traces: bool = False
    keep: bool = False
    keep_failed: bool = False
    ttl: str = "8h"
    call_seconds: float = 1.0
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Plan(Deploy):
    """The same as `Deploy`: a plan is a deployment that is only looked at. Without a name, of what the target lacks."""

    name: str = ""


@dataclass(frozen=True, slots=True)
class Down:
    """The apps to delete; `all` means every one of mine on this target, and what a set-up of mine made for them.

    `yes` is consent given before it is asked for.
    """

    names: tuple[str, ...] = ()
    all: bool = False
    yes: bool = False


@dataclass(frozen=True, slots=True)
class Invoke:
    """A call: `values` are JSON or `name=JSON`; `function` empty means the entry."""

    name: str
    values: tuple[str, ...] = ()
    function: str = ""
    json: str = ""


_NEW_NAME = Option(
    ("name",), "the app to make or change: lower-case letters, digits and single hyphens, at most 32", completes="app"
)

#: What a deployment, a plan of one and a judgement of one may be told.
DEPLOY = (
    _NEW_NAME,
    Option(("--gpu",), "the GPU of each replica; none without it", read=readers.gpu_model, values=tuple(gpu.GPU_NAMES)),
    Option(("--min-replicas",), "replicas kept when idle; 0 sleeps for free", read=readers.count, metavar="N"),
    Option(
        ("--max-replicas",), "the most replicas at once (default 10, with a GPU 1)", read=readers.positive, metavar="N"
    ),
    Option(("--concurrency",), "requests one replica takes before another starts", read=readers.positive, metavar="N"),
    Option(
        ("--cooldown",),
        "how long the last replica waits for another request (default 5m)",
        read=readers.cooldown,
        metavar="SPAN",
    ),
    Option(("--cpu",), "cores of a replica", read=quantities.parse_cpu, metavar="CORES"),
    Option(("--memory",), "memory of a replica, such as 1Gi", read=readers.memory, metavar="SIZE"),
    Option(("--entry",), "the function served at / (default: the last one)", completes="function", metavar="FUNCTION"),
    Option(("--pip",), "packages to add or to pin, such as polars==1.9", repeats=True, metavar="PACKAGE"),
    Option(("--requirements",), "a requirements file to use", completes="file", metavar="FILE"),
    Option(
        ("--env-vars",),
        "settings of the app; NAME=secretref:SECRET reads a secret",
        read=readers.pair,
        repeats=True,
        metavar="NAME=VALUE",
    ),
    Option(
        ("--secret",),
        "variables that get a secret's value: %aca secret set",
        read=readers.pair,
        repeats=True,
        metavar="VARIABLE=SECRET",
        completes="secret-pair",
    ),
    Option(("--public",), "answer without a key", read=None),
    Option(("--traces",), "trace each call to Application Insights: %aca trace shows where its time went", read=None),
    Option(("--ttl",), "when it expires (default 8h)", read=readers.span_text, metavar="SPAN"),
    Option(("--keep",), "never expire", read=None),
    Option(("--keep-failed",), "leave a revision that fails as it is, to be looked at; it may cost", read=None),
    Option(("--call-seconds",), "how long a call takes, for its price (default 1)", read=readers.seconds, metavar="N"),
    *HOSTING,
)


COMMANDS = (
    Command(
        "deploy", "Make the functions and classes of a cell an HTTPS app that scales from zero.", Deploy,
        (*DEPLOY, Option(("--dry-run",), "show the plan and do nothing", read=None)),
        ("%%aca deploy scorer", "%%aca deploy scorer --gpu T4 --max-replicas 3",
         "%aca deploy web --image mcr.microsoft.com/k8se/quickstart:latest --public --target-port 80"),
        "az containerapp up --name NAME --source . --ingress external --target-port 8000", cell=True,
    ),
    Command(
        "plan", "Show what a deployment would ship, where it would run and what it would cost an hour; "
        "without a name, what the target lacks.", Plan,
        (replace(_NEW_NAME, optional=True), *DEPLOY[1:]),
        ("%%aca plan scorer", "%%aca plan scorer --gpu A100", "%aca plan  # what `%aca setup` would make"),
        BY_SHOWING, cell=True,
    ),
    Command(
        "ps", "List the apps of this target: state, replicas, GPU, expiry, price an hour.", Listing, (),
        ("%aca ps", "table = %aca ps", "%aca ps  # then table.frame"), "az containerapp list -o table",
    ),
    Command(
        "show", "Return one app: its card, its address, its functions.", OneApp, (NAME,),
        ("%aca show scorer", "scorer = %aca show scorer", "%aca show $name"), "az containerapp show --name NAME",
    ),
    Command(
        "invoke", "Call an app and return its answer.", Invoke,
        (
            NAME,
            Option(("values",), "arguments: JSON, or parameter=JSON", repeats=True, optional=True, metavar="VALUE"),
            Option(("--function",), "which of its functions (default: the entry)", completes="function",
                   metavar="FUNCTION"),
            Option(("--json",), "all parameters as one JSON object", metavar="OBJECT"),
        ),
        ("%aca invoke scorer 9.0", "%aca invoke scorer x=9.0", """%aca invoke scorer --json '{"x": 9.0}'"""),
    ),
    Command(
        "curl", "Return a shell command that calls the app; it fetches the key itself.", OneApp, (NAME,),
        ("%aca curl scorer", "line = %aca curl scorer", "%aca curl $name"),
    ),
    Command(
        "open", "Open the app's documentation page in a browser, by a link that is valid for a minute.",
        OneApp, (NAME,), ("%aca open scorer", "%aca open $name", "link = %aca open scorer"),
        "az containerapp browse --name NAME",
    ),
    Command(
        "start", "Let a stopped app serve again.", OneApp, (NAME,),
        ("%aca start scorer", "%aca start $name", "app = %aca start scorer"), "az containerapp start --name NAME",
    ),
    Command(
        "stop", "Stop an app without deleting it.", OneApp, (NAME,),
        ("%aca stop scorer", "%aca stop $name", "app = %aca stop scorer"), "az containerapp stop --name NAME",
    ),
    Command(
        "down", "Delete apps; returns when they are gone.", Down,
        (
            Option(("names",), "the apps", repeats=True, optional=True, completes="app", metavar="NAME"),
            Option(("--all",), "every app that I deployed on this target, and what I made for them, but for what "
                   "others use", read=None),
            Option(("--yes",), "do not ask, as --all does where it is charged and before what a set-up made goes",
                   read=None),
        ),
        ("%aca down scorer", "%aca down scorer ranker", "%aca down --all"), "az containerapp delete --name NAME --yes",
    ),
)  # fmt: skip

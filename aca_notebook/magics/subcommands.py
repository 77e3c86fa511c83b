"""The sub-commands: Azure's nouns and flags as in `az containerapp`, each with three examples."""

from __future__ import annotations

import re
from datetime import timedelta

from aca_notebook.magics import arguments
from aca_notebook.magics.grammar import Command, Grammar, Option
from aca_notebook.model import gpu, quantities
from aca_notebook.model.fault_names import FAULT_NAMES
from aca_notebook.model.log_filter import LEVELS

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def read_duration(text: str) -> timedelta:
    """Return the span written `90s`, `30m`, `8h` or `2d`.

    Raises `ValueError` for anything else, zero included.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text.strip().lower())
    if match is None or not float(match[1]):
        raise ValueError(f"{text!r} is not a span of time; write it like 90s, 30m, 8h or 2d")
    return timedelta(**{_UNITS[match[2]]: float(match[1])})


def _span_text(text: str) -> str:
    read_duration(text)
    return text.strip().lower()


def _gpu(text: str) -> str:
    return gpu.gpu_profile_type(text).gpu_model


def _memory(text: str) -> str:
    quantities.parse_memory(text)
    return text


def _count(text: str) -> int:
    if not text.isdigit():
        raise ValueError(f"{text!r} is not a whole number of at least 0")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdigit() or not int(text):
        raise ValueError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def _variable(text: str) -> str:
    if not text.isidentifier():
        raise ValueError(f"{text!r} cannot be a variable's name")
    return text


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(f"{text!r} is not NAME=VALUE")
    return name, value


def _pace(text: str) -> str:
    try:
        good = text in {"instant", "realistic"} or 0 <= float(text) < float("inf")
    except ValueError:
        good = False
    if not good:
        raise ValueError(f"{text!r} is no pace; write instant, realistic or a factor such as 0.5")
    return text


def _faults() -> str:
    from aca_notebook.model.fault import fault_table  # for those who ask

    return "what can go wrong:\n" + fault_table()


_NAME = Option(("name",), "the app", completes="app")
_NEW_NAME = Option(
    ("name",), "the app to make or change: lower-case letters, digits and single hyphens, at most 32", completes="app"
)
_PLOT = Option(("--plot",), "return a chart instead of a table", read=None)

_DEPLOY = (
    _NEW_NAME,
    Option(("--gpu",), "the GPU of each replica; none without it", read=_gpu, values=tuple(gpu.GPU_NAMES)),
    Option(("--min-replicas",), "replicas kept when idle; 0 sleeps for free", read=_count, metavar="N"),
    Option(("--max-replicas",), "the most replicas at once (default 10, with a GPU 1)", read=_positive, metavar="N"),
    Option(("--concurrency",), "requests one replica takes before another starts", read=_positive, metavar="N"),
    Option(("--cpu",), "cores of a replica", read=quantities.parse_cpu, metavar="CORES"),
    Option(("--memory",), "memory of a replica, such as 1Gi", read=_memory, metavar="SIZE"),
    Option(("--entry",), "the function served at / (default: the last one)", completes="function", metavar="FUNCTION"),
    Option(("--pip",), "packages to add or to pin, such as polars==1.9", repeats=True, metavar="PACKAGE"),
    Option(("--requirements",), "a requirements file to use", completes="file", metavar="FILE"),
    Option(("--env-vars",), "settings of the app, never secrets", read=_pair, repeats=True, metavar="NAME=VALUE"),
    Option(("--public",), "answer without a key", read=None),
    Option(("--ttl",), "when it expires (default 8h)", read=_span_text, metavar="SPAN"),
    Option(("--keep",), "never expire", read=None),
)

GRAMMAR = Grammar((
    Command(
        "target", "Show or choose where the following commands go: this machine or Azure.", arguments.Target,
        (
            Option(("target",), "local or azure", values=("local", "azure"), optional=True),
            Option(("--resource-group", "-g"), "the resource group", metavar="GROUP"),
            Option(("--environment",), "the Container Apps environment", metavar="NAME"),
            Option(("--location", "-l"), "the region", metavar="REGION"),
            Option(("--registry",), "the container registry that builds and keeps images", metavar="NAME"),
            Option(("--subscription",), "the subscription's id", metavar="ID"),
            Option(("--pace",), "how fast the local one is: instant, realistic, or a factor", read=_pace,
                   metavar="PACE"),
        ),
        ("%aca target local", "%aca target", "%aca target azure -g research --environment gpu-env"),
        "az account set --subscription ID; az configure --defaults group=GROUP",
    ),
    Command(
        "deploy", "Make the functions and classes of a cell an HTTPS app that scales from zero.", arguments.Deploy,
        (*_DEPLOY, Option(("--dry-run",), "show the plan and do nothing", read=None)),
        ("%%aca deploy scorer", "%%aca deploy scorer --gpu T4 --max-replicas 3",
         "%%aca deploy scorer --cpu 1 --memory 2Gi --pip polars==1.9 --ttl 2h"),
        "az containerapp up --name NAME --source . --ingress external --target-port 8000", cell=True,
    ),
    Command(
        "plan", "Show what a deployment would ship, where it would run and what it would cost an hour.", arguments.Plan,
        _DEPLOY,
        ("%%aca plan scorer", "%%aca plan scorer --gpu A100", "%aca plan scorer"), cell=True,
    ),
    Command(
        "ps", "List the apps of this target: state, replicas, GPU, expiry, price an hour.", arguments.Listing, (),
        ("%aca ps", "table = %aca ps", "%aca ps  # then table.frame"), "az containerapp list -o table",
    ),
    Command(
        "show", "Return one app: its card, its address, its functions.", arguments.OneApp, (_NAME,),
        ("%aca show scorer", "scorer = %aca show scorer", "%aca show $name"), "az containerapp show --name NAME",
    ),
    Command(
        "logs", "Return what an app wrote.", arguments.Logs,
        (
            _NAME,
            Option(("--tail",), "how many of the last lines (default 50)", read=_positive, metavar="N"),
            Option(("--follow", "-f"), "keep reading as lines come", read=None),
            Option(("--type",), "what the app wrote, or what the platform did", values=("console", "system")),
            Option(("--since",), "how far back, within the last 300 lines", read=read_duration, metavar="SPAN"),
            Option(("--level",), "the least level to show", values=tuple(LEVELS)),
            Option(("--grep",), "a regular expression that lines match, in any case", metavar="PATTERN"),
            Option(("--call",), "the id of a call", metavar="ID"),
            Option(("--revision",), "a revision's name or its suffix (default: the latest)", metavar="NAME"),
            Option(("--replica",), "one replica alone", metavar="NAME"),
            Option(("--output", "-o"), "the variable that gets the lines as a DataFrame", read=_variable,
                   metavar="NAME"),
        ),
        ("%aca logs scorer --tail 20", "%aca logs scorer --follow --level warning",
         "%aca logs scorer --type system --since 10m"),
        "az containerapp logs show --name NAME --tail 20 --follow",
    ),
    Command(
        "top", "List what each app does just now: replicas, CPU, memory, GPU, requests, failures.", arguments.Top,
        (Option(("--since",), "how far back (default 5m)", read=read_duration, metavar="SPAN"),),
        ("%aca top", "%aca top --since 30m", "table = %aca top  # then table.frame"),
        "az monitor metrics list --resource ID --metrics Requests Replicas UsageNanoCores",
    ),
    Command(
        "query", "Ask the history of logs, in KQL or by the name of a question; returns a DataFrame.", arguments.Query,
        (
            Option(("text",), "KQL in quotes, or a name that --list shows; in a cell, the KQL stands below",
                   optional=True, completes="query", metavar="KQL"),
            Option(("--app",), "the app a named question is about (default: all)", completes="app", metavar="NAME"),
            Option(("--since",), "how far back (default: all there is)", read=read_duration, metavar="SPAN"),
            Option(("--output", "-o"), "the variable that gets the table", read=_variable, metavar="NAME"),
            Option(("--list",), "list the named questions", read=None),
        ),
        ("%aca query errors --app scorer --since 1h", "%aca query --list",
         """frame = %aca query "ContainerAppConsoleLogs_CL | where Log_s has 'timeout' | take 20\""""),
        "az monitor log-analytics query --workspace GUID --analytics-query KQL", cell=True,
    ),
    Command(
        "invoke", "Call an app and return its answer.", arguments.Invoke,
        (
            _NAME,
            Option(("values",), "arguments: JSON, or parameter=JSON", repeats=True, optional=True, metavar="VALUE"),
            Option(("--function",), "which of its functions (default: the entry)", completes="function",
                   metavar="FUNCTION"),
            Option(("--json",), "all parameters as one JSON object", metavar="OBJECT"),
        ),
        ("%aca invoke scorer 9.0", "%aca invoke scorer x=9.0", """%aca invoke scorer --json '{"x": 9.0}'"""),
    ),
    Command(
        "curl", "Return a shell command that calls the app; it fetches the key itself.", arguments.OneApp, (_NAME,),
        ("%aca curl scorer", "line = %aca curl scorer", "%aca curl $name"),
    ),
    Command(
        "open", "Open the app's documentation page in a browser, by a link that is valid for a minute.",
        arguments.OneApp, (_NAME,), ("%aca open scorer", "%aca open $name", "link = %aca open scorer"),
        "az containerapp browse --name NAME",
    ),
    Command(
        "metrics", "Return what an app used and answered as a DataFrame, or as a chart.", arguments.Metrics,
        (
            _NAME,
            Option(("--since",), "how far back (default 1h)", read=read_duration, metavar="SPAN"),
            Option(("--interval",), "the width of a bucket (default: as suits the span)",
                   read=read_duration, metavar="SPAN"),
            _PLOT,
        ),
        ("%aca metrics scorer", "%aca metrics scorer --since 3h --plot", "frame = %aca metrics scorer --since 30m"),
        "az monitor metrics list --resource ID --metrics Requests Replicas UsageNanoCores",
    ),
    Command(
        "cost", "Return an estimate of what an app cost, hour by hour, as a DataFrame or as a chart.", arguments.Cost,
        (
            Option(("name",), "the app; all of them without it", completes="app", optional=True),
            Option(("--since",), "how far back (default 24h)", read=read_duration, metavar="SPAN"),
            _PLOT,
        ),
        ("%aca cost scorer", "%aca cost --since 7d", "%aca cost scorer --plot"), "az costmanagement query …",
    ),
    Command(
        "revision list", "List an app's revisions with their traffic, replicas and health.", arguments.Revision,
        (_NAME,), ("%aca revision list scorer", "table = %aca revision list scorer", "%aca revision list $name"),
        "az containerapp revision list --name NAME --all", fixed={"action": "list"},
    ),
    *(
        Command(
            f"revision {action}", summary, arguments.Revision,
            (_NAME, Option(("revision",), "the revision's name or its suffix")),
            (f"%aca revision {action} scorer scorer--0000001", f"%aca revision {action} scorer 0000001",
             f"%aca revision {action} $name $revision"),
            f"az containerapp revision {action} --name NAME --revision REVISION", fixed={"action": action},
        )
        for action, summary in (
            ("activate", "Let a revision run and take traffic again."),
            ("deactivate", "Stop a revision; it stays in the list."),
            ("restart", "Replace every replica of a revision."),
        )
    ),
    Command(
        "start", "Let a stopped app serve again.", arguments.OneApp, (_NAME,),
        ("%aca start scorer", "%aca start $name", "app = %aca start scorer"), "az containerapp start --name NAME",
    ),
    Command(
        "stop", "Stop an app without deleting it.", arguments.OneApp, (_NAME,),
        ("%aca stop scorer", "%aca stop $name", "app = %aca stop scorer"), "az containerapp stop --name NAME",
    ),
    Command(
        "down", "Delete apps; returns when they are gone.", arguments.Down,
        (
            Option(("names",), "the apps", repeats=True, optional=True, completes="app", metavar="NAME"),
            Option(("--all",), "every app that I deployed on this target", read=None),
        ),
        ("%aca down scorer", "%aca down scorer ranker", "%aca down --all"), "az containerapp delete --name NAME --yes",
    ),
    Command(
        "fault list", "List the faults that the local target has in force.", arguments.Fault, (),
        ("%aca fault list", "table = %aca fault list", "%aca fault list  # how often each has struck"),
        fixed={"action": "list"},
    ),
    Command(
        "fault add", "Let something of Azure's go wrong on the local target, to rehearse a bad day.", arguments.Fault,
        (
            Option(("kind",), "what goes wrong; the table below has all", values=FAULT_NAMES, metavar="KIND"),
            Option(("parameters",), "how, where and how often", repeats=True, optional=True, completes="fault",
                   metavar="NAME=VALUE"),
        ),
        ("%aca fault add throttle retry_after=5 on=PUT containerApps/scorer count=3",
         "%aca fault add stuck-gpu for=10m", "%aca fault add outage status=503 rate=0.3"),
        fixed={"action": "add"}, notes=_faults,
    ),
    Command(
        "fault clear", "End one fault, or all of them, and list those that are left.", arguments.Fault,
        (Option(("id",), "which, as the list has it; all without it", optional=True),),
        ("%aca fault clear", "%aca fault clear 2", "%aca fault clear  # all is well again"), fixed={"action": "clear"},
    ),
    Command(
        "gpu", "List the GPUs that Container Apps offers: memory, cores, price an hour.", arguments.Listing, (),
        ("%aca gpu", "table = %aca gpu", "%aca gpu  # before --gpu"),
        "az containerapp env workload-profile list-supported --location REGION",
    ),
    Command(
        "prices", "List the prices that estimates use, each with its region, date and source.", arguments.Listing, (),
        ("%aca prices", "table = %aca prices", "%aca prices  # the figures behind %aca cost"),
    ),
    Command(
        "limits", "List the platform's limits that a notebook meets.", arguments.Listing, (),
        ("%aca limits", "table = %aca limits", "%aca limits  # before a long call"),
    ),
))  # fmt: skip

"""What a deployment would do, decided from values alone: nothing is sent and nothing spent here."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from aca_notebook.api.placing import placed
from aca_notebook.errors import NameRefused, UsageFailed
from aca_notebook.model import hosting_rules
from aca_notebook.model.deploy import DeployPlan, Shipped
from aca_notebook.model.hosting import Hosting, described
from aca_notebook.model.meter import REQUESTS
from aca_notebook.model.price import ReplicaSize, hourly_cost, price_list
from aca_notebook.model.quantities import GIB, format_memory, parse_memory

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from aca_notebook.azure.target import Target
    from aca_notebook.model.app import AppState
    from aca_notebook.model.gpu import WorkloadProfileType
    from aca_notebook.model.rate import PriceList

_NAME = re.compile(r"(?!.*--)[a-z]([-a-z0-9]{0,30}[a-z0-9])\Z")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d|w)")
_LONGEST = timedelta(days=3650)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True)
class DeployOptions:
    """What a person asked for. Zero and empty mean our default, which the plan shows.

    `cpu` is cores, `memory` as Azure writes it (`1Gi`), `ttl` like `8h` or `2d`; `cell` and `notebook` are where the
    code came from. `secrets` are variables by the names of the secrets whose values they get. `gpu_count` is how many
    GPUs of that kind a replica has; 0 leaves it to the profile. `hosting` is the rest, in the words of az.
    """

    gpu: str = ""
    min_replicas: int = 0
    max_replicas: int = 0
    cpu: float = 0.0
    memory: str = ""
    concurrency: int = 10
    cooldown_seconds: float = 300.0
    call_seconds: float = 1.0
    entry: str = ""
    public: bool = False
    traces: bool = False
    keep: bool = False
    keep_failed: bool = False
    ttl: str = "8h"
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    cell: str = ""
    notebook: str = ""
    gpu_count: int = 0
    hosting: Hosting = field(default_factory=Hosting)

    @property
    def secret_names(self) -> tuple[str, ...]:
        """Every secret that the app reads: as a variable, or by its scale rule."""
        return tuple(dict.fromkeys((*self.secrets.values(), *self.hosting.secret_names)))


@dataclass(frozen=True, slots=True)
class BundleFacts:
    """What packaging made of the cell."""

    digest: str
    python: str
    entry: str
    functions: tuple[str, ...]
    ships: tuple[Shipped, ...] = ()
    warnings: tuple[str, ...] = ()
    example: str = ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is there already: the environment's profiles by name, the app if it exists, the time, the prices."""

    profiles: Mapping[str, WorkloadProfileType]
    current: AppState | None
    now: datetime
    prices: PriceList | None = None


def is_name(name: object) -> bool:
    """Tell whether an app may have this name (facts §13.1)."""
    return isinstance(name, str) and 2 <= len(name) <= 32 and _NAME.match(name) is not None


def check_name(name: str) -> None:
    """Raise `NameRefused` for a name Azure would refuse, with one it would take."""
    if is_name(name):
        return
    nearest = re.sub(r"-{2,}", "-", re.sub(r"[^a-z0-9-]", "-", name.lower())).strip("-")[:32].rstrip("-")
    nearest = nearest if _NAME.match(nearest) else f"app-{nearest}".rstrip("-")[:32]
    raise NameRefused(
        f"Azure would refuse the name {name!r}",
        code="ContainerAppInvalidName",
        detail="2 to 32 lower case letters, digits and single dashes, from a letter to a letter or digit",
        hint=f"call it {nearest!r}",
    )


def parse_duration(text: str) -> timedelta:
    """Read `90s`, `30m`, `8h`, `2d`, `1h30m`. Raises `UsageFailed` for anything else, zero and ten years too."""
    pieces = _DURATION.findall(text.strip())
    if not pieces or _DURATION.sub("", text).strip():
        raise UsageFailed(f"{text!r} is no duration", code="InvalidDuration", hint="write it like 30m, 8h or 2d")
    try:
        length = sum((timedelta(**{_UNITS[unit]: float(number)}) for number, unit in pieces), timedelta())
    except OverflowError:
        length = timedelta.max
    if length > _LONGEST:
        raise UsageFailed(
            f"{text!r} is longer than {_LONGEST.days} days", code="InvalidDuration",
            hint="keep the app without an end: --keep, or keep=True",
        )  # fmt: skip
    if not length:
        raise UsageFailed("a duration must not be zero", code="InvalidDuration", hint="write it like 30m or 8h")
    return length


def plan_deployment(
    app: str, bundle: BundleFacts, options: DeployOptions, target: Target, around: Surroundings
) -> DeployPlan:  # fmt: skip
    """Decide everything a deployment does.

    Raises `NameRefused`, and `UsageFailed` for a GPU, size or scale that cannot be.
    """
    check_name(app)
    check_hosting(options)
    place = placed(options.gpu, options.gpu_count, options.hosting, around.profiles)
    profile, name, missing = place.profile, place.name, place.added
    size = _size(options, profile)
    maximum = _replicas(options, profile)
    prices = around.prices or price_list(target.location)
    plan = DeployPlan(
        app=app,
        target=target.name,
        resource_group=target.resource_group,
        environment=target.environment,
        location=target.location,
        digest=bundle.digest,
        python=bundle.python,
        entry=bundle.entry,
        functions=bundle.functions,
        ships=bundle.ships,
        workload_profile=name,
        gpu=size.gpu,
        gpus=size.gpus,
        cpu_cores=size.cpu_cores,
        memory_bytes=size.memory_bytes,
        min_replicas=options.min_replicas,
        max_replicas=maximum,
        cooldown_seconds=options.cooldown_seconds,
        concurrency=options.concurrency,
        public=options.public,
        traces=f"{target.environment}-traces" if options.traces else "",
        expires_at=None if options.keep else around.now + parse_duration(options.ttl),
        expiry_enforced=target.enforces_expiry,
        hourly_active_usd=hourly_cost(size, prices),
        hourly_idle_usd=hourly_cost(size, prices, idle=not size.gpu),
        price_region=prices.region,
        price_source=prices.source,
        price_as_of=prices.as_of,
        call_seconds=_call_seconds(options),
        request_usd=prices.price(REQUESTS) or 0.0,
        charges=target.charges,
        updates=around.current is not None,
        adds_workload_profile=missing,
        warnings=(*bundle.warnings, *_said_of_traces(options, target), *place.notes, *_became(options)),
        hosting=described(options.hosting),
    )
    return replace(plan, unchanged=_is_running(around.current, plan, options))


def check_hosting(options: DeployOptions) -> None:
    """Raise `UsageFailed` for what cannot be together, before anything is asked of the platform."""
    found = hosting_rules.problem(options.hosting, public=options.public, minimum=options.min_replicas)
    if found is not None:
        raise UsageFailed(found.message, code=found.code, detail=found.detail, hint=found.hint)


def settings_digest(plan: DeployPlan, options: DeployOptions) -> str:
    """Name how the bundle is run, so that a deployment that changes nothing can be told from one that does.

    Of secrets the names alone are in it.
    """
    secrets = [dict(options.secrets)] if options.secrets else []
    hosting = [asdict(options.hosting)] if options.hosting != Hosting() else []
    said = (
        plan.workload_profile, plan.cpu_cores, plan.memory_bytes, plan.min_replicas, plan.max_replicas,
        plan.cooldown_seconds, plan.concurrency, plan.public, dict(options.env),
        *([plan.traces] if plan.traces else ()), *secrets, *hosting,
    )  # fmt: skip
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def _is_running(current: AppState | None, plan: DeployPlan, options: DeployOptions) -> bool:
    """Whether the app already runs this bundle this way, and well."""
    if current is None or current.provisioning_state != "Succeeded" or current.running_status == "Stopped":
        return False
    same_code = current.tags.digest == plan.digest and current.tags.functions[:1] == plan.functions[:1]
    return same_code and current.tags.settings == settings_digest(plan, options)


def _became(options: DeployOptions) -> tuple[str, ...]:
    """What of the asked cannot take effect, or takes another than people expect."""
    hosting = options.hosting
    notes = []
    if hosting.exposed_port and hosting.transport != "tcp":
        notes.append(f"--exposed-port {hosting.exposed_port} is for --transport tcp alone, so it is left out, as by az")
    if hosting.scale_rule and hosting.scale_rule.type not in {"http", "tcp"} and not options.min_replicas:
        rule = hosting.scale_rule
        notes.append(f"the {rule.type} rule takes the place of requests: a call alone starts no replica from zero")
    return tuple(notes)


def _said_of_traces(options: DeployOptions, target: Target) -> tuple[str, ...]:
    if not options.traces:
        return ()
    component = f"{target.environment}-traces"
    return (f"traces go to {component!r} of Application Insights, which bills what it takes in by the gigabyte",)


def _size(options: DeployOptions, profile: WorkloadProfileType) -> ReplicaSize:
    """A whole serverless GPU machine (that is what is paid for), or half a core; memory follows cores one to two."""
    if profile.gpus:
        cores, memory = float(options.cpu or profile.cores), profile.memory_gib * GIB
    else:
        cores = options.cpu or 0.5
        memory = int(cores * 2 * GIB)
    try:
        memory = parse_memory(options.memory) if options.memory else memory
    except ValueError as bad:
        raise UsageFailed(str(bad), code="InvalidMemory", hint="write it like --memory 1Gi") from bad
    if not 0 < cores <= profile.cores or memory > profile.memory_gib * GIB:
        raise UsageFailed(
            f"a replica on {profile.name} has at most {profile.cores} cores and {profile.memory_gib} GiB",
            code="ContainerAppInvalidResourceTotal",
            detail=f"asked for {cores:g} cores and {format_memory(memory)}",
            hint="ask for less with --cpu and --memory",
        )
    return ReplicaSize(cores, memory, profile.gpu_model, profile.gpus)


def _call_seconds(options: DeployOptions) -> float:
    if not 0 < options.call_seconds < float("inf"):
        raise UsageFailed(
            f"a call cannot take {options.call_seconds:g} seconds", code="InvalidDuration",
            hint="write it like --call-seconds 0.5",
        )  # fmt: skip
    return options.call_seconds


def _replicas(options: DeployOptions, profile: WorkloadProfileType) -> int:
    """The most replicas there may be; unless asked for, one with a GPU and Azure's ten without."""
    maximum = options.max_replicas or max(options.min_replicas, 1 if profile.gpus else 10)
    if not 0 <= options.min_replicas <= maximum <= 1000:
        raise UsageFailed(
            f"replicas from {options.min_replicas} to {maximum} cannot be", code="InvalidScale",
            detail="0 ≤ min ≤ max ≤ 1000", hint="change --min-replicas or --max-replicas",
        )  # fmt: skip
    return maximum

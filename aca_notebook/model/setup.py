"""What a target lacks before anything can be deployed to it: decided from what is there, and from that alone.

The subscription is the record, there is no file: the plan of what a plan has made is empty, and after an interrupt, a
kill or a failure the plan is what is left. Shapes and states: facts §2, §11, §14 (recorded: up_foundry_model_e2e,
registry_identity_system, gpu_dedicated_env_and_app, env_logs_e2e).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from aca_notebook.model import checkup, meter
from aca_notebook.model.checkup import GPU_QUOTAS
from aca_notebook.model.deploy import PhaseState
from aca_notebook.model.gpu import CONSUMPTION, WorkloadProfileType, profile_name
from aca_notebook.model.price import ReplicaSize, hourly_cost, node_hour_usage
from aca_notebook.model.quantities import GIB

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aca_notebook.model.rate import PriceList

#: List prices outside Container Apps, in dollars (documented: the price pages of Container Registry and of Azure
#: Monitor, East US). Container Registry Basic is charged by the day, logs by the gigabyte that comes in.
REGISTRY_BASIC_A_DAY_USD = 0.1666
LOGS_A_GIGABYTE_USD = 2.30
#: What a subscription must have registered: what a deployment needs, and who makes identities.
PROVIDERS = (*checkup.PROVIDERS, "Microsoft.ManagedIdentity")
#: What a resource group is called that nobody has named, and the environment in it.
GROUP_NAME = "aca-notebook"
_FREE = "free"


class Part(StrEnum):
    """What a target is made of, in the order in which it is made."""

    PROVIDER = "provider"
    GROUP = "resource group"
    WORKSPACE = "log workspace"
    REGISTRY = "registry"
    IDENTITY = "identity"
    PULL = "AcrPull"
    ENVIRONMENT = "environment"
    PROFILE = "workload profile"
    POOL = "session pool"
    SESSIONS = "session role"


#: Parts of one stage do not wait for each other. The role comes as early as it can: it takes minutes to be in effect,
#: and so does the environment to be made.
STAGES: tuple[tuple[Part, ...], ...] = (
    (Part.PROVIDER,), (Part.GROUP,), (Part.WORKSPACE, Part.REGISTRY, Part.IDENTITY), (Part.PULL, Part.ENVIRONMENT),
    (Part.PROFILE,), (Part.POOL,), (Part.SESSIONS,),
)  # fmt: skip


class Act(StrEnum):
    """What is done about a part."""

    REGISTER = "register"
    CREATE = "create"
    WAIT = "wait for"
    REPLACE = "replace"
    CHANGE = "change"
    ASSIGN = "assign"


class Puller(StrEnum):
    """Who pulls images: an identity of its own, or that of an environment which has one already."""

    USER = "user"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Profile:
    """A workload profile; `nodes` are the least and the most of a dedicated one, which a serverless one has not."""

    type: WorkloadProfileType
    nodes: tuple[int, int] | None = None

    @property
    def name(self) -> str:
        """What the environment calls it."""
        return profile_name(self.type)

    def document(self) -> dict[str, object]:
        """Write it: counts on a serverless profile are refused (facts §2.4)."""
        counts = {} if self.nodes is None else {"minimumCount": self.nodes[0], "maximumCount": self.nodes[1]}
        return {"name": self.name, "workloadProfileType": self.type.name, **counts}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What there shall be. `pool` is empty when no session pool is asked for.

    `environment_group` is where the environment lies, and who pulls for it; empty for the group of all the rest.
    """

    subscription_id: str
    resource_group: str
    location: str
    environment: str
    registry: str
    profiles: tuple[Profile, ...] = ()
    pool: str = ""
    environment_group: str = ""

    @property
    def workspace(self) -> str:
        """The Log Analytics workspace beside the environment: 4 to 63 characters."""
        return f"{self.environment[:58]}-logs"

    @property
    def identity(self) -> str:
        """The user-assigned identity that pulls images."""
        return f"{self.environment}-pull"


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that is there: its provisioning state, and whether a set-up of ours has made it."""

    state: str = "Succeeded"
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What is there. `profiles` are the types of the environment's, None in one of the kind that can have none.

    `puller` is who pulls for this environment, None while nobody is named. `pullers` are those of the two that may.
    `registry_taken` is why the registry's name cannot be had. `offered` are the profile types of the region, None when
    nobody asked; `usages` are what is used of each quota and its limit.
    """

    providers: Mapping[str, str]
    group: Thing | None = None
    workspace: Thing | None = None
    registry: Thing | None = None
    identity: Thing | None = None
    environment: Thing | None = None
    pool: Thing | None = None
    keeps_logs: bool = False
    profiles: frozenset[str] | None = frozenset()
    puller: Puller | None = None
    pullers: frozenset[Puller] = frozenset()
    opens_sessions: bool = False
    registry_taken: str = ""
    offered: frozenset[str] | None = None
    usages: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, why, and what it costs from then on: in words, and an hour when nothing runs.

    `hourly_usd` is None when that is more than nothing and not known.
    """

    part: Part
    name: str
    act: Act
    why: str
    price: str = _FREE
    hourly_usd: float | None = 0.0


@dataclass(frozen=True, slots=True)
class SetUpPlan:
    """The steps in order, what there is already, and what stands in the way: with `blocked` nothing is done."""

    wanted: Wanted
    target: str
    steps: tuple[Step, ...] = ()
    present: tuple[str, ...] = ()
    blocked: str = ""
    puller: Puller = Puller.USER
    price_region: str = ""
    charges: bool = True

    @property
    def hourly_usd(self) -> float:
        """What the steps cost an hour from then on, with nothing running, as far as that is known."""
        return sum(step.hourly_usd or 0.0 for step in self.steps)

    @property
    def priced(self) -> bool:
        """Whether all of it is known."""
        return all(step.hourly_usd is not None for step in self.steps)


def default_registry(subscription_id: str, resource_group: str) -> str:
    """Return a registry's name that is the same each time and nobody else's: names are unique in all of Azure."""
    digest = hashlib.sha256(f"{subscription_id}/{resource_group}".lower().encode()).hexdigest()
    return f"aca{digest[:14]}"


def plan_setup(found: Found, wanted: Wanted, prices: PriceList, *, target: str, charges: bool = True) -> SetUpPlan:
    """Decide what has to be done for `wanted` to be there, and nothing else."""
    steps = tuple(_steps(found, wanted, prices))
    ordered = tuple(step for stage in STAGES for part in stage for step in steps if step.part is part)
    busy = {step.part for step in ordered}
    present = tuple(
        f"{part} {name}"
        for part, name, thing in (
            (Part.GROUP, wanted.resource_group, found.group), (Part.WORKSPACE, wanted.workspace, found.workspace),
            (Part.REGISTRY, wanted.registry, found.registry), (Part.IDENTITY, wanted.identity, found.identity),
            (Part.ENVIRONMENT, wanted.environment, found.environment), (Part.POOL, wanted.pool, found.pool),
        )
        if thing is not None and part not in busy
    )  # fmt: skip
    return SetUpPlan(
        wanted, target, ordered, present, _blocked(found, wanted), who_pulls(found), prices.region, charges
    )


def who_pulls(found: Found) -> Puller:
    """Return who pulls, or shall: an identity of its own, which outlives the environment, unless one is in use."""
    return found.puller or Puller.USER


def _blocked(found: Found, wanted: Wanted) -> str:
    """What only a person can decide: to delete something that is not ours, or to take another name."""
    for part, name, thing in (
        (Part.ENVIRONMENT, wanted.environment, found.environment), (Part.REGISTRY, wanted.registry, found.registry),
        (Part.WORKSPACE, wanted.workspace, found.workspace), (Part.IDENTITY, wanted.identity, found.identity),
        (Part.POOL, wanted.pool, found.pool if wanted.pool else None),
    ):  # fmt: skip
        if thing is not None and _failed(thing) and not thing.ours:
            return f"the {part} {name!r} failed when it was made, and is not of our making: delete it, or name another"
    if found.environment is not None and found.profiles is None and wanted.profiles:
        return f"the environment {wanted.environment!r} has no workload profiles and can never have a GPU: name another"
    if found.registry is None and found.registry_taken:
        return f"the registry cannot be called {wanted.registry!r}: {found.registry_taken}"
    return _crowded(found, wanted)


def _crowded(found: Found, wanted: Wanted) -> str:
    """What the region does not sell, or the subscription may have no more of."""
    missing = [each for each in wanted.profiles if each.type.name not in (found.profiles or ())]
    for profile in missing:
        if found.offered is not None and profile.type.name not in found.offered:
            return f"{wanted.location} does not offer {profile.type.name}: another region may (-l REGION)"
        used, limit = found.usages.get(GPU_QUOTAS.get(profile.type.name, ""), (0.0, 1.0))
        if used >= limit:
            said = f"the quota of {wanted.location} for {profile.type.gpu_model} is {limit:.0f}, {used:.0f} in use"
            return f"{said}: another region may have some (-l REGION), or ask for more"
    used, limit = found.usages.get("ManagedEnvironmentCount", (0.0, 1.0))
    if found.environment is None and used >= limit:
        said = f"{wanted.location} has {used:.0f} environments, and {limit:.0f} are the most"
        return f"{said}: use one of them, or another region (-l REGION)"
    return ""


def _steps(found: Found, wanted: Wanted, prices: PriceList) -> Iterator[Step]:
    yield from _providers(found)
    if found.group is None or _leaving(found.group):
        yield Step(Part.GROUP, wanted.resource_group, Act.CREATE, "holds all that follows")
    needs_workspace = found.environment is None or _replaced(found.environment)
    if needs_workspace or found.workspace is not None:
        yield from _resource(
            Part.WORKSPACE, wanted.workspace, found.workspace, "keeps logs and system events: %aca query, %aca why",
            f"${LOGS_A_GIGABYTE_USD:.2f} for each gigabyte it takes in; 5 GB a month are free",
        )  # fmt: skip
    yield from _resource(
        Part.REGISTRY, wanted.registry, found.registry, "builds and keeps the images",
        f"${REGISTRY_BASIC_A_DAY_USD * 30:.2f} a month (Basic)", REGISTRY_BASIC_A_DAY_USD / 24,
    )  # fmt: skip
    yield from _pulling(found, wanted)
    yield from _environment(found, wanted)
    yield from _profiles(found, wanted, prices)
    if wanted.pool:
        yield from _resource(
            Part.POOL, wanted.pool, found.pool, "runs cells in sandboxes: %%aca session", _session_price(prices)
        )
    if not found.opens_sessions or (wanted.pool and _replaced(found.pool)):
        where = wanted.pool or wanted.resource_group
        yield Step(Part.SESSIONS, where, Act.ASSIGN, "lets you run code in sessions: Session Executor")


def _providers(found: Found) -> Iterator[Step]:
    for namespace in PROVIDERS:
        state = found.providers.get(namespace, "").lower()
        if state != "registered":
            act = Act.WAIT if state == "registering" else Act.REGISTER
            yield Step(Part.PROVIDER, namespace, act, "this subscription does not use it yet; about a minute")


def _pulling(found: Found, wanted: Wanted) -> Iterator[Step]:
    puller = who_pulls(found)
    if puller is Puller.USER:
        yield from _resource(
            Part.IDENTITY, wanted.identity, found.identity, "pulls images for your apps, with no password", _FREE
        )
    stale = puller is Puller.USER and _replaced(found.identity)
    if puller not in found.pullers or stale or _replaced(found.registry):
        why = "lets that identity pull" if puller is Puller.USER else "lets the environment's identity pull"
        yield Step(Part.PULL, wanted.registry, Act.ASSIGN, f"{why}; up to 10 minutes until it is in effect")


def _environment(found: Found, wanted: Wanted) -> Iterator[Step]:
    why = "where apps run; two to ten minutes"
    made = tuple(_resource(Part.ENVIRONMENT, wanted.environment, found.environment, why, "nothing while nothing runs"))
    yield from made
    unnamed = found.environment is not None and found.puller is None
    if unnamed and (not made or made[0].act is Act.WAIT):
        yield Step(Part.ENVIRONMENT, wanted.environment, Act.CHANGE, "is told which identity pulls its images")


def _profiles(found: Found, wanted: Wanted, prices: PriceList) -> Iterator[Step]:
    renewed = found.environment is None or _replaced(found.environment)
    present = frozenset() if renewed else found.profiles or frozenset()
    dedicated = False
    for profile in wanted.profiles:
        if profile.type.name in present or profile.type is CONSUMPTION:
            continue
        what = f"{profile.type.gpus} × {profile.type.gpu_model}" if profile.type.gpus else f"{profile.type.cores} vCPU"
        price, hourly = _profile_price(profile, prices, first=not dedicated)
        dedicated = dedicated or profile.nodes is not None
        yield Step(Part.PROFILE, profile.name, Act.CREATE, f"{what} ({profile.type.name})", price, hourly)


def _profile_price(profile: Profile, prices: PriceList, *, first: bool) -> tuple[str, float | None]:
    """What a profile costs; the `first` dedicated one brings the plan's own fee with it."""
    if profile.nodes is None:
        size = ReplicaSize(profile.type.cores, profile.type.memory_gib * GIB, profile.type.gpu_model, profile.type.gpus)
        return f"${hourly_cost(size, prices):.2f} an hour of a replica; nothing without one", 0.0
    known = [prices.price(each) for each in (*node_hour_usage(profile.type), meter.PLAN_MANAGEMENT)]
    counts = f"{profile.nodes[0]} to {profile.nodes[1]} nodes"
    if any(price is None for price in known):
        return f"{counts}, charged whether or not anything runs, at a price we do not know", None
    node = sum((prices.price(each) or 0.0) * count for each, count in node_hour_usage(profile.type).items())
    fee = (prices.price(meter.PLAN_MANAGEMENT) or 0.0) if first else 0.0
    said = f"${node:.2f} an hour of a node, {counts}" + (f", and ${fee:.2f} an hour for the plan" if fee else "")
    return f"{said}, whether or not anything runs", node * profile.nodes[0] + fee


def _session_price(prices: PriceList) -> str:
    price = prices.price(meter.SESSIONS)
    return "by the session-hour; nothing without sessions" if price is None else f"${price:.2f} a session-hour"


def _resource(
    part: Part, name: str, thing: Thing | None, why: str, price: str, hourly_usd: float = 0.0
) -> Iterator[Step]:  # fmt: skip
    """Decide about one resource: made when it is not there, waited for, or replaced when its making failed."""
    if thing is None:
        yield Step(part, name, Act.CREATE, why, price, hourly_usd)
    elif _failed(thing) or _leaving(thing):
        again = "its making failed; made anew" if _failed(thing) else "is being deleted; made anew"
        yield Step(part, name, Act.REPLACE, again, price, hourly_usd)
    elif not _settled(thing):
        yield Step(part, name, Act.WAIT, f"is being made: {thing.state}", price, hourly_usd)


def _replaced(thing: Thing | None) -> bool:
    """Whether what hangs on it has to be made anew as well."""
    return thing is not None and (_failed(thing) or _leaving(thing))


def _settled(thing: Thing) -> bool:
    return thing.state.lower() in {"succeeded", ""}


def _failed(thing: Thing) -> bool:
    return thing.state.lower() in {"failed", "canceled"}


def _leaving(thing: Thing) -> bool:
    return thing.state.lower().startswith(("delet", "scheduledfordelete"))


@dataclass(frozen=True, slots=True)
class StepProgress:
    """How far one step is."""

    step: Step
    state: PhaseState = PhaseState.PENDING
    seconds: float = 0.0
    note: str = ""


@dataclass(frozen=True, slots=True)
class SetUpProgress:
    """How far a set-up is; `error` holds the lines of what ended it, `settles_seconds` what roles may still take."""

    plan: SetUpPlan
    steps: tuple[StepProgress, ...]
    seconds: float = 0.0
    finished: bool = False
    error: tuple[str, ...] = ()
    settles_seconds: float = 0.0

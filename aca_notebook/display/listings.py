"""What lists look like: apps, revisions, GPUs, prices, limits."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from aca_notebook.display import amounts, cards, theme
from aca_notebook.display.costs import NOT_BILLED
from aca_notebook.display.tables import Cell, Table
from aca_notebook.model import gpu
from aca_notebook.model.named_query import NAMED_QUERIES
from aca_notebook.model.price import ReplicaSize, hourly_cost, price_list

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_notebook.model.app import AppState
    from aca_notebook.model.fault import FaultInForce
    from aca_notebook.model.lifecycle import Garbage
    from aca_notebook.model.revision import RevisionState
    from aca_notebook.model.secret import SecretState
    from aca_notebook.model.template_changes import Change
    from aca_notebook.model.traffic import Share
    from aca_notebook.model.usage import AppUsage

#: What a notebook meets of the platform's limits (facts §3, §6, §10); each with what to do about it.
_LIMITS = (
    ("app name", "32 characters", "lower-case letters, digits, single hyphens; starts with a letter"),
    ("one request", "240 seconds", "of silence, then the ingress cuts it; longer work belongs in a job"),
    ("consumption replica", "4 vCPU, 8 GiB", "memory is twice the cores; more needs a dedicated profile"),
    ("T4 replica", "8 vCPU, 56 GiB, 1 GPU", "16 GiB of GPU memory"),
    ("A100 replica", "24 vCPU, 220 GiB, 1 GPU", "80 GiB of GPU memory"),
    ("replicas", "1000 a revision", "the default maximum is 10"),
    ("revisions", "100 inactive kept", "the oldest are removed"),
    ("scale down", "300 seconds", "the window that the platform looks back on before it removes a replica"),
    ("captured data", "16 MiB", "more belongs in a volume; a plan warns over 256 KiB"),
)


def apps(states: Sequence[AppState], *, target: str = "") -> Table:
    """Return one row an app, with its state, replicas, GPU, price an hour and expiry."""
    rows = []
    for state in states:
        mark, tone = cards.standing(state)
        word = cards.status(state)
        rows.append((
            Cell(state.name), Cell(f"{mark} {word}", tone=tone),
            Cell("" if state.replicas is None else f"{state.replicas} of {state.max_replicas}", right=True),
            Cell(cards.gpu(state) or "–", tone=theme.WARN if state.gpu_note or state.idle_note else ""),
            Cell(amounts.dollars(cards.hourly(state)), right=True),
            Cell(amounts.moment(state.expires_at) if state.expires_at else "never"),
            Cell(state.url, theme.link(state.url) if state.url else ""),
        ))  # fmt: skip
    where = f" on {target}" if target else ""
    title = f"{amounts.plural(len(rows), 'app')}{where}" if rows else f"no apps{where}"
    note = _reservations(states) if rows else "start a cell with %%aca deploy NAME to make one"
    columns = ("name", "state", "replicas", "GPU", "$/h each", "expires", "url")
    return Table(title, columns, tuple(rows), note, tuple(_app_record(state) for state in states))


def _reservations(states: Sequence[AppState]) -> str:
    """Return what does not hold of what the rows say."""
    unkept = any(state.expires_at and not state.expiry_enforced for state in states)
    expiry = "expiry is not enforced there: take down yourself what you no longer need" if unkept else ""
    own = (f"{state.name}: {note}" for state in states for note in (state.idle_note, state.drift_note) if note)
    prices = "" if all(state.charges for state in states) else f"prices are what Azure would ask: {NOT_BILLED}"
    return "; ".join(filter(None, (*own, *dict.fromkeys(state.gpu_note for state in states), prices, expiry)))


def _app_record(state: AppState) -> dict[str, Any]:
    return {
        "name": state.name, "state": cards.status(state), "provisioning_state": state.provisioning_state,
        "running_status": state.running_status, "running_state": state.running_state, "replicas": state.replicas,
        "min_replicas": state.min_replicas, "max_replicas": state.max_replicas, "gpu": state.gpu,
        "gpu_note": state.gpu_note, "idle_note": state.idle_note, "drift_note": state.drift_note,
        "hourly_usd": cards.hourly(state), "created_at": state.created_at, "expires_at": state.expires_at,
        "url": state.url, "revision": state.latest_revision,
    }  # fmt: skip


def revisions(app: str, states: Sequence[RevisionState]) -> Table:
    """Return one row a revision, newest first as given."""
    rows = tuple(
        (
            Cell(state.name), Cell("active" if state.active else "inactive", tone="" if state.active else theme.FAINT),
            Cell(f"{state.traffic_percent} %", right=True), Cell(str(state.replicas), right=True),
            Cell(state.running_state, tone=theme.BAD if "Failed" in state.running_state else ""),
            Cell(state.health_state), Cell(amounts.moment(state.created_at) if state.created_at else ""),
        )
        for state in states
    )  # fmt: skip
    records = tuple(
        {
            "name": state.name, "active": state.active, "traffic_percent": state.traffic_percent,
            "replicas": state.replicas, "provisioning_state": state.provisioning_state,
            "running_state": state.running_state, "health_state": state.health_state,
            "created_at": state.created_at, "image": state.image,
        }
        for state in states
    )  # fmt: skip
    columns = ("revision", "", "traffic", "replicas", "running state", "health", "created")
    return Table(f"{app}: {amounts.plural(len(rows), 'revision')}", columns, rows, records=records)


def garbage(found: Sequence[Garbage], *, target: str, gone: bool) -> Table:
    """Return one row an app that may go, or that has gone."""
    rows = tuple(
        (Cell(each.app.name), Cell(each.why), Cell(each.app.tags.owner), Cell(each.app.tags.notebook)) for each in found
    )
    records = tuple({"name": each.app.name, "why": each.why, "expired": each.expired} for each in found)
    what = amounts.plural(len(rows), "app")
    if not rows:
        title, note = f"nothing to clear away on {target}", ""
    elif gone:
        title, note = f"{what} deleted on {target}", ""
    else:
        title, note = f"{what} on {target} may go", "%aca gc --expired --orphans deletes them"
    return Table(title, ("name", "why", "owner", "notebook"), rows, note, records)


def shares(app: str, found: Sequence[Share]) -> Table:
    """Return one row a revision that requests go to."""
    rows = tuple((Cell(each.revision), Cell(f"{each.percent} %", right=True), Cell(each.label)) for each in found)
    records = tuple({"revision": each.revision, "percent": each.percent, "label": each.label} for each in found)
    return Table(f"{app}: who gets the requests", ("revision", "share", "label"), rows, records=records)


def changes(app: str, found: Sequence[Change]) -> Table:
    """Return one row a value that differs between two revisions."""
    rows = tuple((Cell(each.where), Cell(_value(each.before)), Cell(_value(each.after))) for each in found)
    records = tuple({"where": each.where, "before": each.before, "after": each.after} for each in found)
    title = f"{app}: {amounts.plural(len(rows), 'difference')}" if rows else f"{app}: no difference"
    return Table(title, ("where", "before", "after"), rows, records=records)


def _value(value: object) -> str:
    return "–" if value is None else str(value)


def secrets(found: Sequence[SecretState], *, app: str, changed: bool) -> Table:
    """Return one row a secret of an app; `changed` adds what a change needs to be seen."""
    rows = tuple(
        (Cell(each.name), Cell(each.key_vault_url or "the app"), Cell(", ".join(each.read_by) or "–")) for each in found
    )
    records = tuple(
        {"name": each.name, "key_vault_url": each.key_vault_url, "read_by": list(each.read_by)} for each in found
    )
    note = f"what runs reads it after a restart: %aca revision restart {app} REVISION" if changed else ""
    return Table(f"{app}: {amounts.plural(len(rows), 'secret')}", ("name", "value in", "read by"), rows, note, records)


def kept_secrets(names: Sequence[str]) -> Table:
    """Return one row a secret that this kernel keeps for the deploys to come."""
    rows = tuple(
        (Cell(name), Cell(f"--secret {name.replace('-', '_').replace('.', '_').upper()}={name}")) for name in names
    )
    title = f"{amounts.plural(len(rows), 'secret')} kept in this kernel" if rows else "no secrets kept in this kernel"
    note = "gone with the kernel; a deploy takes them along" if rows else "%aca secret set NAME keeps one"
    return Table(title, ("name", "on a deploy"), rows, note, tuple({"name": name} for name in names))


def faults(in_force: Sequence[FaultInForce], *, target: str) -> Table:
    """Return one row a fault in force."""
    rows = tuple((Cell(each.id, right=True), Cell(each.fault), Cell(each.effect)) for each in in_force)
    records = tuple({"id": each.id, "fault": each.fault, "struck": each.struck} for each in in_force)
    title = (
        f"{amounts.plural(len(rows), 'fault')} in force on {target}" if rows else f"no faults on {target}: all is well"
    )
    note = "%aca fault clear ends them" if rows else "%aca fault add --help tells what can go wrong"
    return Table(title, ("id", "fault", "effect"), rows, note, records)


def gpus(location: str = "eastus") -> Table:
    """Return the GPUs that serverless profiles offer, with one replica's price an hour."""
    prices = price_list(location)
    rows, records = [], []
    for name, entry in gpu.GPU_NAMES.items():
        size = ReplicaSize(entry.cores, entry.memory_gib * 2**30, name, entry.gpus)
        known = prices.gpu_second(name) is not None
        rows.append((
            Cell(f"--gpu {name}"), Cell(f"{entry.gpu_memory_gib} GiB", right=True), Cell(str(entry.cores), right=True),
            Cell(f"{entry.memory_gib} GiB", right=True),
            Cell(amounts.dollars(hourly_cost(size, prices)) if known else "not known", right=True), Cell(entry.name),
        ))  # fmt: skip
        records.append({
            "gpu": name, "gpu_memory_gib": entry.gpu_memory_gib, "cpu_cores": entry.cores,
            "memory_gib": entry.memory_gib, "hourly_usd": hourly_cost(size, prices) if known else None,
            "workload_profile_type": entry.name,
        })  # fmt: skip
    columns = ("GPU", "its memory", "vCPU", "memory", "$/h", "workload profile")
    note = f"largest replica, list prices of {prices.region}, {prices.as_of}; nothing is charged at zero replicas"
    return Table("GPUs of Azure Container Apps", columns, tuple(rows), note, tuple(records))


def usage(found: Sequence[AppUsage], *, target: str, minutes: float) -> Table:
    """Return one row an app, with what it does; a bar shows who is busiest."""
    rows = tuple(
        (
            Cell(each.app), Cell(_number(each.replicas), right=True), Cell(_cores(each.cpu_cores), right=True),
            Cell("–" if each.memory_bytes is None else amounts.size(each.memory_bytes), right=True),
            Cell("–" if each.gpu_percent is None else f"{each.gpu_percent:.0f} %", right=True),
            Cell(f"{each.requests_per_minute:.3g}", right=True),
            Cell(f"{each.failed_per_minute:.3g}", right=True, tone=theme.BAD if each.failed_per_minute else ""),
            Cell("–" if each.response_seconds is None else amounts.brief(each.response_seconds), right=True),
            Cell(_number(each.restarts), right=True, tone=theme.WARN if each.restarts else ""),
        )
        for each in found
    )  # fmt: skip
    records = tuple(dataclasses.asdict(each) for each in found)
    columns = (
        "app", "replicas", "CPU", "memory", "GPU", "requests/min", "5xx/min", "response time", "restarts",
    )  # fmt: skip
    title = f"{amounts.plural(len(rows), 'app')} on {target}" if rows else f"no apps on {target}"
    note = f"the past {minutes:g} minutes; CPU and memory are a replica's, as Azure Monitor has them" if rows else ""
    return Table(title, columns, rows, note, records)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def _cores(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} cores"


def named_queries() -> Table:
    """Return the questions that have a name."""
    rows = tuple((Cell(each.name), Cell(each.question), Cell(f"%aca query {each.name}")) for each in NAMED_QUERIES)
    note = "--app NAME restricts one to an app, --since 1h to a time; its KQL is in .attrs['kql'] of the answer"
    return Table("Named queries", ("name", "question", "line"), rows, note)


def limits() -> Table:
    """Return the platform's limits that a notebook meets."""
    rows = tuple((Cell(what), Cell(limit), Cell(advice)) for what, limit, advice in _LIMITS)
    return Table("Limits that a notebook meets", ("what", "limit", "what to know"), rows)

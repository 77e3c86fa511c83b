"""What the panel shows of what the api reads: pure, from our values to the protocol's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.display import amounts, cards, theme
from aca_notebook.server import protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from aca_notebook.azure.target import Target
    from aca_notebook.errors import AcaError
    from aca_notebook.model.app import AppState
    from aca_notebook.model.log import LogLine
    from aca_notebook.model.revision import RevisionState
    from aca_notebook.model.session import SessionPoolState, SessionState

_DOTS: dict[str, protocol.Standing] = {
    theme.BAD: "broken", theme.WARN: "broken", theme.BUSY: "busy", theme.FAINT: "stopped", theme.GOOD: "ready",
}  # fmt: skip


def problem(failed: AcaError) -> protocol.Problem:
    """An error as its three lines."""
    _, said, hint = failed.lines()
    return protocol.Problem(message=failed.message, code=failed.code, detail=said, hint=hint)


def target(found: Target | None, name: str, choices: Sequence[str], connection: protocol.Connection) -> protocol.Target:
    """Where the panel looks; of a target that is not connected only the name is known."""
    if found is None:
        return protocol.Target(name=name, connection=connection, choices=tuple(choices))
    return protocol.Target(
        name=found.name, connection=connection, choices=tuple(choices), subscription=found.subscription_id,
        resource_group=found.resource_group, environment=found.environment, location=found.location,
        charges=found.charges, notice=found.notice,
    )  # fmt: skip


def app(state: AppState) -> protocol.App:
    """One app of the tree."""
    tags = state.tags
    return protocol.App(
        name=state.name, environment=state.environment, dot=_dot(state), state=_words(state), settled=state.settled,
        replicas=state.replicas, min_replicas=state.min_replicas, max_replicas=state.max_replicas, gpu=state.gpu,
        gpus=state.gpus, gpu_note=state.gpu_note, idle_note=state.idle_note, hourly_usd=state.hourly_usd,
        url=state.url, public=tags.public, functions=state.functions, revision=state.latest_revision,
        ready_revision=state.latest_ready_revision, owner=tags.owner, notebook=tags.notebook, cell=tags.cell,
        digest=tags.digest, expires_at=_moment(state.expires_at), modified_at=_moment(state.modified_at),
    )  # fmt: skip


def _asleep(state: AppState) -> bool:
    return state.running_state == "ScaledToZero"


def _dot(state: AppState) -> protocol.Standing:
    standing = _DOTS[cards.standing(state)[1]]
    return "asleep" if standing == "ready" and _asleep(state) else standing


def _words(state: AppState) -> str:
    return "at zero, starts with the next request" if _asleep(state) and state.settled else cards.status(state)


def environments(states: Sequence[AppState], home: Target) -> tuple[protocol.Environment, ...]:
    """Every environment that has an app, and the target's own, which comes first."""
    names = list(dict.fromkeys([home.environment, *(state.environment or home.environment for state in states)]))
    return tuple(
        protocol.Environment(
            name=name, location=home.location if name == home.environment else "",
            apps=tuple(app(state) for state in states if (state.environment or home.environment) == name),
        )
        for name in names
    )  # fmt: skip


def revisions(name: str, found: Sequence[RevisionState], latest: str) -> protocol.Revisions:
    """An app's revisions, newest first."""
    shown = tuple(
        protocol.Revision(
            name=each.name, active=each.active, latest=each.name == latest, traffic_percent=each.traffic_percent,
            replicas=each.replicas, health=each.health_state, state=each.running_state or each.provisioning_state,
            created_at=_moment(each.created_at),
        )
        for each in reversed(found)
    )  # fmt: skip
    return protocol.Revisions(app=name, revisions=shown)


def pools(found: Sequence[SessionPoolState], sessions: Sequence[SessionState]) -> tuple[protocol.Pool, ...]:
    """Session pools, and in each the sessions that live."""
    return tuple(
        protocol.Pool(
            name=pool.name, container_type=pool.container_type, state=pool.provisioning_state,
            ready_sessions=pool.ready_sessions, max_sessions=pool.max_sessions,
            isolation=pool.isolation.words if pool.isolation else "",
            sessions=tuple(session(each) for each in sessions if each.pool == pool.name),
        )
        for pool in found
    )  # fmt: skip


def agents(found: Sequence[SessionPoolState], sessions: Sequence[SessionState]) -> tuple[protocol.Session, ...]:
    """Sessions that are in no pool: those of our agents in container apps."""
    names = {pool.name for pool in found}
    return tuple(session(each) for each in sessions if each.pool not in names)


def session(state: SessionState) -> protocol.Session:
    """One session."""
    return protocol.Session(
        identifier=state.identifier, pool=state.pool, backend=state.backend.value, gpu=state.gpu,
        isolation=state.isolation.words if state.isolation else "", created_at=_moment(state.created_at),
        expires_at=_moment(state.expires_at),
    )  # fmt: skip


def notes(states: Sequence[AppState], *, charges: bool) -> tuple[str, ...]:
    """What does not hold of what the rows say, and what asks for attention."""
    said = [*(f"{state.name}: {state.idle_note}" for state in states if state.idle_note)]
    noted: dict[str, list[str]] = {}
    for state in states:
        if state.gpu_note:
            noted.setdefault(state.gpu_note, []).append(state.name)
    said += [f"{', '.join(names)}: {note}" for note, names in noted.items()]
    if states and not charges:
        said.append("prices are what Azure would ask; nobody is billed here")
    if any(state.expires_at and not state.expiry_enforced for state in states):
        said.append("expiry is not enforced there: take down yourself what you no longer need")
    return tuple(said)


def status(
    where: protocol.Target, states: Sequence[AppState], hourly: float | None, today: float | None
) -> protocol.Status:  # fmt: skip
    """One line for the status bar."""
    running = [state for state in states if state.replicas]
    return protocol.Status(
        target=where, apps=len(states), replicas=sum(state.replicas or 0 for state in running),
        gpus=sum((state.replicas or 0) * state.gpus for state in running if not state.gpu_note),
        gpu_note=next((state.gpu_note for state in running if state.gpu_note), ""),
        hourly_usd=None if hourly is None else round(hourly, 4), today_usd=None if today is None else round(today, 4),
        paid=tuple(state.name for state in running if state.hourly_usd),
    )  # fmt: skip


def log_line(line: LogLine) -> protocol.LogLine:
    """One line of a log."""
    return protocol.LogLine(
        text=line.text, at=_moment(line.at), source=line.source.value, level=line.level, revision=line.revision,
        replica=line.replica, reason=line.reason,
    )  # fmt: skip


def done(name: str, action: str, state: AppState | None) -> protocol.Done:
    """What came of an action."""
    if state is None:
        return protocol.Done(message=f"{name} is down")
    hourly = f", {amounts.dollars(state.hourly_usd)}/h a replica" if state.hourly_usd else ""
    said = {"stop": f"{name} is stopped", "start": f"{name} is started{hourly}", "keep": f"{name} does not expire"}
    return protocol.Done(message=said.get(action, f"{name}: {action} is done"))


def _moment(at: datetime | None) -> str | None:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None

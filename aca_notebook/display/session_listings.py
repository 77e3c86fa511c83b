"""What sessions, pools and the files of a session look like."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from aca_notebook.display import amounts, cards, theme
from aca_notebook.display.session_text import plain_text
from aca_notebook.display.tables import Cell, Table
from aca_notebook.model.session import ContainerType
from aca_notebook.model.session_price import pool_price

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_notebook.display.cards import Bundle
    from aca_notebook.model.session import Isolation, SessionFile, SessionPoolState, SessionState

_NOT_KNOWN = "not asked"


def files(found: Sequence[SessionFile], *, session: str) -> Table:
    """Return one row a file; names are the session's own."""
    rows = tuple(
        (
            Cell(plain_text(each.path) + ("/" if each.directory else "")),
            Cell("" if each.directory else amounts.size(each.size_bytes), right=True),
            Cell(amounts.moment(each.modified_at) if each.modified_at else ""),
        )
        for each in found
    )
    title = f"{amounts.plural(len(rows), 'file')} in session {session}" if rows else f"no files in session {session}"
    note = f"%aca session download {session} NAME" if rows else f"%aca session upload {session} FILE puts one there"
    return Table(title, ("file", "size", "modified"), rows, note, tuple(dataclasses.asdict(each) for each in found))


def sessions(found: Sequence[SessionState], *, target: str) -> Table:
    """Return one row a session that lives."""
    rows = tuple(
        (
            Cell(plain_text(each.name)), Cell(f"{each.backend} {each.pool}"),
            _isolation(each.isolation), Cell(each.gpu or "–"),
            Cell(amounts.moment(each.created_at) if each.created_at else ""),
            Cell(amounts.moment(each.last_accessed_at) if each.last_accessed_at else ""),
            Cell(amounts.moment(each.expires_at) if each.expires_at else ""),
        )
        for each in found
    )  # fmt: skip
    title = f"{amounts.plural(len(rows), 'session')} on {target}" if rows else f"no sessions on {target}"
    note = "" if rows else "start a cell with %%aca session NAME to make one"
    columns = ("session", "in", "isolation", "GPU", "since", "last used", "expires")
    return Table(title, columns, rows, note, tuple(dataclasses.asdict(each) for each in found))


def session(state: SessionState, pool: SessionPoolState, paths: Sequence[str]) -> Bundle:
    """Return the card of one session."""
    isolation = state.isolation
    return cards.facts(
        f"session {plain_text(state.name)}",
        {
            "in": f"{state.backend} {state.pool}" + (f", {state.container_type}" if state.container_type else ""),
            "isolation": isolation.words if isolation else "",
            "GPU": state.gpu,
            "network": "reaches it" if pool.egress else "does not reach it",
            "since": amounts.moment(state.created_at) if state.created_at else "",
            "last used": amounts.moment(state.last_accessed_at) if state.last_accessed_at else "",
            "ends": pool.lifetime + (f", {amounts.moment(state.expires_at)}" if state.expires_at else ""),
            "files": plain_text(", ".join(paths[:12]) + (" …" if len(paths) > 12 else "")),
            "note": state.note,
        },
    )


def pools(found: Sequence[SessionPoolState], *, target: str) -> Table:
    """Return one row a pool, with what its ready instances cost an hour."""
    rows = tuple(
        (
            Cell(each.name), Cell(_kind(each)), _isolation(each.isolation),
            Cell("on" if each.egress else "off", tone=theme.WARN if each.egress else ""),
            Cell(_count(each), right=True), Cell(str(each.ready_sessions or "–"), right=True),
            Cell(_ready_cost(each), right=True), Cell(each.lifetime), Cell(each.provisioning_state),
        )
        for each in found
    )  # fmt: skip
    title = f"{amounts.plural(len(rows), 'session pool')} on {target}" if rows else f"no session pools on {target}"
    note = "" if rows else "%%aca session makes one; %aca pool create NAME does too"
    columns = ("pool", "runs", "isolation", "egress", "sessions", "ready", "ready, $/h", "a session ends", "state")
    return Table(title, columns, rows, note, tuple(dataclasses.asdict(each) for each in found))


def pool(state: SessionPoolState) -> Bundle:
    """Return the card of one pool."""
    return cards.facts(f"session pool {state.name}", pool_facts(state))


def planned(state: SessionPoolState, verb: str) -> Bundle:
    """Return the card of a pool that is only thought of."""
    told = pool_facts(state)
    return cards.facts(
        f"plan: {verb} session pool {state.name}", {name: told[name] for name in told if name != "state"}
    )


def pool_facts(state: SessionPoolState) -> dict[str, str]:
    """Return what a card tells of a pool, in order."""
    price = pool_price(state.container_type, state.cpu_cores, state.memory_bytes, state.location)
    ready = state.ready_sessions
    return {
        "runs": _kind(state),
        "isolation": state.isolation.words if state.isolation else "",
        "network": "its sessions reach the network" if state.egress else "its sessions do not reach the network",
        "sessions": f"{_count(state)} at most" if state.sessions is None else f"{_count(state)} in use",
        "ready": f"{ready} kept ready, {price.ready_words(ready)}" if ready else "",
        "costs": price.words,
        "ends": f"a session, {state.lifetime}" if state.lifetime else "",
        "state": state.provisioning_state,
        "endpoint": state.endpoint,
        "region": state.location,
    }


def _kind(state: SessionPoolState) -> str:
    return f"{state.container_type} {state.image}".strip()


def _count(state: SessionPoolState) -> str:
    return str(state.max_sessions) if state.sessions is None else f"{state.sessions} of {state.max_sessions}"


def _ready_cost(state: SessionPoolState) -> str:
    if not state.ready_sessions or state.container_type != ContainerType.CUSTOM:
        return "–"
    price = pool_price(state.container_type, state.cpu_cores, state.memory_bytes, state.location)
    return "not known" if price.ready_hour_usd is None else amounts.dollars(price.ready_hour_usd * state.ready_sessions)


def _isolation(found: Isolation | None) -> Cell:
    if found is None:
        return Cell(_NOT_KNOWN, tone=theme.FAINT)
    words = f"isolated ({found.level})" if found.isolated else f"not isolated ({found.level})"
    return Cell(words, tone="" if found.isolated else theme.BAD)

"""What the identities of an app look like: who it is, and what each may do where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.display import amounts, theme
from aca_notebook.display.tables import Cell, Table
from aca_notebook.model.ids import parse_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_notebook.model.identity import Grant, IdentityState


def identities(app: str, found: Sequence[IdentityState]) -> Table:
    """Return a row for each role of each identity; one without roles has a row too."""
    rows, records = [], []
    for each in found:
        for grant in each.grants or (None,):
            rows.append((
                Cell(each.name), Cell(grant.role if grant else "no role"),
                Cell(_where(grant.scope) if grant else ""), _standing(grant), Cell(each.principal_id),
            ))  # fmt: skip
            records.append({
                "identity": each.name, "principal_id": each.principal_id, "client_id": each.client_id, "id": each.id,
                "role": grant.role if grant else None, "scope": grant.scope if grant else None,
                "settles_seconds": grant.settles_seconds if grant else None,
            })  # fmt: skip
    columns = ("identity", "role", "on", "in effect", "object id")
    if not rows:
        return Table(f"{app} has no identity", columns, (), f"%aca identity assign {app} gives it one of its own")
    young = any(grant.settles_seconds for each in found for grant in each.grants)
    note = "Azure may take up to ten minutes to put a role in effect; what needs it fails until then" if young else ""
    title = f"{app}: {amounts.plural(len(found), 'identity', 'identities')}"
    return Table(title, columns, tuple(rows), note, tuple(records))


def _standing(grant: Grant | None) -> Cell:
    if grant is None:
        return Cell("")
    if grant.settles_seconds:
        return Cell(f"within {amounts.seconds(grant.settles_seconds)}", tone=theme.WARN)
    return Cell("yes")


def _where(scope: str) -> str:
    try:
        id_ = parse_id(scope)
    except ValueError:
        return scope
    kind = id_.types[-1] if id_.types else "group" if id_.resource_group else "subscription"
    return f"{kind} {id_.name}"

"""Session pools: making, changing, warming and ending them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.api.sessions_pools import planned_pool
from aca_notebook.azure.session_pools import PoolWishes
from aca_notebook.display import session_listings
from aca_notebook.display.values import Card
from aca_notebook.model.session import ContainerType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta

    from aca_notebook.magics.notebook import Notebook
    from aca_notebook.magics.subcommands.pools import Pool

_TYPES = {
    "python": ContainerType.PYTHON,
    "node": ContainerType.NODE,
    "shell": ContainerType.SHELL,
    "custom": ContainerType.CUSTOM,
}


def create(notebook: Notebook, given: Pool) -> object:
    """Create a pool and show it, or with `--dry-run` what it would be."""
    wishes, workspace = _wishes(given), notebook.workspace
    if given.dry_run:
        planned = planned_pool(given.name, wishes, workspace.target.location)
        return Card(planned, session_listings.planned(planned, "would create"))
    return workspace.session_pools.create(given.name, wishes)


def show(notebook: Notebook, given: Pool) -> object:
    """Return a pool."""
    return notebook.workspace.session_pools[given.name]


def list_(notebook: Notebook, given: Pool) -> object:
    """List the pools."""
    del given
    workspace = notebook.workspace
    return session_listings.pools(workspace.session_pools.states(), target=workspace.target.name)


def update(notebook: Notebook, given: Pool) -> object:
    """Change a pool and return it."""
    return notebook.workspace.session_pools[given.name].update(_wishes(given))


def warm(notebook: Notebook, given: Pool) -> object:
    """Keep instances ready, and return the pool, whose card says what that costs."""
    ready = 1 if given.ready is None else given.ready
    pool = notebook.workspace.session_pools[given.name]
    if given.dry_run:
        planned = pool.with_ready(ready)
        return Card(planned, session_listings.planned(planned, "would warm"))
    return pool.update(
        PoolWishes(container_type=pool.state.container_type, ready_sessions=ready, image=pool.state.image)
    )


def delete(notebook: Notebook, given: Pool) -> object:
    """Delete a pool and list those that are left."""
    notebook.workspace.session_pools[given.name].delete()
    return list_(notebook, given)


def _wishes(given: Pool) -> PoolWishes:
    return PoolWishes(
        container_type=_TYPES[given.type], max_sessions=given.max_sessions, ready_sessions=given.ready,
        cooldown_seconds=_seconds(given.ttl), max_alive_seconds=_seconds(given.max_alive),
        egress=None if not given.egress else given.egress == "on", image=given.image, target_port=given.target_port,
        cpu_cores=given.cpu, memory=given.memory,
    )  # fmt: skip


def _seconds(span: timedelta | None) -> int | None:
    return None if span is None else int(span.total_seconds())


LINE: Mapping[str, Callable[[Notebook, Any], object]] = {
    "pool create": create,
    "pool show": show,
    "pool list": list_,
    "pool update": update,
    "pool warm": warm,
    "pool delete": delete,
}

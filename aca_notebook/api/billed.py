"""What Cost Management has billed, as the reconciliation wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.errors import Unauthorized
from aca_notebook.model.bill import Spent

if TYPE_CHECKING:
    from datetime import datetime

    from aca_notebook.api.access import Access


async def read_bill(access: Access, app: str, span: tuple[datetime, datetime]) -> list[Spent]:
    """Return what was billed in the target's group in a time, for one app or for all.

    Raises `Unauthorized` for an account that may not read costs.
    """
    target = access.target
    scope = f"/subscriptions/{target.subscription_id}/resourceGroups/{target.resource_group}"
    try:
        rows = await access.ask(lambda services: services.billing.billed(scope, *span))
    except Unauthorized as refused:
        if refused.status == 403:
            refused.message = f"this account may not read what {target.resource_group!r} was billed"
            refused.hint = "ask for the role Cost Management Reader on the group; `%aca cost` estimates without it"
        raise
    wanted = str(target.app_id(app)).lower() if app else ""
    return [
        Spent(row.day, row.meter, row.amount, row.currency)
        for row in rows
        if not wanted or row.resource.lower() == wanted
    ]

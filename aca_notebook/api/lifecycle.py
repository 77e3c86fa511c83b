"""How long apps last: the expiry on their resources, and the clearing away of those whose time is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.api.plan import parse_duration
from aca_notebook.azure import documents
from aca_notebook.clock import format_instant

if TYPE_CHECKING:
    from datetime import datetime

    from aca_notebook.api.access import Access


async def set_expiry(access: Access, app: str, now: datetime, ttl: str) -> None:
    """Let an app expire a span from now (`8h`), or never when it is empty. Raises `UsageFailed` for no span."""
    wanted = format_instant(now + parse_duration(ttl)) if ttl else None  # null takes a tag away: JSON Merge Patch
    await access.ask(lambda services: services.apps.patch(app, {"tags": {documents.EXPIRES: wanted}}))

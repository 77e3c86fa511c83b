"""A closed workspace opens nothing."""

from __future__ import annotations

import asyncio

import pytest

from aca_notebook.api.access import Access
from aca_notebook.clock import SystemClock
from aca_notebook.errors import UsageFailed


def test_who_still_asks_in_the_background_when_a_workspace_is_closed_opens_no_connection():
    async def late():
        access = Access(None, SystemClock())  # type: ignore[arg-type]  # nothing may look at the target
        await access.close()
        await access.ask(lambda services: services.apps.list())

    with pytest.raises(UsageFailed, match="closed"):
        asyncio.run(late())

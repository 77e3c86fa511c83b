"""One call into a pool: its request, its pool, and what its query says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.emulator.sessions import calls, replies

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.emulator.sessions.hosting import Pool


class Call:
    """One call: its request, its pool, and what its query says."""

    def __init__(self, request: Request, pool: Pool) -> None:
        self.request = request
        self.pool = pool
        self._given = request.query_params.multi_items()

    @property
    def old(self) -> bool:
        """Whether it is of the first generation."""
        return self.asked("api-version").lower() == replies.OLD

    def asked(self, name: str) -> str:
        """Return a parameter of the query."""
        return calls.parameter(self._given, name)

    def identifier(self, otherwise: str = "") -> str:
        """Return which session it is for. Raises `AzureError` 400."""
        return calls.checked_identifier(self.asked("identifier") or otherwise)

"""What a workspace knows of the interpreter behind a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from aca_notebook.api.sessions_running import CellRun


@dataclass
class Memory:
    """What is known of the interpreter behind a session: its mark, since when it lives, when it last ran a cell.

    `left` is the cell that nobody listens to any more, though what it says still comes.
    """

    mark: str = ""
    began_at: datetime | None = None
    used_at: datetime | None = None
    left: CellRun | None = None

    def forget(self) -> None:
        """Know nothing: the next cell takes the interpreter it finds."""
        self.mark, self.began_at, self.used_at, self.left = "", None, None, None

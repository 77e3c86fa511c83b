"""What a workspace knows of the interpreter behind a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass
class Memory:
    """What is known of the interpreter behind a session: its mark, since when it lives, when it last ran a cell."""

    mark: str = ""
    began_at: datetime | None = None
    used_at: datetime | None = None

    def forget(self) -> None:
        """Know nothing: the next cell takes the interpreter it finds."""
        self.mark, self.began_at, self.used_at = "", None, None

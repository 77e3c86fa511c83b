"""What operations answer, by operation id and status; one that is not here answers JSON of its own, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.emulator.description.container_apps import CONTAINER_APPS
from aca_notebook.emulator.description.neighbours import NEIGHBOURS
from aca_notebook.emulator.description.sessions import SESSIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_notebook.emulator.description.promises import Answers

ANSWERED: Mapping[str, Answers] = {**CONTAINER_APPS, **NEIGHBOURS, **SESSIONS}

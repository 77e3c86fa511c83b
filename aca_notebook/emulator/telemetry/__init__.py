"""What apps do, told to those who watch them: logs, system events, metrics."""

from __future__ import annotations

from aca_notebook.emulator.telemetry import lives, series
from aca_notebook.emulator.telemetry.service import Telemetry

#: The tables of telemetry, for whoever opens the database.
SCHEMA: tuple[str, ...] = (*series.SCHEMA, lives.SCHEMA)

__all__ = ["SCHEMA", "Telemetry"]

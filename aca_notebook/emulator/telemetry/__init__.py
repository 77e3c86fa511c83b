"""What apps do, told to those who watch them: logs, system events, metrics."""

from __future__ import annotations

from aca_notebook.emulator.telemetry.series import SCHEMA
from aca_notebook.emulator.telemetry.service import Telemetry

__all__ = ["SCHEMA", "Telemetry"]

"""What `aca-notebook emulator fault` and `emulator pace` do; each returns the text to print."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aca_notebook import launcher
from aca_notebook.clock import SystemClock
from aca_notebook.display import amounts
from aca_notebook.errors import UsageFailed
from aca_notebook.model.fault import fault_table, parse_fault

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def table() -> str:
    """All that can go wrong, for the help."""
    example = "throttle retry_after=5 on=PUT containerApps/scorer count=3"
    return f"what can go wrong:\n{fault_table()}\n\nfor example: {example}"


def add(folder: Path, words: Sequence[str]) -> str:
    """Put a fault in force. Raises `UsageFailed` for words that are none."""
    try:
        parse_fault(words, SystemClock().now())
    except ValueError as wrong:
        raise UsageFailed(str(wrong), code="InvalidFault", hint="aca-notebook emulator fault add --help") from wrong
    added = launcher.ensure_emulator(folder).add_fault(" ".join(words))
    return f"fault {added.id} is in force: {added.fault}"


def listed(folder: Path, *, as_json: bool) -> str:
    """Tell what is in force."""
    faults = launcher.ensure_emulator(folder).faults()
    if as_json:
        return json.dumps([{"id": each.id, "fault": each.fault, "struck": each.struck} for each in faults])
    lines = [f"{each.id:>3}  {each.fault}  ({each.effect})" for each in faults]
    return "\n".join(lines) or "no fault is in force"


def clear(folder: Path, id_: str) -> str:
    """End one, or all."""
    return f"ended {amounts.plural(launcher.ensure_emulator(folder).clear_faults(id_), 'fault')}"


def pace(folder: Path, wanted: str) -> str:
    """Tell how fast the emulator is, after changing that if asked to."""
    emulator = launcher.ensure_emulator(folder)
    return f"pace: {amounts.pace(emulator.set_pace(wanted) if wanted else emulator.pace())}"

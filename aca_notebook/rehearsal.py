"""`aca-notebook emulator fault` and `emulator pace`: what they take, and the text they return to be printed."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from aca_notebook import launcher
from aca_notebook.clock import SystemClock
from aca_notebook.display import amounts
from aca_notebook.errors import UsageFailed
from aca_notebook.model.fault import fault_table, parse_fault


def add_parsers(actions: Any, verbs: Any, run: Any) -> None:
    """Add `pace` to the emulator's actions, and the verbs of `fault`; `run` prints what `given.rehearse` returns."""

    def action(parsers: Any, name: str, rehearse: Any, text: str, **more: Any) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = parsers.add_parser(name, help=text, **more)
        made.add_argument("--data-dir", type=Path, metavar="DIR", help="where the emulator keeps its state")
        made.set_defaults(run=run, rehearse=rehearse)
        return made

    pace = action(actions, "pace", _pace, "say how fast it is, or change that; it stays so after a restart")
    pace.add_argument("pace", nargs="?", default="", metavar="PACE", help="instant, realistic, or a factor")
    plain = argparse.RawDescriptionHelpFormatter
    add = action(verbs, "add", _add, "put a fault in force", epilog=_table(), formatter_class=plain)
    add.add_argument("kind", metavar="KIND", help="what goes wrong")
    add.add_argument("parameters", nargs="*", metavar="NAME=VALUE", help="how, where and how often")
    listed = action(verbs, "list", _list, "list the faults in force")
    listed.add_argument("--json", action="store_true", help="as a JSON list")
    clear = action(verbs, "clear", _clear, "end a fault, or all")
    clear.add_argument("id", nargs="?", default="", metavar="ID", help="which, as the list has it; default: all")


def _table() -> str:
    example = "throttle retry_after=5 on=PUT containerApps/scorer count=3"
    return f"what can go wrong:\n{fault_table()}\n\nfor example: {example}"


def _add(folder: Path, given: argparse.Namespace) -> str:
    """Raises `UsageFailed` for words that are no fault."""
    words = [given.kind, *given.parameters]
    try:
        parse_fault(words, SystemClock().now())
    except ValueError as wrong:
        raise UsageFailed(str(wrong), code="InvalidFault", hint="aca-notebook emulator fault add --help") from wrong
    added = launcher.ensure_emulator(folder).add_fault(" ".join(words))
    return f"fault {added.id} is in force: {added.fault}"


def _list(folder: Path, given: argparse.Namespace) -> str:
    faults = launcher.ensure_emulator(folder).faults()
    if given.json:
        return json.dumps([{"id": each.id, "fault": each.fault, "struck": each.struck} for each in faults])
    lines = [f"{each.id:>3}  {each.fault}  ({each.effect})" for each in faults]
    return "\n".join(lines) or "no fault is in force"


def _clear(folder: Path, given: argparse.Namespace) -> str:
    return f"ended {amounts.plural(launcher.ensure_emulator(folder).clear_faults(given.id), 'fault')}"


def _pace(folder: Path, given: argparse.Namespace) -> str:
    emulator = launcher.ensure_emulator(folder)
    return f"pace: {amounts.pace(emulator.set_pace(given.pace) if given.pace else emulator.pace())}"

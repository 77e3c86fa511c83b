"""The code that is sent to a Python session for a cell: `runner.session_cell` the first time, then one line."""

from __future__ import annotations

import base64
import functools
import json
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from aca_notebook.runner import session_cell, session_values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType


def code_for(
    source: str, *, name: str, token: str, mark: str, given: Mapping[str, Mapping[str, str]] | None = None,
    wanted: Sequence[str] = (),
) -> str:  # fmt: skip
    """Return what runs a cell. With a `mark` it runs only in the interpreter that has it; `absent` is told otherwise.

    Without one, the harness is made where it is not there yet.
    """
    asked = {
        "code": source, "name": name, "token": token, "mark": mark, "given": dict(given or {}),
        "wanted": list(wanted), "quiet": _is_quiet(source),
    }  # fmt: skip
    written = repr(json.dumps(asked))
    call = f"_aca.{'arun' if session_cell.awaits(source) else 'run'}(__import__('json').loads({written}))"
    call = f"await {call}" if session_cell.awaits(source) else call
    found = f"_aca = __import__('sys').modules.get({session_cell.NAME!r})\n"
    if mark:
        absent = f"\x1eaca:{token}:{json.dumps({'kind': 'absent'})}\x1f"
        return f"{found}if _aca is None: print({absent!r}, end='')\nelse: {call}\n"
    return f"{found}if _aca is None:\n    {_harness()}\n{call}\n"


@functools.cache
def _harness() -> str:
    """Return one line that makes the harness, and the module it imports, modules of the interpreter it runs in."""
    name, values = session_cell.NAME, f"{session_cell.NAME}_values"
    cell = _source(session_cell).replace(session_values.__name__, values)
    return f"_aca = {_module(values, _source(session_values))}; _aca = {_module(name, cell)}"


def _source(module: ModuleType) -> str:
    return Path(str(module.__file__)).read_text(encoding="utf-8")


def _module(name: str, source: str) -> str:
    """Return an expression that is a new module, made of packed source."""
    packed = base64.b85encode(zlib.compress(source.encode(), 9)).decode()
    return (
        f"(lambda m: __import__('sys').modules.__setitem__({name!r}, m) or exec(compile(__import__('zlib').decompress("
        f"__import__('base64').b85decode({packed!r})), '<aca session>', 'exec'), m.__dict__) or m)"
        f"(__import__('types').ModuleType({name!r}))"
    )


def _is_quiet(source: str) -> bool:
    """Whether the last line ends with a semicolon: a notebook does not show its value then."""
    lines = [line for line in source.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return bool(lines) and lines[-1].rstrip().endswith(";")

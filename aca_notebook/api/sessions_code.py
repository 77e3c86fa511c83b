"""The code that is sent to a Python session for a cell: `runner.session_cell` the first time, then one line."""

from __future__ import annotations

import base64
import functools
import json
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from aca_notebook.runner import session_cell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


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
    """Return one line that makes the harness a module of the interpreter it runs in."""
    source = Path(session_cell.__file__).read_bytes()
    packed = base64.b85encode(zlib.compress(source, 9)).decode()
    name = session_cell.NAME
    return (
        f"_aca = __import__('types').ModuleType({name!r}); __import__('sys').modules[{name!r}] = _aca; "
        f"exec(compile(__import__('zlib').decompress(__import__('base64').b85decode({packed!r})), '<aca session>', "
        f"'exec'), _aca.__dict__)"
    )


def _is_quiet(source: str) -> bool:
    """Whether the last line ends with a semicolon: a notebook does not show its value then."""
    lines = [line for line in source.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return bool(lines) and lines[-1].rstrip().endswith(";")

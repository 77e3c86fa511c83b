"""What the runner writes for programs among an app's console lines: its account of a cell that cannot be imported."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aca_notebook.api.replies import format_frames
from aca_notebook.errors import DeploymentFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aca_notebook.model.log import LogLine


def own_lines(console: Iterable[LogLine]) -> tuple[LogLine, ...]:
    """Return what the program wrote, without the runner's records."""
    return tuple(line for line in console if _record(line) is None)


def import_record(console: Sequence[LogLine]) -> dict[str, Any] | None:
    """Return what the runner says of a cell that could not be imported, None when it could."""
    for line in reversed(console):
        record = _record(line)
        if record is not None and record.get("event") == "import_failed":
            return dict(record.get("error") or {})
    return None


def import_sentence(console: Sequence[LogLine]) -> str:
    """Return the same in one line, empty when the cell could be imported."""
    error = import_record(console)
    return "" if error is None else f"{error.get('type') or 'ImportError'}: {error.get('message') or ''}".rstrip(": ")


def import_failure(app: str, error: dict[str, Any], meanwhile: str = "") -> DeploymentFailed:
    """The runner's own account of a cell that could not be imported, as our error; `meanwhile` ends its hint."""
    name = str(error.get("type") or error.get("code") or "ImportFailed")
    message = str(error.get("message") or "")
    frames = format_frames(error.get("traceback") or ())
    return DeploymentFailed(
        f"the cell of {app!r} could not be imported there: {name}: {message}".rstrip(": "),
        code=str(error.get("code") or "ImportFailed"),
        traceback=f"Traceback in app {app!r}:\n{frames}\n{name}: {message}" if frames else "",
        hint=str(error.get("hint") or "mend the cell and deploy again") + meanwhile,
    )


def _record(line: LogLine) -> dict[str, Any] | None:
    if not line.text.startswith("{"):
        return None
    try:
        record = json.loads(line.text)
    except ValueError:
        return None
    return record if isinstance(record, dict) and "event" in record else None

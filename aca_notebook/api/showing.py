"""What a piece of work would ask of the platform, as lines of `az` or as the calls themselves; nothing is changed."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aca_notebook.errors import AcaError, UsageFailed
from aca_notebook.model.az_create import with_variables
from aca_notebook.model.az_equivalent import az_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aca_notebook.azure.documents import Document
    from aca_notebook.azure.recording import Notes
    from aca_notebook.model.redaction import Redactor
    from aca_notebook.model.wire_call import WireCall

FORMS = ("az", "rest")


@contextmanager
def held() -> Iterator[Notes]:
    """Let the work begun in this block run on answers made here wherever it writes; its calls are in the notes.

    What goes wrong after the first such answer ends it and is in the notes: the platform knows nothing of what was
    answered here.
    """
    from aca_notebook.azure.recording import noting  # with the SDKs

    with noting(hold=True) as notes:
        try:
            yield notes
        except AcaError as failed:
            if not notes.writes:
                raise
            notes.stopped = failed.message


def wanted_app(notes: Notes, name: str) -> Document | None:
    """Return the app that held work would have put, or None when it would leave it as it is."""
    bodies = [
        call.body for call in notes.writes if call.method == "PUT" and call.path.endswith(f"/containerApps/{name}")
    ]
    return {**bodies[-1], "name": name} if bodies else None


def shown(notes: Notes, form: str, redactor: Redactor) -> str:
    """Return the calls in a form of `FORMS`, without any secret's value.

    Raises `UsageFailed` for work that asks nothing of Resource Manager.
    """
    if not notes.calls:
        raise UsageFailed("this asks nothing of Resource Manager", code="NothingToShow", hint="run it without --show-…")
    ending = [f"# shown as far as it is known before it is done: {notes.stopped}"] if notes.stopped else []
    if form == "rest":
        return redactor.text("\n\n".join([*(_rest(call) for call in notes.calls), *ending]))
    lines = az_lines(notes.calls) or ["# this only reads: --show-rest shows what"]
    return redactor.text("\n".join([*lines, *ending]))


def _rest(call: WireCall) -> str:
    held = "" if call.sent else "   # not sent"
    body = f"\n{json.dumps(with_variables(call.body), indent=2)}" if call.body is not None else ""
    return f"{call.method} {call.path}?api-version={call.api_version}{held}{body}"

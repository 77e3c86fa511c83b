"""`--show-az` and `--show-rest`: a command that changes resources, as what it would ask for, and not done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.utils.capture import capture_output

from aca_notebook.display.values import Line
from aca_notebook.errors import UsageFailed
from aca_notebook.magics.commands import apps
from aca_notebook.magics.words import can_be_shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from aca_notebook.magics.notebook import Notebook

#: Stands for a value that would be asked for; like every secret's it is shown as a variable of the shell.
_STAND_IN = "not-asked-for"


def show(notebook: Notebook, form: str, name: str, given: Any, do: Callable[[], object], cell: str | None) -> Line:
    """Return what a command would ask for, in a form of `showing.FORMS`; nothing is changed anywhere."""
    if not can_be_shown(name) or (name.startswith("secret ") and not given.app):
        raise UsageFailed(
            f"`%aca {name}` cannot be shown without doing it", code="NothingToShow",
            detail="--show-az and --show-rest are for what changes resources", hint=f"%aca {name} --help",
        )  # fmt: skip
    from aca_notebook.api.showing import held, shown  # with the API, when it is needed

    workspace = notebook.workspace
    notebook.stand_in = _STAND_IN
    try:
        with held() as notes, capture_output(display=True):
            if name in {"deploy", "plan"}:
                apps.rehearse(notebook, given, cell)
            else:
                do()
    finally:
        notebook.stand_in = ""
    return Line(shown(notes, form, workspace.redactor))

"""Apps as something to keep in a repository."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from aca_notebook.display.values import Line
from aca_notebook.errors import UsageFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_notebook.magics.notebook import Notebook
    from aca_notebook.magics.subcommands.exports import Export


def export(notebook: Notebook, given: Export) -> object:
    """Show an app in another form, or write that into a file."""
    text = notebook.workspace.apps[given.name].export(given.to)
    if not given.output:
        return Line(text)
    path = Path(given.output)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as refused:
        raise UsageFailed(
            f"{given.output!r} cannot be written", code=type(refused).__name__, detail=refused.strerror or "",
            hint="name a file in a folder that is there",
        ) from refused  # fmt: skip
    return Line(f"wrote {path}, {len(text.splitlines())} lines")


LINE: Mapping[str, Callable[[Notebook, Any], object]] = {"export": export}

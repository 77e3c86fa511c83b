"""Apps as something to keep in a repository."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from aca_notebook.display.values import Line
from aca_notebook.errors import UsageFailed
from aca_notebook.magics.subcommands.exports import FOLDERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_notebook.magics.notebook import Notebook
    from aca_notebook.magics.subcommands.exports import Export


def export(notebook: Notebook, given: Export) -> object:
    """Show an app in another form, or write that into a file; a cell's files go into a folder."""
    if given.to in FOLDERS:
        return _folder(notebook, given)
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


def _folder(notebook: Notebook, given: Export) -> Line:
    """Write a cell's files into a folder of their own, and say how they are run."""
    from aca_notebook.api.exporting import run_line  # with the API, when it is needed

    cell = notebook.recall(given.name, given.entry)
    files = notebook.workspace.export(
        given.name, cell.source, notebook.names, given.to, cell=cell.name, entry=given.entry, pip=given.pip,
        requirements=Path(given.requirements) if given.requirements else None,
    )  # fmt: skip
    folder = Path(given.output or given.name)
    try:
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
    except OSError as refused:
        raise UsageFailed(
            f"the folder {str(folder)!r} cannot be written", code=type(refused).__name__,
            detail=refused.strerror or "", hint="name another: --output FOLDER",
        ) from refused  # fmt: skip
    return Line(f"wrote {folder}/, {len(files)} files\n{run_line(given.name, given.to, str(folder))}")


LINE: Mapping[str, Callable[[Notebook, Any], object]] = {"export": export}

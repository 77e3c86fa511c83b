"""What a caller is told when a call cannot be answered: one JSON shape for all of it."""

from __future__ import annotations

import linecache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from aca_notebook.runner.manifest import Lines

RUNNER_FOLDER = str(Path(__file__).parent)


class Refused(Exception):
    """A call this runner answers with an error: HTTP status, code, sentence, what to do next, more fields."""

    def __init__(self, status: int, code: str, message: str, *, hint: str = "", **fields: Any) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.hint = hint
        self.fields = fields

    def body(self) -> bytes:
        """Write the error as the JSON a caller reads."""
        error: dict[str, Any] = {"code": self.code, "message": str(self), **self.fields}
        if self.hint:
            error["hint"] = self.hint
        return msgspec.json.encode({"error": error})


class CellLines:
    """Where a line of the emitted module stood in the notebook."""

    def __init__(self, module_file: str, lines: Sequence[Lines]) -> None:
        self._module_file = module_file
        self._lines = sorted(lines, key=lambda run: run.line)

    def frame(self, file: str, line: int, function: str) -> dict[str, Any]:
        """Describe one frame: the cell and its line for the user's code, a short file name for a library's."""
        text = linecache.getline(file, line).strip()
        if file == self._module_file:
            cell, cell_line = self.place(line)
            return {"cell": cell, "line": cell_line, "function": function, "text": text}
        return {"cell": "", "file": short_name(file), "line": line, "function": function, "text": text}

    def place(self, line: int) -> tuple[str, int]:
        """Return the cell's label and the line in it; `("", line)` for a line no cell wrote."""
        for run in self._lines:
            if run.line <= line < run.line + run.count:
                return run.cell, run.cell_line + line - run.line
        return "", line


def user_error(error: BaseException, lines: CellLines, *, code: str = "UserError") -> Refused:
    """Turn an exception of the user's code into an answer: its own type, plain arguments, the cell's traceback.

    Frames of the runner and of the import system are left out; 64 frames are kept, so an endless recursion stays
    readable.
    """
    fields: dict[str, Any] = {"type": type(error).__name__, "module": type(error).__module__}
    arguments = plain_arguments(error)
    if arguments is not None:
        fields["args"] = arguments
    traceback = from_the_cell(frames(error.__traceback__, lines))
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        traceback.append(lines.frame(error.filename, error.lineno, ""))
    fields["traceback"] = traceback
    if error.__cause__ is not None:
        fields["cause"] = f"{type(error.__cause__).__name__}: {text_of(error.__cause__)}"
    return Refused(500, code, text_of(error) or type(error).__name__, **fields)


def text_of(error: BaseException) -> str:
    """Return what an exception says, as text that JSON can hold; an exception's `__str__` may raise itself."""
    try:
        return str(error).encode(errors="backslashreplace").decode()
    except Exception as worse:  # noqa: BLE001  # the user's own class
        return f"(its text could not be made: {type(worse).__name__})"


def frames(traceback: TracebackType | None, lines: CellLines, *, kept: int = 64) -> list[dict[str, Any]]:
    """Describe a traceback, outermost first."""
    found: list[dict[str, Any]] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if not is_ours(code.co_filename):
            found.append(lines.frame(code.co_filename, traceback.tb_lineno, code.co_name))
        traceback = traceback.tb_next
    return found if len(found) <= kept else found[: kept // 2] + found[-kept // 2 :]


def from_the_cell(described: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out what stands above the user's own code: how the runner came to call or import it."""
    first = next((i for i, frame in enumerate(described) if frame["cell"]), 0)
    return described[first:]


def is_ours(file: str) -> bool:
    """Tell whether a frame belongs to the runner or to Python's import system."""
    return file.startswith((RUNNER_FOLDER, "<frozen importlib")) or file.endswith("concurrent/futures/thread.py")


def short_name(file: str) -> str:
    """Name a library's file as its importers do: `sklearn/base.py` rather than a path of the container."""
    for marker in ("/site-packages/", "/dist-packages/", "/app/"):
        head, found, rest = file.rpartition(marker)
        if found and head:
            return rest
    return "/".join(Path(file).parts[-2:])


def plain_arguments(error: BaseException) -> list[Any] | None:
    """Return the exception's arguments when they are small plain data, else None."""
    if not all(isinstance(each, str | int | float | bool | None) for each in error.args):
        return None
    try:
        return list(error.args) if len(msgspec.json.encode(error.args)) <= 4096 else None
    except (ValueError, OverflowError):  # half a surrogate pair, an integer that JSON's readers would not read
        return None

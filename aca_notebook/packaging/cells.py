"""The notebook's cells: where the source of a name's present value was written."""

from __future__ import annotations

import ast
import inspect
import linecache
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from aca_notebook.packaging import names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


FUTURE_ANNOTATIONS = 0x1000000
"""The flag of code compiled under `from __future__ import annotations` (`__future__.CO_FUTURE_ANNOTATIONS`)."""


MAGIC_LINE = "# %%aca"
"""What stands for a cell magic's own line in the source that is compiled, so that lines count as in the notebook."""


@dataclass(frozen=True)
class Cell:
    """A cell's source as it was compiled, and what the notebook calls it (`In[3]`)."""

    label: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed source; empty for one that does not parse."""
        try:
            return ast.parse(self.text)
        except SyntaxError:
            return ast.Module(body=[], type_ignores=[])

    @cached_property
    def chunks(self) -> tuple[Chunk, ...]:
        """The top-level statements; those that share a line are one chunk."""
        grouped: list[list[ast.stmt]] = []
        for statement in self.tree.body:
            if grouped and start_of(statement) <= (grouped[-1][-1].end_lineno or 0):
                grouped[-1].append(statement)
            else:
                grouped.append([statement])
        return tuple(Chunk(self, tuple(statements)) for statements in grouped)


@dataclass(frozen=True)
class Chunk:
    """Whole lines of a cell: one top-level statement, or several that share a line."""

    cell: Cell
    statements: tuple[ast.stmt, ...]

    @property
    def line(self) -> int:
        """First line, counted from 1 in the cell, decorators included."""
        return start_of(self.statements[0])

    @property
    def last_line(self) -> int:
        """Last line."""
        return self.statements[-1].end_lineno or self.line

    @property
    def text(self) -> str:
        """The source, without a newline at its end."""
        return "\n".join(self.cell.text.splitlines()[self.line - 1 : self.last_line])

    def defines(self, name: str) -> ast.stmt | None:
        """Return the last statement that defines `name` by `def` or `class`."""
        found = [s for s in self.statements if getattr(s, "name", None) == name]
        return found[-1] if found else None


class Cells:
    """What was run in this notebook, newest last.

    `namespace` is the notebook's own: IPython keeps the history in `In`. Source compiled by IPython is in `linecache`
    under names that are no files.
    """

    def __init__(self, namespace: Mapping[str, object]) -> None:
        history = namespace.get("In") or namespace.get("_ih") or ()
        self._labels = dict(_labelled(history if isinstance(history, list | tuple) else ()))
        self._history = [Cell(label, text) for text, label in self._labels.items()]

    def of_code(self, code: CodeType) -> Cell | None:
        """Return the cell a code object was compiled from (a script that was run counts as one), or None."""
        cell = self._of_file(code.co_filename)
        if cell is None and Path(code.co_filename).is_file():
            cell = Cell(Path(code.co_filename).name, "".join(linecache.getlines(code.co_filename)))
        return cell

    def defining(self, name: str) -> Iterator[Chunk]:
        """Yield the chunks that define `name` by `def` or `class`, newest cell first."""
        for cell in self.newest_first():
            for chunk in reversed(cell.chunks):
                if chunk.defines(name) is not None:
                    yield chunk

    def binding(self, name: str) -> Chunk | None:
        """Return the newest lone statement that gives `name` a value in any way, or None."""
        for cell in self.newest_first():
            for chunk in reversed(cell.chunks):
                if name in names.uses(chunk.text).binds:
                    return chunk if len(chunk.statements) == 1 else None
        return None

    def newest_first(self) -> Iterator[Cell]:
        """Yield every cell whose source is known, newest first; then the history, with the bodies of cell magics."""
        for file in reversed(list(linecache.cache)):
            cell = self._of_file(file)
            if cell is not None:
                yield cell
        yield from reversed(self._history)

    def label(self, text: str) -> str:
        """Return what the notebook calls the cell with this source, or `cell` when it does not know it."""
        under_magic = f"{MAGIC_LINE}\n{text}"
        return self._labels.get(text.strip()) or self._labels.get(under_magic.strip(), "cell")

    def _of_file(self, file: str) -> Cell | None:
        entry = linecache.cache.get(file)
        if entry is None or len(entry) < 4 or entry[1] is not None or Path(file).is_file():
            return None
        text = "".join(entry[2])
        return Cell(self.label(text), text)


def start_of(statement: ast.stmt) -> int:
    """Return the first line of a statement, its decorators included."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(each.lineno for each in decorators)])


def _labelled(history: Sequence[object]) -> Iterator[tuple[str, str]]:
    for number, source in enumerate(history):
        if not isinstance(source, str) or not source.strip():
            continue
        yield source.strip(), f"In[{number}]"
        body = cell_magic_body(source)
        if body:
            ours = source.startswith("get_ipython().run_cell_magic('aca'")
            yield (f"{MAGIC_LINE}\n{body}" if ours else body).strip(), f"In[{number}]"


def cell_magic_body(source: str) -> str:
    """Return the body of a cell magic as IPython rewrites it (`run_cell_magic('aca', 'deploy x', 'body')`), or ''."""
    if not source.startswith("get_ipython().run_cell_magic("):
        return ""
    try:
        statement = ast.parse(source).body[0]
    except SyntaxError:
        return ""
    call = statement.value if isinstance(statement, ast.Expr) else None
    last = call.args[-1] if isinstance(call, ast.Call) and call.args else None
    return last.value if isinstance(last, ast.Constant) and isinstance(last.value, str) else ""


def code_of(value: object) -> CodeType | None:
    """Return the code object behind a function, a wrapped function, or a class with a method; else None."""
    try:
        value = inspect.unwrap(value)  # type: ignore[arg-type]  # anything may carry __wrapped__
    except ValueError:  # a cycle
        return None
    if isinstance(value, FunctionType):
        return value.__code__
    if isinstance(value, type):
        for code in method_codes(value).values():
            if code.co_qualname.startswith(f"{value.__qualname__}."):  # not one that was put onto it later
                return code
    return None


def method_codes(decorated: type) -> dict[str, CodeType]:
    """Return the code of a class's own methods; those that `dataclass` and the like generate are left out."""
    found = {}
    for name, attribute in vars(decorated).items():
        function: Any = attribute
        for inner in ("__func__", "fget", "func"):
            function = getattr(function, inner, None) or function
        function = inspect.unwrap(function) if callable(function) else function
        own = isinstance(function, FunctionType) and function.__module__ == decorated.__module__
        if own and function.__code__.co_filename != "<string>":
            found[name] = function.__code__
    return found

"""A cell and everything of the notebook it needs, as one module and a few files."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aca_notebook.errors import CaptureFailed
from aca_notebook.packaging import exports as exported
from aca_notebook.packaging import modules, names
from aca_notebook.packaging.cells import FUTURE_ANNOTATIONS, Cell, Cells, code_of
from aca_notebook.packaging.closure import Closure, Needed
from aca_notebook.packaging.emit import Piece, Run, emit
from aca_notebook.packaging.origins import unwrapped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_notebook.packaging.data import Datum
    from aca_notebook.packaging.exports import Export
    from aca_notebook.packaging.modules import Import, LocalModule


@dataclass(frozen=True, slots=True)
class Capture:
    """What travels.

    `exports` are what is served; `module_source` is the module the container imports and `lines` maps its lines back
    to the cells; `data` are the captured values (those of format `literal` stand in the module itself); `imports` are
    the packages to install; `local_modules` are the project's own; `entry` is the name `/` stands for.
    """

    exports: tuple[Export, ...]
    module_source: str
    lines: tuple[Run, ...]
    data: tuple[Datum, ...]
    imports: tuple[Import, ...]
    local_modules: tuple[LocalModule, ...]
    warnings: tuple[str, ...]
    entry: str


def capture_cell(source: str, namespace: Mapping[str, object], *, cell: str = "", entry: str = "") -> Capture:
    """Find what a cell needs of the notebook, and write it down.

    `namespace` is the notebook's globals after the cell ran; `cell` is what tracebacks call it (`In[3]`; found in the
    history when empty); `entry` names what `/` calls, `Class.method` included. A cell that defines nothing to call
    serves the `entry` of an earlier one.

    Raises `CaptureFailed` that names the variable, cell and line: for a syntax error, a magic, a star import, nothing
    to call, a name without a value, a value that cannot travel.
    """
    cells = Cells(namespace)
    this = Cell(cell or cells.label(source), source)
    tree = parse(this)
    refuse_star_imports(tree, this.label, namespace)
    for name, line in names.changed_in_place(tree):
        raise CaptureFailed(
            f"the cell changes `{name}`, whose value from before it ran is gone", name=name, cell=this.label, line=line,
            hint=f"give the result another name, or bind `{name}` in this cell first",
        )  # fmt: skip
    exports = exported.exports_of(tree, namespace)
    earlier = "" if exports else entry.partition(".")[0]
    exports = exports or exported.export_of(earlier, namespace)
    chosen = entry_name(exports, entry, this.label)
    used = names.uses(source)
    closure = Closure(namespace, cells)
    closure.need_all(used, tree, this, but=used.binds)
    if earlier:
        closure.need(earlier, Needed(this.label, 0), set())
    emitted = emit(
        [*closure.pieces, cell_piece(this, tree, used)],
        future_annotations=closure.future_annotations or uses_future(tree, namespace, exports),
        reads_data=any(datum.file for datum in closure.data),
    )
    compile_check(emitted.source, this.label)
    needed = [modules.Import(package) for datum in closure.data for package in sorted(datum.packages)]
    local, foreign = modules.local_modules([*placed_imports(emitted.source, emitted.lines), *needed])
    return Capture(
        exports=exports,
        module_source=emitted.source,
        lines=emitted.lines,
        data=tuple(closure.data),
        imports=tuple(dict.fromkeys(foreign)),
        local_modules=tuple(local),
        warnings=tuple(closure.warnings),
        entry=chosen,
    )


def parse(cell: Cell) -> ast.Module:
    """Parse the cell. Raises `CaptureFailed` for a syntax error, with words of its own for magics and `!` lines."""
    try:
        return ast.parse(cell.text)
    except SyntaxError as wrong:
        line = wrong.lineno or 1
        text = (cell.text.splitlines() or [""])[min(line, len(cell.text.splitlines())) - 1].strip()
        if text.startswith(("%", "!", "?")) or text.endswith("?") or "= !" in text or "= %" in text or "=!" in text:
            raise CaptureFailed(
                f"`{text}` works only in a notebook", cell=cell.label, line=line,
                hint="move it to a cell of its own; packages are added with --pip",
            ) from None  # fmt: skip
        raise CaptureFailed(
            f"syntax error: {wrong.msg}: {text}", cell=cell.label, line=line, hint="correct the cell and deploy again"
        ) from None


def refuse_star_imports(tree: ast.Module, cell: str, namespace: Mapping[str, object]) -> None:
    """Raise `CaptureFailed` for `from x import *`, naming what of it the cell uses."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and any(each.name == "*" for each in node.names):
            reads = names.uses(ast.unparse(tree))
            wanted = [
                name
                for name in sorted(reads.reads - reads.binds)
                if str(getattr(namespace.get(name), "__module__", "")).partition(".")[0]
                == (node.module or "").split(".")[0]
            ]
            what = ", ".join(wanted) or "what you use"
            raise CaptureFailed(
                f"`from {node.module} import *` hides which names the cell uses", name="*", cell=cell, line=node.lineno,
                hint=f"write `from {node.module} import {what}`",
            )  # fmt: skip


def entry_name(exports: tuple[Export, ...], wanted: str, cell: str) -> str:
    """Return what `/` calls. Raises `CaptureFailed` when there is nothing to call, or not what was asked for."""
    if not exports:
        raise CaptureFailed(
            "the cell defines nothing to call", cell=cell,
            hint="define a function, a class or an ASGI application in it, or name one of an earlier cell with --entry",
        )  # fmt: skip
    try:
        return exported.entry_of(exports, wanted)
    except KeyError:
        served = ", ".join(each.name for each in exports)
        raise CaptureFailed(
            f"the cell defines no `{wanted}`", name=wanted, cell=cell, hint=f"--entry may be one of: {served}"
        ) from None


def cell_piece(cell: Cell, tree: ast.Module, used: names.Uses) -> Piece:
    """Return the cell as it is, less its `from __future__` lines, which move to the top of the module."""
    lines = cell.text.splitlines()
    for statement in tree.body:
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            lines[statement.lineno - 1] = ""
    while lines and not lines[-1].strip():
        lines.pop()
    blank = next((i for i, line in enumerate(lines) if line.strip()), 0)
    text = "\n".join(lines[blank:])
    run = Run(1, len(lines) - blank, cell.label, blank + 1)
    return Piece("cell", text, used.binds, used.eager, used.lazy, (run,))


def uses_future(tree: ast.Module, namespace: Mapping[str, object], exports: tuple[Export, ...]) -> bool:
    """Tell whether the cell was compiled with `from __future__ import annotations`, which a notebook remembers."""
    written = any(isinstance(each, ast.ImportFrom) and each.module == "__future__" for each in tree.body)
    codes = [code_of(unwrapped(namespace[each.name])) for each in exports]
    return written or any(code is not None and bool(code.co_flags & FUTURE_ANNOTATIONS) for code in codes)


def compile_check(source: str, cell: str) -> None:
    """Compile the emitted module, so that what only a whole module refuses is refused here. Raises `CaptureFailed`."""
    try:
        compile(source, "<bundle>", "exec")
    except SyntaxError as wrong:
        raise CaptureFailed(
            f"the cell does not compile as a module: {wrong.msg}",
            cell=cell,
            hint="`await` at the top of a cell, for one",
        ) from None


def placed_imports(source: str, lines: tuple[Run, ...]) -> list[Import]:
    """Return the module's imports, each with the cell and line it was written on."""
    found = []
    for each in modules.imports_of(source):
        at = next((run for run in lines if run.line <= each.line < run.line + run.count), None)
        cell, line = (at.cell, at.cell_line + each.line - at.line) if at is not None else ("", 0)
        found.append(modules.Import(each.module, cell, line, each.optional))
    return found

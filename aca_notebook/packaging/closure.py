"""What a cell needs of the notebook: each name it reads becomes an import, a definition or stored data, transitively.

The *present value* of a name decides, not the cell that last mentioned it: a helper that was defined again, patched or
deleted is found as it is now.
"""

from __future__ import annotations

import ast
import builtins
import inspect
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from aca_notebook.errors import CaptureFailed
from aca_notebook.packaging import data, names
from aca_notebook.packaging.cells import FUTURE_ANNOTATIONS, Cell, Cells, Chunk, code_of, method_codes
from aca_notebook.packaging.emit import INDENT, Piece, Run
from aca_notebook.packaging.origins import (
    decorated,
    importable,
    imported_submodules,
    inner_definition,
    inner_source,
    unwrapped,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Names IPython puts into a notebook; none of them exists in a container.
NOTEBOOK_ONLY = frozenset({"get_ipython", "In", "Out", "_", "__", "___", "_ih", "_oh", "_dh", "exit", "quit"})
#: Modules of classes whose objects are words of the language rather than data.
WRITTEN_OUT = frozenset({"typing", "types", "logging"})
IMPORT_AGAIN = "run the cell that defines it again, then deploy"


@dataclass(frozen=True, slots=True)
class Needed:
    """Who asked for a name: the cell and the line an error points at."""

    cell: str
    line: int


class Closure:
    """Collects the pieces a cell needs; `pieces`, `data` and `warnings` grow as names are asked for."""

    def __init__(self, namespace: Mapping[str, object], cells: Cells) -> None:
        self.pieces: list[Piece] = []
        self.data: list[data.Datum] = []
        self.warnings: list[str] = []
        self.future_annotations = False
        self._namespace = namespace
        self._cells = cells
        self._home = str(namespace.get("__name__", "__main__"))
        self._resolved: set[str] = set()
        self._by_identity: dict[int, str] = {}

    def need_all(
        self, used: names.Uses, tree: ast.AST, cell: Cell, *, first_line: int = 1, but: frozenset[str]
    ) -> None:
        """Make pieces for every name `used` that is not in `but`. Raises `CaptureFailed`."""
        absent = {name for name in used.rebinds if name not in self._namespace}  # made by the function, when it runs
        for name in sorted(used.reads - but - absent):
            line = names.first_line(tree, name) + first_line - 1
            self.need(name, Needed(cell.label, line), names.attribute_chains(tree, name))
        for name in sorted(used.annotated - but):
            if name in self._namespace:
                self.need(name, Needed(cell.label, 0), names.attribute_chains(tree, name))

    def need(self, name: str, by: Needed, chains: set[str]) -> None:
        """Make pieces for one name. Raises `CaptureFailed` when it has no value, or one that cannot travel."""
        if name in NOTEBOOK_ONLY and (name in self._namespace or name == "get_ipython"):
            raise CaptureFailed(
                f"`{name}` exists only in a notebook", name=name, cell=by.cell, line=by.line,
                hint="leave magics, `!` commands and the notebook's history out of what you deploy",
            )  # fmt: skip
        if name not in self._namespace:
            if not hasattr(builtins, name) or name == "display":
                self._missing(name, by)
            return
        value = unwrapped(self._namespace[name])
        if isinstance(value, ModuleType):  # each mention may need another submodule
            self._add_module(name, value, chains, by)
        elif name not in self._resolved:
            self._resolved.add(name)
            self._capture(name, value, by)

    def _missing(self, name: str, by: Needed) -> None:
        if name == "display":
            raise CaptureFailed(
                "`display` exists only in a notebook", name=name, cell=by.cell, line=by.line, hint="use print"
            )
        raise CaptureFailed(
            f"`{name}` has no value in this notebook: it would be a NameError in the container",
            name=name, cell=by.cell, line=by.line, hint="run the cell that defines it, or correct the name",
        )  # fmt: skip

    def _capture(self, name: str, value: object, by: Needed) -> None:
        if isinstance(value, ModuleType):
            self._add_module(name, value, set(), by)
            return
        if self._is_own(value):
            self._add_definition(name, value, by)
            return
        written = data.literal(value)
        first = name if written else self._by_identity.setdefault(id(value), name)
        if first != name:  # the same object under a second name stays the same object
            self.pieces.append(Piece("alias", f"{name} = {first}", frozenset({name}), eager=frozenset({first})))
        elif (line := importable(name, value)) is not None:
            self.pieces.append(Piece("import", line, frozenset({name})))
        elif written:
            self._add_literal(name, value, written)
        else:
            self._add_stored(name, value, by)

    def _is_own(self, value: object) -> bool:
        """Tell whether a value is a function or class written in this notebook (or made by one that was)."""
        if getattr(value, "__module__", None) != self._home:
            return False
        return isinstance(value, FunctionType | type) or code_of(value) is not None

    # modules ---------------------------------------------------------------------------------------------------------

    def _add_module(self, name: str, module: ModuleType, chains: set[str], by: Needed) -> None:
        full = module.__name__
        if full == self._home:
            raise CaptureFailed(f"`{name}` is the notebook itself", name=name, cell=by.cell, line=by.line)
        self._resolved.add(name)
        line = f"import {full}" if name == full else f"import {full} as {name}"
        if name != full and full.endswith(f".{name}"):
            line = f"from {full.rpartition('.')[0]} import {name}"
        submodules = imported_submodules(name, module, chains)
        lines = {f"import {submodule}" for submodule in submodules} or {line}
        known = {piece.text for piece in self.pieces}
        self.pieces += [Piece("import", each, frozenset({name})) for each in sorted(lines - known)]
        self._refuse_patched(name, module, chains, by)

    def _refuse_patched(self, name: str, module: ModuleType, chains: set[str], by: Needed) -> None:
        for chain in chains:
            attribute = chain.split(".")[1]
            patch = vars(module).get(attribute)
            if isinstance(patch, FunctionType) and patch.__module__ == self._home:
                raise CaptureFailed(
                    f"`{name}.{attribute}` was replaced by a function of this notebook", name=name, cell=by.cell,
                    line=by.line, hint=f"call {patch.__name__}() by its own name",
                )  # fmt: skip

    # data ------------------------------------------------------------------------------------------------------------

    def _add_literal(self, name: str, value: object, written: str) -> None:
        self.pieces.append(Piece("data", f"{name} = {written}", frozenset({name})))
        body = written.encode()
        self.data.append(data.Datum(name, "literal", body, data.digest_of(value), type(value).__name__))
        if isinstance(value, str) and data.looks_secret(name):
            self.warnings.append(
                f"`{name}` looks like a secret and would be readable in the image: pass it as an app secret"
            )

    def _add_stored(self, name: str, value: object, by: Needed) -> None:
        own: set[str] = set()

        def own_name(each: object) -> str:
            if getattr(each, "__module__", None) != self._home:
                return ""
            qualified: str = getattr(each, "__qualname__", "")
            root = qualified.partition(".")[0]
            if "<" not in qualified and not self._goes_by(qualified, each):
                raise data.CannotTravel(f"it was made with an earlier `{qualified}`", "make it again, then deploy")
            if "<" in qualified:
                raise data.CannotTravel(
                    f"it refers to `{qualified}`, which has no name", "define it at the top of a cell"
                )
            own.add(root)
            return qualified

        try:
            datum = data.encode(name, value, own_name)
        except data.CannotTravel as refused:
            if not isinstance(refused, data.TooHeavy) and self._add_statement(name, value):
                return
            raise CaptureFailed(
                f"`{name}` cannot travel: {refused}", name=name, cell=by.cell, line=by.line, hint=refused.advice
            ) from None
        self._weigh(datum, by)
        for each in sorted(own):
            self.need(each, by, set())
        extra = f", {dict(datum.made_with)}" if datum.made_with is not None else ""
        text = f'{name} = _stored.{datum.format}("{name}"{extra})'
        self.pieces.append(Piece("data", text, frozenset({name}), eager=frozenset(own)))
        self.data.append(datum)

    def _add_statement(self, name: str, value: object) -> bool:
        """Write down the statement that made a value which is no data but stands there in full.

        That is a display of functions (`{"add": lambda a, b: a + b}`) that still has as many items, or a type alias, a
        type variable or a logger, whichever way it is made.
        """
        chunk = self._cells.binding(name)
        if chunk is None:
            return False
        (statement,) = chunk.statements
        source = getattr(statement, "value", None)
        items = len(getattr(source, "elts", getattr(source, "keys", ())))
        spelled_out = names.without_calls(statement, name) and isinstance(value, dict | list | tuple | set)
        if type(value).__module__ not in WRITTEN_OUT and not (spelled_out and len(value) == items):  # type: ignore[arg-type]  # sized, as spelled out
            return False
        self._add_chunk(chunk, names.uses(chunk.text))
        return True

    def _goes_by(self, qualified: str, value: object) -> bool:
        """Tell whether a class or function of the notebook is still found under its own name."""
        first, *rest = qualified.split(".")
        found = unwrapped(self._namespace.get(first))
        for part in rest:
            found = getattr(found, part, None)
        return found is value

    def _weigh(self, datum: data.Datum, by: Needed) -> None:
        if datum.size > data.MOST_BYTES:
            raise CaptureFailed(
                f"`{datum.name}` is {data.size_text(datum.size)}, a bundle carries {data.size_text(data.MOST_BYTES)}",
                name=datum.name, cell=by.cell, line=by.line, hint=data.HEAVY,
            )  # fmt: skip
        if datum.size > data.WARN_BYTES:
            self.warnings.append(f"`{datum.name}` adds {data.size_text(datum.size)} to every deploy")

    # definitions -----------------------------------------------------------------------------------------------------

    def _add_definition(self, name: str, value: Any, by: Needed) -> None:
        chunk = self._chunk_of(name, value)
        if chunk is None:
            if isinstance(value, FunctionType) and value.__closure__ is not None:
                self._add_made_by_function(name, value, by)
                return
            raise CaptureFailed(
                f"the source of `{name}` is not known", name=name, cell=by.cell, line=by.line, hint=IMPORT_AGAIN
            )
        used = names.uses(chunk.text)
        self._note_future(value)
        if name not in used.binds:  # the value goes by another name where it was defined
            self._add_alias(name, value, by)
            return
        self._resolved |= used.binds
        self._add_chunk(chunk, used)
        if isinstance(value, type):
            self._add_patches(name, value, by)
        self._add_registered(chunk, value)

    def _add_chunk(self, chunk: Chunk, used: names.Uses) -> None:
        count = chunk.last_line - chunk.line + 1
        run = Run(1, count, chunk.cell.label, chunk.line)
        piece = Piece("definition", chunk.text, used.binds, used.eager, used.lazy, (run,))
        self.need_all(used, ast.parse(chunk.text), chunk.cell, first_line=chunk.line, but=used.binds)
        self.pieces.append(piece)

    def _chunk_of(self, name: str, value: Any) -> Chunk | None:
        """Return the top-level statements that made this very value, or None when it came out of a call."""
        code = code_of(value)
        cell = self._cells.of_code(code) if code is not None else None
        if code is not None and cell is not None and "<locals>" not in getattr(value, "__qualname__", ""):
            for chunk in cell.chunks:
                if chunk.line <= code.co_firstlineno <= chunk.last_line:
                    return chunk
        for chunk in self._cells.defining(name):
            definition = chunk.defines(name)
            if decorated(definition) or (isinstance(value, type) and isinstance(definition, ast.ClassDef)):
                return chunk
            if cell is None and code is not None and (chunk.line, name) == (code.co_firstlineno, code.co_name):
                return chunk  # compiled by a magic, which keeps no source: `%%time`, say
        return None

    def _add_alias(self, name: str, value: Any, by: Needed) -> None:
        other = getattr(inspect.unwrap(value), "__name__", "")
        if unwrapped(self._namespace.get(other)) is not value:
            raise CaptureFailed(
                f"`{name}` is an earlier `{other}` that was defined again since", name=name, cell=by.cell, line=by.line,
                hint=IMPORT_AGAIN,
            )  # fmt: skip
        self.need(other, by, set())
        self.pieces.append(Piece("alias", f"{name} = {other}", frozenset({name}), eager=frozenset({other})))

    def _add_registered(self, definition: Chunk, value: Any) -> None:
        """Write down what was registered with a `functools.singledispatch` function after it was defined."""
        registry = getattr(value, "registry", None) if callable(getattr(value, "dispatch", None)) else None
        for each in (registry or {}).values():
            code = code_of(each)
            cell = self._cells.of_code(code) if code is not None and self._is_own(each) else None
            if code is None or cell is None:
                continue
            for chunk in cell.chunks:
                if chunk.line <= code.co_firstlineno <= chunk.last_line and chunk != definition:
                    self._add_chunk(chunk, names.uses(chunk.text))

    def _add_patches(self, name: str, value: type, by: Needed) -> None:
        """Write down methods that were put onto a class after it was defined."""
        for attribute, code in method_codes(value).items():
            function = vars(value)[attribute]
            own = getattr(function, "__qualname__", f"{value.__qualname__}.{attribute}")
            if own.startswith(f"{value.__qualname__}.") or "<locals>" in own or not isinstance(function, FunctionType):
                continue
            if unwrapped(self._namespace.get(code.co_name)) is not function:
                raise CaptureFailed(
                    f"`{name}.{attribute}` was replaced by a function that has no name any more", name=name,
                    cell=by.cell, line=by.line, hint="define the method in the class",
                )  # fmt: skip
            self.need(code.co_name, by, set())
            text = f"{name}.{attribute} = {code.co_name}"
            self.pieces.append(
                Piece("alias", text, frozenset({f"{name}.{attribute}"}), frozenset({name, code.co_name}))
            )

    def _add_made_by_function(self, name: str, value: FunctionType, by: Needed) -> None:
        """Write down a function that another one made (`triple = times(3)`): its source, and what it closed over."""
        cell = self._cells.of_code(value.__code__)
        node = inner_definition(cell, value) if cell is not None else None
        if cell is None or node is None:
            raise CaptureFailed(
                f"the source of `{name}` is not known", name=name, cell=by.cell, line=by.line, hint=IMPORT_AGAIN
            )
        closed_over: dict[str, str] = {}
        for free, content in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
            if content.cell_contents is value:
                continue
            closed_over[free] = self._unused(f"_{name}_{free}")
            self._capture(closed_over[free], unwrapped(content.cell_contents), by)
        inner, first = inner_source(cell, node)
        head = f"def _make_{name}({', '.join(closed_over)}):"
        tail = [f"{INDENT}return {value.__name__}"] if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else []
        text = "\n".join([head, *inner, *tail, f"{name} = _make_{name}({', '.join(closed_over.values())})"])
        used = names.uses(text)
        made = used.binds | closed_over.keys()
        self.need_all(used, ast.parse(text), cell, first_line=first - 1, but=made | set(closed_over.values()))
        run = Run(2, len(inner), cell.label, first)
        self.pieces.append(Piece("definition", text, used.binds, used.eager, used.lazy, (run,)))

    def _unused(self, name: str) -> str:
        while name in self._namespace:
            name = f"_{name}"
        return name

    def _note_future(self, value: object) -> None:
        code = code_of(value)
        if code is not None and code.co_flags & FUTURE_ANNOTATIONS:
            self.future_annotations = True

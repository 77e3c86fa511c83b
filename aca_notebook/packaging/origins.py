"""Where a value comes from: the import that gives it, the definition it was made by, the handle it hides behind."""

from __future__ import annotations

import ast
import sys
import textwrap
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from aca_notebook.packaging.emit import INDENT

if TYPE_CHECKING:
    from aca_notebook.packaging.cells import Cell


def unwrapped(value: Any) -> Any:
    """Return what a handle stands for; anything else is returned as it is."""
    return value.__dict__["__aca_local__"] if "__aca_local__" in getattr(value, "__dict__", {}) else value


def decorated(definition: ast.stmt | None) -> bool:
    """Tell whether a definition has decorators: then its value may be anything they return."""
    return bool(getattr(definition, "decorator_list", ()))


def importable(name: str, value: object) -> str | None:
    """Return the import statement that gives `name` this value, or None for a value of the notebook's own."""
    module: object = getattr(value, "__module__", None)
    qualified: object = getattr(value, "__qualname__", getattr(value, "__name__", ""))
    if not isinstance(module, str) or not isinstance(qualified, str) or "." in qualified or not qualified:
        return None
    for candidate in (*shorter(module), module):
        if getattr(sys.modules.get(candidate), qualified, None) is value:
            return f"from {candidate} import {qualified}" + (f" as {name}" if name != qualified else "")
    return None


def shorter(module: str) -> list[str]:
    """Return the public packages above a private module: `sklearn.linear_model` for `sklearn.linear_model._base`."""
    parts = module.split(".")
    return [".".join(parts[:i]) for i in range(1, len(parts)) if any(part.startswith("_") for part in parts[i:])]


def imported_submodules(name: str, module: ModuleType, chains: set[str]) -> set[str]:
    """Return the submodules that attribute chains reach: `xml.etree.ElementTree` for `xml.etree.ElementTree.parse`."""
    found = set()
    for chain in chains:
        parts = chain.split(".")[1:]
        for length in range(len(parts), 0, -1):
            full = ".".join([module.__name__, *parts[:length]])
            if isinstance(sys.modules.get(full), ModuleType) and name == module.__name__:
                found.add(full)
                break
    return {each for each in found if not any(other.startswith(f"{each}.") for other in found)}


def inner_definition(cell: Cell, value: FunctionType) -> ast.AST | None:
    """Return the `def` or `lambda` that made a function; None when two lambdas on one line cannot be told apart."""
    code = value.__code__
    kinds = ast.Lambda if code.co_name == "<lambda>" else (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [
        node
        for node in ast.walk(cell.tree)
        if isinstance(node, kinds)
        and code.co_firstlineno in {node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))}
        and getattr(node, "name", "<lambda>") == code.co_name
    ]
    return found[0] if len(found) == 1 else None


def inner_source(cell: Cell, node: Any) -> tuple[list[str], int]:
    """Return the source of an inner function, indented once, and the line of the cell it starts on."""
    if isinstance(node, ast.Lambda):
        return [f"{INDENT}return ({ast.unparse(node)})"], node.lineno
    first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    text = "\n".join(cell.text.splitlines()[first - 1 : node.end_lineno])
    return textwrap.indent(textwrap.dedent(text), INDENT).splitlines(), first

"""Which names a piece of source reads and binds at its top level: pure, by `symtable` and `ast`.

`symtable` is the compiler's own answer, so comprehensions, closures, class bodies, `global` and default arguments need
no rules of ours. It does not see annotations under `from __future__ import annotations`, nor those in quotes.
"""

from __future__ import annotations

import ast
import symtable
from dataclasses import dataclass

#: Names every module has, whoever wrote it.
MODULE_NAMES = frozenset({
    "__name__", "__doc__", "__file__", "__spec__", "__loader__", "__package__", "__builtins__", "__annotations__",
    "__dict__", "__path__", "__debug__", "__class__",
})  # fmt: skip
_COMPREHENSIONS = frozenset({"listcomp", "setcomp", "dictcomp", "genexpr"})


@dataclass(frozen=True, slots=True)
class Uses:
    """Names of the module that a piece of source touches.

    `eager` are read while it runs, `lazy` once something in it is called, `annotated` only by annotations, which
    nobody may ever evaluate; `binds` are the names it gives a value to, `rebinds` those a function of it declares
    `global` and assigns: they may well have had a value before.
    """

    eager: frozenset[str]
    lazy: frozenset[str]
    annotated: frozenset[str]
    binds: frozenset[str]
    rebinds: frozenset[str] = frozenset()

    @property
    def reads(self) -> frozenset[str]:
        """Names that must exist when the source runs or is called."""
        return self.eager | self.lazy


def uses(source: str) -> Uses:
    """Return the names that `source`, a whole number of statements, reads and binds. Raises `SyntaxError`."""
    top = symtable.symtable(source, "<cell>", "exec")
    eager: set[str] = set()
    lazy: set[str] = set()
    binds = {each.get_name() for each in top.get_symbols() if each.is_assigned() or each.is_imported()}
    rebinds: set[str] = set()
    eager |= {each.get_name() for each in top.get_symbols() if each.is_referenced()}
    for child in top.get_children():
        _collect(child, eager, lazy, rebinds, runs_now=True)
    known = MODULE_NAMES
    return Uses(
        frozenset(eager - known),
        frozenset(lazy - known - eager),
        frozenset(_annotated(ast.parse(source)) - eager - lazy - known),
        frozenset(binds),
        frozenset(rebinds - binds),
    )


def _collect(
    table: symtable.SymbolTable, eager: set[str], lazy: set[str], rebinds: set[str], *, runs_now: bool
) -> None:
    """Add what a nested scope reads of the module; a class body and a comprehension run where they stand."""
    is_function = table.get_type() == "function" and table.get_name() not in _COMPREHENSIONS
    runs_now = runs_now and not is_function
    for each in table.get_symbols():
        if each.is_global() and each.is_referenced():
            (eager if runs_now else lazy).add(each.get_name())
        if each.is_declared_global() and each.is_assigned():
            rebinds.add(each.get_name())
    for child in table.get_children():
        _collect(child, eager, lazy, rebinds, runs_now=runs_now)


def _annotated(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if isinstance(annotation, ast.expr):
                found |= _names_in_annotation(annotation)
    return found


def _names_in_annotation(annotation: ast.expr) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(annotation):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                quoted = ast.parse(node.value, mode="eval")
            except SyntaxError:  # a plain text, as in Literal["a b"] or Annotated[..., "why"]
                continue
            found |= {each.id for each in ast.walk(quoted) if isinstance(each, ast.Name)}
    return found


def first_line(tree: ast.AST, name: str) -> int:
    """Return the first line on which `name` is read, or 0."""
    lines = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
    ]
    return min(lines, default=0)


def attribute_chains(tree: ast.AST, name: str) -> set[str]:
    """Return the dotted names that start at `name`: `{"os.path.join", "os.path"}` for `os` in `os.path.join(a, b)`."""
    found: set[str] = set()
    for node in ast.walk(tree):
        parts: list[str] = []
        at: ast.AST = node
        while isinstance(at, ast.Attribute):
            parts.append(at.attr)
            at = at.value
        if parts and isinstance(at, ast.Name) and at.id == name:
            found.add(".".join([name, *reversed(parts)]))
    return found


def changed_in_place(tree: ast.Module) -> list[tuple[str, int]]:
    """Return (name, line) of simple statements that read a name the cell binds, before the cell has bound it.

    `total = total + 1` and `total += 1` need the value from before the cell ran, which is gone.
    """
    bound: set[str] = set()
    cell = uses(ast.unparse(tree)).binds
    found = []
    for statement in tree.body:
        if isinstance(statement, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Expr):
            reads = uses(ast.unparse(statement)).eager
            if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
                reads |= {statement.target.id}
            found += [(name, statement.lineno) for name in sorted(reads & (cell - bound - _own_targets(statement)))]
        elif isinstance(statement, ast.Delete):
            deleted = {target.id for target in statement.targets if isinstance(target, ast.Name)}
            found += [(name, statement.lineno) for name in sorted(deleted - bound)]
        bound |= uses(ast.unparse(statement)).binds
    return found


def without_calls(statement: ast.stmt, name: str) -> bool:
    """Tell whether a statement gives `name`, alone, a value that is written out: displays, names, lambdas, no calls."""
    if not isinstance(statement, ast.Assign | ast.AnnAssign) or statement.value is None:
        return False
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    if not all(isinstance(target, ast.Name) and target.id == name for target in targets):
        return False
    frontier: list[ast.AST] = [statement.value]
    while frontier:
        node = frontier.pop()
        if isinstance(node, ast.Call | ast.Await | ast.NamedExpr | ast.GeneratorExp | ast.ListComp | ast.DictComp):
            return False
        frontier += [] if isinstance(node, ast.Lambda) else ast.iter_child_nodes(node)
    return True


def _own_targets(statement: ast.stmt) -> set[str]:
    """Names a statement binds in passing, before it reads them: walrus targets and, since 3.12, comprehension ones."""
    targets = [node.target for node in ast.walk(statement) if isinstance(node, ast.NamedExpr | ast.comprehension)]
    return {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}

"""Modules: which are Python's, which are installed, and which are the project's own and travel with the bundle."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import site
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aca_notebook.errors import CaptureFailed

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_BYTES = 16 * 2**20
#: The runner's stand-in answers for our own package in the container.
OURS = "aca_notebook"


@dataclass(frozen=True, slots=True, order=True)
class Import:
    """A module that some source imports: its full name, where, and whether the source can do without it."""

    module: str
    cell: str = ""
    line: int = 0
    optional: bool = False

    @property
    def root(self) -> str:
        """The top-level package."""
        return self.module.partition(".")[0]


@dataclass(frozen=True, slots=True)
class LocalModule:
    """A module or package of the project: path under `app/` → content."""

    name: str
    files: tuple[tuple[str, bytes], ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(len(content) for _, content in self.files)

    @property
    def digest(self) -> str:
        """SHA-256 over paths and contents."""
        lines = (f"{path} {hashlib.sha256(content).hexdigest()}\n" for path, content in self.files)
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def imports_of(source: str, *, cell: str = "", first_line: int = 1) -> list[Import]:
    """Return every module that `source` imports, in functions too; `from x import y` counts as `x.y` when that is one.

    An import inside `try … except ImportError` is optional.
    """
    tree = ast.parse(source)
    forgiven = {
        id(node)
        for attempt in ast.walk(tree)
        if isinstance(attempt, ast.Try) and any(map(_forgives, attempt.handlers))
        for statement in attempt.body
        for node in ast.walk(statement)
    }
    found = []
    for node in ast.walk(tree):
        for module in _imported(node):
            line = getattr(node, "lineno", 1) + first_line - 1
            found.append(Import(module, cell, line, id(node) in forgiven))
    return found


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [each.name for each in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level and node.module != "__future__":
        return [f"{node.module}.{each.name}" for each in node.names if each.name != "*"] or [node.module]
    return []


def _forgives(handler: ast.ExceptHandler) -> bool:
    named = (
        {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)} if handler.type else {"Exception"}
    )
    return bool(named & {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


def is_standard(root: str) -> bool:
    """Tell whether a top-level module is Python's own."""
    return root in sys.stdlib_module_names or root in sys.builtin_module_names


def local_modules(imports: Iterable[Import]) -> tuple[list[LocalModule], list[Import]]:
    """Find the project's own modules among `imports`, and in turn what those import.

    Returns the modules, and the imports that are neither local nor Python's own. Raises `CaptureFailed` for a module
    that holds compiled code or is larger than 16 MiB.
    """
    found: dict[str, LocalModule] = {}
    foreign: list[Import] = []
    queue = list(imports)
    while queue:
        each = queue.pop(0)
        if each.root == OURS or each.root in found or is_standard(each.root):
            continue
        place = local_place(each.root)
        if place is None:
            foreign.append(each)
            continue
        module = read_local(each, place)
        found[each.root] = module
        for path, content in module.files:
            if path.endswith(".py"):
                queue += imports_of(content.decode("utf-8", "replace"), cell=path)
    return list(found.values()), foreign


def local_place(root: str) -> Path | None:
    """Return the file or folder of a top-level module that is neither installed nor Python's own, else None."""
    try:
        spec = importlib.util.find_spec(root)
    except (ImportError, ValueError):  # a module whose __spec__ is None, or a half-imported one
        return None
    if spec is None:
        return None
    places = list(spec.submodule_search_locations or ()) or [spec.origin or ""]
    place = Path(places[0])
    if not place.exists() or is_installed(place):
        return None
    return place


def is_installed(place: Path) -> bool:
    """Tell whether a file lies where packages are installed or where Python's own library is."""
    resolved = place.resolve()
    return any(resolved.is_relative_to(each) for each in installed_folders())


def installed_folders() -> tuple[Path, ...]:
    """Return the folders that installers and Python itself own."""
    named = [*sysconfig.get_paths().values(), *site.getsitepackages(), site.getusersitepackages()]
    scheme = {"stdlib", "platstdlib", "purelib", "platlib"}
    own = [path for key, path in sysconfig.get_paths().items() if key in scheme]
    wanted = [path for path in named if "site-packages" in path or "dist-packages" in path] + own
    return tuple({Path(path).resolve() for path in wanted})


def read_local(wanted: Import, place: Path) -> LocalModule:
    """Read a module's file, or a package's folder without caches. Raises `CaptureFailed`."""
    if place.is_file():
        return LocalModule(wanted.root, ((place.name, place.read_bytes()),))
    files = []
    size = 0
    for path in sorted(place.rglob("*")):
        inside = path.relative_to(place)
        if not path.is_file() or any(part.startswith((".", "__pycache__")) for part in inside.parts):
            continue
        if path.suffix in {".so", ".pyd", ".dylib"}:
            raise CaptureFailed(
                f"the module `{wanted.root}` holds compiled code ({inside}) and cannot travel as source",
                name=wanted.root, cell=wanted.cell, line=wanted.line, hint="publish it as a package and add --pip",
            )  # fmt: skip
        size += path.stat().st_size
        if size > MOST_BYTES:
            raise CaptureFailed(
                f"the module `{wanted.root}` in {place} is larger than {MOST_BYTES // 2**20} MiB",
                name=wanted.root, cell=wanted.cell, line=wanted.line, hint="keep data out of the package's folder",
            )  # fmt: skip
        files.append((f"{wanted.root}/{inside.as_posix()}", path.read_bytes()))
    return LocalModule(wanted.root, tuple(files))

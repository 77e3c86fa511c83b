"""From a cell to a bundle: the order in which packaging's three steps are taken."""

from __future__ import annotations

import inspect
import json
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aca_notebook.api.plan import BundleFacts
from aca_notebook.model.app import EVERY_PATH
from aca_notebook.model.deploy import Shipped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from aca_notebook.packaging.exports import Export

_EXAMPLES: dict[str, object] = {
    "float": 9.0, "int": 9, "str": "text", "bool": True, "list": [1.0, 2.0], "list[float]": [1.0, 2.0],
    "list[int]": [1, 2], "list[str]": ["text"], "dict": {},
}  # fmt: skip
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True, slots=True)
class Source:
    """A cell and the names it may use: `namespace` is the notebook's, after the cell ran there."""

    text: str
    namespace: Mapping[str, object] = field(repr=False)
    cell: str = ""
    entry: str = ""
    pip: Sequence[str] = ()
    requirements: Path | None = None


@dataclass(frozen=True, slots=True)
class Packed:
    """A bundle ready to go; `exports` are name and kind of what it serves, in the cell's order."""

    facts: BundleFacts
    exports: tuple[tuple[str, str], ...]
    archive: Callable[[], bytes]


def pack(source: Source) -> Packed:
    """Capture a cell, pin its packages and make the bundle. Blocks: run it in a thread.

    Raises `CaptureFailed` and `RequirementsFailed`.
    """
    from aca_notebook.packaging import bundle, capture, requirements

    captured = capture.capture_cell(source.text, source.namespace, cell=source.cell, entry=source.entry)
    lock = requirements.resolve(
        captured.imports, pip=source.pip, requirements=source.requirements, python=PYTHON
    )  # fmt: skip
    made = bundle.build(captured, lock)
    exports = tuple((export.name, export.kind) for export in captured.exports)
    paths = [path for export in captured.exports for path in served_paths(export)]
    entry = entry_path(paths, captured.entry)
    facts = BundleFacts(
        digest=made.digest,
        python=PYTHON,
        entry=entry,
        functions=tuple(sorted(paths, key=lambda path: path != entry)),
        ships=tuple(Shipped(item.name, item.kind, item.size_bytes, item.note) for item in made.preview),
        warnings=tuple(captured.warnings),
        example=example_body(source.namespace.get(entry.partition("/")[0]), entry),
    )
    return Packed(facts, exports, made.archive)


def of_image(image: str) -> Packed:
    """Return what ships with a finished image: nothing. Its name takes the place of a digest."""
    return Packed(BundleFacts(digest=image, python="", entry="", functions=()), (), bytes)


def served_paths(export: Export) -> list[str]:
    """Return the paths an export is called at, without their slash in front; every path of an application's own."""
    if export.kind == "asgi":
        return [EVERY_PATH]
    return [f"{export.name}/{method.name}" for method in export.methods] or [export.name]


def entry_path(paths: Sequence[str], entry: str) -> str:
    """Return the path that `/` stands for, as the runner chooses it (`runner.services.entry_path`)."""
    wanted = entry.replace(".", "/")
    methods = [path for path in paths if path.startswith(f"{wanted}/")]
    preferred = [path for path in methods if path.rpartition("/")[2] in {"predict", "__call__"}]
    if wanted in paths:
        return wanted
    return next(iter(preferred), methods[0] if len(methods) == 1 else "")


def example_body(served: object, entry: str) -> str:
    """Return a JSON body that fits the entry's annotations, as far as they are plain: for `curl`."""
    served = getattr(served, "__aca_local__", served)
    method = entry.partition("/")[2]
    called = getattr(served, method, None) if method else served
    if isinstance(called, type) or not callable(called):
        return ""
    try:
        parameters = inspect.signature(called).parameters.values()
    except (TypeError, ValueError):
        return ""
    needed = [each for each in parameters if each.default is each.empty and each.name != "self"]
    return json.dumps({each.name: _EXAMPLES.get(_annotation(each.annotation), 1) for each in needed})


def _annotation(annotation: object) -> str:
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")

"""A notebook without a kernel: cells run in one namespace, as IPython runs them, and their source is known."""

from __future__ import annotations

import importlib.util
import itertools
import linecache
import sys
from textwrap import dedent
from typing import TYPE_CHECKING, Any

from aca_notebook.packaging.capture import Capture, capture_cell

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

_numbers = itertools.count(1)


class Notebook:
    """Runs cells; `deploy` runs one more and captures it. Cells are called `In[1]`, `In[2]` … in that order."""

    def __init__(self, *cells: str) -> None:
        self.namespace: dict[str, Any] = {"__name__": "__main__", "In": [""]}
        for cell in cells:
            self.run(cell)

    def run(self, cell: str) -> str:
        """Compile and run a cell, its source kept in `linecache` under a name that is no file."""
        source = dedent(cell).lstrip("\n")
        file = f"<ipython-input-{len(self.namespace['In'])}-{next(_numbers):012x}>"
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        self.namespace["In"].append(source)
        exec(compile(source, file, "exec", dont_inherit=True), self.namespace)
        return source

    def deploy(self, cell: str, *, entry: str = "") -> Capture:
        """Run a cell, then capture it."""
        return self.capture(self.run(cell), entry=entry)

    def capture(self, source: str, *, entry: str = "") -> Capture:
        """Capture a cell as it is, run or not."""
        return capture_cell(source, self.namespace, entry=entry)


def unpacked(capture: Capture, folder: Path) -> ModuleType:
    """Import what was captured, from files of its own, as a container would."""
    (folder / "data").mkdir(parents=True)
    for datum in capture.data:
        if datum.file:
            (folder / "data" / datum.file).write_bytes(datum.bytes)
    for module in capture.local_modules:
        for path, content in module.files:
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    name = f"captured_{next(_numbers)}"
    file = folder / f"{name}.py"
    file.write_text(capture.module_source)
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[name]
    return module

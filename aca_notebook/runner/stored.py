"""Data a bundle carries: the emitted module reads its variables from the files beside it."""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aca_notebook.runner import plain, tables

if TYPE_CHECKING:
    from collections.abc import Mapping


class Stored:
    """The `data` folder beside a module; `namespace` is that module's `globals()`."""

    def __init__(self, module_file: str, namespace: dict[str, Any]) -> None:
        self._folder = Path(module_file).parent / "data"
        self._namespace = namespace

    def plain(self, name: str) -> Any:
        """Read plain data; classes of the notebook that stand in it are those defined above in the module."""
        return plain.read((self._folder / f"{name}.pickle").read_bytes(), self._own)

    def array(self, name: str) -> Any:
        """Read a numpy array."""
        return tables.read_array((self._folder / f"{name}.npy").read_bytes())

    def frame(self, name: str) -> Any:
        """Read a frame as the kind it was."""
        return tables.read_frame((self._folder / f"{name}.arrow").read_bytes())

    def estimator(self, name: str, made_with: Mapping[str, str]) -> Any:
        """Read a fitted estimator; warns when a package is of another version than the one it was fitted with."""
        for package, version in made_with.items():
            here = getattr(importlib.import_module(package), "__version__", version)
            if here != version:
                text = f"`{name}` was fitted with {package} {version}, here is {here}"
                warnings.warn(text, RuntimeWarning, stacklevel=2)
        return plain.ObjectReader((self._folder / f"{name}.pickle").read_bytes(), self._own).load()

    def _own(self, qualified_name: str) -> Any:
        first, *rest = qualified_name.split(".")
        found = self._namespace[first]
        for part in rest:
            found = getattr(found, part)
        return found

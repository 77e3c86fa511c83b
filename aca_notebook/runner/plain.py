"""Plain data: pickle protocol 5 restricted to values, so that neither writing nor reading it runs anyone's code.

Both sides use this module: the notebook refuses what the container would refuse.
"""

from __future__ import annotations

import importlib
import io
import pickle
from typing import TYPE_CHECKING, Any

from aca_notebook.runner import tables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PROTOCOL = 5
HERE = "aca_notebook.runner.plain"
SAFE: Mapping[str, frozenset[str]] = {
    "builtins": frozenset(
        {
            "complex",
            "set",
            "frozenset",
            "bytearray",
            "range",
            "slice",
            "list",
            "dict",
            "tuple",
            "int",
            "float",
            "str",
            "bool",
        }
    ),
    "collections": frozenset({"OrderedDict", "defaultdict", "deque", "Counter"}),
    "datetime": frozenset({"date", "time", "datetime", "timedelta", "timezone"}),
    "decimal": frozenset({"Decimal"}),
    "fractions": frozenset({"Fraction"}),
    "ipaddress": frozenset({"IPv4Address", "IPv6Address", "IPv4Network", "IPv6Network"}),
    "pathlib": frozenset({"Path", "PosixPath", "PurePath", "PurePosixPath"}),
    "pathlib._local": frozenset({"Path", "PosixPath", "PurePath", "PurePosixPath"}),
    "re": frozenset({"_compile"}),
    "types": frozenset({"SimpleNamespace"}),
    "uuid": frozenset({"UUID", "SafeUUID"}),
    "zoneinfo": frozenset({"ZoneInfo", "ZoneInfo._unpickle"}),
    "numpy": frozenset({"dtype"}),
    HERE: frozenset({"restore_array", "restore_scalar", "restore_frame"}),
}
"""Classes and functions that a plain pickle may name: each makes a value and does nothing else."""


class NotPlain(ValueError):
    """A value that plain data cannot hold; says which class stood in the way."""


def write(value: object, classes: Mapping[tuple[str, str], type] = {}) -> bytes:  # never written to
    """Write plain data; objects of `classes` (module, qualified name) may stand in it.

    Arrays and frames inside containers are written in their own formats. Raises `NotPlain`.
    """
    buffer = io.BytesIO()
    try:
        _Writer(buffer).dump(value)
    except (pickle.PicklingError, TypeError, AttributeError, ValueError) as refused:
        raise NotPlain(str(refused)) from None
    written = buffer.getvalue()
    read(written, classes)
    return written


def read(written: bytes, classes: Mapping[tuple[str, str], type] = {}) -> Any:  # never written to
    """Read plain data. Raises `NotPlain` when it names anything but the safe classes and `classes`."""
    return _Reader(written, classes).load()


def restore_array(body: bytes) -> Any:
    """Read an array that stood inside a container."""
    return tables.read_array(body)


def restore_scalar(body: bytes) -> Any:
    """Read a numpy scalar."""
    return tables.read_array(body)[()]


def restore_frame(body: bytes) -> Any:
    """Read a frame that stood inside a container."""
    return tables.read_frame(body)


class _Writer(pickle.Pickler):
    def __init__(self, buffer: io.BytesIO) -> None:
        super().__init__(buffer, protocol=PROTOCOL)

    def reducer_override(self, value: Any) -> Any:
        if tables.is_array(value):
            return restore_array, (tables.write_array(value),)
        if tables.is_scalar(value):
            return restore_scalar, (tables.write_array(value),)
        if tables.frame_kind(value):
            return restore_frame, (tables.write_frame(value),)
        return NotImplemented


class _Reader(pickle.Unpickler):
    def __init__(self, written: bytes, classes: Mapping[tuple[str, str], type]) -> None:
        super().__init__(io.BytesIO(written))
        self._classes = classes

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in self._classes:
            return self._classes[module, name]
        if name not in SAFE.get(module, frozenset()):
            raise NotPlain(f"{module}.{name}")
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
        return found


class ObjectReader(pickle.Unpickler):
    """Reads a pickled estimator: classes of the notebook come from the bundle's module, others from their packages.

    Only ever given what the user's own deploy wrote; a client never uses it.
    """

    def __init__(self, written: bytes, own: Callable[[str], Any]) -> None:
        super().__init__(io.BytesIO(written))
        self._own = own

    def find_class(self, module: str, name: str) -> Any:
        """Look a global up; `__main__` is the bundle's own module."""
        return self._own(name) if module == "__main__" else super().find_class(module, name)

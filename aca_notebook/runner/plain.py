"""Plain data: pickle protocol 5 restricted to values, so that neither writing nor reading it runs anyone's code.

Both sides use this module: the notebook refuses what the container would refuse.
"""

from __future__ import annotations

import importlib
import io
import pickle
import sys
import zoneinfo
from types import FunctionType
from typing import TYPE_CHECKING, Any, Self

from aca_notebook.runner import tables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PROTOCOL = 5
TOO_DEEP = "nested too deeply to be written"
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
    "functools": frozenset({"partial"}),
    "ipaddress": frozenset({"IPv4Address", "IPv6Address", "IPv4Network", "IPv6Network"}),
    "pathlib": frozenset({"Path", "PosixPath", "PurePath", "PurePosixPath"}),
    "pathlib._local": frozenset({"Path", "PosixPath", "PurePath", "PurePosixPath"}),
    "http": frozenset({"HTTPStatus"}),
    "re": frozenset({"_compile", "RegexFlag"}),
    "types": frozenset({"SimpleNamespace"}),
    "uuid": frozenset({"UUID", "SafeUUID"}),
    "zoneinfo": frozenset({"ZoneInfo"}),
    "numpy": frozenset({"dtype"}),
    HERE: frozenset({"restore_array", "restore_scalar", "restore_frame"}),
}
"""Classes and functions that a plain pickle may name: each makes a value and does nothing else."""


class NotPlain(ValueError):
    """A value that plain data cannot hold; says which class stood in the way."""


class TooLarge(NotPlain):
    """A value that takes more bytes than it may."""


def write(value: object, own_name: Callable[[object], str] = lambda _: "", *, most_bytes: int = sys.maxsize) -> bytes:
    """Write plain data; what `own_name` has a name for (the notebook's own classes and functions) goes by that name.

    Arrays and frames inside containers are written in their own formats. Raises `NotPlain`, and `TooLarge` as soon as
    `most_bytes` are written.
    """
    buffer = _Bounded(most_bytes)
    try:
        _PlainWriter(buffer, own_name).dump(value)
    except TooLarge:
        raise
    except RecursionError:
        raise NotPlain(TOO_DEEP) from None
    except (pickle.PicklingError, TypeError, AttributeError, ValueError, RuntimeError) as refused:
        raise NotPlain(str(refused)) from None
    written = buffer.getvalue()
    _Check(io.BytesIO(written)).load()
    return written


class _Bounded(io.BytesIO):
    def __init__(self, most_bytes: int) -> None:
        super().__init__()
        self._most_bytes = most_bytes

    def write(self, piece: Any) -> int:
        if self.tell() + len(piece) > self._most_bytes:
            raise TooLarge(f"more than {self._most_bytes} bytes")
        return super().write(piece)


def read(written: bytes, own: Callable[[str], Any]) -> Any:
    """Read plain data; `own` finds what went by name. Raises `NotPlain` when it names anything but safe classes."""
    return _PlainReader(written, own).load()


def restore_array(body: bytes) -> Any:
    """Read an array that stood inside a container."""
    return tables.read_array(body)


def restore_scalar(body: bytes) -> Any:
    """Read a numpy scalar."""
    return tables.read_array(body)[()]


def restore_frame(body: bytes) -> Any:
    """Read a frame that stood inside a container."""
    return tables.read_frame(body)


class ObjectWriter(pickle.Pickler):
    """Pickles a value; what `own_name` has a name for goes by that name, as it travels with the module."""

    def __init__(self, buffer: io.BytesIO, own_name: Callable[[object], str]) -> None:
        super().__init__(buffer, protocol=PROTOCOL)
        self._own_name = own_name

    def persistent_id(self, value: Any) -> str | None:
        """Return the name a class or function of the notebook goes by."""
        return self._own_name(value) or None if isinstance(value, type | FunctionType) else None


class ObjectReader(pickle.Unpickler):
    """Reads what `ObjectWriter` wrote.

    Only ever given what the user's own deploy wrote; a client never uses it.
    """

    def __init__(self, written: bytes, own: Callable[[str], Any]) -> None:
        super().__init__(io.BytesIO(written))
        self._own = own

    def persistent_load(self, name: str) -> Any:
        """Find a class or function of the notebook."""
        return self._own(name)


class _PlainWriter(ObjectWriter):
    def reducer_override(self, value: Any) -> Any:
        if tables.is_array(value):
            return restore_array, (tables.write_array(value),)
        if tables.is_scalar(value):
            return restore_scalar, (tables.write_array(value),)
        if tables.frame_kind(value):
            return restore_frame, (tables.write_frame(value),)
        if isinstance(value, zoneinfo.ZoneInfo) and value.key:
            return zoneinfo.ZoneInfo, (value.key,)
        return NotImplemented


class _PlainReader(ObjectReader):
    def find_class(self, module: str, name: str) -> Any:
        return safe_global(module, name)


class _Check(pickle.Unpickler):
    """Loads a plain pickle only to see that the reader would: the notebook's own classes are stood in for."""

    def find_class(self, module: str, name: str) -> Any:
        return safe_global(module, name)

    def persistent_load(self, _: object) -> Any:
        return StandIn


class StandIn:
    """Stands for a class of the notebook while a pickle is only looked through."""

    def __new__(cls, *_: object, **__: object) -> Self:
        """Take whatever the class itself would take."""
        return object.__new__(cls)

    def __init__(self, *_: object, **__: object) -> None: ...

    def __setstate__(self, _: object) -> None: ...

    def __setitem__(self, _: object, __: object) -> None: ...

    def extend(self, _: object) -> None:
        """Take items, as a list of the notebook would."""

    append = add = extend

    def __call__(self, *_: object, **__: object) -> StandIn:
        """Answer as a function of the notebook would: with something."""
        return self


def safe_global(module: str, name: str) -> Any:
    """Return a class or function that plain data may name. Raises `NotPlain` for any other."""
    if name not in SAFE.get(module, frozenset()):
        raise NotPlain(f"{module}.{name}".removeprefix("builtins."))
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found

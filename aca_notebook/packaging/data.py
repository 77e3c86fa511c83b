"""A value becomes a file of the bundle: in which format, how large, and by which digest it is known."""

from __future__ import annotations

import hashlib
import io
import math
import pickle
import struct
import sys
from collections import deque
from dataclasses import dataclass
from types import FunctionType
from typing import TYPE_CHECKING, Any

from aca_notebook.runner import plain, tables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WARN_BYTES = 256 * 1024
MOST_BYTES = 16 * 2**20
LITERAL_LETTERS = 200
_LONG_INTEGER_BITS = 8192
SUFFIXES: Mapping[str, str] = {"plain": "pickle", "array": "npy", "frame": "arrow", "estimator": "pickle"}
NUMPY = frozenset({"numpy"})
FRAMES: Mapping[str, frozenset[str]] = {
    "dataframe": frozenset({"pandas", "pyarrow"}),
    "series": frozenset({"pandas", "pyarrow"}),
    "table": frozenset({"pyarrow"}),
    "polars": frozenset({"polars", "pyarrow"}),
}
ESTIMATOR_PACKAGES = frozenset({"sklearn", "xgboost", "lightgbm", "catboost"})


@dataclass(frozen=True, slots=True)
class Datum:
    """A captured value.

    `format` is literal (written into the module), plain, array, frame or estimator; `digest` is over a canonical
    encoding of the value, so equal values have equal digests (an estimator's is over its pickle, and is stable only
    within one kernel). `made_with` maps packages to versions for an estimator.
    """

    name: str
    format: str
    bytes: bytes
    digest: str
    type_name: str = ""
    made_with: Mapping[str, str] | None = None
    packages: frozenset[str] = frozenset()
    """Top-level packages the container needs to read it."""

    @property
    def size(self) -> int:
        """Bytes in the bundle."""
        return len(self.bytes)

    @property
    def file(self) -> str:
        """File name in the bundle's data folder; empty for a literal."""
        return f"{self.name}.{SUFFIXES[self.format]}" if self.format in SUFFIXES else ""


HEAVY = "put it on a volume, or load it in the container"


class CannotTravel(Exception):
    """A value no format can hold; `advice` says what to do instead."""

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message)
        self.advice = advice


class TooHeavy(CannotTravel):
    """A value larger than a bundle carries: written out as the statement that made it, it would be no lighter."""


def literal(value: object) -> str:
    """Return source that makes an equal value of the same type, or '' for what is too long or is no literal."""
    if not _is_short_literal(value):
        return ""
    written = repr(value)
    return written if len(written) <= LITERAL_LETTERS else ""


def _is_short_literal(value: object) -> bool:
    """Tell whether a value may be written in 200 letters; no more than 200 parts of it are looked at.

    Each part takes a letter at least, so a value that holds itself, or one part a million times, ends here.
    """
    waiting, seen = [value], 0
    while waiting:
        each = waiting.pop()
        seen += 1
        if seen > LITERAL_LETTERS or not _is_literal_part(each):
            return False
        if isinstance(each, list | tuple):
            waiting += each
        elif isinstance(each, dict):
            waiting += [*each, *each.values()]
    return True


def _is_literal_part(value: object) -> bool:
    """Tell whether one value, whatever it holds, has a short literal of its exact type."""
    if type(value) is float:
        return math.isfinite(value)
    if type(value) is int:
        return value.bit_length() <= 8 * LITERAL_LETTERS
    if type(value) in {str, bytes, list, tuple, dict}:
        return len(value) <= LITERAL_LETTERS  # type: ignore[arg-type]  # each of them has a length
    return value is None or type(value) is bool


def encode(name: str, value: object, own_name: Callable[[object], str]) -> Datum:
    """Write a value in the format of its kind.

    `own_name` names a class or function of the notebook, which travels with the module, and answers '' for others.
    Raises `CannotTravel`.
    """
    spelled = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
    if tables.is_array(value):
        return Datum(name, "array", _array(value), digest_of(value), spelled, packages=NUMPY)
    if kind := tables.frame_kind(value):
        written = _frame(value)
        return Datum(name, "frame", written, sha256(written), spelled, packages=FRAMES[kind])
    if is_estimator(value):
        written, packages = pickled(value, own_name)
        return Datum(name, "estimator", written, sha256(written), spelled, versions_of(packages), frozenset(packages))
    try:
        written = plain.write(value, own_name, most_bytes=MOST_BYTES)
        digest = digest_of(value)
    except plain.TooLarge:
        raise TooHeavy(f"it takes more than {size_text(MOST_BYTES)}", HEAVY) from None
    except plain.NotPlain as refused:
        raise CannotTravel(_reason(refused, spelled), _advice(value)) from None
    except RecursionError:  # pickle goes deeper than we do
        raise CannotTravel(f"it is a {spelled}: {plain.TOO_DEEP}", _advice(value)) from None
    return Datum(name, "plain", written, digest, spelled, packages=packages_in(written))


def packages_in(written: bytes) -> frozenset[str]:
    """Return the packages a plain pickle needs: arrays and frames in it are named by what restores them."""
    found = NUMPY if b"restore_array" in written or b"restore_scalar" in written else frozenset()
    return found | FRAMES["dataframe"] if b"restore_frame" in written else found


def sha256(written: bytes) -> str:
    """Return the digest of bytes, in hex."""
    return hashlib.sha256(written).hexdigest()


def _array(value: Any) -> bytes:
    try:
        return tables.write_array(value)
    except ValueError:
        raise CannotTravel(
            "it is an array of Python objects", "give it a dtype, or make it a list of plain data"
        ) from None


def _frame(value: Any) -> bytes:
    try:
        return tables.write_frame(value)
    except (ValueError, ImportError) as refused:
        raise CannotTravel(f"it is a frame, and {refused}", "give each column one type, or drop that column") from None


def _reason(refused: plain.NotPlain, spelled: str) -> str:
    """Say what the value is, and what in it does not travel when that is something else."""
    text = str(refused)
    inner = text.removeprefix("cannot pickle '").removesuffix("' object") if "cannot pickle '" in text else text
    if inner == spelled:
        return f"it is a {spelled}"
    return f"it is a {spelled} that holds a {inner}" if " " not in inner else f"it is a {spelled}: {text[:200]}"


def _advice(value: object) -> str:
    root = type(value).__module__.partition(".")[0]
    if root in {"torch", "tensorflow", "keras", "jax", "transformers", "diffusers"}:
        return "load it in the container: in the function, or once a replica in a class with an @aca.enter hook"
    if callable(getattr(value, "read", None)) or callable(getattr(value, "execute", None)):
        return "open it inside the function: a file or a connection belongs to this machine"
    return "make it inside the function, or keep only plain data, arrays, frames and scikit-learn estimators"


def is_estimator(value: object) -> bool:
    """Tell whether a value is a scikit-learn estimator, or a model of the boosting libraries that follow it."""
    return any(
        each.__module__.partition(".")[0] in ESTIMATOR_PACKAGES
        and each.__name__ in {"BaseEstimator", "Booster", "CatBoost"}
        for each in type(value).__mro__
    )


def pickled(value: object, own_name: Callable[[object], str]) -> tuple[bytes, set[str]]:
    """Pickle an estimator; returns the bytes and the packages whose classes they name. Raises `CannotTravel`."""
    buffer = io.BytesIO()
    try:
        plain.ObjectWriter(buffer, own_name).dump(value)
    except (pickle.PicklingError, TypeError, AttributeError, ValueError, RuntimeError) as refused:
        raise CannotTravel(f"it is an estimator that cannot be pickled: {refused}", _advice(None)) from None
    written = buffer.getvalue()
    seen = _ModulesSeen(io.BytesIO(written))
    seen.load()
    return written, {module.partition(".")[0] for module in seen.modules}


class _ModulesSeen(pickle.Unpickler):
    def __init__(self, buffer: io.BytesIO) -> None:
        super().__init__(buffer)
        self.modules: set[str] = set()

    def find_class(self, module: str, name: str) -> Any:
        self.modules.add(module)
        return super().find_class(module, name)

    def persistent_load(self, _: object) -> Any:
        return plain.StandIn


def versions_of(packages: set[str]) -> dict[str, str]:
    """Return the versions of the packages that hold an estimator's classes, those that say one."""
    found = {package: getattr(sys.modules.get(package), "__version__", None) for package in sorted(packages)}
    return {package: version for package, version in found.items() if isinstance(version, str)}


def digest_of(value: object) -> str:
    """Return the SHA-256 of a canonical encoding: the order of a dict or set, and sharing, make no difference.

    Raises `RecursionError` for a value nested some hundred levels deep.
    """
    return sha256(_Digester().encoding(value))


class _Digester:
    """Walks one value. A part that stands in several places is walked once; one that holds itself refers back."""

    def __init__(self) -> None:
        self._walked: dict[int, tuple[object, bytes]] = {}  # with the part itself: its id is its own while it lives
        self._around: dict[int, int] = {}

    def encoding(self, value: Any) -> bytes:
        """Return the letters of an atom, and 32 bytes for whatever holds others."""
        tag = type(value).__qualname__.encode()
        if isinstance(value, int) and value.bit_length() > _LONG_INTEGER_BITS:
            return _join(tag, hex(value).encode())  # decimal digits take quadratic time, and Python refuses to
        if isinstance(value, str | int | float | complex | bytes | bytearray | None):
            return _join(tag, repr(value).encode(errors="surrogatepass"))
        key, depth = id(value), len(self._around)
        if key in self._walked:
            return self._walked[key][1]
        if key in self._around:
            return _join(b"around", str(depth - self._around[key]).encode())
        self._around[key] = depth
        found = hashlib.sha256(self._contents(tag, value)).digest()
        del self._around[key]
        self._walked[key] = value, found
        return found

    def _contents(self, tag: bytes, value: Any) -> bytes:
        if isinstance(value, dict):
            pairs = sorted((self.encoding(key), self.encoding(each)) for key, each in value.items())
            return _join(tag, *(part for pair in pairs for part in pair))
        if isinstance(value, set | frozenset):
            return _join(tag, *sorted(map(self.encoding, value)))
        if isinstance(value, list | tuple | deque):
            return _join(tag, *map(self.encoding, value))
        return self._object(tag, value)

    def _object(self, tag: bytes, value: Any) -> bytes:
        if isinstance(value, type | FunctionType):
            return _join(b"named", value.__qualname__.encode())
        if tables.is_array(value) or tables.is_scalar(value):
            return _join(tag, str(value.dtype).encode(), repr(value.shape).encode(), value.tobytes())
        if tables.frame_kind(value):
            return _join(tag, tables.write_frame(value))
        return self._reduced(tag, value)

    def _reduced(self, tag: bytes, value: Any) -> bytes:
        try:
            parts = value.__reduce_ex__(4)
        except TypeError:  # a pattern, say: pickle knows a way around its class
            return _join(tag, plain.write(value))
        return _join(tag, *map(self.encoding, parts[1:3])) if isinstance(parts, tuple) else _join(tag, parts.encode())


def _join(*parts: bytes) -> bytes:
    return b"".join(struct.pack(">Q", len(part)) + part for part in parts)


def looks_secret(name: str) -> bool:
    """Tell whether a name is one that people give to secrets."""
    return any(word in name.lower() for word in ("secret", "password", "token", "api_key", "apikey", "credential"))


def size_text(size: int) -> str:
    """Write a number of bytes for people: `293 KiB`."""
    if size < 1024:
        return f"{size} bytes"
    return f"{size / 2**20:.1f} MiB" if size >= 2**20 else f"{size / 1024:.0f} KiB"

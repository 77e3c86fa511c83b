"""Arrays as `.npy`, frames as Arrow IPC: exact, without pickle, and readable by others.

numpy, pandas, polars and pyarrow are imported only when a value of theirs is at hand or asked for.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import math
import sys
from collections import deque
from collections.abc import Callable, KeysView, Mapping, ValuesView
from typing import Any

import msgspec

NPY = "application/x-npy"
ARROW = "application/vnd.apache.arrow.stream"
KIND = b"aca_notebook.kind"
"""Key of the Arrow schema's metadata that says what the table was: dataframe, series, table or polars."""


def is_array(value: object) -> bool:
    """Tell whether `value` is a numpy array, without importing numpy."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray)


def is_scalar(value: object) -> bool:
    """Tell whether `value` is a numpy scalar, without importing numpy."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.generic)


def frame_kind(value: object) -> str:
    """Name the kind of frame `value` is: dataframe, series, table, polars; empty when it is none."""
    pandas, arrow, polars = (sys.modules.get(name) for name in ("pandas", "pyarrow", "polars"))
    if pandas is not None and isinstance(value, getattr(pandas, "DataFrame", ())):
        return "dataframe"
    if pandas is not None and isinstance(value, getattr(pandas, "Series", ())):
        return "series"
    if arrow is not None and isinstance(value, getattr(arrow, "Table", ())):
        return "table"
    if polars is not None and isinstance(value, getattr(polars, "DataFrame", ())):
        return "polars"
    return ""


def write_array(array: Any) -> bytes:
    """Write a numpy array as `.npy`. Raises `ValueError` for one that holds Python objects."""
    import numpy as np  # only when an array is at hand

    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asanyarray(array), allow_pickle=False)
    return buffer.getvalue()


def read_array(body: bytes) -> Any:
    """Read `.npy`. Raises `ValueError` for anything else, an array of Python objects included."""
    import numpy as np  # only when an array arrives

    try:
        _check_length(body)
        return np.lib.format.read_array(io.BytesIO(body), allow_pickle=False)
    except (EOFError, SyntaxError) as broken:
        raise ValueError(f"not a .npy array: {broken}") from None


def _check_length(body: bytes) -> None:
    """Raise `ValueError` when the head claims more than has come: numpy makes room for it before it reads."""
    import numpy as np  # only when an array arrives

    stream = io.BytesIO(body)
    version = np.lib.format.read_magic(stream)
    head = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = head(stream)  # a head of version 3 is one of version 2 but for the letters of its field names
    claimed, came = math.prod(shape) * dtype.itemsize, len(body) - stream.tell()
    if claimed > came and not dtype.hasobject:
        raise ValueError(f"not a .npy array: its head claims {claimed} bytes, and {came} came")


def write_frame(frame: Any) -> bytes:
    """Write a pandas DataFrame or Series, a pyarrow Table or a polars DataFrame as an Arrow IPC stream.

    A pandas index and its dtypes stay. Raises `ValueError` for a column that Arrow has no type for.
    """
    import pyarrow as pa  # only when a frame is at hand

    kind = frame_kind(frame)
    try:
        table = _to_table(frame, kind)
    except (pa.ArrowException, TypeError) as refused:
        raise ValueError(f"Arrow cannot hold it: {str(refused).splitlines()[0]}") from None
    metadata = {**(table.schema.metadata or {}), KIND: kind.encode()}
    buffer = io.BytesIO()
    with pa.ipc.new_stream(buffer, table.schema.with_metadata(metadata)) as writer:
        writer.write_table(table)
    return buffer.getvalue()


def _to_table(frame: Any, kind: str) -> Any:
    import pyarrow as pa  # only when a frame is at hand

    if kind == "table":
        return frame
    if kind == "polars":
        return frame.to_arrow()
    if kind == "series":
        named = frame.to_frame(name="value" if frame.name is None else frame.name)
        table = pa.Table.from_pandas(named)
        unnamed = {b"aca_notebook.unnamed": b"1"} if frame.name is None else {}
        return table.replace_schema_metadata({**(table.schema.metadata or {}), **unnamed})
    return pa.Table.from_pandas(frame)


def read_frame(body: bytes, kind: str = "") -> Any:
    """Read an Arrow IPC stream as the kind of frame it was, or as `kind` when that is given.

    A stream that says nothing of its kind is a pandas DataFrame where pandas is installed, else a pyarrow Table.
    Raises `ValueError` for anything that is no Arrow stream.
    """
    import pyarrow as pa  # only when a frame arrives

    try:
        with pa.ipc.open_stream(io.BytesIO(body)) as reader:
            table = reader.read_all()
    except pa.ArrowException as broken:
        raise ValueError(f"not an Arrow stream: {str(broken).splitlines()[0]}") from None
    metadata = dict(table.schema.metadata or {})
    kind = kind or metadata.pop(KIND, b"").decode() or ("dataframe" if _pandas_is_installed() else "table")
    unnamed = metadata.pop(b"aca_notebook.unnamed", None)
    metadata.pop(KIND, None)
    table = table.replace_schema_metadata(metadata or None)
    if kind == "table":
        return table
    if kind == "polars":
        return importlib.import_module("polars").from_arrow(table)
    frame = table.to_pandas()
    if kind != "series":
        return frame
    series = frame.iloc[:, 0]
    return series.rename(None) if unnamed else series


def _pandas_is_installed() -> bool:
    return importlib.util.find_spec("pandas") is not None


def to_plain(value: object) -> Any:
    """Turn what JSON has no word for into what it has: arrays to lists, frames to lists of rows, models to objects.

    Serves as msgspec's `enc_hook`. Raises `NotImplementedError` for anything else.
    """
    kind = frame_kind(value)
    if kind:
        return _FRAME_TO_PLAIN[kind](value)
    for convert in ("model_dump", "tolist", "isoformat", "item"):  # pydantic, arrays and tensors, timestamps, scalars
        if callable(method := getattr(value, convert, None)):
            return method()
    if isinstance(value, range | map | filter | zip | KeysView | ValuesView | deque):
        return list(value)
    raise NotImplementedError(f"{type(value).__module__}.{type(value).__qualname__}")


_FRAME_TO_PLAIN: Mapping[str, Callable[[Any], Any]] = {
    "dataframe": lambda frame: frame.to_dict("records"),
    "series": lambda series: series.tolist(),
    "table": lambda table: table.to_pylist(),
    "polars": lambda frame: frame.to_dicts(),
}


def write_json(value: object) -> bytes:
    """Write a value as JSON. Raises `TypeError` that names the type JSON has no word for."""
    try:
        return msgspec.json.encode(value, enc_hook=to_plain)
    except NotImplementedError as unknown:
        raise TypeError(f"JSON has no word for {unknown}") from None

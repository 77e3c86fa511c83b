"""Variables on their way into a session and out of it, seen from inside: JSON, npy, Arrow; nothing is pickled.

The other half of `session_cell`, which has its requirements, and travels with it.
"""

from __future__ import annotations

import base64
import functools
import io
import json
import os
import sys
from typing import Any

#: What is longer goes through a file: what a session may write to stdout is bounded.
LONGEST_FRAME = 16 * 1024


def folder() -> str:
    """Return where the session keeps its files."""
    told = os.environ.get("ACA_SESSION_FOLDER", "")
    return told or ("/mnt/data" if os.path.isdir("/mnt/data") else os.getcwd())  # noqa: PTH109, PTH112  # paths as text


def read_value(given: dict[str, Any]) -> Any:
    """Read a variable that came in: JSON, npy or Arrow; out of a file when it is large."""
    if given.get("file"):
        path = os.path.join(folder(), given["file"])  # noqa: PTH118
        with open(path, "rb") as file:  # noqa: PTH123
            body = file.read()
        os.remove(path)  # noqa: PTH107
    else:
        body = base64.b64decode(given["data"])
    if given["format"] == "json":
        return json.loads(body)
    if given["format"] == "npy":
        import numpy as np

        return np.load(io.BytesIO(body), allow_pickle=False)
    import pyarrow as pa

    with pa.ipc.open_stream(io.BytesIO(body)) as reader:
        table = reader.read_all()
    kind = (table.schema.metadata or {}).get(b"aca_notebook.kind", b"dataframe")
    if kind == b"table":
        return table
    if kind == b"polars":
        import polars as pl

        return pl.from_arrow(table)
    frame = table.to_pandas()
    return frame.iloc[:, 0] if kind == b"series" else frame


def write_value(name: str, value: Any, token: str) -> dict[str, Any]:
    """Write a variable that goes out: frames as Arrow, arrays as npy, the rest as JSON."""
    format_, body = _encoded(name, value)
    if len(body) <= LONGEST_FRAME // 2:
        return {"format": format_, "data": base64.b64encode(body).decode()}
    path = f".aca-{token}-value-{name}"
    with open(os.path.join(folder(), path), "wb") as file:  # noqa: PTH118, PTH123
        file.write(body)
    return {"format": format_, "file": path}


def _encoded(name: str, value: Any) -> tuple[str, bytes]:
    if _is(value, "numpy", "ndarray"):
        return "npy", _array(value)
    if _is(value, "pandas", "Series"):
        return "arrow", _stream(value.to_frame(name="value" if value.name is None else value.name), b"series")
    for module, kind, called in (("pandas", "DataFrame", b"dataframe"), ("pyarrow", "Table", b"table"),
                                 ("polars", "DataFrame", b"polars")):  # fmt: skip
        if _is(value, module, kind):
            return "arrow", _stream(value.to_arrow() if module == "polars" else value, called)

    return "json", json.dumps(value, default=functools.partial(_plainer, name)).encode()


def _plainer(name: str, part: Any) -> Any:
    for method in ("tolist", "isoformat", "item"):
        if callable(getattr(part, method, None)):
            return getattr(part, method)()
    if isinstance(part, (set, frozenset, range)):
        return list(part)
    raise TypeError(f"{name!r} cannot leave the session: JSON has no word for {type_of(part)}")


def _array(value: Any) -> bytes:
    import numpy as np

    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, value, allow_pickle=False)
    return buffer.getvalue()


def _is(value: Any, module: str, kind: str) -> bool:
    found = getattr(sys.modules.get(module), kind, None)
    return isinstance(found, type) and isinstance(value, found)


def _stream(value: Any, kind: bytes) -> bytes:
    import pyarrow as pa

    table = value if isinstance(value, pa.Table) else pa.Table.from_pandas(value)
    metadata = dict(table.schema.metadata or {})
    metadata[b"aca_notebook.kind"] = kind
    buffer = io.BytesIO()
    with pa.ipc.new_stream(buffer, table.schema.with_metadata(metadata)) as writer:
        writer.write_table(table)
    return buffer.getvalue()


def type_of(value: Any) -> str:
    """Return the full name of a value's type."""
    return f"{type(value).__module__}.{type(value).__qualname__}"

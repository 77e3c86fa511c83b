"""Variables on their way into a session and out of it: JSON, npy, Arrow; what comes out is never unpickled."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from aca_notebook.errors import InvalidArguments, ServiceFailed
from aca_notebook.model.session import LARGEST_UPLOAD_BYTES, OWN_FILE
from aca_notebook.runner import tables

#: What travels within the code itself; the rest goes by a file.
_INLINE_BYTES = 32 * 1024
FORMATS = frozenset({"json", "npy", "arrow"})


@dataclass(frozen=True, slots=True)
class Given:
    """One variable for a session: `asked` is what the session is told of it, `content` the file it needs, if any."""

    name: str
    asked: dict[str, str]
    path: str = ""
    content: bytes = b""


def encode(name: str, value: object, token: str) -> Given:
    """Return a variable as it travels. Raises `InvalidArguments` for what no format has a word for."""
    format_, content = _written(name, value)
    if len(content) > LARGEST_UPLOAD_BYTES:
        raise InvalidArguments(
            f"the variable {name!r} is too large for a session: {len(content) / 2**20:.0f} MB",
            code="InvalidArguments", hint="a session takes files of at most 128 MB: send a part of it",
        )  # fmt: skip
    if len(content) <= _INLINE_BYTES:
        return Given(name, {"format": format_, "data": base64.b64encode(content).decode()})
    path = f"{OWN_FILE}{token}-in-{name}"
    return Given(name, {"format": format_, "file": path}, path, content)


def decode(name: str, format_: object, content: bytes) -> Any:
    """Return a variable that came out. Raises `ServiceFailed` for content that is not what it says."""
    try:
        if format_ == "json":
            return json.loads(content)
        if format_ == "npy":
            return tables.read_array(content)
        if format_ == "arrow":
            return tables.read_frame(content)
    except (ValueError, RecursionError, ImportError, OSError) as broken:
        raise ServiceFailed(
            f"what the session sent for {name!r} cannot be read", code="BrokenValue", detail=str(broken)[:300],
            hint="nothing of it is used; look at the value in the session",
        ) from broken  # fmt: skip
    raise ServiceFailed(
        f"the session sent {name!r} in a format that is none of ours", code="BrokenValue", detail=str(format_)[:40]
    )


def _written(name: str, value: object) -> tuple[str, bytes]:
    try:
        if tables.is_array(value):
            return "npy", tables.write_array(value)
        if tables.frame_kind(value):
            return "arrow", tables.write_frame(value)
        return "json", tables.write_json(value)
    except (TypeError, ValueError, RecursionError) as refused:
        raise InvalidArguments(
            f"the variable {name!r} cannot enter a session: {refused}", code="InvalidArguments",
            detail=type(value).__name__, hint="send plain data, an array or a frame",
        ) from None  # fmt: skip

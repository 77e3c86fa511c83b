"""Arguments and results on the wire: JSON, `.npy` for arrays, Arrow for frames; nothing is ever unpickled."""

from __future__ import annotations

import inspect
import json
import secrets
from typing import TYPE_CHECKING, Any

from aca_notebook.errors import CallFailed, InvalidArguments
from aca_notebook.runner import tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aca_notebook.azure.calls import Reply

JSON = "application/json"


def signature_of(parameters: Sequence[str]) -> inspect.Signature:
    """A signature of which only the names are known: the app itself says what is missing."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Signature([inspect.Parameter(name, kind, default=None) for name in parameters])


def bind(
    signature: inspect.Signature, positional: Sequence[object], named: Mapping[str, object]
) -> dict[str, object]:  # fmt: skip
    """Give positional arguments their names. Raises `InvalidArguments` for what the signature does not take."""
    kinds = {each.kind for each in signature.parameters.values()}
    unknown = [name for name in named if name not in signature.parameters]
    if unknown and inspect.Parameter.VAR_KEYWORD not in kinds:
        raise InvalidArguments(
            f"there is no parameter `{unknown[0]}`", code="InvalidArguments", hint=f"it takes {signature}"
        )
    try:
        return dict(signature.bind(*positional, **named).arguments)
    except TypeError as wrong:
        raise InvalidArguments(
            f"the arguments do not fit: {wrong}", code="InvalidArguments", hint=f"it takes {signature}"
        ) from None


def encode(arguments: Mapping[str, object], first: str = "") -> tuple[str, bytes]:
    """Return content type and body of a call. A lone array or frame that is the `first` parameter is the whole body.

    Raises `InvalidArguments` naming the argument that cannot be sent.
    """
    if not any(_is_binary(value) for value in arguments.values()):
        return JSON, _json(arguments)
    if len(arguments) == 1 and first in arguments:
        return _part(first, arguments[first])
    boundary = secrets.token_hex(16)
    pieces: list[bytes] = []
    for name, value in arguments.items():
        content_type, body = _part(name, value)
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\nContent-Type: {content_type}\r\n\r\n'
        pieces += [head.encode(), body, b"\r\n"]
    pieces.append(f"--{boundary}--\r\n".encode())
    return f"multipart/form-data; boundary={boundary}", b"".join(pieces)


def decode(reply: Reply) -> Any:
    """Return the value an app answered. Raises `CallFailed` for a body that is not what it says."""
    try:
        if reply.content_type == tables.ARROW:
            return tables.read_frame(reply.body)
        if reply.content_type == tables.NPY:
            return tables.read_array(reply.body)
        if reply.content_type == JSON:
            return json.loads(reply.body) if reply.body else None
    except ValueError as broken:
        raise CallFailed(
            f"the answer is no {reply.content_type}: {broken}", status=reply.status, call_id=reply.call_id,
            code="BrokenAnswer", hint="call it again; if it stays, look at `%aca logs`",
        ) from broken  # fmt: skip
    return reply.body.decode(errors="replace") if reply.content_type.startswith("text/") else reply.body


def _is_binary(value: object) -> bool:
    return tables.is_array(value) or bool(tables.frame_kind(value))


def _part(name: str, value: object) -> tuple[str, bytes]:
    try:
        if tables.is_array(value):
            return tables.NPY, tables.write_array(value)
        if tables.frame_kind(value):
            return tables.ARROW, tables.write_frame(value)
        return JSON, tables.write_json(value)
    except (TypeError, ValueError, RecursionError) as refused:
        raise _cannot_travel(name, value, refused) from None


def _json(arguments: Mapping[str, object]) -> bytes:
    try:
        return tables.write_json(arguments)
    except (TypeError, ValueError, RecursionError):
        for name, value in arguments.items():
            _part(name, value)  # raises, and says which
        raise


def _cannot_travel(name: str, value: object, refused: Exception) -> InvalidArguments:
    return InvalidArguments(
        f"the argument {name!r} cannot be sent: {refused}", code="InvalidArguments", detail=type(value).__name__,
        hint="send plain data, an array or a frame",
    )  # fmt: skip

"""From a path, a query and a body to a route and its arguments: pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import msgspec

from aca_notebook.server.protocol import ROUTES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aca_notebook.server.protocol import Route

#: No body of ours comes near.
LARGEST_BODY = 64 * 1024


class Wrong(ValueError):
    """What was sent is not what the route takes; the text says why."""


def find(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """Return the route of an address and the names in it; None when there is none. The path is as it was sent."""
    parts = path.split("/")
    for route in ROUTES:
        wanted = route.path.split("/")
        if route.method != method or len(wanted) != len(parts):
            continue
        names = {
            one[1:-1]: unquote(part) for one, part in zip(wanted, parts, strict=True) if one.startswith("{") and part
        }  # fmt: skip
        if all(one == part or one[1:-1] in names for one, part in zip(wanted, parts, strict=True)):
            return route, names
    return None


def read_query(route: Route, arguments: Mapping[str, Sequence[bytes]]) -> dict[str, Any]:
    """Return `{"query": …}` for a route that takes one. Raises `Wrong`."""
    if route.query is None:
        return {}
    known = {field.encode_name for field in msgspec.structs.fields(route.query)}
    said = {name: values[-1].decode(errors="replace") for name, values in arguments.items() if name in known}
    try:
        return {"query": msgspec.convert(said, route.query, strict=False)}  # a query is text: numbers are read
    except msgspec.ValidationError as bad:
        raise Wrong(str(bad)) from bad


def read_body(route: Route, body: bytes) -> dict[str, Any]:
    """Return `{"body": …}` for a route that takes one. Raises `Wrong`."""
    if route.body is None:
        return {}
    if len(body) > LARGEST_BODY:
        raise Wrong(f"the body has {len(body):,} bytes; {LARGEST_BODY:,} are the most")
    try:
        return {"body": msgspec.json.decode(body, type=route.body)}
    except msgspec.DecodeError as bad:
        raise Wrong(str(bad)) from bad

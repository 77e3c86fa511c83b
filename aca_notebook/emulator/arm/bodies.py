"""Request bodies in, resource documents out."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from aca_notebook.clock import format_instant
from aca_notebook.emulator.arm.names import canonical_names
from aca_notebook.emulator.arm.shapes import RESOURCE, shaped
from aca_notebook.emulator.wire import AzureError

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.requests import Request

#: So deep may objects lie in each other (the default of the reader that Azure's providers use).
_DEEPEST = 64


async def json_body(request: Request) -> dict[str, Any]:
    """Return the body as an object whose property names are in Azure's case; an empty body is an empty object.

    Raises `AzureError` 400 InvalidRequestContent for anything that is no JSON object, or not shaped like a resource.
    """
    raw = await request.body()
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw, object_pairs_hook=_each_once, parse_float=_finite, parse_constant=_finite)
        json.dumps(body, ensure_ascii=False).encode()  # a lone surrogate is no text: it could not be stored
    except ValueError as bad:  # bad UTF-8 is one too
        raise _invalid(f"The request content was invalid and could not be deserialized: '{bad}'.") from bad
    except RecursionError as deep:
        raise _invalid("The request content is nested too deeply.") from deep
    unkeepable = _unkeepable(body)
    if unkeepable:
        raise _invalid(f"The request content was invalid and could not be deserialized: {unkeepable}.")
    if not isinstance(body, dict):
        raise _invalid(f"The request content was invalid: expected an object, found {type(body).__name__}.")
    found = dict(canonical_names(body))
    shaped(without_nulls(found), RESOURCE, "")
    return found


def _each_once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        twice = next(name for name, count in Counter(name for name, _ in members).items() if count > 1)
        raise ValueError(f"Property '{twice}' already exists in the object")
    return found


def _finite(written: str) -> float:
    number = float(written)
    if not math.isfinite(number):
        raise ValueError(f"'{written}' is no number that can be answered")
    return number


def _unkeepable(body: Any) -> str:
    """Say what could not be stored and copied; nothing where all of it can."""
    level = [body]
    for _ in range(_DEEPEST + 1):
        if any(isinstance(each, str) and "\0" in each for each in level):
            return "a text has a NUL in it"
        level = [inner for each in level for inner in _within(each)]
        if not level:
            return ""
    return f"the reader's MaxDepth of {_DEEPEST} has been exceeded"


def _within(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else []


def without_nulls(value: Any) -> Any:
    """Return a JSON value without the members that are null: null means absent on the way in (facts §0.3)."""
    if isinstance(value, list):
        return [without_nulls(each) for each in value]
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    return value


def merge_patch(target: Any, patch: Any) -> Any:
    """Return `target` with a JSON merge patch (RFC 7396) applied: objects merge, arrays are replaced, null removes."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def system_data(claims: dict[str, Any], now: datetime, before: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return who made and who last changed a resource, and when; `before` is what stood there (facts §0.9)."""
    who = {"By": claims.get("appid") or claims.get("oid") or "emulator", "ByType": "Application"}
    stamp = format_instant(now)
    changed = {f"lastModified{name}": value for name, value in who.items()} | {"lastModifiedAt": stamp}
    created = {f"created{name}": value for name, value in who.items()} | {"createdAt": stamp}
    return created | {key: value for key, value in (before or {}).items() if key.startswith("created")} | changed


def _invalid(message: str) -> AzureError:
    return AzureError(400, "InvalidRequestContent", message)

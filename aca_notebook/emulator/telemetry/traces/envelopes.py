"""What an item of telemetry says: JSON in, a row or a refusal out. Pure.

The envelope is Application Insights' own (SDK: azure-monitor-opentelemetry-exporter, `TelemetryItem`; documented: its
endpoint protocol). Sentences of refusals are those its exporters were seen to log.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aca_notebook.clock import parse_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

Item = dict[str, Any]
_OLDEST = timedelta(hours=48)
_LATEST = timedelta(hours=2)
_MOST_BYTES = 64 * 2**20
_LONGEST = 32_768
_DURATION = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,9}))?")
_SEVERITIES = ("Verbose", "Information", "Warning", "Error", "Critical")
_DEEPEST = 32


class Unreadable(Exception):
    """The body is none of those that exporters send."""


@dataclass(frozen=True, slots=True)
class Row:
    """One item as it is kept; `form` names its table, `moment` is in microseconds since 1970."""

    form: str
    moment: int
    bytes: int
    name: str = ""
    id: str = ""
    milliseconds: float | None = None
    success: bool | None = None
    result: str | None = None
    items: int = 1
    tags: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    measurements: Mapping[str, float] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> Item:
        """As the store reads it."""
        return {
            "form": self.form, "micros": self.moment, "operation_id": self.tags.get("ai.operation.id", ""),
            "operation": self.tags.get("ai.operation.name", ""), "parent": self.tags.get("ai.operation.parentId", ""),
            "id": self.id, "name": self.name, "milliseconds": self.milliseconds, "success": self.success,
            "result": self.result, "role": self.tags.get("ai.cloud.role", ""),
            "instance": self.tags.get("ai.cloud.roleInstance", ""), "sdk": self.tags.get("ai.internal.sdkVersion", ""),
            "items": self.items, "bytes": self.bytes, "tags": json.dumps(self.tags),
            "properties": json.dumps(self.properties), "measurements": json.dumps(self.measurements),
            "more": json.dumps(self.more),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an item is not taken in; 400 means that it never will be."""

    message: str
    status: int = 400


def read_items(body: bytes, encoding: str) -> list[Any]:
    """Return the items of a body: a JSON array, one object, or one to a line; gzip or deflate where it says so.

    Raises `Unreadable`.
    """
    raw = _unpacked(body, encoding.strip().lower())
    try:
        text = raw.decode("utf-8-sig").strip()
        if text.startswith("["):
            return list(json.loads(text, parse_constant=str))
        return [json.loads(line, parse_constant=str) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError) as bad:
        raise Unreadable(f"the body is no JSON: {bad}") from bad


def _unpacked(body: bytes, encoding: str) -> bytes:
    if encoding in {"", "identity"}:
        return body
    try:
        if encoding == "gzip":
            with gzip.GzipFile(fileobj=io.BytesIO(body)) as packed:
                raw = packed.read(_MOST_BYTES + 1)
        elif encoding == "deflate":
            raw = _inflated(body)
        else:
            raise Unreadable(f"'{encoding}' is no encoding that is read here")
    except (OSError, EOFError, zlib.error) as bad:
        raise Unreadable(f"the body is not {encoding}: {bad}") from bad
    if len(raw) > _MOST_BYTES:
        raise Unreadable("the body is too large")
    return raw


def _inflated(body: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    raw = unpacking.decompress(body, _MOST_BYTES + 1)
    if not unpacking.eof and len(raw) <= _MOST_BYTES:
        raise EOFError("its end is missing")
    return raw


def key_of(item: Any) -> str:
    """Return the instrumentation key of an item, in lower case; nothing where it has none."""
    key = item.get("iKey") if isinstance(item, dict) else None
    return key.strip().lower() if isinstance(key, str) else ""


def read_item(item: Any, now: datetime) -> Row | Refusal:
    """Return what is kept of an item, or why it is refused."""
    try:
        return _row(item, now)
    except _Wrong as wrong:
        return Refusal(str(wrong))


class _Wrong(Exception):
    """What is wrong with an item, in the words of the service."""


def _row(item: Any, now: datetime) -> Row:
    if not isinstance(item, dict):
        raise _Wrong("Invalid telemetry item: expected an object")
    try:
        written = json.dumps(item, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):  # half a surrogate pair
        written = b""
    if not written or b"\\u0000" in written or _is_too_deep(item, written):
        raise _Wrong("Invalid telemetry item: it cannot be stored")
    data = item.get("data")
    data = data if isinstance(data, dict) else {}
    kind, base = data.get("baseType"), data.get("baseData")
    reader = _READERS.get(str(kind))
    if not kind or not isinstance(base, dict):
        raise _missing("data", "Envelope")
    if reader is None:
        raise _Wrong(f"Unknown telemetry item type: '{str(kind)[:100]}'")
    form, read = reader
    common: Item = {
        "form": form, "moment": _moment(item.get("time"), now), "bytes": len(written),
        "items": _count(item.get("sampleRate")), "tags": _texts(item.get("tags")),
        "properties": _texts(base.get("properties")), "measurements": _numbers(base.get("measurements")),
    }  # fmt: skip
    return Row(**common, **read(base))


def _moment(written: Any, now: datetime) -> int:
    """Read `time`; what is older than two days or lies hours ahead is refused (seen: code 103)."""
    try:
        at = parse_instant(str(written)) if written else None
    except (ValueError, OverflowError):
        at = None
    if at is None:
        raise _Wrong("102: Field 'time' on type 'Envelope' is not a valid time string.")
    age = now - at
    if age > _OLDEST or -age > _LATEST:
        which, limit = (
            ("older than the allowed min", _OLDEST) if age > _OLDEST else ("newer than the allowed max", _LATEST)
        )
        sign = "-" if age > _OLDEST else "+"
        raise _Wrong(
            f"103: Field 'time' on type 'Envelope' is {which} date. Expected: now {sign} {_ms(limit)}ms, "
            f"Actual: now {sign} {_ms(abs(age))}ms"
        )
    return round(at.timestamp() * 1e6)


def _ms(span: timedelta) -> int:
    return int(span.total_seconds() * 1000)


def _request(base: Item) -> Item:
    return {
        "id": _needed(base, "id", "RequestData"), "name": _text(base.get("name")), "milliseconds": _milliseconds(base),
        "success": base.get("success") is not False, "result": _text(base.get("responseCode")),
        "more": {"source": _text(base.get("source")), "url": _text(base.get("url"))},
    }  # fmt: skip


def _dependency(base: Item) -> Item:
    return {
        "id": _text(base.get("id")), "name": _needed(base, "name", "RemoteDependencyData"),
        "milliseconds": _milliseconds(base), "success": base.get("success") is not False,
        "result": _text(base.get("resultCode")),
        "more": {name: _text(base.get(name)) for name in ("type", "target", "data")},
    }  # fmt: skip


def _message(base: Item) -> Item:
    return {"more": {
        "message": _needed(base, "message", "MessageData"), "severity": _severity(base.get("severityLevel")),
    }}  # fmt: skip


def _exception(base: Item) -> Item:
    found = base.get("exceptions")
    each = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    if not each:
        raise _missing("exceptions", "ExceptionData")
    for one in each:
        _needed(one, "message", "ExceptionDetails")
    outer, inner = each[0], each[-1]
    frame = next(iter(_frames(inner)), {})
    type_, method = _text(inner.get("typeName")), _text(frame.get("method"))
    details = [
        {
            "id": _text(one.get("id")), "outerId": _text(one.get("outerId")), "type": _text(one.get("typeName")),
            "message": _text(one.get("message")), "severityLevel": _text(base.get("severityLevel")),
            "parsedStack": _frames(one), "rawStack": _text(one.get("stack")),
        }
        for one in each
    ]  # fmt: skip
    return {"more": {
        "problem": _text(base.get("problemId")) or (f"{type_} at {method}" if method else type_), "type": type_,
        "message": _text(inner.get("message")), "method": method, "assembly": _text(frame.get("assembly")),
        "outer_type": _text(outer.get("typeName")), "outer_message": _text(outer.get("message")),
        "outer_method": _text(next(iter(_frames(outer)), {}).get("method")), "outer_assembly": "",
        "severity": _severity(base.get("severityLevel")), "details": details,
    }}  # fmt: skip


def _frames(one: Item) -> list[Item]:
    found = one.get("parsedStack")
    return [frame for frame in found if isinstance(frame, dict)] if isinstance(found, list) else []


def _named(base: Item) -> Item:
    return {"name": _needed(base, "name", "EventData")}


def _page(base: Item) -> Item:
    duration = _milliseconds(base) if base.get("duration") else None
    return {
        "id": _text(base.get("id")), "name": _text(base.get("name")), "milliseconds": duration,
        "more": {"url": _text(base.get("url"))},
    }  # fmt: skip


def _metric(base: Item) -> Item:
    points = base.get("metrics")
    point = points[0] if isinstance(points, list) and points and isinstance(points[0], dict) else None
    if point is None:
        raise _missing("metrics", "MetricData")
    value = _number(point.get("value"))
    least, most = _number(point.get("min")), _number(point.get("max"))
    count = _number(point.get("count"))
    return {"name": _needed(point, "name", "DataPoint"), "more": {
        "sum": value, "min": value if least is None else least, "max": value if most is None else most,
        "count": int(count or 1),
    }}  # fmt: skip


def _availability(base: Item) -> Item:
    return {
        "id": _text(base.get("id")), "name": _needed(base, "name", "AvailabilityData"),
        "milliseconds": _milliseconds(base), "success": base.get("success") is not False,
        "more": {"location": _text(base.get("runLocation")), "message": _text(base.get("message"))},
    }  # fmt: skip


_READERS: dict[str, tuple[str, Callable[[Item], Item]]] = {
    "RequestData": ("AppRequests", _request), "RemoteDependencyData": ("AppDependencies", _dependency),
    "MessageData": ("AppTraces", _message), "ExceptionData": ("AppExceptions", _exception),
    "EventData": ("AppEvents", _named), "PageViewData": ("AppPageViews", _page),
    "MetricData": ("AppMetrics", _metric), "MetricsData": ("AppMetrics", _metric),
    "AvailabilityData": ("AppAvailabilityResults", _availability),
}  # fmt: skip


def _missing(name: str, type_: str) -> _Wrong:
    """As it was seen of an exception without a message (code 109)."""
    said = f"109: Field '{name}' on type '{type_}' is required but missing or empty."
    return _Wrong(f"{said} Expected: string, Actual: undefined")


def _needed(base: Item, name: str, type_: str) -> str:
    found = _text(base.get(name))
    if not found:
        raise _missing(name, type_)
    return found


def _text(value: Any) -> str:
    if value is None or isinstance(value, (dict, list)):
        return ""
    return str(value)[:_LONGEST]


def _texts(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {str(name)[:150]: _text(each) for name, each in value.items() if each is not None}


def _numbers(value: Any) -> dict[str, float]:
    found = {str(name)[:150]: _number(each) for name, each in value.items()} if isinstance(value, dict) else {}
    return {name: each for name, each in found.items() if each is not None}


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value) if abs(value) < float("inf") else None
    except OverflowError:  # a whole number of hundreds of digits
        return None


def _count(sample_rate: Any) -> int:
    """A sample rate of 25 % means that each item stands for four."""
    rate = _number(sample_rate)
    return round(100 / rate) if rate and 0 < rate <= 100 else 1


def _milliseconds(base: Item) -> float:
    """Read `d.hh:mm:ss.ffffff`; a number is milliseconds."""
    written = base.get("duration")
    number = _number(written)
    if number is not None:
        return number
    found = _DURATION.fullmatch(str(written or ""))
    if found is None:
        raise _Wrong("102: Field 'duration' is not a valid time span.")
    days, hours, minutes, seconds, fraction = (part or "0" for part in found.groups())
    whole = ((int(days) * 24 + int(hours)) * 60 + int(minutes)) * 60 + int(seconds)
    return whole * 1000.0 + float(f"0.{fraction}") * 1000.0


def _severity(value: Any) -> int | None:
    """0 to 4; as a number or a word."""
    if isinstance(value, str) and value.capitalize() in _SEVERITIES:
        return _SEVERITIES.index(value.capitalize())
    number = _number(int(value) if isinstance(value, str) and value.isdigit() else value)
    return int(number) if number is not None and 0 <= number < len(_SEVERITIES) else None


def _is_too_deep(item: Item, written: bytes) -> bool:
    """What opens few brackets cannot be deep: most items need no walk."""
    return written.count(b"{") + written.count(b"[") > _DEEPEST and _depth(item) > _DEEPEST


def _depth(value: Any, so_far: int = 0) -> int:
    if so_far > _DEEPEST or not isinstance(value, (dict, list)):
        return so_far
    inner = value.values() if isinstance(value, dict) else value
    return max((_depth(each, so_far + 1) for each in inner), default=so_far)

"""Functions on numbers, comparisons, addresses of networks and dates (documented: template functions)."""

from __future__ import annotations

import ipaddress
import math
import operator
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.arm.templates.arguments import Function, Mismatch, kind, number, text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_DURATION = re.compile(
    r"(?P<sign>-)?P(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?"
)
#: The letters of .NET's custom date formats, the longest first.
_DATE_PARTS: tuple[tuple[str, Callable[[datetime], str]], ...] = (
    ("yyyy", lambda at: f"{at.year:04d}"), ("MMMM", lambda at: f"{at:%B}"), ("dddd", lambda at: f"{at:%A}"),
    ("fffffff", lambda at: f"{at.microsecond:06d}0"), ("ffffff", lambda at: f"{at.microsecond:06d}"),
    ("fff", lambda at: f"{at.microsecond // 1000:03d}"), ("MMM", lambda at: f"{at:%b}"),
    ("ddd", lambda at: f"{at:%a}"), ("zzz", lambda _: "+00:00"), ("yy", lambda at: f"{at.year % 100:02d}"),
    ("MM", lambda at: f"{at.month:02d}"), ("dd", lambda at: f"{at.day:02d}"), ("HH", lambda at: f"{at.hour:02d}"),
    ("hh", lambda at: f"{at.hour % 12 or 12:02d}"), ("mm", lambda at: f"{at.minute:02d}"),
    ("ss", lambda at: f"{at.second:02d}"), ("tt", lambda at: "AM" if at.hour < 12 else "PM"),
    ("M", lambda at: str(at.month)), ("d", lambda at: str(at.day)), ("H", lambda at: str(at.hour)),
    ("h", lambda at: str(at.hour % 12 or 12)), ("m", lambda at: str(at.minute)), ("s", lambda at: str(at.second)),
)  # fmt: skip
_STANDARD_DATES = {
    "d": "MM/dd/yyyy", "D": "dddd, dd MMMM yyyy", "s": "yyyy-MM-ddTHH:mm:ss", "u": "yyyy-MM-dd HH:mm:ssZ",
    "o": "yyyy-MM-ddTHH:mm:ss.fffffffZ", "O": "yyyy-MM-ddTHH:mm:ss.fffffffZ", "t": "HH:mm", "T": "HH:mm:ss",
    "g": "MM/dd/yyyy HH:mm", "G": "MM/dd/yyyy HH:mm:ss", "R": "ddd, dd MMM yyyy HH:mm:ss GMT",
    "r": "ddd, dd MMM yyyy HH:mm:ss GMT",
}  # fmt: skip
_BIGGEST = 2**63


def format_date(at: datetime, pattern: str) -> str:
    """Write an instant by a .NET format, its standard ones by their letter."""
    rest = _STANDARD_DATES.get(pattern, pattern)
    written = []
    while rest:
        if rest[0] in "'\"" and rest[0] in rest[1:]:
            end = rest.index(rest[0], 1)
            written.append(rest[1:end])
            rest = rest[end + 1 :]
            continue
        name, write = next(((name, write) for name, write in _DATE_PARTS if rest.startswith(name)), (rest[0], None))
        written.append(write(at) if write else name)
        rest = rest[len(name) :]
    return "".join(written)


def _read_date(value: Any) -> datetime:
    try:
        found = datetime.fromisoformat(text(value).strip())
    except ValueError as bad:
        raise Mismatch("its argument is no date") from bad
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _date_add(arguments: Sequence[Any]) -> str:
    at, duration = _read_date(arguments[0]), _DURATION.fullmatch(text(arguments[1]))
    if duration is None:
        raise Mismatch("its second argument is no ISO 8601 duration")
    parts = {name: int(value or 0) for name, value in duration.groupdict().items() if name != "sign"}
    sign = -1 if duration["sign"] else 1
    months = sign * (parts.pop("years") * 12 + parts.pop("months"))
    try:
        index = at.year * 12 + at.month - 1 + months
        last = (datetime(index // 12 + (index % 12 == 11), (index + 1) % 12 + 1, 1, tzinfo=UTC) - timedelta(days=1)).day
        at = at.replace(year=index // 12, month=index % 12 + 1, day=min(at.day, last)) + sign * timedelta(**parts)
    except (ValueError, OverflowError) as bad:
        raise Mismatch("the date would be out of range") from bad
    return format_date(at, text(arguments[2]) if len(arguments) > 2 else "u")


def _from_epoch(arguments: Sequence[Any]) -> str:
    try:
        return format_date(datetime.fromtimestamp(number(arguments[0]), UTC), "yyyy-MM-ddTHH:mm:ssZ")
    except (ValueError, OverflowError, OSError) as bad:
        raise Mismatch("the date would be out of range") from bad


def _arithmetic(do: Callable[[int, int], int]) -> Function:
    def calculate(arguments: Sequence[Any]) -> int:
        found = do(number(arguments[0]), number(arguments[1]))
        if not -_BIGGEST <= found < _BIGGEST:
            raise Mismatch("the number would be out of range")
        return found

    return Function(2, 2, calculate)


def _divided(left: int, right: int) -> int:
    if right == 0:
        raise Mismatch("the divisor is zero")
    whole = abs(left) // abs(right)
    return whole if (left < 0) is (right < 0) else -whole


def _remainder(left: int, right: int) -> int:
    return left - right * _divided(left, right)


def _comparison(do: Callable[[Any, Any], bool]) -> Function:
    def compare(arguments: Sequence[Any]) -> bool:
        left, right = arguments
        if isinstance(left, str) and isinstance(right, str):
            return do(left, right)
        return do(number(left), number(right))

    return Function(2, 2, compare)


def _whole(arguments: Sequence[Any]) -> int:
    value = arguments[0]
    try:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise Mismatch(f"a value of type '{kind(value)}' is no number")
        return int(value)
    except (ValueError, OverflowError) as bad:
        raise Mismatch("its argument is no whole number") from bad


def _float(arguments: Sequence[Any]) -> float:
    value = arguments[0]
    try:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise Mismatch(f"a value of type '{kind(value)}' is no number")
        found = float(value)
    except (ValueError, OverflowError) as bad:
        raise Mismatch("its argument is no number") from bad
    if not math.isfinite(found):
        raise Mismatch("its argument is no number")
    return found


def _network(value: Any) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text(value), strict=False)
    except ValueError as bad:
        raise Mismatch("its argument is no address range in CIDR notation") from bad


def _parse_cidr(arguments: Sequence[Any]) -> dict[str, Any]:
    found = _network(arguments[0])
    parsed: dict[str, Any] = {"network": str(found.network_address), "netmask": str(found.netmask)}
    if found.version == 4:
        parsed["broadcast"] = str(found.broadcast_address)
    first, last = found.network_address + 1, found.broadcast_address - (1 if found.version == 4 else 0)
    return parsed | {"firstUsable": str(first), "lastUsable": str(last), "cidr": found.prefixlen}


def _cidr_subnet(arguments: Sequence[Any]) -> str:
    found, length, index = _network(arguments[0]), number(arguments[1]), number(arguments[2])
    if not found.prefixlen <= length <= found.max_prefixlen or not 0 <= index < 2 ** (length - found.prefixlen):
        raise Mismatch("there is no such subnet in the range")
    return f"{found.network_address + index * 2 ** (found.max_prefixlen - length)}/{length}"


def _cidr_host(arguments: Sequence[Any]) -> str:
    found, index = _network(arguments[0]), number(arguments[1])
    if not 0 <= index < found.num_addresses - 1:
        raise Mismatch("there is no such address in the range")
    return str(found.network_address + index + 1)


NUMBER_FUNCTIONS = {
    "add": _arithmetic(operator.add),
    "cidrhost": Function(2, 2, _cidr_host),
    "cidrsubnet": Function(3, 3, _cidr_subnet),
    "datetimeadd": Function(2, 3, _date_add),
    "datetimefromepoch": Function(1, 1, _from_epoch),
    "datetimetoepoch": Function(1, 1, lambda a: int(_read_date(a[0]).timestamp())),
    "div": _arithmetic(_divided),
    "false": Function(0, 0, lambda _: False),
    "float": Function(1, 1, _float),
    "greater": _comparison(operator.gt),
    "greaterorequals": _comparison(operator.ge),
    "int": Function(1, 1, _whole),
    "less": _comparison(operator.lt),
    "lessorequals": _comparison(operator.le),
    "mod": _arithmetic(_remainder),
    "mul": _arithmetic(operator.mul),
    "null": Function(0, 0, lambda _: None),
    "parsecidr": Function(1, 1, _parse_cidr),
    "sub": _arithmetic(operator.sub),
    "true": Function(0, 0, lambda _: True),
}

"""A fault: something of Azure's that is made to go wrong, where, and how often.

It is written as words, `throttle retry_after=5 on=PUT containerApps/scorer rate=0.3 count=10`, and that text is also
how it is kept and sent. Whether it strikes is a pure function of itself and of how often it might have.
"""

from __future__ import annotations

import difflib
import random
import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from aca_notebook.model.fault_kinds import KINDS, Kind, Seam, given_parameters, kind_name, make_kind, meanings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

METHODS = ("GET", "HEAD", "PUT", "PATCH", "POST", "DELETE")
#: Parameters that every kind takes, and what they say.
WHERE_AND_WHEN: dict[str, str] = {
    "on": "what it strikes: a method, an operation, a resource, or several of them",
    "count": "how often it strikes before it is over",
    "rate": "how likely it strikes, between 0 and 1",
    "skip": "how many it lets pass first",
    "seed": "another number gives other draws for rate",
    "for": "how long it is in force: 90s, 30m, 8h",
    "until": "until when, as 2026-01-31T12:00:00Z",
}
_EVENTS_ONLY = ("count", "rate", "skip", "seed")
_NAMED = re.compile(r"([a-z_]+)=(.*)", re.DOTALL)
_OPERATION = re.compile(r"[A-Za-z*]+_[A-Za-z0-9*]+|[A-Z*][A-Za-z0-9*]*")
_RESOURCE = re.compile(r"[A-Za-z.]+(/[^/\s]+)?")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Subject:
    """What may be struck: a resource's path or id, and for a request also its method and operation."""

    path: str
    method: str = ""
    operation: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a fault strikes; empty is anything.

    `operation` may hold `*`. `resource` is a type (`containerApps`), a type and a name (`containerApps/scorer`,
    `resourceGroups/research`, the name with `*` in it) anywhere in the path, or a whole id, which stands for all below.
    """

    method: str = ""
    operation: str = ""
    resource: str = ""

    def covers(self, subject: Subject) -> bool:
        """Tell whether a subject lies in it, in whatever case it is written."""
        if self.method and self.method != subject.method:
            return False
        if self.operation and not fnmatchcase(subject.operation.lower(), self.operation.lower()):
            return False
        return not self.resource or _within(subject.path.lower(), self.resource.lower())

    def __str__(self) -> str:
        return " ".join(part for part in (self.method, self.operation, self.resource) if part)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `count` 0 is no limit, `until` None is until it is cleared."""

    what: Kind
    scope: Scope = field(default_factory=Scope)
    count: int = 0
    rate: float = 1.0
    skip: int = 0
    seed: int = 0
    until: datetime | None = None

    @property
    def kind(self) -> str:
        """The name of its kind."""
        return kind_name(self.what)

    def strikes(self, met: int) -> bool:
        """Tell whether it strikes the `met`th subject that it covers, counted from 1."""
        if met <= self.skip:
            return False
        # A draw depends on nothing but these two, so a scenario runs the same each time.
        return self.rate >= 1.0 or random.Random(f"{self.seed}/{met}").random() < self.rate  # noqa: S311

    def over(self, struck: int, now: datetime) -> bool:
        """Tell whether it is spent after so many strikes, or its time is over."""
        return (0 < self.count <= struck) or (self.until is not None and now >= self.until)

    def __str__(self) -> str:
        written = given_parameters(self.what)
        if str(self.scope):
            written["on"] = str(self.scope)
        defaults = {"count": (self.count, 0), "skip": (self.skip, 0), "seed": (self.seed, 0), "rate": (self.rate, 1.0)}
        written |= {name: str(value) for name, (value, default) in defaults.items() if value != default}
        if self.until is not None:
            written["until"] = self.until.isoformat().replace("+00:00", "Z")
        return " ".join((self.kind, *(f"{name}={value}" for name, value in written.items())))


@dataclass(frozen=True, slots=True)
class FaultInForce:
    """A fault that a target has in force, as it tells; `struck` is how often it has been of effect."""

    id: str
    fault: str
    struck: int = 0

    @property
    def effect(self) -> str:
        """How often it has struck, or that it lasts."""
        kind = KINDS.get(self.fault.split(maxsplit=1)[0])
        if kind is not None and kind.lasting:
            return "lasts"
        return {0: "not struck yet", 1: "struck once"}.get(self.struck, f"struck {self.struck} times")


def parse_fault(text: str | Sequence[str], now: datetime) -> Fault:
    """Return the fault that words spell: a kind, then `name=value`; words without a `=` go on with the value before.

    Raises `ValueError` with a sentence that names what was nearest.
    """
    words = text.split() if isinstance(text, str) else [part for word in text for part in word.split()]
    if not words:
        raise ValueError(f"a fault begins with its kind: {', '.join(KINDS)}")
    name = words[0].lower()
    if name not in KINDS:
        raise ValueError(f"there is no fault {words[0]!r}{_near(name, KINDS)}")
    kind = KINDS[name]
    given = _parameters(name, words[1:])
    about = {key: given.pop(key) for key in WHERE_AND_WHEN if key in given}
    if kind.lasting and (wrong := next((key for key in _EVENTS_ONLY if key in about), "")):
        raise ValueError(f"{name} lasts, so it takes no {wrong}; it takes for and until")
    return _placed(Fault(make_kind(name, given)), kind.seam, about, now)


def parse_scope(text: str) -> Scope:
    """Return the scope that words spell, in any order.

    Raises `ValueError` for a word that is no method, operation or resource, or a second one.
    """
    found: dict[str, str] = {}
    for word in text.split():
        part = _part(word)
        if part in found:
            raise ValueError(f"on={text} names two {part}s; add a fault for each")
        found[part] = word.upper() if part == "method" else word
    return Scope(**found)


def fault_table() -> str:
    """Return every kind with its parameters and defaults, a line or two each."""
    lines = []
    for name, kind in KINDS.items():
        lines.append(f"  {name:<20} {' '.join((kind.__doc__ or '').split())}")
        lines += [
            f"  {'':<20}   {key}={_default(kind, key)}: {meaning.help}"
            + (f" ({', '.join(meaning.choices)})" if meaning.choices else "")
            for key, meaning in meanings(kind).items()
        ]
    lines += ["", *(f"  {name + '=':<20} {help_}" for name, help_ in WHERE_AND_WHEN.items())]
    return "\n".join(lines)


def _parameters(kind: str, words: Iterable[str]) -> dict[str, str]:
    known = (*meanings(KINDS[kind]), *WHERE_AND_WHEN)
    given: dict[str, str] = {}
    last = ""
    for word in words:
        named = _NAMED.fullmatch(word)
        if named is None and not last:
            raise ValueError(f"{word!r} is not name=value; {kind} takes {', '.join(known)}")
        if named is None:
            given[last] = f"{given[last]} {word}".strip()
            continue
        last = named[1]
        if last not in known:
            raise ValueError(f"{kind} has no parameter {last!r}{_near(last, known)}")
        if last in given:
            raise ValueError(f"{last} is given twice")
        given[last] = named[2]
    return given


def _placed(fault: Fault, seam: Seam, about: Mapping[str, str], now: datetime) -> Fault:
    scope = parse_scope(about.get("on", ""))
    if scope.operation and seam is not Seam.REQUEST:
        raise ValueError(f"{fault.kind} strikes {seam}, which on= cannot name by operation: name a resource")
    if scope.method and seam not in {Seam.REQUEST, Seam.OPERATION}:
        raise ValueError(f"{fault.kind} strikes {seam}, which have no method: name a resource")
    until = _instant(about["until"]) if "until" in about else None
    if "for" in about:
        until = (now + _span(about["for"])).replace(microsecond=0)
    return replace(
        fault, scope=scope, until=until, count=_whole(about, "count", 0), skip=_whole(about, "skip", 0),
        seed=_whole(about, "seed", 0), rate=_rate(about.get("rate", "1")),
    )  # fmt: skip


def _part(word: str) -> str:
    if word.upper() in METHODS:
        return "method"
    if word.startswith("/") or (not _OPERATION.fullmatch(word) and _RESOURCE.fullmatch(word)):
        return "resource"
    if _OPERATION.fullmatch(word):
        return "operation"
    raise ValueError(
        f"on={word} is no method (PUT), operation (ContainerApps_Get) or resource (containerApps/scorer, or an id)"
    )


def _within(path: str, resource: str) -> bool:
    if resource.startswith("/"):
        whole = resource.rstrip("/")
        return path == whole or path.startswith(f"{whole}/")
    type_, slash, name = resource.partition("/")
    segments = [part for part in path.split("/") if part]
    followed = zip(segments, [*segments[1:], ""], strict=True)
    return any(here == type_ and (not slash or fnmatchcase(there, name)) for here, there in followed)


def _whole(about: Mapping[str, str], name: str, default: int) -> int:
    text = about.get(name, str(default))
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise ValueError(f"{name}={text} is not a whole number of at least 0")
    return int(text)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = -1.0
    if not 0 <= rate <= 1:
        raise ValueError(f"rate={text} does not lie between 0 and 1")
    return rate


def _span(text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,9})([smhd])", text, re.ASCII)
    if match is None:
        raise ValueError(f"for={text} is no span of time; write it like 90s, 30m, 8h or 2d")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def _instant(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.min  # noqa: DTZ901  # refused below, for it has no zone
    if moment.tzinfo is None:
        raise ValueError(f"until={text} is no moment; write it like 2026-01-31T12:00:00Z")
    return moment


def _default(kind: type[Kind], parameter: str) -> str:
    value = getattr(kind(), parameter)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _near(word: str, among: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(among), n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else f"; there is {', '.join(among)}"

"""What can be made to go wrong: the closed set of fault kinds, each with its own parameters.

They are what Azure does on a bad day; how it says so is the business of whoever plays Azure. Every parameter has a
default, so a kind's name alone is a fault.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, ClassVar

#: Azure's own limits, which the defaults repeat.
REQUEST_SECONDS = 240.0
EXPIRY_SECONDS = 900.0
#: What a quota can be of: serverless GPUs by their model, and others by the name that usages have.
QUOTAS = ("T4", "A100", "ManagedEnvironmentCount", "SessionPools")


class Seam(StrEnum):
    """Where a kind strikes."""

    REQUEST = "requests"  #: of the control plane and of log streams
    OPERATION = "operations"  #: long-running ones, once they were accepted
    REPLICA = "replicas"
    CALL = "calls"  #: of apps, at their ingress
    TOKEN = "tokens"  # noqa: S105  # a place, not a secret
    ROLE = "roles"
    QUOTA = "quotas"
    METRIC = "metrics"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What may stand in a parameter: its help, the values it takes or the numbers it lies between."""

    help: str
    choices: tuple[str, ...] = ()
    least: float = 0.0
    most: float = 1e9


def _parameter(default: Any, help_: str, *, choices: tuple[str, ...] = (), least: float = 0, most: float = 1e9) -> Any:
    return field(default=default, metadata={"meaning": Meaning(help_, choices, least, most)})


_WHEN = ("before", "after")
_WHEN_HELP = "whether the request had its effect"


class _Kind:
    """What every kind can do. Written once here, the dataclasses below are made four times as fast: each start pays."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and _values(self) == _values(other)

    def __hash__(self) -> int:
        return hash((type(self), _values(self)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}{_values(self)}"


def _values(kind: Any) -> tuple[Any, ...]:
    return tuple(getattr(kind, each.name) for each in fields(kind))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Throttle(_Kind):
    """Requests are answered 429 with Retry-After."""

    seam: ClassVar[Seam] = Seam.REQUEST
    lasting: ClassVar[bool] = False
    retry_after: int = _parameter(5, "whole seconds to wait", most=86400)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Outage(_Kind):
    """Requests are answered with a 5xx, before or after they had their effect."""

    seam: ClassVar[Seam] = Seam.REQUEST
    lasting: ClassVar[bool] = False
    status: int = _parameter(503, "which", choices=("500", "502", "503", "504"))
    when: str = _parameter("before", _WHEN_HELP, choices=_WHEN)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DropConnection(_Kind):
    """Requests get no answer: the connection is cut, before or after they had their effect."""

    seam: ClassVar[Seam] = Seam.REQUEST
    lasting: ClassVar[bool] = False
    when: str = _parameter("before", _WHEN_HELP, choices=_WHEN)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SlowAnswer(_Kind):
    """Requests are answered late."""

    seam: ClassVar[Seam] = Seam.REQUEST
    lasting: ClassVar[bool] = False
    seconds: float = _parameter(5.0, "how much later", most=86400)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ExpiredToken(_Kind):
    """Requests are refused with 401, as if the caller's token had just expired."""

    seam: ClassVar[Seam] = Seam.REQUEST
    lasting: ClassVar[bool] = False


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Forbidden(_Kind):
    """Requests are refused with 403, as if the caller's role were not there, or not there yet."""

    seam: ClassVar[Seam] = Seam.REQUEST
    lasting: ClassVar[bool] = False


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LostLogs(_Kind):
    """Log streams are cut after a while."""

    seam: ClassVar[Seam] = Seam.REQUEST
    lasting: ClassVar[bool] = False
    seconds: float = _parameter(0.0, "how long they last", most=86400)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SlowOperation(_Kind):
    """Operations take longer."""

    seam: ClassVar[Seam] = Seam.OPERATION
    lasting: ClassVar[bool] = False
    seconds: float = _parameter(90.0, "how much longer", most=86400)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FailOperation(_Kind):
    """Operations that were accepted end as Failed."""

    seam: ClassVar[Seam] = Seam.OPERATION
    lasting: ClassVar[bool] = False
    code: str = _parameter("InternalServerError", "Azure's code for it")
    message: str = _parameter("An internal error occurred. Please try again later.", "and its sentence")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class StuckOperation(_Kind):
    """Operations stay InProgress until Azure gives up: "Operation expired."."""

    seam: ClassVar[Seam] = Seam.OPERATION
    lasting: ClassVar[bool] = False
    seconds: float = _parameter(EXPIRY_SECONDS, "until it does", most=86400)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class StuckGpu(_Kind):
    """Replicas with a GPU stay in AssigningReplica, until Azure gives up on their revision."""

    seam: ClassVar[Seam] = Seam.REPLICA
    lasting: ClassVar[bool] = True
    seconds: float = _parameter(EXPIRY_SECONDS, "until it does", least=1, most=EXPIRY_SECONDS)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ImagePullFailure(_Kind):
    """Images cannot be pulled."""

    seam: ClassVar[Seam] = Seam.REPLICA
    lasting: ClassVar[bool] = False
    image: str = _parameter("*", "which, * standing for any letters")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ProbeFailure(_Kind):
    """Probes fail."""

    seam: ClassVar[Seam] = Seam.REPLICA
    lasting: ClassVar[bool] = False
    probe: str = _parameter("startup", "which", choices=("startup", "readiness", "liveness"))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RequestTimeout(_Kind):
    """Apps' ingress cuts calls that are silent for so long, with 504: as always after 240 s, but sooner."""

    seam: ClassVar[Seam] = Seam.CALL
    lasting: ClassVar[bool] = True
    seconds: float = _parameter(REQUEST_SECONDS, "how long", least=1, most=REQUEST_SECONDS)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class AppOutage(_Kind):
    """Calls of apps are answered by the ingress in the app's stead."""

    seam: ClassVar[Seam] = Seam.CALL
    lasting: ClassVar[bool] = False
    status: int = _parameter(503, "which", choices=("502", "503", "504"))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DropCall(_Kind):
    """Calls of apps get no answer: the connection is cut, before or after the app took them."""

    seam: ClassVar[Seam] = Seam.CALL
    lasting: ClassVar[bool] = False
    when: str = _parameter("before", _WHEN_HELP, choices=_WHEN)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ShortToken(_Kind):
    """New tokens expire soon."""

    seam: ClassVar[Seam] = Seam.TOKEN
    lasting: ClassVar[bool] = True
    seconds: int = _parameter(60, "how soon", least=1, most=3600)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RoleDelay(_Kind):
    """Role assignments take so long to be in effect."""

    seam: ClassVar[Seam] = Seam.ROLE
    lasting: ClassVar[bool] = True
    seconds: float = _parameter(300.0, "how long", most=86400)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Quota(_Kind):
    """A region's quota is another: of GPUs, environments or session pools."""

    seam: ClassVar[Seam] = Seam.QUOTA
    lasting: ClassVar[bool] = True
    name: str = _parameter("T4", "of what: GPUs, or a name that usages list", choices=QUOTAS)
    limit: int = _parameter(0, "how many there may be")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MissingMetric(_Kind):
    """Queries of a metric are answered 400, as where Azure has none: the GPU's comes and goes."""

    seam: ClassVar[Seam] = Seam.METRIC
    lasting: ClassVar[bool] = True
    metric: str = _parameter("GpuUtilizationPercentage", "Azure's name of it")


Kind = (
    Throttle | Outage | DropConnection | SlowAnswer | ExpiredToken | Forbidden | LostLogs
    | SlowOperation | FailOperation | StuckOperation | StuckGpu | ImagePullFailure | ProbeFailure
    | RequestTimeout | AppOutage | DropCall | ShortToken | RoleDelay | Quota | MissingMetric
)  # fmt: skip


def kind_name(kind: type[Kind] | Kind) -> str:
    """Return how a kind is written: `stuck-gpu`."""
    class_ = kind if isinstance(kind, type) else type(kind)
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", class_.__name__).lower()


#: All kinds by name.
KINDS: dict[str, type[Kind]] = {kind_name(each): each for each in Kind.__args__}


def meanings(kind: type[Kind]) -> dict[str, Meaning]:
    """Return a kind's parameters by name, in the order they are written."""
    return {each.name: each.metadata["meaning"] for each in fields(kind)}


def make_kind(name: str, given: dict[str, str]) -> Kind:
    """Return a kind with the parameters that are given as text.

    Raises `ValueError` with a sentence for a value that does not fit. Names must be its own.
    """
    kind = KINDS[name]
    types = {each.name: type(each.default) for each in fields(kind)}
    return kind(**{key: _read(key, value, types[key], meanings(kind)[key]) for key, value in given.items()})


def given_parameters(kind: Kind) -> dict[str, str]:
    """Return the parameters that differ from their defaults, as text that `make_kind` reads."""
    found = {each.name: (getattr(kind, each.name), each.default) for each in fields(kind)}
    return {name: _written(value) for name, (value, default) in found.items() if value != default}


def _read(name: str, text: str, type_: type, meaning: Meaning) -> Any:
    if meaning.choices and text not in meaning.choices:
        raise ValueError(f"{name}={text} is not one of {', '.join(meaning.choices)}")
    if type_ is str:
        return text
    try:
        value = type_(text)
    except ValueError:
        raise ValueError(f"{name}={text} is not a {'whole ' if type_ is int else ''}number") from None
    if not meaning.least <= value <= meaning.most:
        raise ValueError(f"{name}={text} does not lie between {meaning.least:g} and {meaning.most:g}")
    return value


def _written(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) and f"{value:g}" == str(value).removesuffix(".0") else str(value)

"""How an app is hosted, in the words of `az containerapp`: image, ingress, probes, scale rules, Dapr, identities. Pure.

Flags and their meaning are those of `az containerapp create` 2.91 (its source); for probes it has none, so theirs are
ours. What cannot be together is in `hosting_rules`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

INGRESSES = ("external", "internal")
TRANSPORTS = ("auto", "http", "http2", "tcp")
REVISIONS_MODES = ("single", "multiple")
PROTOCOLS = ("http", "grpc")
LOG_LEVELS = ("info", "debug", "warn", "error")
PROBE_KINDS = ("startup", "readiness", "liveness")
#: What a probe may be told beside its place, in the platform's own words, with least and most (documented).
PROBE_TIMES = {
    "initialDelaySeconds": (0, 60), "periodSeconds": (1, 240), "timeoutSeconds": (1, 240),
    "failureThreshold": (1, 240), "successThreshold": (1, 10),
}  # fmt: skip
#: How a rule by what is open at once names its target.
CONCURRENT = {"http": "concurrentRequests", "tcp": "concurrentConnections"}


@dataclass(frozen=True, slots=True)
class Probe:
    """One health probe: `kind` is of `PROBE_KINDS`; an empty `path` only opens the port. `times` are Azure's."""

    kind: str
    path: str = ""
    port: int = 0
    times: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class ScaleRule:
    """One scale rule: `type` is `http`, `tcp` or a scaler of KEDA; `auth` are its parameters by secrets' names."""

    name: str
    type: str = "http"
    metadata: Mapping[str, str] = field(default_factory=dict)
    auth: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dapr:
    """The Dapr sidecar; zero and empty leave the platform's default. Sizes as Azure counts them: MB and KB.

    One that is not `enabled` is switched off, and the rest of it is of no account.
    """

    app_id: str = ""
    app_port: int = 0
    app_protocol: str = ""
    http_max_request_size: int = 0
    http_read_buffer_size: int = 0
    log_level: str = ""
    enable_api_logging: bool = False
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Hosting:
    """What a person said of how the app is hosted. Empty, zero and None are not said.

    `image` is a finished one, run in place of a cell. `registry_identity` is `system` or an identity's resource id;
    `workload_profile` a profile's name in the environment, `workload_profile_type` its type.
    """

    image: str = ""
    container_name: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    registry_server: str = ""
    registry_identity: str = ""
    ingress: str = ""
    target_port: int = 0
    exposed_port: int = 0
    transport: str = ""
    allow_insecure: bool | None = None
    revisions_mode: str = ""
    revision_suffix: str = ""
    probes: tuple[Probe, ...] = ()
    scale_rule: ScaleRule | None = None
    workload_profile: str = ""
    workload_profile_type: str = ""
    dapr: Dapr | None = None
    system_assigned: bool = False
    user_assigned: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    termination_grace_period: int = 0

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The secrets its scale rule reads."""
        return tuple(self.scale_rule.auth.values()) if self.scale_rule else ()


def read_probe(text: str) -> Probe:
    """Read `KIND:PATH[:PORT][,NAME=N ...]`, or `KIND:tcp:PORT` for one that only opens a port.

    Raises `ValueError` with a sentence.
    """
    place, *times = text.split(",")
    kind, _, rest = place.partition(":")
    if kind.lower() not in PROBE_KINDS:
        raise ValueError(f"{kind!r} is no probe; there are {', '.join(PROBE_KINDS)}")
    return Probe(kind.lower(), *_probe_place(rest, text), tuple(_probe_time(each) for each in times))


def _probe_place(rest: str, text: str) -> tuple[str, int]:
    if match := re.fullmatch(r"tcp:(\d+)", rest):
        return "", _port(match[1])
    if match := re.fullmatch(r"(/[^:,\s]*)(?::(\d+))?", rest):
        return match[1], _port(match[2]) if match[2] else 0
    raise ValueError(f"{text!r} is no probe; write it like readiness:/health:8000 or liveness:tcp:6379")


def _probe_time(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    if name not in PROBE_TIMES:
        raise ValueError(f"a probe has no {name!r}; it has {', '.join(PROBE_TIMES)}")
    least, most = PROBE_TIMES[name]
    if not number.isdigit() or not least <= int(number) <= most:
        raise ValueError(f"{name} is a number from {least} to {most}, not {number!r}")
    return name, int(number)


def _port(text: str) -> int:
    if not 0 < int(text) < 65536:
        raise ValueError(f"{text} is no port; there are 1 to 65535")
    return int(text)


def described(hosting: Hosting) -> tuple[tuple[str, str], ...]:
    """Return what a card says of it: a word and its value, in the order of reading."""
    rule, dapr = hosting.scale_rule, hosting.dapr
    identities = ", ".join(
        ("system",) * hosting.system_assigned + tuple(_short(each) for each in hosting.user_assigned)
    )
    ingress = f"{hosting.ingress}, port {hosting.target_port or 'found out'}, {hosting.transport or 'auto'}"
    exposed = f", exposed at {hosting.exposed_port}" if hosting.exposed_port and hosting.transport == "tcp" else ""
    said = (
        ("image", hosting.image),
        ("registry", hosting.registry_server and f"{hosting.registry_server} as {_short(hosting.registry_identity)}"),
        ("ingress", f"{ingress}{exposed}" if hosting.ingress else "none" if hosting.image else ""),
        ("probes", ", ".join(_probe_words(each) for each in hosting.probes)),
        ("rule", _rule_words(rule) if rule else ""),
        ("Dapr", _dapr_words(dapr) if dapr else ""),
        ("identity", identities),
    )  # fmt: skip
    return tuple((name, value) for name, value in said if value)


def _probe_words(probe: Probe) -> str:
    port = f":{probe.port}" if probe.port else ""
    return f"{probe.kind} {probe.path}{port}" if probe.path else f"{probe.kind} tcp{port}"


def _dapr_words(dapr: Dapr) -> str:
    return f"{dapr.app_id}, {dapr.app_protocol or 'http'} on {dapr.app_port or 'no port'}" if dapr.enabled else "off"


def _rule_words(rule: ScaleRule) -> str:
    told = ", ".join(f"{name} {value}" for name, value in rule.metadata.items())
    return f"{rule.name} ({rule.type}{': ' if told else ''}{told})"


def _short(identity: str) -> str:
    return identity.rpartition("/")[2] or "nobody"

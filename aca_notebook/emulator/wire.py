"""What every part of the emulator that answers HTTP shares: routes, doors and Azure's error envelope."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Flag, StrEnum, auto
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

#: Controls, what paths and queries are made of, and what stands for bytes that are no text.
_NOT_IN_NAMES = re.compile(r"[/\\?#%\x00-\x1f\x7f-\x9f\ufffd]")
_LONGEST_NAME = 260
Handler = Callable[[Request], Awaitable[Response]]


class Door(StrEnum):
    """What a caller must show to pass. Every route declares one; a test enumerates them."""

    ARM = "arm"  #: bearer token for the Resource Manager audience
    GRAPH = "graph"  #: bearer token for Microsoft Graph
    VAULT = "vault"  #: bearer token for Key Vault
    LOGS = "logs"  #: bearer token for Log Analytics, or for the emulator's own address
    METRICS = "metrics"  #: bearer token for Azure Monitor's metrics, or for the emulator's own address
    DATA_PLANE = "data-plane"  #: bearer token issued by getAuthToken, or for the service's own audience
    SESSIONS = "sessions"  #: bearer token for dynamic sessions
    POOL_KEY = "pool-key"  #: the key of a pool's MCP server; a container's pool has none: a token for sessions there
    SAS = "sas"  #: a signature in the query
    IDENTITY_HEADER = "identity-header"  #: X-IDENTITY-HEADER of the managed-identity endpoint
    CONTROL = "control"  #: the token in the 0600 file of the data folder
    INSTRUMENTATION_KEY = "instrumentation-key"  #: the key of a component, in each item that is sent
    PUBLIC = "public"  #: nothing: discovery documents and the token endpoint


class Offer(StrEnum):
    """How much of an operation there is."""

    WORKS = "works"  #: something comes of it
    STORED = "stored only"  #: kept and answered, and nothing acts on it
    REFUSED = "refused"  #: 501, in words


class Check(Flag):
    """What an operation's answers are held against by a test; none until there is one."""

    RECORDING = auto()  #: recorded traffic of Azure
    SDK = auto()  #: an unmodified SDK reads them
    DESCRIPTION = auto()  #: the API's description
    NONE = 0


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: `template` has `{names}` for path segments, which reach the handler as `path_params`.

    Matching ignores case and trailing slashes. `operation` is the SDK's operation id (`ContainerApps_Get`), or a
    name of ours for what no SDK declares. `offer` and `checked` are what docs/reference/coverage.md says of it.
    One that `upgrades` answers WebSocket handshakes and nothing else: its response is called with the socket's scope.
    One that `passes_sockets` answers both, and tells them apart by `is_socket`.
    `body_bytes` is how much of a body it takes, 0 for as much as its door lets in.
    """

    method: str
    template: str
    door: Door
    operation: str
    handler: Handler = field(repr=False)
    offer: Offer = Offer.WORKS
    checked: Check = Check.NONE
    upgrades: bool = False
    passes_sockets: bool = False
    body_bytes: int = 0


#: In the scope of a request that came as a WebSocket handshake.
SOCKET = "aca.socket"


def is_socket(request: Request) -> bool:
    """Tell whether a request is a WebSocket's handshake."""
    return bool(request.scope.get(SOCKET, False))


#: On what Resource Manager answers itself, without asking a provider (recorded: env_e2e).
BY_GATEWAY = {"x-ms-failure-cause": "gateway"}


class AzureError(Exception):
    """A refusal, in Azure's words; `status` is HTTP's, `code` and `message` are the envelope's."""

    def __init__(
        self, status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None,
        details: Iterable[Mapping[str, Any]] = (),
    ) -> None:  # fmt: skip
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
        self.details = [dict(detail) for detail in details]

    def body(self) -> dict[str, Any]:
        """The envelope (facts §0.4)."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.details:
            error["details"] = self.details
        return {"error": error}

    def response(self) -> Response:
        """The envelope as a response."""
        return JSONResponse(self.body(), status_code=self.status, headers=self.headers)


@dataclass(frozen=True, slots=True)
class Match:
    """A route and the path segments its template names, percent-decoded."""

    route: Route
    parameters: dict[str, str]


class RouteTable:
    """Finds the route for a method and a path."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)
        self._by_shape: dict[tuple[str, int], list[tuple[_Shape, Route]]] = {}
        for route in self.routes:
            segments = _segments(route.template)
            wild = bool(segments) and segments[-1].startswith("{*")
            shape = _Shape(segments)
            self._by_shape.setdefault((route.method, -1 if wild else len(segments)), []).append((shape, route))

    def match(self, method: str, path: str) -> Match | None:
        """Return the most literal route for `method` and `path`, or None."""
        segments = tuple(unquote(part) for part in _segments(path))
        lowered = tuple(part.lower() for part in segments)
        best: tuple[_Shape, Route] | None = None
        for count in (len(segments), -1):
            for shape, route in self._by_shape.get((method, count), ()):
                if (best is None or shape.literals > best[0].literals) and shape.fits(lowered):
                    best = shape, route
        return Match(best[1], best[0].named(segments)) if best else None

    def methods(self, path: str) -> set[str]:
        """Return the methods some route accepts at `path`: to tell 405 from 404."""
        return {route.method for route in self.routes if self.match(route.method, path)}


def _segments(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.split("/") if part)


class _Shape:
    """A template taken apart once: each request is held against dozens. Segments come percent-decoded."""

    __slots__ = ("_fixed", "_least", "_names", "_tail", "literals")

    def __init__(self, parts: tuple[str, ...]) -> None:
        wild = bool(parts) and parts[-1].startswith("{*")
        self._tail = parts[-1][2:-1] if wild else ""
        self._least = len(parts)
        alone = parts[:-1] if wild else parts
        self._fixed = tuple((at, part.lower()) for at, part in enumerate(alone) if not part.startswith("{"))
        self._names = tuple((at, part[1:-1]) for at, part in enumerate(alone) if part.startswith("{"))
        self.literals = len(self._fixed)

    def fits(self, lowered: tuple[str, ...]) -> bool:
        """Tell whether a path in lower case is one of these; its length has been looked at, but for tails."""
        return len(lowered) >= self._least and all(lowered[at] == part for at, part in self._fixed)

    def named(self, segments: tuple[str, ...]) -> dict[str, str]:
        """Return what the names of the template stand for."""
        found = {name: segments[at] for at, name in self._names}
        return found | {self._tail: "/".join(segments[self._least - 1 :])} if self._tail else found


def checked_name(name: str) -> str:
    """Return a name that can stand in an id; any other would read as another resource's, or as none.

    Raises `AzureError` 400.
    """
    if not name.strip(". ") or len(name) > _LONGEST_NAME or _NOT_IN_NAMES.search(name):
        raise AzureError(400, "InvalidResourceName", "The name of a resource is empty, too long or invalid.")
    return name


def query(request: Request, name: str, default: str = "") -> str:
    """Return a query parameter whatever its case; `az` varies it, and double-encodes some values."""
    folded = name.lower()
    for key, value in request.query_params.multi_items():
        if key.lower() == folded:
            return unquote(value) if re.search(r"%[0-9A-Fa-f]{2}", value) else value
    return default


def origin(request: Request) -> str:
    """Return `scheme://host` as the caller wrote it: links we send must come back the same way (clients §4.5)."""
    return f"{request.url.scheme}://{request.headers.get('host', request.url.netloc)}"

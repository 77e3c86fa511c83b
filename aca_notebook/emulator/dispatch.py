"""From a connection to a handler and back: host check, route, door, common headers, errors in Azure's envelope."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from aca_notebook.emulator import api_versions
from aca_notebook.emulator.faults.board import NoFaults
from aca_notebook.emulator.faults.requests import disturbed
from aca_notebook.emulator.headers import common_headers, provider_headers
from aca_notebook.emulator.wire import (
    BY_GATEWAY,
    SOCKET,
    AzureError,
    Door,
    Match,
    RouteTable,
    checked_name,
    is_socket,
    query,
)
from aca_notebook.model.fault_kinds import Seam

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.faults.board import Strikes
    from aca_notebook.emulator.identity.doors import Doors
    from aca_notebook.emulator.wire import Handler, Route

logger = logging.getLogger(__name__)

_LOOPBACK_HOST = re.compile(
    r"(localhost|127\.0\.0\.1|\[::1\]|[a-z0-9-]+(\.[a-z0-9-]+)*\.localhost)(:\d{1,5})?", re.IGNORECASE | re.ASCII
)
_MOST_BODY_BYTES = 16 * 2**20  # Resource Manager itself takes 4 MiB
#: What is public takes forms of a few fields; blobs bound themselves.
_BODY_BYTES = {Door.PUBLIC: 64 * 1024, Door.IDENTITY_HEADER: 64 * 1024, Door.SAS: 2**34}
#: Told of each request with its route and its answer.
Noted = Callable[[Request, Match | None, Response], None]


class Dispatcher:
    """The ASGI application of the emulator's own port."""

    def __init__(
        self, table: RouteTable, doors: Doors, clock: Clock, faults: Strikes | None = None, noted: Noted | None = None
    ) -> None:
        self.table = table
        self._namespaces = {api_versions.type_of(route.template)[0] for route in table.routes}
        self._doors = doors
        self._clock = clock
        self._faults = faults or NoFaults()
        self._noted = noted or _unnoted
        self.in_flight = 0
        self.last_request_at = clock.monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request, or one WebSocket handshake and all that follows."""
        self.in_flight += 1
        try:
            body = BoundedBody(receive)
            request = Request(_handshake(scope) if scope["type"] == "websocket" else scope, body)
            try:
                response = await self._answer(request, body)
                await response(scope, receive, send)
            except ClientDisconnect:
                logger.debug("the caller of %s hung up", request.url.path)
        finally:
            self.in_flight -= 1
            self.last_request_at = self._clock.monotonic()

    async def _answer(self, request: Request, body: BoundedBody) -> Response:
        request_id = str(uuid.uuid4())
        match: Match | None = None
        try:
            _check_host(request)
            _check_origin(request)
            match = self._route(request)
            body.limit = match.route.body_bytes or _BODY_BYTES.get(match.route.door, _MOST_BODY_BYTES)
            request.scope["path_params"] = match.parameters
            request.state.claims = self._doors.claims(match.route.door, request)
            _check_protocol(match.route, request)
            _check_names(match)
            if match.route.door is Door.ARM:
                _check_api_version(request, match)
                _check_content_type(request)
            response = await self._perform(match.route, request)
        except AzureError as refusal:
            response = refusal.response()
        except ClientDisconnect:
            raise
        except Exception:
            # The one place that catches all: a caller gets Azure's envelope, the log gets the traceback.
            logger.exception("%s %s failed (request %s)", request.method, request.url.path, request_id)
            response = _broken(request_id).response()
        self._add_headers(response, request, request_id, match)
        self._noted(request, match, response)
        return response

    async def perform(self, request: Request) -> Response:
        """Answer what the emulator asks of its own Resource Manager for a caller, whose claims the request has.

        The caller has passed a door already; all else is as for a request from outside.
        """
        try:
            match = self._route(request)
            request.scope["path_params"] = match.parameters
            _check_names(match)
            _check_api_version(request, match)
            return await self._perform(match.route, request)
        except AzureError as refusal:
            return refusal.response()
        except Exception:
            # As in `_answer`: who asked gets Azure's envelope, the log gets the traceback.
            request_id = str(uuid.uuid4())
            logger.exception("%s %s failed (inner request %s)", request.method, request.url.path, request_id)
            return _broken(request_id).response()

    async def _perform(self, route: Route, request: Request) -> Response:
        if self._faults.at(Seam.REQUEST):
            return await disturbed(self._faults, self._clock, route, request)
        return await route.handler(request)

    def _route(self, request: Request) -> Match:
        path = request.scope.get("raw_path", request.url.path.encode()).decode("ascii", "replace")
        match = self.table.match(request.method, path)
        if match is not None:
            return match
        others = self.table.methods(path)
        if request.method == "HEAD" and "GET" in others:
            there = self.table.match("GET", path)
            if there is not None and there.route.door is Door.ARM:
                return replace(there, route=replace(there.route, handler=_existence(there.route.handler)))
        if others:
            allowed = ", ".join(sorted(others))
            raise AzureError(
                405, "MethodNotAllowed", f"{request.method} is not allowed here; {allowed} is.",
                headers={"Allow": allowed},
            )  # fmt: skip
        raise self._unknown(request)

    def _unknown(self, request: Request) -> AzureError:
        """The refusal of a path that no route has, as Resource Manager words it."""
        path, version = request.url.path, query(request, "api-version")
        namespace, types = api_versions.type_of(path)
        here = "GET /_emulator/routes lists the operations that this emulator has."
        if not namespace:
            message = f"The resource type of '{path}' could not be found: this emulator has no such operation. {here}"
            return AzureError(404, "InvalidResourceType", message, headers=BY_GATEWAY)
        written = path[path.lower().rindex("/providers/") :].split("/")[2:]
        if namespace not in self._namespaces:
            message = f"The resource namespace '{written[0]}' is invalid. {here}"
            return AzureError(404, "InvalidResourceNamespace", message, headers=BY_GATEWAY)
        type_ = "/".join(written[1::2])
        found = api_versions.supported(f"/providers/{namespace}/{'/'.join(types[::2])}", version)
        message = f"The resource type '{type_}' could not be found in the namespace '{written[0]}' for api version "
        message += f"'{version}'."
        message += f" The supported api-versions are '{found}'. {here}" if found else f" {here}"
        return AzureError(404, "InvalidResourceType", message, headers=BY_GATEWAY)

    def _add_headers(self, response: Response, request: Request, request_id: str, match: Match | None) -> None:
        headers = response.headers
        headers.setdefault("cache-control", "no-cache")
        if headers.get("content-type") == "application/json":
            headers["content-type"] = "application/json; charset=utf-8"
        headers.update(common_headers(request.headers, request_id, self._clock.now()))
        if match is not None and match.route.door is Door.ARM:
            by_gateway = "x-ms-failure-cause" in headers
            headers.update(
                provider_headers(
                    request.method, match.route.template, query(request, "api-version"), status=response.status_code,
                    by_gateway=by_gateway, claims=getattr(request.state, "claims", {}),
                )
            )  # fmt: skip


def _unnoted(_request: Request, _match: Match | None, _response: Response) -> None:
    """Nobody listens."""


class BoundedBody:
    """Hands a request's body on, up to `limit` bytes; past it the request is refused with 413."""

    def __init__(self, receive: Receive) -> None:
        self.limit = 0
        self._receive = receive
        self._size = 0

    async def __call__(self) -> Message:
        """Return the next message. Raises `AzureError` 413."""
        message = await self._receive()
        self._size += len(message.get("body", b""))
        if self._size > self.limit:
            raise AzureError(413, "RequestEntityTooLarge", f"A request here takes at most {self.limit:,} bytes.")
        return message


def _existence(handler: Handler) -> Handler:
    """Return what answers HEAD where GET is answered: Resource Manager tells that a resource is there by 204."""

    async def look(request: Request) -> Response:
        found = await handler(request)
        return Response(status_code=204 if found.status_code == HTTPStatus.OK else found.status_code)

    return look


def _check_host(request: Request) -> None:
    """Refuse names that are not this machine's: a web page that rebinds its DNS name to loopback gets no further."""
    host = request.headers.get("host", "")
    if _LOOPBACK_HOST.fullmatch(host) is None:
        raise AzureError(421, "HostNotAllowed", f"This emulator answers on loopback names only, not on '{host}'.")


def _handshake(scope: Scope) -> Scope:
    """Return a WebSocket handshake as the GET that it is."""
    scheme = "https" if scope["scheme"] == "wss" else "http"
    return {**scope, "type": "http", "method": "GET", "scheme": scheme, SOCKET: True}


def _check_protocol(route: Route, request: Request) -> None:
    """Refuse a WebSocket where HTTP is spoken, and the other way round."""
    if route.passes_sockets or is_socket(request) == route.upgrades:
        return
    if route.upgrades:
        raise AzureError(
            426, "UpgradeRequired", "This address speaks WebSocket.",
            headers={"Upgrade": "websocket", "Connection": "Upgrade"},
        )  # fmt: skip
    raise AzureError(400, "WebSocketNotSupported", "This address does not speak WebSocket.")


def _check_origin(request: Request) -> None:
    """Refuse what a page of another site makes a browser send; pages of this machine, such as Jupyter's, may ask."""
    written = request.headers.get("origin")
    if written is not None and _LOOPBACK_HOST.fullmatch(written.partition("://")[2]) is None:
        raise AzureError(403, "OriginNotAllowed", f"This emulator answers pages of this machine, not of '{written}'.")


def _check_names(match: Match) -> None:
    """Refuse names that could not stand in an id, wherever an operation reads them; a tail after `*` is its own."""
    wild = match.route.template.partition("{*")[2].rstrip("}")
    for name, value in match.parameters.items():
        if name != wild:
            checked_name(value)


def _check_api_version(request: Request, match: Match) -> None:
    version, template = query(request, "api-version"), match.route.template
    if not version:
        raise AzureError(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
            headers=BY_GATEWAY,
        )
    supported = api_versions.supported(template, version) or api_versions.supported("/providers/microsoft.app/", "")
    if not api_versions.is_version(version):
        raise AzureError(
            400,
            "InvalidApiVersionParameter",
            f"The api-version '{version}' is invalid. The supported versions are '{supported}'.",
            headers=BY_GATEWAY,
        )
    if version < api_versions.first(template):
        type_ = "/".join(part for part in template.rpartition("/providers/")[2].split("/")[1::2])
        raise AzureError(
            400,
            "NoRegisteredProviderFound",
            f"No registered resource provider found for location 'eastus' and API version '{version}' for type "
            f"'{type_}'. The supported api-versions are '{supported}'. The supported locations are 'eastus'.",
            headers=BY_GATEWAY,
        )


def _check_content_type(request: Request) -> None:
    """Refuse what is no JSON, where a body comes; Resource Manager passes one without a type."""
    written = request.headers.get("content-type", "").partition(";")[0].strip()
    if not written or request.headers.get("content-length", "0") == "0":
        return
    if written.lower() not in {"application/json", "text/json"} and not written.lower().endswith("+json"):
        raise AzureError(
            415,
            "UnsupportedMediaType",
            f"The content media type '{written}' is not supported. Only 'application/json' is supported.",
            headers=BY_GATEWAY,
        )


def _broken(request_id: str) -> AzureError:
    return AzureError(
        500, "InternalServerError", f"The emulator failed on this request; its log has request {request_id}."
    )

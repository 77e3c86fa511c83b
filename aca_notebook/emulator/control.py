"""`/_emulator`: what its own tools ask of the emulator, behind the token in the data folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.bodies import json_body
from aca_notebook.emulator.arm.locations import DEFAULT_LOCATION
from aca_notebook.emulator.arm.values import text
from aca_notebook.emulator.description.openapi import describe
from aca_notebook.emulator.identity.doors import ARM_AUDIENCES
from aca_notebook.emulator.wire import AzureError, Door, Route, origin, query
from aca_notebook.model.ids import parse_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.identity.client import Client
    from aca_notebook.emulator.identity.tokens import Issuer
    from aca_notebook.emulator.runtime.builder import Builder
    from aca_notebook.emulator.runtime.images import Images, LocalImage
    from aca_notebook.emulator.runtime.interpreters import Interpreters

#: Group, environment and registry that the first start makes.
SEED = "local"
_ONE_DAY_SECONDS = 24 * 3600


@runtime_checkable
class Movable(Protocol):
    """A clock that a test moves."""

    async def advance(self, seconds: float) -> None:
        """Move time on."""
        ...


class Controlled(Protocol):
    """The emulator, as its control door sees it."""

    def describe(self) -> dict[str, Any]:
        """What it says of itself."""
        ...

    def environment(self) -> dict[str, str]:
        """The variables any other client needs."""
        ...

    def request_stop(self) -> None:
        """Ask it to end."""
        ...

    async def address(self, app_key: str, name: str) -> str:
        """The address of a revision or label alone, empty when there is none."""
        ...

    def listed_routes(self) -> Sequence[Route]:
        """All it answers."""
        ...


class Control:
    """The routes behind the control door."""

    def __init__(
        self, emulator: Controlled, *, images: Images, interpreters: Interpreters, builder: Builder, clock: Clock
    ) -> None:  # fmt: skip
        self._emulator = emulator
        self._images = images
        self._interpreters = interpreters
        self._builder = builder
        self._clock = clock

    def routes(self) -> list[Route]:
        """All of them; `clock` only where there is one to move."""
        routes = [
            Route("GET", "/_emulator/status", Door.CONTROL, "Emulator_Status", self._status),
            Route("GET", "/_emulator/env", Door.CONTROL, "Emulator_Environment", self._env),
            Route("GET", "/_emulator/routes", Door.CONTROL, "Emulator_Routes", self._routes),
            Route("GET", "/_emulator/openapi.json", Door.CONTROL, "Emulator_Description", self._description),
            Route("POST", "/_emulator/interpreters", Door.CONTROL, "Emulator_RegisterInterpreter", self._interpreter),
            Route("GET", "/_emulator/images", Door.CONTROL, "Emulator_ListImages", self._list_images),
            Route("PUT", "/_emulator/images", Door.CONTROL, "Emulator_RegisterImage", self._put_image),
            Route("GET", "/_emulator/address", Door.CONTROL, "Emulator_Address", self._address),
            Route("POST", "/_emulator/stop", Door.CONTROL, "Emulator_Stop", self._end),
        ]
        if isinstance(self._clock, Movable):
            routes.append(Route("POST", "/_emulator/clock", Door.CONTROL, "Emulator_AdvanceClock", self._advance))
        return routes

    async def _status(self, _: Request) -> Response:
        return JSONResponse(self._emulator.describe())

    async def _env(self, _: Request) -> Response:
        return JSONResponse(self._emulator.environment())

    async def _routes(self, _: Request) -> Response:
        return JSONResponse({"value": [
            {
                "operation": route.operation, "method": route.method, "template": route.template, "door": route.door,
                "offer": route.offer,
            }
            for route in self._emulator.listed_routes()
        ]})  # fmt: skip

    async def _description(self, request: Request) -> Response:
        routes, version = self._emulator.listed_routes(), str(self._emulator.describe()["version"])
        return JSONResponse(describe(routes, version=version, url=origin(request)))

    async def _interpreter(self, request: Request) -> Response:
        body = await json_body(request)
        try:
            found = await self._interpreters.register(text(body.get("path"), "path"))
        except ValueError as unusable:
            raise AzureError(400, "InterpreterNotUsable", str(unusable)) from unusable
        requirements = text(body.get("requirements"), "requirements")
        if requirements:  # what most of its bundles will ask for: made now, the first deploy finds it
            self._builder.warm(requirements, found.minor)
        return JSONResponse({"path": found.path, "version": found.version})

    async def _list_images(self, _: Request) -> Response:
        return JSONResponse({"value": [_image(each) for each in self._images.list()]})

    async def _put_image(self, request: Request) -> Response:
        body = await json_body(request)
        command = body.get("command")
        if not isinstance(command, list) or not all(isinstance(each, str) for each in command):
            raise AzureError(400, "InvalidImage", "command must be a list of texts, the program first")
        folder = Path(text(body["folder"], "folder")) if body.get("folder") else None
        try:
            known = await self._images.register(text(body.get("image"), "image"), command, folder)
        except ValueError as bad:
            raise AzureError(400, "InvalidImage", str(bad)) from bad
        return JSONResponse(_image(known))

    async def _address(self, request: Request) -> Response:
        """Where a label is reached: Azure tells nobody, because its address can be made from the names."""
        app, name = query(request, "app"), query(request, "name")
        try:
            address = await self._emulator.address(parse_id(app).key, name)
        except ValueError as bad:
            raise AzureError(400, "InvalidApp", str(bad)) from bad
        if not address:
            raise AzureError(404, "AddressNotFound", f"'{name}' is no active revision or label of an external app.")
        return JSONResponse({"address": address})

    async def _end(self, _: Request) -> Response:
        self._emulator.request_stop()
        return Response(status_code=202)

    async def _advance(self, request: Request) -> Response:
        seconds = (await json_body(request)).get("advance_seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds < 0:
            raise AzureError(400, "InvalidClock", "advance_seconds must be a number that is not negative")
        if isinstance(self._clock, Movable):
            await self._clock.advance(seconds)
        return JSONResponse({"now": self._clock.now().isoformat()})


def client_environment(
    client: Client, issuer: Issuer, *, url: str, http_url: str, roots: Path
) -> dict[str, str]:  # fmt: skip
    """Return the variables any other client needs, secrets included: handed out at the control door only."""
    token = issuer.issue(
        ARM_AUDIENCES[0],
        subject=client.object_id,
        lifetime_seconds=_ONE_DAY_SECONDS,
        claims={"appid": client.client_id},
    )
    return {
        "AZURE_RESOURCE_MANAGER_URL": url,
        "AZURE_RESOURCE_MANAGER_HTTP_URL": http_url,
        "AZURE_AUTHORITY_HOST": url,
        "AZURE_TENANT_ID": client.tenant_id,
        "AZURE_CLIENT_ID": client.client_id,
        "AZURE_CLIENT_SECRET": client.client_secret,
        "AZURE_SUBSCRIPTION_ID": client.subscription_id,
        "AZURE_RESOURCE_GROUP": SEED,
        "AZURE_CONTAINERAPPS_ENVIRONMENT": SEED,
        "AZURE_LOCATION": DEFAULT_LOCATION,
        "IDENTITY_ENDPOINT": f"{http_url}/msi/token",
        "IDENTITY_HEADER": client.identity_header,
        # Else DefaultAzureCredential would first try the public login host.
        "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
        "REQUESTS_CA_BUNDLE": str(roots),
        "SSL_CERT_FILE": str(roots),
        "ACCESS_TOKEN": token,
    }


def _image(image: LocalImage) -> dict[str, Any]:
    return {"image": image.image, "command": list(image.command), "folder": str(image.folder or "")}

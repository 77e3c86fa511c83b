"""Who may call an app, by its platform's own sign-in (facts §13.2): enforced, and nobody can sign in.

Requests are answered as `globalValidation` says for those of nobody; there is no provider here to sign in with, so no
token of one is ever accepted. Secrets and encryption settings are stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.arm.faults import invalid
from aca_notebook.emulator.arm.scope import APP
from aca_notebook.emulator.arm.stored import Document, Keeping, Kind, Stored, Write, read
from aca_notebook.emulator.arm.values import member
from aca_notebook.emulator.wire import AzureError, Offer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from aca_notebook.emulator.wire import Route
    from aca_notebook.model.ids import ResourceId

    #: Makes an app's ingress act on what the app's documents say now.
    Enforces = Callable[[ResourceId], Awaitable[object]]

_NAME = "current"
_PARTS = ("platform", "globalValidation", "identityProviders", "login", "httpSettings", "encryptionSettings")
#: Settings that name a secret of the app, by where they may stand.
_SECRET_SETTINGS = frozenset({
    "clientsecretsettingname", "appsecretsettingname", "consumersecretsettingname", "sasurlsettingname",
    "containerappauthencryptionsecretname", "containerappauthsigningsecretname",
})  # fmt: skip


class AuthConfigs:
    """`authConfigs` of a container app; the one that counts is named `current`."""

    def __init__(self, keeping: Keeping, enforces: Enforces) -> None:
        self._enforces = enforces
        kind = Kind(
            path=f"{APP}/authConfigs/{{name}}", operations="ContainerAppsAuthConfigs",
            type="Microsoft.App/containerapps/authconfigs",  # so spelt by the service (PowerShell's recordings)
            settle=_parts, offer=Offer.WORKS, missing=_missing, read_by_sdk=("CreateOrUpdate", "Delete", "Get"),
            described=("ListByContainerApp",),
        )  # fmt: skip
        self._stored = Stored(kind, keeping)

    def routes(self) -> list[Route]:
        """The resource and its list."""
        stored = self._stored
        put = stored.route("PUT", stored.kind.path, "CreateOrUpdate", self._put)
        delete = stored.route("DELETE", stored.kind.path, "Delete", self._delete)
        return [put, delete, *stored.routes(listed="ListByContainerApp", without=("PUT", "DELETE"))]

    async def _put(self, request: Request) -> Response:
        id_ = self._stored.locate(request, "write")
        if id_.name.lower() != _NAME:
            raise _other_name(id_.name, status=400)
        app = id_.parent
        asked = await self._stored.body(request)
        document = self._stored.keeping.store.get(app) or {}
        configuration = document.get("properties", {}).get("configuration") or {}
        names = {each["name"] for each in configuration.get("secrets") or ()}
        for name in _named_secrets(asked.get("properties")):
            if name not in names:
                raise invalid(
                    "AuthConfigSecretRefNotFound",
                    f"Secret with name '{name}' is not found in configuration of container app '{app.name}'.",
                )
        answer = await self._stored.put(request)
        await self._enforces(app)
        return answer

    async def _delete(self, request: Request) -> Response:
        app = self._stored.locate(request, "delete").parent
        answer = await self._stored.delete(request)
        if self._stored.keeping.store.get(app) is not None:
            await self._enforces(app)
        return answer


def _parts(write: Write) -> Document:
    return read(write.properties, dict.fromkeys(_PARTS, member))


def _named_secrets(value: Any) -> Iterator[str]:
    """The secrets that a body names, wherever a setting for one stands."""
    for key, inner in value.items() if isinstance(value, dict) else ():
        if key.lower() in _SECRET_SETTINGS and isinstance(inner, str) and inner:
            yield inner
        yield from _named_secrets(inner)


def _missing(id_: ResourceId) -> AzureError:
    if id_.name.lower() != _NAME:
        return _other_name(id_.name, status=404)
    return AzureError(
        404, "AuthConfigNotFound", f"AuthConfig {id_.name} was not found under container app {id_.parent.name}."
    )


def _other_name(name: str, *, status: int) -> AzureError:
    """Only one name is allowed; reading another is answered 404 (recorded by Microsoft's .NET suite)."""
    return AzureError(
        status,
        "AuthConfigInvalidName",
        f"The name '{name}' is disallowed for authconfigs, please use the name '{_NAME}'.",
    )

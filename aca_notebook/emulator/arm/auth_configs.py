"""Who may call an app, by its platform's own sign-in: stored, and nobody is asked to sign in (facts §13.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.arm.faults import invalid
from aca_notebook.emulator.arm.scope import APP
from aca_notebook.emulator.arm.stored import Document, Keeping, Kind, Stored, Write, read
from aca_notebook.emulator.arm.values import member
from aca_notebook.emulator.wire import AzureError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from aca_notebook.emulator.wire import Route
    from aca_notebook.model.ids import ResourceId

_NAME = "current"
_PARTS = ("platform", "globalValidation", "identityProviders", "login", "httpSettings", "encryptionSettings")
#: Settings that name a secret of the app, by where they may stand.
_SECRET_SETTINGS = frozenset({
    "clientsecretsettingname", "appsecretsettingname", "consumersecretsettingname", "sasurlsettingname",
    "containerappauthencryptionsecretname", "containerappauthsigningsecretname",
})  # fmt: skip


class AuthConfigs:
    """`authConfigs` of a container app; the one that counts is named `current`."""

    def __init__(self, keeping: Keeping) -> None:
        kind = Kind(
            path=f"{APP}/authConfigs/{{name}}", operations="ContainerAppsAuthConfigs",
            type="Microsoft.App/containerapps/authconfigs",  # so spelt by the service (PowerShell's recordings)
            settle=_parts, missing=_missing, read_by_sdk=("CreateOrUpdate", "Delete", "Get"),
            described=("ListByContainerApp",),
        )  # fmt: skip
        self._stored = Stored(kind, keeping)

    def routes(self) -> list[Route]:
        """The resource and its list."""
        stored = self._stored
        put = stored.route("PUT", stored.kind.path, "CreateOrUpdate", self._put)
        return [put, *stored.routes(listed="ListByContainerApp", without=("PUT",))]

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
        return await self._stored.put(request)


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

"""The secrets of a vault over HTTP: its data plane, and the way ARM templates write them (SDK: azure-keyvault-secrets).

A vault is asked at a port of its own, or by a host name, `NAME.vault.localhost`, on any port of the emulator.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.bodies import json_body
from aca_notebook.emulator.arm.faults import resource_not_found
from aca_notebook.emulator.arm.scope import GROUP
from aca_notebook.emulator.arm.values import member, text, truth, whole
from aca_notebook.emulator.arm.vault_access import SecretOperation, VaultAccess
from aca_notebook.emulator.arm.vault_secrets import (
    SECRET_TYPE,
    VAULT_TYPE,
    Change,
    VaultError,
    VaultSecrets,
    purge_date,
    version_of,
)
from aca_notebook.emulator.identity.doors import VAULT_DOMAIN
from aca_notebook.emulator.wire import Check, Door, Offer, Route, query
from aca_notebook.model.ids import ResourceId, parse_id

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.emulator.arm.key_vaults import KeyVaults

Document = dict[str, Any]
_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")
_PAGE = 25


class Services(Protocol):
    """Who listens on which port."""

    def service_at(self, port: int) -> str:
        """Return the key of the vault on a port, empty when there is none."""
        ...


class KeyVaultSecrets:
    """`/secrets` and `/deletedsecrets` of every vault."""

    def __init__(self, vaults: KeyVaults, secrets: VaultSecrets, access: VaultAccess, services: Services) -> None:
        self._vaults = vaults
        self._secrets = secrets
        self._access = access
        self._services = services

    def routes(self) -> list[Route]:
        """The data plane, and the resource type of ARM."""
        one, gone, door, sdk = "/secrets/{name}", "/deletedsecrets/{name}", Door.VAULT, Check.SDK
        managed = f"{GROUP}/providers/{VAULT_TYPE}/{{vault}}/secrets"
        return [
            Route("PUT", one, door, "KeyVault_SetSecret", self._set, checked=sdk),
            Route("GET", one, door, "KeyVault_GetSecret", self._get, checked=sdk),
            Route("GET", f"{one}/{{version}}", door, "KeyVault_GetSecretVersion", self._get, checked=sdk),
            Route("PATCH", one, door, "KeyVault_UpdateSecret", self._update, checked=sdk),
            Route("PATCH", f"{one}/{{version}}", door, "KeyVault_UpdateSecretVersion", self._update, checked=sdk),
            Route("DELETE", one, door, "KeyVault_DeleteSecret", self._delete, checked=sdk),
            Route("GET", "/secrets", door, "KeyVault_GetSecrets", self._list, checked=sdk),
            Route("GET", f"{one}/versions", door, "KeyVault_GetSecretVersions", self._list_versions, checked=sdk),
            Route("POST", f"{one}/backup", door, "KeyVault_BackupSecret", _refuse, Offer.REFUSED),
            Route("POST", "/secrets/restore", door, "KeyVault_RestoreSecret", _refuse, Offer.REFUSED),
            Route("GET", "/deletedsecrets", door, "KeyVault_GetDeletedSecrets", self._list_deleted, checked=sdk),
            Route("GET", gone, door, "KeyVault_GetDeletedSecret", self._get_deleted, checked=sdk),
            Route("POST", f"{gone}/recover", door, "KeyVault_RecoverDeletedSecret", self._recover, checked=sdk),
            Route("DELETE", gone, door, "KeyVault_PurgeDeletedSecret", self._purge, checked=sdk),
            Route("PUT", f"{managed}/{{name}}", Door.ARM, "Secrets_CreateOrUpdate", self._put_resource),
            Route("GET", f"{managed}/{{name}}", Door.ARM, "Secrets_Get", self._get_resource),
            Route("GET", managed, Door.ARM, "Secrets_List", self._list_resources),
        ]

    async def _set(self, request: Request) -> Response:
        vault = self._admit(request, SecretOperation.SET)
        body = await json_body(request)
        value = body.get("value")
        if not isinstance(value, str):
            raise VaultError(400, "BadParameter", "Property value is required and must be a string.")
        document, version = await self._secrets.set(vault, _name(request), value, _change(body))
        return JSONResponse(_bundle(request, document, version, value))

    async def _get(self, request: Request) -> Response:
        vault = self._admit(request, SecretOperation.GET)
        document = self._secrets.find(vault, _name(request))
        version = version_of(document, str(request.path_params.get("version", "")))
        return JSONResponse(_bundle(request, document, version, self._secrets.value(vault, document, version)))

    async def _update(self, request: Request) -> Response:
        vault = self._admit(request, SecretOperation.UPDATE)
        named = str(request.path_params.get("version", ""))
        change = _change(await json_body(request))
        document, version = await self._secrets.update(vault, _name(request), named, change)
        return JSONResponse(_bundle(request, document, version))

    async def _delete(self, request: Request) -> Response:
        vault = self._admit(request, SecretOperation.DELETE)
        days = self._vaults.found(vault)["properties"]["softDeleteRetentionInDays"]
        document = await self._secrets.delete(vault, _name(request), days)
        return JSONResponse(_deleted(request, document, _bundle(request, document, version_of(document))))

    async def _list(self, request: Request) -> Response:
        vault = self._admit(request, SecretOperation.LIST)
        return _page(request, [_item(request, each, version_of(each)) for each in self._secrets.named(vault)])

    async def _list_versions(self, request: Request) -> Response:
        vault = self._admit(request, SecretOperation.LIST)
        document = self._secrets.find(vault, _name(request))
        return _page(request, [_item(request, document, each, of_version=True) for each in document["versions"]])

    async def _list_deleted(self, request: Request) -> Response:
        vault = self._admit(request, SecretOperation.LIST)
        found = self._secrets.named(vault, deleted=True)
        return _page(request, [_deleted(request, each, _item(request, each, version_of(each))) for each in found])

    async def _get_deleted(self, request: Request) -> Response:
        vault = self._admit(request, SecretOperation.GET_DELETED)
        document = self._secrets.find_deleted(vault, _name(request))
        return JSONResponse(_deleted(request, document, _bundle(request, document, version_of(document))))

    async def _recover(self, request: Request) -> Response:
        vault = self._admit(request, SecretOperation.RECOVER)
        document = await self._secrets.recover(vault, _name(request))
        return JSONResponse(_bundle(request, document, version_of(document)))

    async def _purge(self, request: Request) -> Response:
        vault = self._admit(request, SecretOperation.PURGE)
        await self._secrets.purge(vault, _name(request))
        return Response(status_code=204)

    async def _put_resource(self, request: Request) -> Response:
        """Write a secret as a resource: whoever may write the vault's resources may, without a role on its data."""
        vault = self._managed(request)
        properties = member((await json_body(request)).get("properties"), "properties")
        change = _change({"contentType": properties.get("contentType"), "attributes": properties.get("attributes")})
        value = text(properties.get("value"), "properties.value")
        document, version = await self._secrets.set(vault, _name(request), value, change)
        return JSONResponse(self._resource(vault, document, version))

    async def _get_resource(self, request: Request) -> Response:
        vault = self._managed(request)
        found = [each for each in self._secrets.named(vault) if each["name"].lower() == _name(request).lower()]
        if not found:
            raise resource_not_found(vault.child("secrets", _name(request)))
        return JSONResponse(self._resource(vault, found[0], version_of(found[0])))

    async def _list_resources(self, request: Request) -> Response:
        vault = self._managed(request)
        found = self._secrets.named(vault)
        return JSONResponse({"value": [self._resource(vault, each, version_of(each)) for each in found]})

    def _managed(self, request: Request) -> ResourceId:
        group = self._vaults.scope.group(request)
        id_ = ResourceId(group.subscription, group.resource_group, "Microsoft.KeyVault", ("vaults",),
                         (str(request.path_params["vault"]),))  # fmt: skip
        return parse_id(self._vaults.found(id_)["id"])

    def _resource(self, vault: ResourceId, document: Document, version: Document) -> Document:
        """Return what ARM tells of a secret: everything but its value."""
        kept = self._vaults.found(vault)
        uri = f"https://{vault.name.lower()}.vault.azure.net/secrets/{document['name']}"
        properties = {"attributes": version["attributes"], "secretUri": uri,
                      "secretUriWithVersion": f"{uri}/{version['version']}"}  # fmt: skip
        content = {"contentType": version["contentType"]} if "contentType" in version else {}
        return {
            "id": document["id"], "name": document["name"], "type": SECRET_TYPE, "location": kept["location"],
            "properties": properties | content,
        }  # fmt: skip

    def _admit(self, request: Request, operation: SecretOperation) -> ResourceId:
        """Return the vault that is asked, whose caller may do this.

        Raises `VaultError` 404 when there is no such vault, 400 for a name that cannot be, 403.
        """
        vault = self._vault(request)
        id_ = parse_id(vault["id"])
        if not query(request, "api-version"):
            raise VaultError(400, "BadParameter", "api-version must be specified")
        scope = id_
        if "name" in request.path_params:
            scope = id_.child("secrets", _name(request))
        self._access.check(request.state.claims, vault, scope, operation)
        return id_

    def _vault(self, request: Request) -> Document:
        host = request.headers.get("host", "").partition(":")[0].lower()
        if host.endswith(f".{VAULT_DOMAIN}"):
            found = self._vaults.named(host.removesuffix(f".{VAULT_DOMAIN}"))
        else:
            port = int((request.scope.get("server") or ("", 0))[1] or 0)
            key = self._services.service_at(port)
            found = self._vaults.found(parse_id(key)) if key else None
        if found is None:
            message = f"There is no vault at '{request.headers.get('host', '')}'; a vault's address is its vaultUri."
            raise VaultError(404, "VaultNotFound", message)
        return found


async def _refuse(request: Request) -> Response:
    operation = request.url.path.rpartition("/")[2]
    raise VaultError(501, "NotImplemented", f"This emulator does not offer {operation} of secrets.")


def _name(request: Request) -> str:
    name = str(request.path_params["name"])
    if _NAME.fullmatch(name) is None:
        raise VaultError(400, "BadParameter", f"The request URI contains an invalid name: {name[:128]}")
    return name


def _change(body: Document) -> Change:
    attributes = member(body.get("attributes"), "attributes")
    tags = body.get("tags")
    return Change(
        content_type=None if body.get("contentType") is None else text(body["contentType"], "contentType"),
        tags=None if tags is None else {name: text(value, "tags") for name, value in member(tags, "tags").items()},
        enabled=truth(attributes.get("enabled"), "attributes.enabled"),
        expires=whole(attributes.get("exp"), "attributes.exp"),
        not_before=whole(attributes.get("nbf"), "attributes.nbf"),
    )


def _base(request: Request) -> str:
    return f"https://{request.headers.get('host', '')}"


def _bundle(request: Request, document: Document, version: Document, value: str | None = None) -> Document:
    shown = _item(request, document, version, of_version=True)
    return shown if value is None else {"value": value} | shown


def _item(request: Request, document: Document, version: Document, *, of_version: bool = False) -> Document:
    id_ = f"{_base(request)}/secrets/{document['name']}" + (f"/{version['version']}" if of_version else "")
    level = {"recoveryLevel": "Recoverable+Purgeable", "recoverableDays": 90}
    shown: Document = {"id": id_, "attributes": version["attributes"] | level}
    return shown | {name: version[name] for name in ("contentType", "tags") if name in version}


def _deleted(request: Request, document: Document, shown: Document) -> Document:
    at, until = purge_date(document)
    return shown | {
        "recoveryId": f"{_base(request)}/deletedsecrets/{document['name']}",
        "deletedDate": int(at.timestamp()),
        "scheduledPurgeDate": int(until.timestamp()),
    }


def _page(request: Request, found: list[Document]) -> Response:
    """Answer a part of a list, with a link to the next one that starts where the caller came in."""
    size = min(whole(query(request, "maxresults") or None, "maxresults") or _PAGE, _PAGE)
    start = whole(query(request, "$skiptoken") or None, "$skiptoken") or 0
    if size < 1 or start < 0:
        raise VaultError(400, "BadParameter", "maxresults must be 1 to 25.")
    following = start + size
    version = query(request, "api-version")
    link = f"{_base(request)}{request.url.path}?api-version={version}&$skiptoken={following}&maxresults={size}"
    return JSONResponse({"value": found[start:following], "nextLink": link if following < len(found) else None})

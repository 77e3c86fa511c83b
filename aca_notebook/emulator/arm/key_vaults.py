"""`Microsoft.KeyVault/vaults`: the resource; its secrets are a noun of their own (documented: REST 2023-07-01).

A deleted vault stays, with its secrets, until it is recovered, purged or its retention is over.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from starlette.responses import JSONResponse, Response

from aca_notebook.clock import format_instant, parse_instant
from aca_notebook.emulator.arm.bodies import json_body, merge_patch, system_data, without_nulls
from aca_notebook.emulator.arm.faults import invalid, resource_not_found
from aca_notebook.emulator.arm.locations import display_name, location_name
from aca_notebook.emulator.arm.scope import GROUP, SUBSCRIPTION
from aca_notebook.emulator.arm.values import items, member, text, texts, truth, whole
from aca_notebook.emulator.arm.vault_secrets import VAULT_TYPE, VaultSecrets
from aca_notebook.emulator.identity.doors import VAULT_DOMAIN
from aca_notebook.emulator.wire import AzureError, Door, Route, query
from aca_notebook.model.ids import ResourceId, parse_id

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.emulator.arm.stored import Keeping

Document = dict[str, Any]
_DELETED_TYPE = "Microsoft.KeyVault/locations/deletedVaults"
_NAME = re.compile(r"(?!.*--)[A-Za-z][-A-Za-z0-9]{1,22}[A-Za-z0-9]")
_RETENTION_DAYS = 90
#: From this version on a vault that does not say asks for roles (documented); before, for its access policies.
_ROLES_BY_DEFAULT = "2026-02-01"
_FLAGS = ("enabledForDeployment", "enabledForDiskEncryption", "enabledForTemplateDeployment")
_POLICY_CHANGES = ("add", "replace", "remove")


class Ports(Protocol):
    """Where vaults are reached."""

    async def open(self, key: str) -> int:
        """Listen for a vault; returns the port, 0 when none is free."""
        ...

    def port(self, key: str) -> int:
        """Return the port of a vault, 0 when it has none."""
        ...

    async def close(self, key: str) -> None:
        """Listen no more for a vault."""
        ...


class KeyVaults:
    """Vaults by roles or by access policies, and those that were deleted."""

    def __init__(self, keeping: Keeping, secrets: VaultSecrets, ports: Ports) -> None:
        self.scope = keeping.scope
        self._keeping = keeping
        self._store = keeping.store
        self._secrets = secrets
        self._ports = ports

    def routes(self) -> list[Route]:
        """The resource, its lists, its policies, and the deleted ones."""
        arm, listed = Door.ARM, f"{GROUP}/providers/{VAULT_TYPE}"
        one, everywhere = f"{listed}/{{name}}", f"{SUBSCRIPTION}/providers/Microsoft.KeyVault"
        gone = f"{everywhere}/locations/{{location}}/deletedVaults/{{name}}"
        return [
            Route("PUT", one, arm, "Vaults_CreateOrUpdate", self._put),
            Route("PATCH", one, arm, "Vaults_Update", self._patch),
            Route("GET", one, arm, "Vaults_Get", self._get),
            Route("DELETE", one, arm, "Vaults_Delete", self._delete),
            Route("GET", listed, arm, "Vaults_ListByResourceGroup", self._list),
            Route("GET", f"{everywhere}/vaults", arm, "Vaults_ListBySubscription", self._list_all),
            Route("PUT", f"{one}/accessPolicies/{{change}}", arm, "Vaults_UpdateAccessPolicy", self._policies),
            Route("POST", f"{everywhere}/checkNameAvailability", arm, "Vaults_CheckNameAvailability", self._available),
            Route("GET", f"{everywhere}/deletedVaults", arm, "Vaults_ListDeleted", self._list_deleted),
            Route("GET", gone, arm, "Vaults_GetDeleted", self._get_deleted),
            # `az keyvault recover` and `purge` look among these too; there are none here.
            Route("GET", f"{everywhere}/managedHSMs", arm, "ManagedHsms_ListBySubscription", self._none),
            Route("GET", f"{everywhere}/deletedManagedHSMs", arm, "ManagedHsms_ListDeleted", self._none),
            Route("POST", f"{gone}/purge", arm, "Vaults_PurgeDeleted", self._purge),
        ]

    async def start(self) -> None:
        """Let every vault be reached at its own address again."""
        for document in self._store.list(VAULT_TYPE, self.scope.subscription_id):
            await self._ports.open(parse_id(document["id"]).key)

    async def delete(self, id_: ResourceId) -> None:
        """Delete a vault so that it can be recovered; returns when nobody reaches it."""
        document = self._store.get(id_)
        if document is None:
            return
        now = self._keeping.clock.now()
        until = now + timedelta(days=document["properties"]["softDeleteRetentionInDays"])
        gone = _deleted_id(id_.subscription, document["location"], id_.name)
        await self._secrets.move(id_, gone)
        await self._store.put(gone, {
            "id": str(gone), "name": id_.name, "type": "Microsoft.KeyVault/deletedVaults",
            "properties": {
                "vaultId": str(id_), "location": document["location"], "tags": document["tags"],
                "deletionDate": format_instant(now), "scheduledPurgeDate": format_instant(until),
                "purgeProtectionEnabled": document["properties"].get("enablePurgeProtection"),
            },
            "vault": document,
        })  # fmt: skip
        await self._ports.close(id_.key)
        await self._store.delete(id_)

    def named(self, name: str) -> Document | None:
        """Return the vault of a name, which no two share, or None."""
        vaults = self._store.list(VAULT_TYPE, self.scope.subscription_id)
        return next((each for each in vaults if each["name"].lower() == name.lower()), None)

    def found(self, id_: ResourceId) -> Document:
        """Return a vault.

        Raises `AzureError` 404.
        """
        document = self._store.get(id_)
        if document is None:
            raise resource_not_found(id_)
        return document

    async def _put(self, request: Request) -> Response:
        asked = without_nulls(await json_body(request))
        id_ = self._id(request)
        before = self._store.get(id_)
        if before is None:
            self._check_name(id_)
            before_deleted = self._deleted(id_.name)
            mode = text(member(asked.get("properties"), "properties").get("createMode"), "properties.createMode")
            if before_deleted is not None:
                if mode.lower() != "recover":
                    raise _name_is_deleted()
                return await self._recover(request, id_, before_deleted)
        document = self._document(request, id_, asked, before)
        await self._store.put(id_, document)
        await self._ports.open(id_.key)
        return JSONResponse(self._shown(request, document), status_code=200)

    async def _recover(self, request: Request, id_: ResourceId, deleted: Document) -> Response:
        document = deleted["vault"] | {"id": str(id_)}
        gone = parse_id(deleted["id"])
        await self._store.put(id_, document)
        await self._secrets.move(gone, id_)
        await self._store.delete(gone)
        await self._ports.open(id_.key)
        return JSONResponse(self._shown(request, document))

    async def _patch(self, request: Request) -> Response:
        body = await json_body(request)
        id_ = self._id(request)
        before = self.found(id_)
        document = self._document(request, id_, without_nulls(merge_patch(before, body)), before)
        await self._store.put(id_, document)
        return JSONResponse(self._shown(request, document))

    async def _get(self, request: Request) -> Response:
        return JSONResponse(self._shown(request, self.found(self._id(request))))

    async def _delete(self, request: Request) -> Response:
        id_ = self._id(request)
        if self._store.get(id_) is None:
            return Response(status_code=204)
        await self.delete(id_)
        return Response(status_code=200)

    async def _list(self, request: Request) -> Response:
        group = self.scope.group(request)
        return self._listed(request, self._store.list(VAULT_TYPE, group.subscription, group.resource_group))

    async def _list_all(self, request: Request) -> Response:
        return self._listed(request, self._store.list(VAULT_TYPE, self.scope.subscription(request)))

    async def _policies(self, request: Request) -> Response:
        """Add, replace or remove access policies (`az keyvault set-policy` and ARM templates)."""
        change = str(request.path_params["change"]).lower()
        if change not in _POLICY_CHANGES:
            raise invalid("BadRequest", f"'{change}' is no change of access policies; add, replace and remove are.")
        id_ = self._id(request)
        document = self.found(id_)
        asked = _policies(member((await json_body(request)).get("properties"), "properties"))
        named = {each["objectId"].lower() for each in asked}
        kept = document["properties"]["accessPolicies"]
        if change == "add":
            asked = [_merged(each, [old for old in kept if _is_of(old, each)]) for each in asked]
        others = [] if change == "replace" else [each for each in kept if each["objectId"].lower() not in named]
        document["properties"]["accessPolicies"] = [*others, *([] if change == "remove" else asked)]
        await self._store.put(id_, document)
        answer = {
            "id": f"{id_}/accessPolicies/", "name": "", "type": f"{VAULT_TYPE}/accessPolicies",
            "location": document["location"],
            "properties": {"accessPolicies": document["properties"]["accessPolicies"]},
        }  # fmt: skip
        return JSONResponse(answer)

    async def _available(self, request: Request) -> Response:
        self.scope.subscription(request)
        name = text((await json_body(request)).get("name"), "name")
        if _NAME.fullmatch(name) is None:
            said = {"reason": "AccountNameInvalid", "message": _bad_name(name)}
        elif self.named(name) is not None or self._deleted(name) is not None:
            said = {"reason": "AlreadyExists", "message": _taken_name(name)}
        else:
            said = {}
        return JSONResponse({"nameAvailable": not said} | said)

    async def _list_deleted(self, request: Request) -> Response:
        subscription = self.scope.subscription(request)
        return JSONResponse({"value": [_shown_deleted(each) for each in self._all_deleted(subscription)]})

    async def _none(self, request: Request) -> Response:
        self.scope.subscription(request)
        return JSONResponse({"value": []})

    async def _get_deleted(self, request: Request) -> Response:
        return JSONResponse(_shown_deleted(self._found_deleted(request)))

    async def _purge(self, request: Request) -> Response:
        """Drop a deleted vault and all that was in it; at once, where Azure takes a moment."""
        document = self._found_deleted(request)
        if document["properties"]["purgeProtectionEnabled"]:
            message = 'Operation "purge" is not allowed because purge protection is enabled for this vault.'
            raise AzureError(400, "DeletedVaultPurge", message)
        await self._store.delete(parse_id(document["id"]))
        return Response(status_code=200)

    def _id(self, request: Request) -> ResourceId:
        return self.scope.resource(request, "Microsoft.KeyVault", "vaults")

    def _check_name(self, id_: ResourceId) -> None:
        if _NAME.fullmatch(id_.name) is None:
            raise invalid("VaultNameNotValid", _bad_name(id_.name))
        if self.named(id_.name) is not None:
            raise AzureError(409, "VaultAlreadyExists", _taken_name(id_.name))

    def _all_deleted(self, subscription: str) -> list[Document]:
        now = self._keeping.clock.now()
        return [
            each
            for each in self._store.list(_DELETED_TYPE, subscription)
            if parse_instant(each["properties"]["scheduledPurgeDate"]) > now
        ]

    def _deleted(self, name: str) -> Document | None:
        found = self._all_deleted(self.scope.subscription_id)
        return next((each for each in found if each["name"].lower() == name.lower()), None)

    def _found_deleted(self, request: Request) -> Document:
        self.scope.subscription(request)
        name, location = (str(request.path_params[each]) for each in ("name", "location"))
        document = self._deleted(name)
        if document is None or document["properties"]["location"] != location_name(location):
            raise AzureError(
                404, "DeletedVaultNotFound",
                f"The specified deleted vault '{name}' could not be found. Verify that the deleted vault exists in "
                f"location '{location}'.",
            )  # fmt: skip
        return document

    def _document(self, request: Request, id_: ResourceId, asked: Document, before: Document | None) -> Document:
        claims = request.state.claims
        properties = member(asked.get("properties"), "properties")
        stood = (before or {}).get("properties", {})
        tenant = text(properties.get("tenantId"), "properties.tenantId") or str(claims.get("tid", ""))
        sku = member(properties.get("sku"), "properties.sku")
        by_roles = truth(properties.get("enableRbacAuthorization"), "properties.enableRbacAuthorization")
        if by_roles is None:
            by_roles = stood.get("enableRbacAuthorization", query(request, "api-version") >= _ROLES_BY_DEFAULT)
        days = whole(properties.get("softDeleteRetentionInDays"), "properties.softDeleteRetentionInDays")
        settled: Document = {
            "sku": {"family": "A", "name": (text(sku.get("name"), "properties.sku.name") or "standard").lower()},
            "tenantId": tenant,
            "accessPolicies": _policies(properties),
            **{name: bool(truth(properties.get(name), f"properties.{name}")) for name in _FLAGS},
            "enableSoftDelete": True,
            "softDeleteRetentionInDays": days or stood.get("softDeleteRetentionInDays", _RETENTION_DAYS),
            "enableRbacAuthorization": by_roles,
            "provisioningState": "Succeeded",
            "publicNetworkAccess": text(properties.get("publicNetworkAccess"), "properties.publicNetworkAccess")
            or "Enabled",
        }
        if not 7 <= settled["softDeleteRetentionInDays"] <= 90:
            raise invalid("BadRequest", "softDeleteRetentionInDays must be between 7 and 90.")
        if truth(properties.get("enablePurgeProtection"), "properties.enablePurgeProtection"):
            settled["enablePurgeProtection"] = True
        if properties.get("networkAcls"):
            settled["networkAcls"] = member(properties["networkAcls"], "properties.networkAcls")
        location = text(asked.get("location"), "location") or (before or {}).get("location", "")
        return {
            "id": str(id_),
            "name": before["name"] if before else id_.name,
            "type": VAULT_TYPE,
            "location": location_name(display_name(location, VAULT_TYPE)),
            "tags": member(asked.get("tags"), "tags"),
            "systemData": system_data(claims, self._keeping.clock.now(), (before or {}).get("systemData")),
            "properties": settled,
        }

    def _shown(self, request: Request, document: Document) -> Document:
        """Return the document with the address that answers in every client, a port of its own."""
        port = self._ports.port(parse_id(document["id"]).key)
        uri = f"https://127.0.0.1:{port}/" if port else _named_uri(request, document["name"])
        return document | {"properties": document["properties"] | {"vaultUri": uri}}

    def _listed(self, request: Request, found: list[Document]) -> Response:
        return JSONResponse({"value": [self._shown(request, each) for each in found]})


def _named_uri(request: Request, name: str) -> str:
    port = request.headers.get("host", "").rpartition(":")[2]
    return f"https://{name.lower()}.{VAULT_DOMAIN}:{port}/"


def _deleted_id(subscription: str, location: str, name: str) -> ResourceId:
    return ResourceId(subscription, "", "Microsoft.KeyVault", ("locations", "deletedVaults"), (location, name))


def _shown_deleted(document: Document) -> Document:
    return {name: value for name, value in document.items() if name != "vault"}


def _policies(properties: Document) -> list[Document]:
    return [
        {
            "tenantId": text(each.get("tenantId"), "accessPolicies.tenantId"),
            "objectId": text(each.get("objectId"), "accessPolicies.objectId"),
            "permissions": {
                kind: texts(words, f"accessPolicies.permissions.{kind}")
                for kind, words in member(each.get("permissions"), "accessPolicies.permissions").items()
                if words is not None
            },
        }
        | ({"applicationId": each["applicationId"]} if each.get("applicationId") else {})
        for each in items(properties.get("accessPolicies"), "properties.accessPolicies")
    ]


def _is_of(policy: Document, other: Document) -> bool:
    return str(policy["objectId"]).lower() == str(other["objectId"]).lower()


def _merged(policy: Document, before: list[Document]) -> Document:
    """Return a policy with what the principal had besides."""
    permissions: Document = {}
    for each in (*before, policy):
        for kind, words in each["permissions"].items():
            permissions[kind] = list(dict.fromkeys([*permissions.get(kind, []), *words]))
    return policy | {"permissions": permissions}


def _bad_name(name: str) -> str:
    return (
        f"The vault name '{name}' is invalid. A vault's name must be between 3-24 alphanumeric characters. The name "
        "must begin with a letter, end with a letter or digit, and not contain consecutive hyphens. Follow this link "
        "for more information: https://go.microsoft.com/fwlink/?linkid=2147742"
    )


def _taken_name(name: str) -> str:
    return (
        f"The vault name '{name}' is already in use. Vault names are globally unique so it is possible that the name "
        "is already taken. If you are sure that the vault name was not taken then it is possible that a vault with "
        "the same name was recently deleted but not purged after being placed in a recoverable state."
    )


def _name_is_deleted() -> AzureError:
    return AzureError(
        409, "ConflictError",
        "A vault with the same name already exists in deleted state. You need to either recover or purge existing key "
        "vault. Follow this link https://go.microsoft.com/fwlink/?linkid=2149745 for more information on soft delete.",
    )  # fmt: skip

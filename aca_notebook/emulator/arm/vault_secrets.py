"""The secrets of vaults: versions and attributes in documents, values in the encrypted store (documented: REST 7.4)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aca_notebook.clock import parse_instant
from aca_notebook.emulator.wire import AzureError

if TYPE_CHECKING:
    from datetime import datetime

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.emulator.identity.secrets import Secrets
    from aca_notebook.model.ids import ResourceId

Document = dict[str, Any]
VAULT_TYPE = "Microsoft.KeyVault/vaults"
SECRET_TYPE = f"{VAULT_TYPE}/secrets"
_MOST_BYTES = 25 * 1024
_HELP = "For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182"


class VaultError(AzureError):
    """A refusal of a vault, which says more in an inner error."""

    def __init__(self, status: int, code: str, message: str, inner: str = "") -> None:
        super().__init__(status, code, message)
        self._inner = inner

    def body(self) -> dict[str, Any]:
        """The envelope with `innererror`."""
        body = super().body()
        if self._inner:
            body["error"]["innererror"] = {"code": self._inner}
        return body


@dataclass(frozen=True, slots=True)
class Change:
    """What a caller sets of a version; None leaves it as it is."""

    content_type: str | None = None
    tags: dict[str, str] | None = None
    enabled: bool | None = None
    expires: int | None = None
    not_before: int | None = None


class VaultSecrets:
    """All secrets of all vaults; each is a document under its vault's id, newest version last."""

    def __init__(self, store: Store, secrets: Secrets, clock: Clock) -> None:
        self._store = store
        self._secrets = secrets
        self._clock = clock

    def named(self, vault: ResourceId, *, deleted: bool = False) -> list[Document]:
        """Return the secrets of a vault by name, or those that were deleted and can be recovered."""
        found = [each for each in self._store.children(vault, SECRET_TYPE) if not self._is_over(each)]
        return [each for each in found if bool(each["deleted"]) is deleted]

    def find(self, vault: ResourceId, name: str) -> Document:
        """Return a secret that is not deleted.

        Raises `VaultError` 404.
        """
        document = self._store.get(_id(vault, name))
        if document is None or document["deleted"]:
            raise VaultError(
                404, "SecretNotFound",
                f"A secret with (name/id) {name} was not found in this key vault. If you recently deleted this secret "
                f"you may be able to recover it using the correct recovery command. {_HELP}",
            )  # fmt: skip
        return document

    def find_deleted(self, vault: ResourceId, name: str) -> Document:
        """Return a deleted secret.

        Raises `VaultError` 404.
        """
        document = self._store.get(_id(vault, name))
        if document is None or not document["deleted"] or self._is_over(document):
            raise VaultError(404, "SecretNotFound", f"Deleted Secret not found: {name}")
        return document

    def value(self, vault: ResourceId, document: Document, version: Document) -> str:
        """Return the value of one version.

        Raises `VaultError` 403 when it is disabled.
        """
        if not version["attributes"]["enabled"]:
            message = "Operation get is not allowed on a disabled secret."
            raise VaultError(403, "Forbidden", message, "SecretDisabled")
        owner = _id(vault, document["name"]).key
        if not self._secrets.has(owner, version["version"]):
            message = f"The value of secret {document['name']} was lost with a damaged file; set it again."
            raise VaultError(404, "SecretNotFound", message)
        return self._secrets.get(owner, version["version"])

    async def set(self, vault: ResourceId, name: str, value: str, change: Change) -> tuple[Document, Document]:
        """Make a new version, and the secret with its first; returns both, durable.

        Raises `VaultError` 400 for a value that is too long, 409 while the name belongs to a deleted secret.
        """
        if len(value.encode()) > _MOST_BYTES:
            message = f"The specified secret value is too long: a vault takes at most {_MOST_BYTES:,} bytes."
            raise VaultError(400, "BadParameter", message)
        id_ = _id(vault, name)
        document = self._store.get(id_) or {
            "id": str(id_), "name": name, "type": SECRET_TYPE, "versions": [], "deleted": None
        }  # fmt: skip
        if document["deleted"] and not self._is_over(document):
            raise VaultError(
                409, "Conflict",
                f"Secret {name} is currently in a deleted but recoverable state, and its name cannot be reused; in "
                "this state, the secret can only be recovered or purged.",
                "ObjectIsDeletedButRecoverable",
            )  # fmt: skip
        if document["deleted"]:
            document |= {"versions": [], "deleted": None}
        now = int(self._clock.now().timestamp())
        version: Document = {
            "version": uuid.uuid4().hex,
            "attributes": {"enabled": True, "created": now, "updated": now},
        }
        _apply(version, change)
        values = self._values(id_, document)
        document["versions"].append(version)
        async with self._secrets.replacing(id_.key, values | {version["version"]: value}) as switch:
            await self._store.put(id_, document, switch)
        return document, version

    async def update(self, vault: ResourceId, name: str, version: str, change: Change) -> tuple[Document, Document]:
        """Change what is said of a version; returns secret and version.

        Raises `VaultError` 404.
        """
        document = self.find(vault, name)
        found = version_of(document, version)
        _apply(found, change)
        found["attributes"]["updated"] = int(self._clock.now().timestamp())
        await self._store.put(_id(vault, name), document)
        return document, found

    async def delete(self, vault: ResourceId, name: str, retention_days: int) -> Document:
        """Delete a secret so that it can be recovered for some days.

        Raises `VaultError` 404.
        """
        document = self.find(vault, name)
        now = self._clock.now()
        document["deleted"] = {"at": now.isoformat(), "until": (now + timedelta(days=retention_days)).isoformat()}
        await self._store.put(_id(vault, name), document)
        return document

    async def recover(self, vault: ResourceId, name: str) -> Document:
        """Let a deleted secret be there again.

        Raises `VaultError` 404.
        """
        document = self.find_deleted(vault, name) | {"deleted": None}
        await self._store.put(_id(vault, name), document)
        return document

    async def purge(self, vault: ResourceId, name: str) -> None:
        """Drop a deleted secret and its values for good.

        Raises `VaultError` 404.
        """
        self.find_deleted(vault, name)
        await self._store.delete(_id(vault, name))

    async def move(self, before: ResourceId, after: ResourceId) -> None:
        """Copy all secrets, deleted ones too, to another owner; the old ones go with theirs."""
        for document in self._store.children(before, f"{before.type}/secrets"):
            old, new = _id(before, document["name"]), _id(after, document["name"])
            async with self._secrets.replacing(new.key, self._values(old, document)) as switch:
                await self._store.put(new, document | {"id": str(new)}, switch)

    def _values(self, id_: ResourceId, document: Document) -> dict[str, str]:
        """Return the values of all versions that have one."""
        versions = [each["version"] for each in document["versions"]]
        return {name: self._secrets.get(id_.key, name) for name in versions if self._secrets.has(id_.key, name)}

    def _is_over(self, document: Document) -> bool:
        """Tell whether a deleted secret's days have passed."""
        return bool(document["deleted"]) and parse_instant(document["deleted"]["until"]) <= self._clock.now()


def version_of(document: Document, version: str = "") -> Document:
    """Return a version of a secret, the newest unless one is named.

    Raises `VaultError` 404.
    """
    if not version:
        newest: Document = document["versions"][-1]
        return newest
    found: Document | None = next((each for each in document["versions"] if each["version"] == version.lower()), None)
    if found is None:
        name = document["name"]
        message = f"A secret with (name/id) {name}/{version} was not found in this key vault. {_HELP}"
        raise VaultError(404, "SecretNotFound", message)
    return found


def purge_date(document: Document) -> tuple[datetime, datetime]:
    """Return when a deleted secret was deleted, and when it goes for good."""
    return parse_instant(document["deleted"]["at"]), parse_instant(document["deleted"]["until"])


def _apply(version: Document, change: Change) -> None:
    attributes = version["attributes"]
    for name, value in (("enabled", change.enabled), ("exp", change.expires), ("nbf", change.not_before)):
        if value is not None:
            attributes[name] = value
    if change.content_type is not None:
        version["contentType"] = change.content_type
    if change.tags is not None:
        version["tags"] = change.tags


def _id(owner: ResourceId, name: str) -> ResourceId:
    return owner.child("secrets", name)

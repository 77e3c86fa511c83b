"""Secrets of apps and jobs that come from a vault: `keyVaultUrl` and the identity that may read it (facts §3.2, §13).

Azure copies the value into the app when the app is written, and looks again within half an hour and whenever a
revision is made or restarted; so does this.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from aca_notebook.emulator.arm.faults import invalid
from aca_notebook.emulator.arm.vault_access import SecretOperation, VaultAccess
from aca_notebook.emulator.arm.vault_secrets import VAULT_TYPE, VaultError, VaultSecrets, version_of
from aca_notebook.emulator.identity.doors import VAULT_DOMAIN
from aca_notebook.model.ids import ResourceId, parse_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aca_notebook.emulator.arm.directory import ManagedIdentities
    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.emulator.identity.secrets import Secrets

Document = dict[str, Any]
_URL = re.compile(
    r"https://(?P<host>[^/:]+)(?::(?P<port>\d{1,5}))?/secrets/(?P<name>[0-9a-zA-Z-]{1,127})(?:/(?P<version>\w{32}))?/?",
    re.IGNORECASE,
)
_VAULT_HOST = re.compile(rf"(?P<name>[a-z0-9-]+)\.(?:vault\.azure\.net|{re.escape(VAULT_DOMAIN)})", re.IGNORECASE)
_LOOPBACK = {"127.0.0.1", "localhost"}


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a secret's value is: in the vault of a name or, without one, at a port of this machine."""

    secret: str
    version: str = ""
    vault: str = ""
    port: int = 0


class Services(Protocol):
    """Who listens on which port."""

    def service_at(self, port: int) -> str:
        """Return the key of the vault on a port, empty when there is none."""
        ...


def read_reference(url: str) -> Reference | None:
    """Return what a `keyVaultUrl` names: as on Azure, or as this emulator's vaults are reached; None for any other."""
    found = _URL.fullmatch(url.strip())
    if found is None:
        return None
    version = (found["version"] or "").lower()
    named = _VAULT_HOST.fullmatch(found["host"])
    if named is not None:
        return Reference(found["name"], version, vault=named["name"].lower())
    if found["host"].lower() in _LOOPBACK and found["port"]:
        return Reference(found["name"], version, port=int(found["port"]))
    return None


def referring(document: Document) -> list[Document]:
    """Return the secrets of an app or job that come from a vault."""
    secrets = document["properties"]["configuration"].get("secrets") or ()
    return [each for each in secrets if each.get("keyVaultUrl")]


class VaultReferences:
    """Reads values out of this emulator's vaults, as the identity that an app names and has."""

    def __init__(  # noqa: PLR0913  # the composition root names them
        self, *, store: Store, vault_secrets: VaultSecrets, access: VaultAccess, services: Services, secrets: Secrets,
        identities: ManagedIdentities, subscription: str,
    ) -> None:  # fmt: skip
        self._identities = identities
        self._store = store
        self._vault_secrets = vault_secrets
        self._access = access
        self._services = services
        self._secrets = secrets
        self._subscription = subscription

    def resolve(self, document: Document) -> dict[str, str]:
        """Return the values of all secrets of a settled app or job that come from a vault, by name.

        Raises `AzureError` 400 for a URL that is no vault's, and for values that cannot be had.
        """
        values, missing = {}, []
        for secret in referring(document):
            if read_reference(str(secret["keyVaultUrl"])) is None:
                raise invalid(  # the code is seen; the sentence is unconfirmed
                    "ContainerAppSecretKeyVaultUrlInvalid",
                    f"The Key Vault URL '{secret['keyVaultUrl']}' of container app secret '{secret['name']}' is "
                    "invalid: it must be https://VAULT.vault.azure.net/secrets/NAME, or end in /VERSION.",
                )
            value = self._value(document, secret)
            if value is None:
                missing.append(secret)
            else:
                values[secret["name"]] = value
        if missing:
            raise _not_fetched(missing)
        return values

    async def refresh(self, id_: ResourceId) -> set[str]:
        """Take over values that have changed; returns their names. What cannot be had any more stays as it was."""
        document = self._store.get(id_)
        changed = set()
        for secret in referring(document) if document else ():
            value, name = self._value(document or {}, secret), secret["name"]
            stood = self._secrets.get(id_.key, name) if self._secrets.has(id_.key, name) else None
            if value is not None and value != stood:
                await self._secrets.put(id_.key, name, value)
                changed.add(name)
        return changed

    def _value(self, document: Document, secret: Document) -> str | None:
        """Return a value, or None when identity, vault, right or secret is missing."""
        reference = read_reference(str(secret["keyVaultUrl"]))
        principal = self._identities.named(document, secret.get("identity"))
        vault = self._vault(reference) if reference is not None else None
        if reference is None or principal is None or vault is None:
            return None
        id_ = parse_id(vault["id"])
        scope = id_.child("secrets", reference.secret)
        if not self._access.allows({"oid": principal.object_id}, vault, scope, SecretOperation.GET):
            return None
        try:
            found = self._vault_secrets.find(id_, reference.secret)
            return self._vault_secrets.value(id_, found, version_of(found, reference.version))
        except VaultError:
            return None

    def _vault(self, reference: Reference) -> Document | None:
        if reference.port:
            key = self._services.service_at(reference.port)
            return self._store.get(parse_id(key)) if key else None
        vaults = self._store.list(VAULT_TYPE, self._subscription)
        return next((each for each in vaults if each["name"].lower() == reference.vault), None)


def _not_fetched(missing: Iterable[Document]) -> Exception:
    """Azure's refusal (seen: azure-container-apps issues 722 and 1174)."""
    details = " ".join(
        f"Field 'configuration.secrets' is invalid with details: 'Invalid value: \"{each['name']}\": Unable to get "
        f"value using Managed identity {each.get('identity')} for secret {each['name']}. Error: unable to fetch secret "
        f"'{each['name']}' using Managed identity '{each.get('identity')}'';."
        for each in missing
    )
    return invalid(
        "InvalidParameterValueInContainerTemplate",
        f"The following field(s) are either invalid or missing. {details}",
    )

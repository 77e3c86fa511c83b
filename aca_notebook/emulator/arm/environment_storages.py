"""Shares that an environment's apps may mount: stored, and nothing is mounted (facts §13.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.arm.faults import invalid
from aca_notebook.emulator.arm.scope import ENVIRONMENT
from aca_notebook.emulator.arm.shapes import shaped
from aca_notebook.emulator.arm.stored import Document, Keeping, Kind, Stored, Write, one_of
from aca_notebook.emulator.arm.values import member, text
from aca_notebook.emulator.wire import AzureError

if TYPE_CHECKING:
    from aca_notebook.emulator.arm.shapes import Shape
    from aca_notebook.emulator.wire import Route
    from aca_notebook.model.ids import ResourceId

_KEY = "accountKey"
_MODE = one_of("ReadOnly", "ReadWrite")
SHARES: dict[str, Shape] = {
    "azureFile": {
        "accountName!": text, _KEY: text, "accountKeyVaultProperties": {"identity": text, "keyVaultUrl": text},
        "accessMode!": _MODE, "shareName!": text,
    },
    "nfsAzureFile": {"server!": text, "accessMode!": _MODE, "shareName!": text},
}  # fmt: skip


class EnvironmentStorages:
    """`storages` of an environment."""

    def __init__(self, keeping: Keeping) -> None:
        kind = Kind(
            path=f"{ENVIRONMENT}/storages/{{name}}", operations="ManagedEnvironmentsStorages",
            type="Microsoft.App/managedenvironments/storages",  # so spelt by the service (its .NET suite's recordings)
            settle=_storage, secrets=_account_key, missing=_missing, deleted_status=200,
            read_by_sdk=("CreateOrUpdate", "Delete", "Get", "List"), described=("List",),
        )  # fmt: skip
        self._stored = Stored(kind, keeping)

    def routes(self) -> list[Route]:
        """The resource and its list."""
        return self._stored.routes()


def _storage(write: Write) -> Document:
    given: dict[str, Any] = {name: write.properties[name] for name in SHARES if name in write.properties}
    if len(given) != 1:
        raise invalid(
            "ManagedEnvironmentStorageInvalid", "A storage of an environment must be one of azureFile and nfsAzureFile."
        )
    found: Document = shaped(given, SHARES, "properties")
    share = found.get("azureFile")
    if share is not None:
        share.pop(_KEY, None)
    return found


def _account_key(write: Write) -> dict[str, str | None]:
    share = member(write.properties.get("azureFile"), "properties.azureFile")
    return {_KEY: text(share.get(_KEY), f"properties.azureFile.{_KEY}") or None} if share else {}


def _missing(id_: ResourceId) -> AzureError:
    return AzureError(
        404, "ManagedEnvironmentStorageNotFound", f"ManagedEnvironment Storage '{id_.name}' was not found."
    )

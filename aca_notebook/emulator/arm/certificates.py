"""Certificates of an environment: read and stored, and no domain is served with them (facts §13.2).

Value and password go to the secret store. What a certificate says of itself is answered, and that is all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.emulator.arm.faults import invalid
from aca_notebook.emulator.arm.host_names import check_unbound
from aca_notebook.emulator.arm.locations import display_name
from aca_notebook.emulator.arm.scope import ENVIRONMENT
from aca_notebook.emulator.arm.stored import Document, Keeping, Kind, Stored, Write
from aca_notebook.emulator.arm.values import member, text
from aca_notebook.emulator.arm.x509_files import described, read_certificate

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from aca_notebook.emulator.wire import Route

_TYPE = "Microsoft.App/managedEnvironments/certificates"
_SECRETS = ("value", "password")


class Certificates:
    """`certificates` of an environment."""

    def __init__(self, keeping: Keeping) -> None:
        kind = Kind(
            path=f"{ENVIRONMENT}/certificates/{{name}}", operations="Certificates", type=_TYPE, settle=_certificate,
            secrets=_secrets, location=lambda asked: display_name(asked, _TYPE), deleted_status=200, patched=True,
            system_data=True, read_by_sdk=("CreateOrUpdate", "List"), described=("List",),
        )  # fmt: skip
        self._stored = Stored(kind, keeping)

    def routes(self) -> list[Route]:
        """The resource and its list."""
        stored = self._stored
        delete = stored.route("DELETE", stored.kind.path, "Delete", self._delete)
        return [delete, *stored.routes(without=("DELETE",))]

    async def _delete(self, request: Request) -> Response:
        check_unbound(self._stored.keeping, self._stored.locate(request, "delete"))
        return await self._stored.delete(request)


def _certificate(write: Write) -> Document:
    vault = member(write.properties.get("certificateKeyVaultProperties"), "properties.certificateKeyVaultProperties")
    if vault:
        return {"provisioningState": "Succeeded", "certificateKeyVaultProperties": vault}
    value = text(write.properties.get("value"), "properties.value")
    if not value:
        if write.kept.get("thumbprint"):
            return write.kept  # tags are written without the certificate
        raise invalid("CertificateInvalid", "A certificate needs its value, or where in a key vault it is.")
    found = read_certificate(value, text(write.properties.get("password"), "properties.password"))
    return {"provisioningState": "Succeeded", **described(found, write.now)}


def _secrets(write: Write) -> dict[str, str | None]:
    return {
        name: text(write.properties.get(name), f"properties.{name}") or None
        for name in _SECRETS
        if name in write.properties or write.before
    }

"""Certificates of an environment: read and stored, and no domain is served with them (facts §13.2).

Value and password go to the secret store. What a certificate says of itself is answered, and that is all.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, pkcs12

from aca_notebook.clock import format_instant
from aca_notebook.emulator.arm.faults import invalid
from aca_notebook.emulator.arm.host_names import check_unbound
from aca_notebook.emulator.arm.locations import display_name
from aca_notebook.emulator.arm.scope import ENVIRONMENT
from aca_notebook.emulator.arm.stored import Document, Keeping, Kind, Stored, Write
from aca_notebook.emulator.arm.values import member, text

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from aca_notebook.emulator.wire import Route

_TYPE = "Microsoft.App/managedEnvironments/certificates"
_SECRETS = ("value", "password")
_PEM = b"-----BEGIN CERTIFICATE-----"


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
    found = _read(value, text(write.properties.get("password"), "properties.password"))
    key = found.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return {
        "provisioningState": "Succeeded",
        "subjectName": found.subject.rfc4514_string(),
        "subjectAlternativeNames": _names(found),
        "issuer": found.issuer.rfc4514_string(),
        "issueDate": format_instant(found.not_valid_before_utc),
        "expirationDate": format_instant(found.not_valid_after_utc),
        "thumbprint": found.fingerprint(hashes.SHA1()).hex().upper(),  # noqa: S303  # that is what a thumbprint is
        "valid": found.not_valid_before_utc <= write.now <= found.not_valid_after_utc,
        "publicKeyHash": hashlib.sha256(key).hexdigest(),
    }


def _read(value: str, password: str) -> x509.Certificate:
    """Return the certificate in base64 of PKCS #12 or PEM; the error repeats nothing of it."""
    try:
        raw = base64.b64decode(value, validate=True)
        if _PEM in raw:
            return x509.load_pem_x509_certificate(raw)
        found = pkcs12.load_key_and_certificates(raw, password.encode() or None)[1]
    except (ValueError, TypeError, binascii.Error):
        found = None
    if found is None:
        raise invalid("CertificateInvalid", "The certificate could not be read: wrong password, or no PFX or PEM.")
    return found


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return list(found.value.get_values_for_type(x509.DNSName))


def _secrets(write: Write) -> dict[str, str | None]:
    return {
        name: text(write.properties.get(name), f"properties.{name}") or None
        for name in _SECRETS
        if name in write.properties or write.before
    }

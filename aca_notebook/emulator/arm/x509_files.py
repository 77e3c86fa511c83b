"""Certificates as files: read, and told what they say of themselves; their keys are for nobody here."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, pkcs12

from aca_notebook.clock import format_instant
from aca_notebook.emulator.arm.faults import invalid

if TYPE_CHECKING:
    from datetime import datetime

_PEM = b"-----BEGIN CERTIFICATE-----"


def read_certificate(value: str, password: str) -> x509.Certificate:
    """Return the certificate in base64 of PKCS #12 or PEM.

    Raises `AzureError` 400 that repeats nothing of it.
    """
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


def described(certificate: x509.Certificate, now: datetime) -> dict[str, Any]:
    """Return what an environment's certificate answers of itself."""
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return {
        "subjectName": certificate.subject.rfc4514_string(),
        "subjectAlternativeNames": _names(certificate),
        "issuer": certificate.issuer.rfc4514_string(),
        "issueDate": format_instant(certificate.not_valid_before_utc),
        "expirationDate": format_instant(certificate.not_valid_after_utc),
        "thumbprint": certificate.fingerprint(hashes.SHA1()).hex().upper(),  # noqa: S303  # that is what a thumbprint is
        "valid": certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc,
        "publicKeyHash": hashlib.sha256(key).hexdigest(),
    }


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return list(found.value.get_values_for_type(x509.DNSName))

"""The emulator's own certificate authority: made once, and able to vouch for this machine's loopback only."""

from __future__ import annotations

import ipaddress
import logging
import ssl
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import certifi
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from aca_notebook.emulator.settings import write_private

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)

_CA_LIFETIME = timedelta(days=3650)
_SERVER_LIFETIME = timedelta(days=390)  # macOS refuses server certificates of more than 398 days
_RENEW_BEFORE = timedelta(days=30)
_NAMES = (
    x509.DNSName("localhost"),
    x509.DNSName("*.vault.localhost"),  # key vaults, where such names resolve
    x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    x509.IPAddress(ipaddress.ip_address("::1")),
)
_MAY_SIGN_FOR = (
    x509.DNSName("localhost"),
    x509.IPAddress(ipaddress.ip_network("127.0.0.0/8")),
    x509.IPAddress(ipaddress.ip_network("::1/128")),
)


@dataclass(frozen=True, slots=True)
class Certificates:
    """Where the PEM files lie: the authority, the server's chain with its key, and the usual roots plus ours."""

    authority: Path
    server: Path
    roots: Path

    def context(self, *protocols: str) -> ssl.SSLContext:
        """The server side of TLS for a listener of this emulator; HTTP/1.1 unless it offers other protocols."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(protocols or ["http/1.1"])
        context.load_cert_chain(self.server)
        return context


def ensure_certificates(folder: Path, now: datetime) -> Certificates:
    """Return the certificates of a data folder; make what is missing or damaged, renew what soon expires."""
    found = Certificates(folder / "ca.pem", folder / "server.pem", folder / "roots.pem")
    authority_key_path = folder / "ca-key.pem"
    try:
        return _ensure(found, authority_key_path, now)
    except (ValueError, TypeError, ssl.SSLError) as damaged:
        logger.warning("the certificates in %s are damaged (%s) and are made anew", folder, damaged)
        for each in (found.authority, found.server, authority_key_path):
            each.unlink(missing_ok=True)
        return _ensure(found, authority_key_path, now)


def _ensure(found: Certificates, authority_key_path: Path, now: datetime) -> Certificates:
    if not (authority_key_path.exists() and _valid(found.authority, now)):
        _make_authority(found.authority, authority_key_path, now)
        found.server.unlink(missing_ok=True)
    if not (_valid(found.server, now) and _names_of(found.server) >= set(_NAMES)):
        _make_server(found, authority_key_path, now)
    found.context()  # raises for a damaged key
    write_private(found.roots, certifi.contents() + "\n" + found.authority.read_text())
    return found


def _valid(path: Path, now: datetime) -> bool:
    if not path.exists():
        return False
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    return certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - _RENEW_BEFORE


def _names_of(path: Path) -> set[x509.GeneralName]:
    """Return what a server certificate is good for: one of an earlier version may lack a name."""
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    return set(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)


def _make_authority(path: Path, key_path: Path, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("aca_notebook emulator on this machine")
    builder = (
        _builder(name, name, key.public_key(), now, _CA_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign_certificates=True), critical=True)
        .add_extension(x509.NameConstraints(_MAY_SIGN_FOR, None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
    )
    write_private(key_path, _pem(key))
    write_private(path, builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))


def _make_server(found: Certificates, authority_key_path: Path, now: datetime) -> None:
    authority = x509.load_pem_x509_certificate(found.authority.read_bytes())
    authority_key = serialization.load_pem_private_key(authority_key_path.read_bytes(), password=None)
    if not isinstance(authority_key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{authority_key_path} holds a key this emulator did not make; remove it and {found.authority}")
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        _builder(_name("localhost"), authority.subject, key.public_key(), now, _SERVER_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(_NAMES), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
    )
    certificate = builder.sign(authority_key, hashes.SHA256())
    write_private(found.server, certificate.public_bytes(serialization.Encoding.PEM) + _pem(key))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates, key_cert_sign=sign_certificates, crl_sign=sign_certificates,
        content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )

from __future__ import annotations

import json
import shutil
import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.requests import Request

from aca_notebook.emulator.certificates import ensure_certificates
from aca_notebook.emulator.identity.client import load_client
from aca_notebook.emulator.identity.sas import Sas
from aca_notebook.emulator.identity.secrets import Secrets
from aca_notebook.emulator.identity.tokens import Issuer
from aca_notebook.emulator.settings import parse_idle_exit, parse_pace, write_private
from aca_notebook.emulator.wire import AzureError
from tests.fakes.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from aca_notebook.emulator.journal.database import Statement

NOW = datetime.now(UTC)  # noqa: TID251  # OpenSSL reads the machine's clock when it verifies
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> None:
    """Shake hands in memory; raises what the client finds wrong."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    here = client.wrap_bio(to_client, to_server, server_hostname=name)
    there = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(6):
        for side in (here, there):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert here.version()


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_the_certificate_passes_openssls_strict_checks_for_loopback(tmp_path: Path, name: str) -> None:
    certificates = ensure_certificates(tmp_path, NOW)
    client = ssl.create_default_context(cafile=str(certificates.authority))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    handshake(certificates.context(), client, name)


def test_the_certificate_is_good_for_no_other_name(tmp_path: Path) -> None:
    certificates = ensure_certificates(tmp_path, NOW)
    client = ssl.create_default_context(cafile=str(certificates.authority))
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(certificates.context(), client, "management.azure.com")


def test_the_authority_can_vouch_for_loopback_only(tmp_path: Path) -> None:
    pem = ensure_certificates(tmp_path, NOW).authority.read_bytes()
    limits = x509.load_pem_x509_certificate(pem).extensions.get_extension_for_class(x509.NameConstraints)
    assert limits.critical
    assert {str(each.value) for each in limits.value.permitted_subtrees} == {"localhost", "127.0.0.0/8", "::1/128"}


def test_certificates_are_kept_and_the_servers_is_renewed_in_time(tmp_path: Path) -> None:
    first = ensure_certificates(tmp_path, NOW)
    authority, server = first.authority.read_bytes(), first.server.read_bytes()
    ensure_certificates(tmp_path, NOW + timedelta(days=300))
    assert first.server.read_bytes() == server
    ensure_certificates(tmp_path, NOW + timedelta(days=370))
    assert first.server.read_bytes() != server
    assert first.authority.read_bytes() == authority


def test_roots_hold_the_usual_ones_and_ours(tmp_path: Path) -> None:
    certificates = ensure_certificates(tmp_path, NOW)
    context = ssl.create_default_context(cafile=str(certificates.roots))
    assert context.cert_store_stats()["x509_ca"] > 50
    handshake(certificates.context(), context, "localhost")


def test_a_token_is_read_back_for_its_audience_alone() -> None:
    issuer = Issuer(KEY, "tenant", ManualClock())
    token = issuer.issue("https://management.azure.com/", subject="me", claims={"appid": "a", "exp": 1})
    claims = issuer.verify(token, ["https://management.azure.com"])
    assert (claims["sub"], claims["appid"], claims["tid"]) == ("me", "a", "tenant")
    with pytest.raises(AzureError, match="InvalidAuthenticationTokenAudience"):
        issuer.verify(token, ["https://dynamicsessions.io"])


def test_a_refused_token_is_not_repeated() -> None:
    issuer = Issuer(KEY, "tenant", ManualClock())
    token = issuer.issue("https://x", subject="me")
    with pytest.raises(AzureError) as refused:
        issuer.verify(token[:-4] + "AAAA", ["https://x"])
    assert token[:20] not in str(refused.value)


def signed(query: str, path: str = "/blobs/a/b") -> Request:
    return Request({
        "type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": [],
        "scheme": "http", "server": ("127.0.0.1", 80),
    })  # fmt: skip


def test_a_signature_opens_its_path_for_its_permissions_until_it_expires() -> None:
    clock = ManualClock()
    sas = Sas(b"key", clock)
    query = sas.sign("/blobs/a/b", "cw", 600)
    sas.verify(signed(query), "w")
    for request, permission in (
        (signed(query), "r"),
        (signed(query, "/blobs/a/c"), "w"),
        (signed(query.replace("sp=cw", "sp=cwr")), "r"),
        (signed(""), "w"),
    ):
        with pytest.raises(AzureError) as refused:
            sas.verify(request, permission)
        assert refused.value.status == 403
    clock._elapsed = 601
    with pytest.raises(AzureError, match="expired"):
        sas.verify(signed(query), "w")


@pytest.mark.anyio
async def test_secrets_are_kept_encrypted_and_replaced_as_one(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path / "secrets.db", tmp_path / "secret-key")
    async with secrets.replacing("app", {"a": "canary-1", "b": "canary-2"}):
        pass
    async with secrets.replacing("app", {"b": "canary-3"}) as switch:
        pass
    await secrets.put("other", "a", "canary-4")
    secrets.close()
    again = Secrets(tmp_path / "secrets.db", tmp_path / "secret-key", generation_of(switch))
    assert again.get("app", "b") == "canary-3"
    assert not again.has("app", "a")
    with pytest.raises(KeyError, match="app has no secret 'a'"):
        again.get("app", "a")
    await again.delete("app")
    assert not again.has("app", "b")
    assert again.get("other", "a") == "canary-4"
    again.close()
    assert b"canary" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def generation_of(switch: Statement) -> dict[str, str]:
    """What the journal's file says after the statement was committed."""
    _, owner, generation = switch.parameters
    return {owner: json.loads(generation)}


async def refused(change: AbstractAsyncContextManager[Statement], look: Callable[[], object]) -> Statement:
    """Begin a change, look at the files as a crash would leave them now, and have the document refused."""
    switch = await change.__aenter__()
    look()
    full = RuntimeError("the disk is full")
    assert not await change.__aexit__(RuntimeError, full, None), "the refusal must reach the caller"
    return switch


@pytest.mark.anyio
async def test_secrets_change_with_the_document_that_names_them_or_not_at_all(tmp_path: Path) -> None:
    now, crashed = tmp_path / "now", tmp_path / "crashed"
    now.mkdir()
    secrets = Secrets(now / "secrets.db", now / "secret-key")
    async with secrets.replacing("app", {"key": "old"}) as first:
        pass
    second = await refused(secrets.replacing("app", {"key": "new"}), lambda: shutil.copytree(now, crashed))
    assert secrets.get("app", "key") == "old"
    secrets.close()
    for committed, value in ((generation_of(second), "new"), (generation_of(first), "old")):
        copy = shutil.copytree(crashed, tmp_path / value)
        after = Secrets(copy / "secrets.db", copy / "secret-key", committed)
        assert after.get("app", "key") == value
        assert len(after._database.documents("secret")) == 1, "leftovers of the crash are dropped"
        after.close()


def test_the_client_is_made_once_and_hides_its_secrets(tmp_path: Path) -> None:
    client = load_client(tmp_path / "client.json")
    assert load_client(tmp_path / "client.json") == client
    assert client.client_secret not in repr(client)
    assert client.identity_header not in repr(client)
    assert (tmp_path / "client.json").stat().st_mode & 0o077 == 0


def test_a_private_file_is_replaced_whole(tmp_path: Path) -> None:
    write_private(tmp_path / "f", "one")
    write_private(tmp_path / "f", b"two")
    assert (tmp_path / "f").read_text() == "two"
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


@pytest.mark.parametrize(("text", "factor"), [("instant", 0.0), ("Realistic", 1.0), ("0.5", 0.5)])
def test_a_pace_is_a_word_or_a_factor(text: str, factor: float) -> None:
    assert parse_pace(text) == factor


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "fast"])
def test_a_pace_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"pace|float"):
        parse_pace(text)
    with pytest.raises(ValueError, match=r"idle|float"):
        parse_idle_exit(text)

"""An ingress over real sockets and a fake spawn, and a client that writes and reads bytes."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import random
import ssl
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from aca_notebook.emulator.ingress.ports import IngressPorts
from aca_notebook.emulator.ingress.service import Ingress
from tests.fakes.observer import FakeObserver
from tests.unit.emulator.runtime.world import World, world


@dataclass
class Sited:
    world: World
    ingress: Ingress
    observer: FakeObserver
    trust: ssl.SSLContext


@contextlib.asynccontextmanager
async def sited(folder, **fields):
    async with world(folder, **fields) as w:
        server, trust = contexts(folder)
        http2 = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        http2.load_cert_chain(folder / "certificate.pem")
        server.set_alpn_protocols(["http/1.1"])
        http2.set_alpn_protocols(["h2", "http/1.1"])
        observer = FakeObserver()
        first = random.SystemRandom().randrange(18100, 20900)  # apart from other test processes of this machine
        ports = IngressPorts(w.database, range(first, first + 50))
        ingress = Ingress(
            controller=w.controller, ports=ports, tls=server, tls_http2=http2, clock=w.clock, observer=observer,
            faults=w.faults,
        )  # fmt: skip
        try:
            yield Sited(w, ingress, observer, trust)
        finally:
            await ingress.close()


def contexts(folder) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate of its own for 127.0.0.1, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    moment = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(moment)
        .not_valid_after(moment + dt.timedelta(days=36500))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    client = ssl.create_default_context(cafile=str(path))
    client.check_hostname = False
    return server, client


@dataclass
class Client:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        self.writer.write(request)
        return await self.answer()

    async def answer(self, *, bodiless: bool = False) -> tuple[int, dict[str, str], bytes]:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return int(first.split()[1]), headers, b"" if bodiless else await self._body(headers)

    async def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                body += (await self.reader.readexactly(size + 2))[:-2]
            await self.reader.readexactly(2)
            return body
        if "content-length" in headers:
            return await self.reader.readexactly(int(headers["content-length"]))
        return await self.reader.read() if headers.get("connection") == "close" else b""


@contextlib.asynccontextmanager
async def client(address: str, tls: ssl.SSLContext | None = None):
    host, _, port = address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), ssl=tls)
    try:
        yield Client(reader, writer)
    finally:
        writer.transport.abort()


GET = b"GET / HTTP/1.1\r\nHost: app\r\n\r\n"

"""The way out: which addresses are outside, what is asked for, and what a gate answers."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.emulator.sandbox.egress import Gate, Refused, is_outside, read_head

INSIDE = (
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "169.254.169.254", "10.0.0.4", "172.16.0.1", "192.168.1.1", "100.100.100.200",
    "168.63.129.16", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "64:ff9b::7f00:1",
)  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_that_is_not_on_the_internet_is_not_outside(address: str) -> None:
    assert not is_outside(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "64:ff9b::101:101"])
def test_an_address_on_the_internet_is_outside_unless_it_is_our_own(address: str) -> None:
    assert is_outside(address)
    assert not is_outside("1.1.1.1", frozenset({"1.1.1.1"}))


@given(address=st.ip_addresses(v=4))
def test_an_address_is_judged_alike_in_every_dress(address) -> None:
    number = int(address)
    dresses = [ipaddress.IPv6Address(number | 0xFFFF << 32), ipaddress.IPv6Address((0x64FF9B << 96) | number)]

    for dress in dresses:
        assert is_outside(str(dress)) == is_outside(str(address))


def test_a_tunnel_says_where_it_goes() -> None:
    asked = read_head(b"CONNECT pypi.example:443 HTTP/1.1\r\nHost: pypi.example:443\r\n\r\n")

    assert (asked.host, asked.port, asked.tunnel, asked.opening) == ("pypi.example", 443, True, b"")


def test_plain_http_is_passed_on_without_what_is_between_the_program_and_us() -> None:
    ours = b"Proxy-Authorization: x\r\nConnection: keep-alive\r\n"
    head = b"GET http://a.example:81/b?c=d HTTP/1.1\r\nHost: a.example:81\r\n" + ours + b"Accept: */*\r\n\r\n"

    asked = read_head(head)

    assert (asked.host, asked.port, asked.tunnel) == ("a.example", 81, False)
    assert asked.opening == b"GET /b?c=d HTTP/1.1\r\nHost: a.example:81\r\nAccept: */*\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    "head", [b"", b"GET / HTTP/1.1\r\n\r\n", b"GET ftp://a/ HTTP/1.1\r\n\r\n", b"CONNECT a:99999 HTTP/1.1\r\n\r\n",
             b"x\r\n\r\n", b"CONNECT :80 HTTP/1.1\r\n\r\n", b"\xff\xfe http://[ HTTP/1.1\r\n\r\n"]
)  # fmt: skip
def test_what_is_no_request_to_a_proxy_is_refused(head: bytes) -> None:
    with pytest.raises(Refused):
        read_head(head)


@given(head=st.binary(max_size=200))
def test_no_head_breaks_it(head: bytes) -> None:
    with contextlib.suppress(Refused):
        assert read_head(head + b"\r\n\r\n").host


async def ask(names: dict[str, list[str]], request: bytes, outside=is_outside) -> bytes:
    """Ask a gate that knows these names, and say that nothing more comes."""

    async def resolve(host: str, port: int) -> list[str]:
        if host not in names:
            raise OSError("no such name")
        return names[host]

    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        gate = Gate(resolve, outside)
        await gate.open(door.detach())
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        return answer
    finally:
        await gate.close()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("addresses", "status"),
    [(["127.0.0.1"], b"403"), (["1.1.1.1", "169.254.169.254"], b"403"), ([], b"403"), (None, b"502")],
)  # fmt: skip
async def test_a_name_is_judged_by_every_address_it_has(addresses, status: bytes) -> None:
    names = {} if addresses is None else {"evil.example": addresses}

    answer = await ask(names, b"CONNECT evil.example:443 HTTP/1.1\r\n\r\n")

    assert answer.split(b" ")[1] == status


@pytest.mark.anyio
async def test_a_head_without_end_is_refused() -> None:
    answer = await ask({}, b"CONNECT " + b"a" * 20_000)

    assert answer.startswith(b"HTTP/1.1 400")


async def upper(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with what came, when all of it has."""
    writer.write((await reader.read()).upper())
    writer.close()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (b"CONNECT a.example:PORT HTTP/1.1\r\n\r\nhello", b"HTTP/1.1 200 Connection established\r\n\r\nHELLO"),
        (b"POST http://a.example:PORT/x HTTP/1.1\r\nHost: a\r\n\r\nhello",
         b"POST /X HTTP/1.1\r\nHOST: A\r\nCONNECTION: CLOSE\r\n\r\nHELLO"),
    ],
)  # fmt: skip
async def test_what_is_allowed_is_passed_both_ways_to_the_last_byte(request_: bytes, answer: bytes) -> None:
    server = await asyncio.start_server(upper, "127.0.0.1", 0)
    port = str(server.sockets[0].getsockname()[1]).encode()

    async with server:
        said = await ask({"a.example": ["127.0.0.1"]}, request_.replace(b"PORT", port), lambda _: True)

    assert said == answer


@pytest.mark.anyio
async def test_the_address_that_was_judged_is_the_one_that_is_called() -> None:
    """A name that means something else the second time it is asked gains nothing: it is asked once."""
    asked = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    server = await asyncio.start_server(upper, "127.0.0.1", 0)
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        gate = Gate(resolve, lambda _: True)
        await gate.open(door.detach())
    async with server:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"CONNECT a.example:%d HTTP/1.1\r\n\r\n" % server.sockets[0].getsockname()[1])
        assert await reader.readline() == b"HTTP/1.1 200 Connection established\r\n"
        writer.close()
        await gate.close()

    assert asked == ["a.example"]

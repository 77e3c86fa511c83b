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


async def ask(names: dict[str, list[str]], request: bytes) -> bytes:
    """Ask a gate that knows these names."""

    async def resolve(host: str, port: int) -> list[str]:
        if host not in names:
            raise OSError("no such name")
        return names[host]

    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        gate = Gate(resolve, own=())
        await gate.open(door.detach())
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
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

"""Bodies that are no JSON, or more than can be kept: refused with 400 by every operation that reads one."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
from typing import TYPE_CHECKING, Any

import pytest

from aca_notebook.emulator.wire import Door, Offer
from tests.emulator.running import Running, running_emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aca_notebook.emulator.wire import Route

BODIES = {
    "no JSON": b"{",
    "a list": b"[]",
    "a number": b"1",
    "a text": b'"text"',
    "no UTF-8": b'{"tags": {"a": "\xff"}}',
    "half a character": b'{"tags": {"a": "\\ud800"}}',
    "half a character for a name": b'{"\\ud800": 1}',
    "nul": b'{"tags": {"a": "b\\u0000"}}',
    "nul in a name": b'{"tags": {"a\\u0000": "b"}}',
    "not a number": b'{"properties": {"a": NaN}}',
    "no end of a number": b'{"properties": {"a": 1e400}}',
    "infinity": b'{"properties": {"a": -Infinity}}',
    "a number of 5000 digits": b'{"properties": {"a": ' + b"9" * 5000 + b"}}",
    "deep": b'{"properties": ' + b'{"a":' * 80 + b"1" + b"}" * 81,
    "deeper than a stack": b'{"properties": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a member twice": b'{"location": "eastus", "location": "westus"}',
    "a trailing comma": b'{"location": "eastus",}',
    "more than one": b"{} {}",
    "a byte order mark in the middle": b'{"location": \xef\xbb\xbf"eastus"}',
    "tags that are none": b'{"location": "eastus", "tags": []}',
}
#: What is there already.
STANDS = {"group": "local", "environment": "local", "registry": "local", "app": "app"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_emulator(tmp_path_factory.mktemp("bodies") / "emulator") as found:
        found.deploy("app")
        yield found


@pytest.fixture(scope="module")
def connection(running: Running) -> Iterator[http.client.HTTPConnection]:
    made = http.client.HTTPConnection("127.0.0.1", running.emulator.endpoint.port, timeout=20)
    yield made
    made.close()


def ask(running: Running, connection: http.client.HTTPConnection, route: Route, body: bytes) -> tuple[int, Any]:
    token = {Door.ARM: running.environment["ACCESS_TOKEN"], Door.CONTROL: running.emulator.control_token}[route.door]
    stands = STANDS | {"subscription": running.environment["AZURE_SUBSCRIPTION_ID"]}
    path = re.sub(r"\{\*?(\w+)\}", lambda found: stands.get(found[1], "x1y2z3"), route.template)
    connection.request(
        route.method, f"{path}?api-version=2025-07-01", body,
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )  # fmt: skip
    answer = connection.getresponse()
    raw = answer.read()
    return answer.status, json.loads(raw) if raw else {}


@pytest.mark.parametrize("what", BODIES)
def test_no_operation_takes_a_body_that_cannot_be_kept(
    running: Running, connection: http.client.HTTPConnection, what: str
) -> None:
    refused = 0
    for route in running.emulator.listed_routes():
        reads = route.method in {"PUT", "PATCH"} and route.door in {Door.ARM, Door.CONTROL}
        if not reads or route.offer is Offer.REFUSED:
            continue
        status, body = ask(running, connection, route, BODIES[what])
        # What is asked of a resource that is not there is refused for that, read or not.
        assert status in {400, 404}, (route, status, body)
        assert body["error"]["code"], route
        assert body["error"]["message"], route
        refused += status == 400
    assert refused > 30


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "18446744073709551616", "5, 6"])
def test_a_length_that_is_none_is_refused(running: Running, length: str) -> None:
    head = f"PUT {running.app_path()} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"
    said = _said(running, head.encode())
    assert said == b"" or said.startswith(b"HTTP/1.1 400 ")


def test_a_body_shorter_than_it_says_is_never_read_as_whole(running: Running) -> None:
    token = running.environment["ACCESS_TOKEN"]
    path = f"{running.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/short?api-version=2023-01-31"
    head = f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Length: 1000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", running.emulator.endpoint.port), timeout=10) as half:
        half.sendall(head.encode() + b'{"location": "eastus"}')
    assert running.ask("GET", path).status_code == 404


def test_a_body_in_chunks_has_the_same_limit(running: Running) -> None:
    token = running.environment["ACCESS_TOKEN"]
    head = (
        f"PUT {running.app_path()}?api-version=2025-07-01 HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {token}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    assert _said(running, head.encode(), *[piece] * 300).startswith(b"HTTP/1.1 413 ")


def test_two_lengths_are_no_length(running: Running) -> None:
    """The way into a request that hides behind another: both, or two that differ."""
    hidden = b"0\r\n\r\nGET /_emulator/env HTTP/1.1\r\nHost: localhost\r\n\r\n"
    both = b"POST /subscriptions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
    said = _said(running, both + hidden)
    assert said.count(b"HTTP/1.1") <= 1
    two = b"POST /subscriptions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n" + hidden
    assert _said(running, two).count(b"HTTP/1.1") <= 1


def _said(running: Running, *pieces: bytes) -> bytes:
    """What is answered to raw bytes before the connection ends."""
    with socket.create_connection(("127.0.0.1", running.emulator.endpoint.port), timeout=10) as connection:
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                connection.sendall(piece)
            connection.shutdown(socket.SHUT_WR)
        said = b""
        with contextlib.suppress(ConnectionError):
            while some := connection.recv(65536):
                said += some
        return said

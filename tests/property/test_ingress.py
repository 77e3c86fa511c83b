"""Whatever is asked and however the bytes are cut, the answers through the proxy are those of the replica itself.

The replica and the reader of the answers are h11, which shares no line with the proxy's parser.
"""

from __future__ import annotations

import json

import h11
from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.emulator.ingress.proxy import Downstream
from aca_notebook.emulator.ingress.routing import Endpoint
from aca_notebook.emulator.ingress.upstream import Upstream

TOKEN = st.text("abcXYZ019-_", min_size=1, max_size=8).map(lambda text: f"X-Own-{text}")
VALUE = st.text([chr(code) for code in range(33, 127)], max_size=20)
BODY = st.binary(max_size=300)
PIECES = st.lists(st.binary(min_size=1, max_size=60), max_size=5)
HEADERS = st.lists(st.tuples(TOKEN, VALUE), max_size=4)
TARGET = st.text("abc/?=&%20.~", max_size=20).map(lambda text: f"/{text}")
CUTS = st.lists(st.integers(1, 40), min_size=1, max_size=8)


@st.composite
def requests(draw) -> bytes:
    """The bytes of a valid request: without a body, with a length, or in chunks and perhaps with trailers."""
    method = draw(st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]))
    lines = [f"{method} {draw(TARGET)} HTTP/1.1", *(f"{name}: {value}" for name, value in draw(HEADERS))]
    lines.insert(draw(st.integers(1, len(lines))), "Host: app")
    head = "\r\n".join(lines).encode() + b"\r\n"
    framing = draw(st.sampled_from(["none", "length", "chunks"]))
    if framing == "none":
        return head + b"\r\n"
    if framing == "length":
        body = draw(BODY)
        return head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in draw(PIECES))
    trailers = "".join(f"{name}: {value}\r\n" for name, value in draw(HEADERS)).encode()
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n" + trailers + b"\r\n"


class Echo:
    """A replica: answers each request with what it understood of it, in chunks or with a length."""

    def __init__(self) -> None:
        self._connection = h11.Connection(h11.SERVER)
        self._request: h11.Request | None = None
        self._body = b""
        self.methods: list[bytes] = []

    def take(self, data: bytes) -> bytes:
        self._connection.receive_data(data)
        answers = b""
        while True:
            event = self._connection.next_event()
            if isinstance(event, h11.Request):
                self._request, self._body = event, b""
            elif isinstance(event, h11.Data):
                self._body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                answers += self._answer(self._request)
                self._connection.start_next_cycle()
            else:
                return answers

    def _answer(self, request: h11.Request) -> bytes:
        self.methods.append(request.method)
        own = [(name.decode(), value.decode()) for name, value in request.headers if name.startswith(b"x-own")]
        seen = [request.method.decode(), request.target.decode(), own, self._body.hex()]
        content = json.dumps(seen).encode()
        framing = ("transfer-encoding", "chunked") if len(content) % 2 else ("content-length", str(len(content)))
        body = [] if request.method == b"HEAD" else [h11.Data(data=content)]
        parts = [h11.Response(status_code=200, headers=[framing]), *body, h11.EndOfMessage()]
        return b"".join(self._connection.send(part) or b"" for part in parts)


class Wire:
    """A transport that gathers what is written."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written += data

    def taken(self) -> bytes:
        data, self.written = self.written, b""
        return data

    def close(self) -> None:
        self.closed = True

    abort = close

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading

    def get_extra_info(self, name: str) -> None:
        return None


class OneReplica:
    """A gate with one replica behind it, whose connections it keeps."""

    domains: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.kept: list[Upstream] = []
        self.wires: list[tuple[Upstream, Wire, Echo]] = []

    def admit(self, exchange) -> None:
        if not self.kept:
            upstream, wire = Upstream(self, Endpoint("r", "r-1", 1)), Wire()
            upstream.connection_made(wire)
            self.kept.append(upstream)
            self.wires.append((upstream, wire, Echo()))
        exchange.send(self.kept.pop())

    def release(self, exchange, upstream) -> None:
        if upstream is not None:
            self.kept.append(upstream)

    def came(self, downstream) -> None:
        pass

    left = lost = came


def cut(data: bytes, sizes: list[int]):
    position = turn = 0
    while position < len(data):
        size = sizes[turn % len(sizes)]
        yield data[position : position + size]
        position, turn = position + size, turn + 1


def read_answers(methods: list[bytes], data: bytes) -> list[tuple[int, bytes]]:
    """Read the answers to requests of these methods; all of the bytes must be theirs."""
    answers = []
    for method in methods:
        client = h11.Connection(h11.CLIENT)
        client.send(h11.Request(method=method, target="/", headers=[("host", "a")]))
        client.send(h11.EndOfMessage())
        client.receive_data(data)
        status, body = 0, b""
        while not isinstance(event := client.next_event(), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                status = event.status_code
            else:
                body += bytes(event.data)
        data = client.trailing_data[0]
        answers.append((status, body))
    assert data == b""
    return answers


@given(st.lists(requests(), min_size=1, max_size=5), CUTS, CUTS)
def test_pipelined_requests_cut_anywhere_are_answered_as_by_the_replica_itself(asked, sent_in, answered_in):
    direct = Echo()
    expected = direct.take(b"".join(asked))
    gate, wire = OneReplica(), Wire()
    client = Downstream(gate, secure=False)
    client.connection_made(wire)
    for piece in cut(b"".join(asked), sent_in):
        client.data_received(piece)
        for upstream, towards, replica in gate.wires:
            while passed := towards.taken():
                for part in cut(replica.take(passed), answered_in):
                    upstream.data_received(part)
    assert not wire.closed
    assert read_answers(direct.methods, wire.written) == read_answers(direct.methods, expected)
    assert len(gate.wires) == 1
    assert gate.wires[0][2].methods == direct.methods

"""One request and its response on their way through the proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from aca_notebook.emulator.ingress import heads

if TYPE_CHECKING:
    import asyncio

    from aca_notebook.emulator.ingress.proxy import Downstream
    from aca_notebook.emulator.ingress.routing import Endpoint
    from aca_notebook.emulator.ingress.upstream import Upstream

#: A held request's body is read no further than this before a replica takes it.
HELD_BYTES = 256 * 1024
_REPLAYABLE = frozenset({b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"})


class Gate(Protocol):
    """What the proxy asks of the ingress."""

    @property
    def domains(self) -> frozenset[str]:
        """Host names, in lower case, that are asked for besides this machine's."""
        ...

    def admit(self, exchange: Exchange) -> None:
        """See to it that `exchange.send` or `exchange.refuse` is called, now or later."""
        ...

    def release(self, exchange: Exchange, upstream: Upstream | None) -> None:
        """Take the end of an exchange down; `upstream` is its connection if another request may use it."""
        ...

    def lost(self, upstream: Upstream) -> None:
        """Forget a connection to a replica."""
        ...

    def came(self, downstream: Downstream) -> None:
        """Know of a client's connection, until it has `left`."""
        ...

    def left(self, downstream: Downstream) -> None:
        """Forget a connection of a client."""
        ...


class Exchange:
    """One request and its response."""

    __slots__ = (
        "affinity", "answered", "bodiless", "call_id", "chunked", "complete", "cut", "downstream", "endpoint", "extra",
        "fault", "finished", "headed", "headers", "held", "held_bytes", "host", "keep_alive", "method", "old", "out",
        "passed", "received", "revision", "sent", "started", "status", "target", "task", "upgrade", "upstream",
    )  # fmt: skip

    def __init__(self, downstream: Downstream) -> None:  # noqa: PLR0915  # a line a slot
        self.downstream = downstream
        self.method = b""
        self.target = b""
        self.host = ""
        self.headers: list[tuple[bytes, bytes]] = []
        self.affinity = ""
        self.extra: heads.Headers = ()  #: go onto the answer, over the replica's own of that name
        self.upgrade = b""
        self.chunked = False
        self.keep_alive = True
        self.bodiless = False
        self.old = False  #: HTTP/1.0, which knows no chunks
        self.headed = False  #: the head has come; headers from here on are trailers
        self.complete = False  #: the whole request has come
        self.fault: heads.Fault | None = None  #: why no replica gets to see it
        self.answered = False  #: some of the response has gone to the client
        self.cut = False  #: the answer is not to reach the client
        self.finished = False
        self.held: list[bytes] = []
        self.held_bytes = 0
        self.out: list[bytes] = []
        self.call_id = b""
        self.revision = ""
        self.endpoint: Endpoint | None = None
        self.upstream: Upstream | None = None
        self.task: asyncio.Task[None] | None = None
        self.started = 0.0
        self.status = 0
        self.received = 0
        self.sent = 0
        self.passed = (0, 0.0)  #: how much had gone either way when it was last more than before, and when that was

    def body(self, data: bytes) -> None:
        """Take a piece of the request's body."""
        self.received += len(data)
        if self.finished:
            return
        piece = b"%x\r\n%s\r\n" % (len(data), data) if self.chunked else data
        if self.upstream is not None:
            self.out.append(piece)
            return
        self.held.append(piece)
        self.held_bytes += len(piece)
        if self.held_bytes > HELD_BYTES:
            self.downstream.pause()

    def end_of_body(self) -> None:
        """The whole request has come."""
        if self.chunked and not self.finished:
            (self.out if self.upstream is not None else self.held).append(b"0\r\n\r\n")
        self.complete = True

    def flush(self) -> None:
        """Send what has gathered to the replica, in one piece."""
        if self.out and self.upstream is not None:
            self.upstream.write(b"".join(self.out))
            self.out.clear()

    def send(self, upstream: Upstream) -> None:
        """Put the request on a connection; it goes out with the next `flush`."""
        self.upstream = upstream
        upstream.begin(self)
        self.out.append(
            heads.request_head(
                self.method, self.target, self.headers, host=self.host.encode(), client=self.downstream.client,
                secure=self.downstream.secure, call_id=self.call_id, upgrade=self.upgrade, chunked=self.chunked,
            )
        )  # fmt: skip
        self.out += self.held
        self.held.clear()
        self.downstream.resume()

    @property
    def replayable(self) -> bool:
        """Whether the request may be sent again when a kept connection turns out to be dead."""
        return self.method in _REPLAYABLE and not self.received and not self.chunked and not self.upgrade

    def refuse(self, status: int, text: str, headers: heads.Headers = ()) -> None:
        """Answer in the replica's stead."""
        if self.answered:
            self.abort()
            return
        self.status = status
        close = not self.keep_alive or not self.complete
        answer = heads.refusal(status, text, call_id=self.call_id, close=close, bodiless=self.bodiless, headers=headers)
        self.keep_alive = not close
        self.answer(answer)
        self.finish(reusable=False)

    def silent_for(self, now: float) -> float:
        """Return for how many seconds, as far as this was asked, no byte has passed either way; `now` is monotonic."""
        passed = self.received + self.sent
        if passed != self.passed[0]:
            self.passed = (passed, now)
        return now - max(self.started, self.passed[1])

    def answer(self, data: bytes) -> None:
        """Send bytes to the client."""
        if self.cut:
            self.abort()
            return
        self.answered = True
        self.sent += len(data)
        self.downstream.write(data)

    def finish(self, *, reusable: bool) -> None:
        """The response is out, or never will be."""
        if self.finished:
            return
        self.finished = True
        upstream, self.upstream = self.upstream, None
        if upstream is not None and not upstream.end(reusable=reusable and self.complete):
            upstream = None
        self.downstream.gate.release(self, upstream)
        self.downstream.finished(self)

    def abort(self) -> None:
        """Cut both connections: the client learns that the response is not whole."""
        self.keep_alive = False
        self.downstream.transport.abort()
        self.finish(reusable=False)

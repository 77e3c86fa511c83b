"""A recording as the server: it answers HTTPS requests as Azure did, for clients that nobody recorded.

A client asks neither as often as the recorded one nor in its order, so the recording is taken as a course of events:
each recorded write (PUT, PATCH, POST, DELETE) begins a stretch of time, and what was read in that stretch is what a
read is answered until the next write comes. Operations go on to their end one answer at a time, and until then the
thing they work on reads as their write was answered.

Three kinds of answers are not in the recording and follow from it; each is listed in `derived`:
- a resource that a later PUT makes is not there yet (Resource Manager's 404, facts §0.6),
- a list holds the resources that writes have made by then,
- what a test tells by `documented`, for reads that Azure's own CLI never does.

Everything else is unknown: answered 404, and kept in `unknown` for the test to fail on.
"""

from __future__ import annotations

import json
import re
import ssl
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.contract.recorded import APP_HOSTS, ARM, BLOB_HOSTS, DATA_PLANE, Answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.contract.recorded import Interaction, Recording

_WRITES = {"PUT", "PATCH", "POST", "DELETE"}
#: POSTs that only read.
_READING = re.compile(r"/(listsecrets|listcredentials|sharedkeys|getauthtoken|listlogsasurl|listdetails)$")
_OPERATION = re.compile(r"operation(statuses|results)/")
_RESOURCE = re.compile(r"/providers/[^/]+/[^/]+/[^/]+$")


@dataclass
class Course:
    """One recording on its way from its first event to its last."""

    interactions: tuple[Interaction, ...]
    at: int = 0  #: the first interaction that is still to come
    wrote: bool = False  #: whether the one before it was put to us
    read: Counter[tuple[int, str]] = field(default_factory=Counter)  # (stretch, key) → answers given

    def write(self, key: str) -> Answer | None:
        """The answer to the next such write; the last one's when it comes more often than it was recorded."""
        mine = [number for number, each in enumerate(self.interactions) if key_of(each) == key]
        ahead = [number for number in mine if number >= self.at]
        if ahead:
            self.at, self.wrote = ahead[0] + 1, True
        return self.interactions[(ahead or mine)[0 if ahead else -1]].answer if mine else None

    def look(self, key: str) -> Answer | None:
        """The answer to a read now, None where the recording says nothing."""
        end = self._next_write()
        mine = [number for number, each in enumerate(self.interactions[:end]) if key_of(each) == key]
        here = [number for number in mine if number >= self.at]
        if _OPERATION.search(key):
            return self._in_turn(key, here or mine)
        under_way = self._under_way(key, end)
        if under_way is not None:
            return under_way
        if here:
            return self._in_turn(key, here)
        written = [
            number for number, each in enumerate(self.interactions[: self.at])
            if path_of(each) == path_part(key) and isinstance(each.answer.body, dict) and each.answer.status < 400
        ]  # fmt: skip
        return self.interactions[written[-1]].answer if written else None

    def makes(self, path: str) -> bool:
        """Whether a write that is still to come makes this resource."""
        return any(each.method == "PUT" and path_of(each) == path for each in self.interactions[self.at :])

    def made(self, collection: str) -> list[str]:
        """The resources of a collection that writes have made by now."""
        found = [path_of(each) for each in self.interactions[: self.at] if each.method == "PUT"]
        return sorted({path for path in found if path.rpartition("/")[0] == collection})

    def fills(self, collection: str) -> bool:
        """Whether a write makes something in a collection, sooner or later."""
        return any(
            each.method == "PUT" and path_of(each).rpartition("/")[0] == collection for each in self.interactions
        )

    def reads(self, key: str) -> bool:
        """Whether such a read was recorded after the last write and before the next."""
        return any(key_of(each) == key for each in self.interactions[self.at : self._next_write()])

    def presupposes(self, key: str) -> Answer | None:
        """What is first read of something that was there before the recording began."""
        first = next((each for each in self.interactions if path_of(each) == path_part(key)), None)
        return first.answer if first is not None and key_of(first) == key and first.answer.status == 200 else None

    def _next_write(self) -> int:
        later = (number for number, each in enumerate(self.interactions) if number >= self.at and _writes(each))
        return next(later, len(self.interactions))

    def _in_turn(self, key: str, numbers: list[int]) -> Answer | None:
        if not numbers:
            return None
        turn = self.read[self.at, key]
        self.read[self.at, key] += 1
        return self.interactions[numbers[min(turn, len(numbers) - 1)]].answer

    def _under_way(self, key: str, end: int) -> Answer | None:
        """What a write was answered, for reads of what it wrote until somebody has seen its operation end."""
        if not self.wrote:
            return None
        wrote = self.interactions[self.at - 1]
        if path_of(wrote) != path_part(key) or not isinstance(wrote.answer.body, dict):
            return None
        polls = [number for number in range(self.at, end) if _OPERATION.search(path_of(self.interactions[number]))]
        if not polls or self.read[self.at, key_of(self.interactions[polls[0]])] >= len(polls):
            return None
        return wrote.answer


class Replay:
    """Recordings behind one address, each from an ordinal on: what went before has happened.

    `documented` are answers that no recording holds, by `METHOD /path`: bodies, or functions of this that make them. An
    operation that nobody saw end takes its end from there, too.
    """

    def __init__(self, *recordings: tuple[Recording, int], documented: Mapping[str, Any] | None = None) -> None:
        self._courses = [Course(recording.interactions, at) for recording, at in recordings]
        self._documented = {_lowered(written): body for written, body in (documented or {}).items()}
        self._lock = threading.Lock()
        self.url = ""
        self.asked: list[str] = []
        self.derived: set[str] = set()
        self.unknown: list[str] = []
        self._bodies: dict[str, Any] = {}

    def present(self, path: str) -> Any:
        """The body that a resource reads as now, with our address in its links; None when it is not there."""
        with self._lock:
            found = self._recorded(f"GET {path.lower()}")
        return None if found is None or found.status >= 400 else self._ours(found.body)

    def sent(self, method: str, path: str) -> Any:
        """The body that was written there last; None when nothing was."""
        return self._bodies.get(_lowered(f"{method} {path}"))

    @property
    def written(self) -> list[str]:
        """Every write of the Resource Manager's, in order; POSTs that only read left out."""
        return [each for each in self.asked if each.partition(" ")[0] in _WRITES and not _READING.search(each)]

    def answer(self, method: str, path: str, body: Any) -> Answer:
        """Answer one request, and remember it."""
        key = f"{method} {path.lower().rstrip('/')}"
        with self._lock:
            self.asked.append(key)
            if method in _WRITES:
                self._bodies[key] = body
            found = self._listed(key) or self._recorded(key) or self._not_yet(key)
        unended = found is not None and _OPERATION.search(key) and self._waits(key, found)
        if (found is None or unended) and key in self._documented:
            self.derived.add(key)
            told = self._documented[key]
            found = Answer(200, {}, told(self) if callable(told) else told)
        if found is None:
            self.unknown.append(key)
            found = Answer(404, {}, {"error": {"code": "NotRecorded", "message": f"no recording holds {key}"}})
        return Answer(
            found.status,
            {name: self._ours(found.headers[name]) for name in _TOLD & found.headers.keys()},
            self._ours(found.body),
        )

    def _waits(self, key: str, found: Answer) -> bool:
        """Whether an operation was asked about more often than it was recorded, and goes on."""
        return isinstance(found.body, dict) and found.body.get("status") == "InProgress" and self.asked.count(key) > 1

    def _recorded(self, key: str) -> Answer | None:
        method = key.partition(" ")[0]
        for course in self._courses:
            if method in _WRITES and not _READING.search(key):
                found = course.write(key)
            else:
                found = course.look(key) or course.presupposes(key)
            if found is not None:
                return found
        return None

    def _listed(self, key: str) -> Answer | None:
        method, path = key.split(" ", 1)
        if method != "GET" or not any(course.fills(path) for course in self._courses):
            return None
        if any(course.reads(key) for course in self._courses):
            return None
        made = [each for course in self._courses for each in course.made(path)]
        self.derived.add(key)
        found = [self._recorded(f"GET {each}") for each in made]
        return Answer(200, {}, {"value": [each.body for each in found if each is not None and each.status == 200]})

    def _not_yet(self, key: str) -> Answer | None:
        method, path = key.split(" ", 1)
        if method not in {"GET", "HEAD"} or not any(course.makes(path) for course in self._courses):
            return None
        self.derived.add(key)
        return Answer(
            404, {}, {"error": {"code": "ResourceNotFound", "message": f"The Resource {path!r} was not found."}}
        )

    def _ours(self, value: Any) -> Any:
        """The value with this server's address for Azure's, an app's own left out: those nobody answers for."""
        text = json.dumps(value)
        hosts = rf"https://(?:{re.escape(ARM)}|[a-z0-9]+(?:{re.escape(DATA_PLANE)}|{re.escape(BLOB_HOSTS)}))"
        return json.loads(re.sub(hosts, self.url, text))


_TOLD = {"azure-asyncoperation", "location", "retry-after", "content-type", "x-ms-request-id"}


def key_of(each: Interaction) -> str:
    """What a request is known by: method and path, whatever its query, its letters' case and its host."""
    return f"{each.method} {path_of(each)}"


def path_of(each: Interaction) -> str:
    """The path in lower case; that of an app's own address says so."""
    return ("app:" if each.host.endswith(APP_HOSTS) else "") + each.path.lower().rstrip("/")


def path_part(key: str) -> str:
    """The path of a key."""
    return key.partition(" ")[2]


def _lowered(written: str) -> str:
    """A key of a method and a path in any letters."""
    method, path = written.split(" ", 1)
    return f"{method} {path.lower()}"


def _writes(each: Interaction) -> bool:
    return each.method in _WRITES and not _READING.search(path_of(each)) and each.host == ARM


@contextmanager
def replayed(replay: Replay, certificate: Path) -> Iterator[None]:
    """Serve it on a free port of this machine; `certificate` is a PEM file of a chain and its key."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(replay))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.daemon_threads = True
    server.block_on_close = False
    replay.url = f"https://127.0.0.1:{server.server_port}"
    serving = threading.Thread(target=server.serve_forever, args=(0.02,))
    serving.start()
    try:
        yield
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def _handler(replay: Replay) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def answer(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                body = json.loads(sent) if sent else None
            except ValueError:
                body = f"{len(sent)} bytes"
            told = replay.answer(self.command, urlsplit(self.path).path, body)
            content = (
                b""
                if told.body is None
                else (told.body.encode() if isinstance(told.body, str) else json.dumps(told.body).encode())
            )
            self.send_response(told.status)
            for name, value in ({"content-type": "application/json"} | dict(told.headers)).items():
                self.send_header(name, value)
            if "azure-asyncoperation" in told.headers or "location" in told.headers:
                self.send_header("Retry-After", "0")  # the recording's own pace is not kept
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = do_HEAD = answer  # noqa: N815  # the base class's names

        def log_message(self, *_: object) -> None:
            pass

    return Handler

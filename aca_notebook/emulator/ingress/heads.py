"""Heads of requests and responses as they leave the proxy: bytes in, bytes out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

Headers = Sequence[tuple[bytes, bytes]]

#: A request's head may be this long and have this many headers.
HEAD_BYTES = 64 * 1024
HEADERS = 100  # Envoy's default, too

_HOP_BY_HOP = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"te", b"upgrade", b"transfer-encoding"})
_OURS = _HOP_BY_HOP | {b"host", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-call-id"}
_OURS_IN_ANSWERS = _HOP_BY_HOP | {b"x-call-id"}
_VERSIONS = frozenset({"1.0", "1.1"})
_HOST = re.compile(rb"(?:[\w.~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::\d*)?")  # RFC 3986 §3.2.2, without user
#: Names of this machine and of apps in their environment: no name that somebody else could own.
_NEAR = re.compile(rb"(?:[^.:\[\]]*|127(?:\.\d{1,3}){3}|\[::1\]|(?:[^.:]+\.)+localhost\.?)(?::\d*)?", re.IGNORECASE)
_ABSOLUTE = re.compile(rb"https?://([^/?]*)(.*)", re.IGNORECASE | re.DOTALL)
_STATUS_WORDS = {
    200: "OK", 301: "Moved Permanently", 302: "Found", 401: "Unauthorized", 403: "Forbidden", 501: "Not Implemented",
    400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 431: "Request Header Fields Too Large",
    502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
}  # fmt: skip
AFFINITY_COOKIE = b"acaAffinity"

_UNAVAILABLE = """<!DOCTYPE html>
<html><head><title>Azure Container App - Unavailable</title></head>
<body><h1>Error 404 - This Container App is stopped or does not exist.</h1>
<p>The Container App you have attempted to reach is currently stopped or does not exist.</p></body></html>
"""


class Fault(NamedTuple):
    """Why the ingress turns a request away itself."""

    status: int
    text: str


class Asked(NamedTuple):
    """What a request's head says that the proxy acts on; `target` is without scheme and host."""

    target: bytes
    host: bytes
    upgrade: bytes
    chunked: bool


#: A page that rebinds its own name to this machine gets no further; Azure answers so to names that no app has.
FOREIGN = Fault(404, "No app has this host name.")
TOO_LARGE = Fault(431, f"A request has at most {HEADERS} headers, and its head at most {HEAD_BYTES // 1024} KiB.")
_NO_PATH = Fault(400, "The request's target is not a path.")
NOT_HTTP = Fault(400, "This is not HTTP/1.1.")


def is_foreign(host: bytes, domains: frozenset[str]) -> bool:
    """Tell whether a host name is neither this machine's nor one of an app's `domains`."""
    return _NEAR.fullmatch(host) is None and host.partition(b":")[0].decode().lower() not in domains


def read_request(method: bytes, target: bytes, version: str, headers: Headers) -> Asked | Fault:
    """Return what a whole head asks for, or what is wrong with it: where two readers could differ, it does not pass.

    The rules are RFC 9112's (§3.2 the target and Host, §6.1 the codings); Envoy refuses the same.
    """
    length, hosts, upgrade, codings = _noted(headers)
    if length + len(target) > HEAD_BYTES or len(headers) > HEADERS:
        return TOO_LARGE
    if version not in _VERSIONS:
        return Fault(400, f"HTTP/{version} is not spoken here, HTTP/1.1 is.")
    if len(hosts) != 1 and (hosts or version == "1.1"):
        return Fault(400, "A request has exactly one Host header.")
    if codings and (codings != [b"chunked"] or version == "1.0"):
        return Fault(400, "Transfer-Encoding may be `chunked`, in HTTP/1.1, and nothing else.")
    return _directed(method, target, hosts, upgrade, chunked=bool(codings))


def _noted(headers: Headers) -> tuple[int, list[bytes], bytes, list[bytes]]:
    length, upgrade = 4 * len(headers), b""
    hosts, codings = [], []
    for name, value in headers:
        size = len(name)
        length += size + len(value)
        if size == 4 and name.lower() == b"host":
            hosts.append(value.strip())
        elif size == 7 and name.lower() == b"upgrade":
            upgrade = value
        elif size == 17 and name.lower() == b"transfer-encoding":
            codings.append(value.lower())
    return length, hosts, upgrade, codings


def _directed(method: bytes, target: bytes, hosts: list[bytes], upgrade: bytes, *, chunked: bool) -> Asked | Fault:
    if method == b"CONNECT" or b"#" in target:
        return _NO_PATH
    host = hosts[0] if hosts else b""
    if not target.startswith(b"/") and (target != b"*" or method != b"OPTIONS"):
        absolute = _ABSOLUTE.fullmatch(target)
        if not absolute:
            return _NO_PATH
        authority, path = absolute.groups()
        if hosts and authority.lower() != host.lower():
            return Fault(400, "The request's target and its Host header name different hosts.")
        host, target = authority, path if path.startswith(b"/") else b"/" + path
    if not _HOST.fullmatch(host):
        return Fault(400, "The Host header is not a host name with or without a port.")
    return Asked(target, host, upgrade, chunked)


def request_head(  # noqa: PLR0913  # a head has that many parts
    method: bytes, target: bytes, headers: Headers, *, host: bytes, client: bytes, secure: bool, call_id: bytes,
    upgrade: bytes, chunked: bool,
) -> bytes:  # fmt: skip
    """Return a request's head for the replica; `upgrade` is the protocol asked for, if it is one that passes."""
    lines = [b"%s %s HTTP/1.1\r\nHost: %s" % (method, target, host)]
    forwarded = b""
    for name, value in headers:
        lowered = name.lower()
        if lowered not in _OURS:
            lines.append(b"%s: %s" % (name, value))
        elif lowered == b"x-forwarded-for":
            forwarded += value + b", "
    if upgrade:
        lines.append(b"Connection: Upgrade\r\nUpgrade: " + upgrade)
    if chunked:
        lines.append(b"Transfer-Encoding: chunked")
    lines.append(
        b"X-Forwarded-For: %s%s\r\nX-Forwarded-Proto: %s\r\nX-Forwarded-Host: %s\r\nX-Call-Id: %s\r\n\r\n"
        % (forwarded, client, b"https" if secure else b"http", host, call_id)
    )
    return b"\r\n".join(lines)


def response_head(status: int, reason: bytes, headers: Headers, extra: Headers, *, chunked: bool, close: bool) -> bytes:
    """Return a response's head for the client."""
    lines = [b"HTTP/1.1 %d %s" % (status, reason)]
    lines += [b"%s: %s" % (name, value) for name, value in headers if name.lower() not in _OURS_IN_ANSWERS]
    lines += [b"%s: %s" % (name, value) for name, value in extra]
    if chunked:
        lines.append(b"transfer-encoding: chunked")
    if close:
        lines.append(b"connection: close")
    lines.append(b"\r\n")
    return b"\r\n".join(lines)


def upgrade_head(status: int, reason: bytes, headers: Headers) -> bytes:
    """Return the head of a 1xx response, all headers kept."""
    lines = [b"HTTP/1.1 %d %s" % (status, reason), *(b"%s: %s" % (name, value) for name, value in headers)]
    return b"\r\n".join([*lines, b"\r\n"])


def refusal(
    status: int, text: str, *, call_id: bytes, close: bool, bodiless: bool, headers: Headers = ()
) -> bytes:  # fmt: skip
    """Return a whole response of the ingress's own: Azure's page for 404, otherwise one line of text, or nothing.

    `call_id` is empty for what never became a call.
    """
    kind, body = (b"text/html; charset=utf-8", _UNAVAILABLE) if status == 404 else (b"text/plain", text)
    content = body.encode()
    lines = [b"HTTP/1.1 %d %s" % (status, _STATUS_WORDS[status].encode())]
    lines += [b"%s: %s" % each for each in headers]
    if content:
        lines.append(b"content-type: " + kind)
    lines.append(b"content-length: %d" % len(content))
    if call_id:
        lines.append(b"x-call-id: " + call_id)
    if close:
        lines.append(b"connection: close")
    head = b"\r\n".join([*lines, b"\r\n"])
    return head if bodiless else head + content


def cookie(headers: Headers, wanted: bytes) -> str:
    """Return a cookie's value, or an empty text."""
    for name, value in headers:
        if name.lower() == b"cookie":
            for pair in value.split(b";"):
                key, _, text = pair.strip().partition(b"=")
                if key == wanted:
                    return text.decode("ascii", "replace")
    return ""

"""Heads of requests and responses as they leave the proxy: bytes in, bytes out."""

from __future__ import annotations

from collections.abc import Sequence

Headers = Sequence[tuple[bytes, bytes]]

_HOP_BY_HOP = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"te", b"upgrade", b"transfer-encoding"})
_OURS = _HOP_BY_HOP | {b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-call-id"}
_STATUS_WORDS = {
    400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 502: "Bad Gateway", 503: "Service Unavailable",
    504: "Gateway Timeout",
}  # fmt: skip
AFFINITY_COOKIE = b"acaAffinity"

_UNAVAILABLE = """<!DOCTYPE html>
<html><head><title>Azure Container App - Unavailable</title></head>
<body><h1>Error 404 - This Container App is stopped or does not exist.</h1>
<p>The Container App you have attempted to reach is currently stopped or does not exist.</p></body></html>
"""


def request_head(  # noqa: PLR0913  # a head has that many parts
    method: bytes, target: bytes, headers: Headers, *, client: bytes, secure: bool, call_id: bytes, upgrade: bytes,
    chunked: bool,
) -> bytes:  # fmt: skip
    """Return a request's head for the replica; `upgrade` is the protocol asked for, if it is one that passes."""
    lines = [b"%s %s HTTP/1.1" % (method, target)]
    host, forwarded = b"", b""
    for name, value in headers:
        lowered = name.lower()
        if lowered not in _OURS:
            lines.append(b"%s: %s" % (name, value))
            if lowered == b"host":
                host = value
        elif lowered == b"x-forwarded-for":
            forwarded = value + b", "
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
    lines += [b"%s: %s" % (name, value) for name, value in headers if name.lower() not in _HOP_BY_HOP]
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


def refusal(status: int, text: str, *, call_id: bytes, close: bool, bodiless: bool) -> bytes:
    """Return a whole response of the ingress's own: Azure's page for 404, one line of text otherwise."""
    kind, body = ("text/html", _UNAVAILABLE) if status == 404 else ("text/plain", text + "\n")
    content = body.encode()
    head = (
        f"HTTP/1.1 {status} {_STATUS_WORDS[status]}\r\ncontent-type: {kind}; charset=utf-8\r\n"
        f"content-length: {len(content)}\r\nx-call-id: {call_id.decode()}\r\n"
        f"{'connection: close' + chr(13) + chr(10) if close else ''}\r\n"
    )
    return head.encode() if bodiless else head.encode() + content


def cookie(headers: Headers, wanted: bytes) -> str:
    """Return a cookie's value, or an empty text."""
    for name, value in headers:
        if name.lower() == b"cookie":
            for pair in value.split(b";"):
                key, _, text = pair.strip().partition(b"=")
                if key == wanted:
                    return text.decode("ascii", "replace")
    return ""

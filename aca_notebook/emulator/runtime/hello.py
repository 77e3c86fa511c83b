"""A web server of the standard library alone: what Azure's quickstart images run as, on this machine.

Started as a program (`python -I -S hello.py`). It listens on CONTAINER_APP_PORT and says hello to every path, as
`k8se/quickstart` and `azuredocs/containerapps-helloworld` do.
"""

from __future__ import annotations

import html
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{app}</title>
<style>body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 4rem auto; max-width: 40rem; padding: 0 1rem }}</style>
<h1>Your app {app} is running</h1>
<p>Revision {revision}, replica {replica}.</p>
<p>This is the stand-in for a quickstart image on this machine. Deploy your own function to replace it.</p>
</html>
"""


class Hello(BaseHTTPRequestHandler):
    """Answers every GET and HEAD with the page, anything else with 405."""

    protocol_version = "HTTP/1.1"
    server_version = "hello"
    wbufsize = -1  # head and body in one packet: as two, Nagle's algorithm keeps the second back for 40 ms

    def do_GET(self) -> None:
        """Send the page."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Send the page's headers."""
        self._answer(with_body=False)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
        """Write one line a request on stdout."""
        sys.stdout.write(f"{self.address_string()} {format % args}\n")
        sys.stdout.flush()

    def _answer(self, *, with_body: bool) -> None:
        body = page(os.environ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)


def page(environment: Any) -> str:
    """Return the page for the names in a replica's environment."""
    names = {
        "app": environment.get("CONTAINER_APP_NAME", "hello"),
        "revision": environment.get("CONTAINER_APP_REVISION", "none"),
        "replica": environment.get("CONTAINER_APP_REPLICA_NAME", "none"),
    }
    return _PAGE.format(**{key: html.escape(value) for key, value in names.items()})


def serve() -> None:
    """Serve until TERM."""
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("CONTAINER_APP_PORT", "80"))), Hello)
    server.daemon_threads = True
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    sys.stdout.write(f"Listening on :{server.server_port}...\n")
    sys.stdout.flush()
    with server:
        server.serve_forever(poll_interval=0.05)


if __name__ == "__main__":
    serve()

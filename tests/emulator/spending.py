"""What tests of cost, budgets and alerts have in common: usage as the journal has it, and somebody who is told."""

from __future__ import annotations

import contextlib
import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.journal import events
from aca_notebook.emulator.journal.database import append_event
from aca_notebook.model.quantities import GIB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.emulator.running import Running

#: One replica-hour in East US by facts §10.4, reckoned by hand: 24 · 0.0864 + 220 · 0.0108 + 1.9044.
A100_HOUR_USD = 6.354
A100 = {"cpu_cores": 24.0, "memory_bytes": 220 * GIB, "gpu_model": "A100", "gpu_count": 1}


def ran(
    emulator: Running, hours: float, app: str = "scorer", *, began_hours_ago: float | None = None, **size: Any
) -> None:  # fmt: skip
    """Write down that a replica ran for so long, until now unless it began earlier."""
    key = emulator.app_path(app).lower()
    now = emulator.clock.now()
    began = now - timedelta(hours=hours if began_hours_ago is None else began_hours_ago)
    where = {"app": key, "revision": f"{app}--1", "replica": f"{app}--1-{began:%d%H%M%S}"}
    size = {"cpu_cores": 0.5, "memory_bytes": GIB} | size
    write = emulator.emulator._database.write_blocking
    write(
        append_event(events.ReplicaAssigned(at=began, **where, **size)),
        append_event(events.ReplicaStopped(at=began + timedelta(hours=hours), **where, reason="ScaledIn")),
    )


def starts(emulator: Running, dollars_a_minute: float, app: str = "scorer") -> None:
    """Write down that a replica starts now, of a size that costs so much; it has no memory to speak of."""
    key, now = emulator.app_path(app).lower(), emulator.clock.now()
    where = {"app": key, "revision": f"{app}--1", "replica": f"{app}--1-{now:%d%H%M%S}"}
    began = events.ReplicaAssigned(at=now, **where, cpu_cores=dollars_a_minute / 60 / 0.000024, memory_bytes=1)
    emulator.emulator._database.write_blocking(append_event(began))


def answered(emulator: Running, requests: int, app: str = "scorer", *, status: int = 200) -> None:
    """Count requests that the app has answered just now."""
    key = emulator.app_path(app).lower()

    def count() -> None:
        for _ in range(requests):
            emulator.emulator._telemetry.request_finished(key, f"{app}--1", f"{app}--1-x", status, 0.1, 10, 10)

    emulator.on_loop(count)


class Told:
    """What a webhook received; `answers` are the statuses it gives, the last one again and again."""

    def __init__(self, url: str, answers: list[int]) -> None:
        self.url = url
        self.answers = answers
        self.bodies: list[dict[str, Any]] = []
        self._heard = threading.Condition()

    def hear(self, body: dict[str, Any]) -> int:
        """Take one in; returns the status to answer with."""
        with self._heard:
            self.bodies.append(body)
            self._heard.notify_all()
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def wait(self, count: int) -> list[dict[str, Any]]:
        """Return what came once that is so much."""
        with self._heard:
            assert self._heard.wait_for(lambda: len(self.bodies) >= count, 25), f"only {len(self.bodies)} came"
            return list(self.bodies)


@contextlib.contextmanager
def webhook(*answers: int) -> Iterator[Told]:
    """Listen on loopback, over real HTTP."""
    told: Told

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(told.hear(json.loads(self.rfile.read(int(self.headers["content-length"])))))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002  # the name is the base class's
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told = Told(f"http://127.0.0.1:{server.server_address[1]}/told", list(answers or (200,)))
    thread = threading.Thread(target=server.serve_forever, name="webhook")
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        thread.join(20)
        server.server_close()


def action_group(emulator: Running, url: str, name: str = "people", *, common: bool = True) -> str:
    """Make an action group with one webhook, and return its id."""
    receiver = {"name": "hook", "serviceUri": url, "useCommonAlertSchema": common}
    path = f"{emulator.group}/providers/Microsoft.Insights/actionGroups/{name}"
    body = {"location": "global", "properties": {"groupShortName": name[:12], "webhookReceivers": [receiver]}}
    answer = emulator.ask("PUT", path, body, params={"api-version": "2023-01-01"})
    assert answer.status_code in {200, 201}, answer.text
    return path

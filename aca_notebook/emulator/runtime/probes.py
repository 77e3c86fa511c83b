"""Health checks of containers: how to look, when, and what follows."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aca_notebook.clock import Clock
    from aca_notebook.emulator.runtime.desired import Probe

#: Looks once; returns why it failed, or an empty text.
Check = Callable[["Probe", int], Awaitable[str]]

_FIRST_GLANCE_SECONDS = 0.02
_GLANCE_GROWTH = 1.25


@dataclass(frozen=True, slots=True)
class Passed:
    """Startup and readiness pass: traffic may come."""


@dataclass(frozen=True, slots=True)
class Faded:
    """Readiness had passed and has failed its threshold."""

    message: str


@dataclass(frozen=True, slots=True)
class GaveUp:
    """Startup or liveness has failed its threshold: the container is to be ended."""

    kind: str
    message: str


Finding = Passed | Faded | GaveUp


class Watch:
    """Probes one running container and tells what it finds.

    With `eager`, it glances far more often than the probe's period until the first success, so that a container is
    ready when it is and not seconds later; glances between the declared looks never count as failures.
    """

    def __init__(
        self, probes: tuple[Probe, ...], port: int, clock: Clock, check: Check, tell: Callable[[Finding], None],
        *, eager: bool,
    ) -> None:  # fmt: skip
        self._by_kind = {probe.kind: probe for probe in probes}
        self._port = port
        self._clock = clock
        self._check = check
        self._tell = tell
        self._eager = eager

    async def run(self) -> None:
        """Probe until a probe gives up, or for ever; cancel it when the container ends."""
        startup = self._by_kind.get("Startup")
        if startup is not None and not await self._started(startup):
            return
        readiness, liveness = self._by_kind.get("Readiness"), self._by_kind.get("Liveness")
        if readiness is None:
            self._tell(Passed())
        async with asyncio.TaskGroup() as group:
            if readiness is not None:
                group.create_task(self._keep_ready(readiness))
            if liveness is not None:
                group.create_task(self._keep_alive(liveness))

    async def _started(self, probe: Probe) -> bool:
        trouble = await self._first_success(probe, probe.failure_threshold)
        if trouble:
            self._tell(GaveUp("Startup", trouble))
        return not trouble

    async def _keep_ready(self, probe: Probe) -> None:
        await self._first_success(probe, None)
        while True:
            self._tell(Passed())
            self._tell(Faded(await self._failure(probe)))
            await self._successes(probe)

    async def _keep_alive(self, probe: Probe) -> None:
        await self._clock.sleep(probe.initial_delay_seconds)
        self._tell(GaveUp("Liveness", await self._failure(probe)))

    async def _first_success(self, probe: Probe, give_up_after: int | None) -> str:
        """Look until it succeeds; return why not if it failed `give_up_after` declared looks."""
        failures, glance = 0, _FIRST_GLANCE_SECONDS
        declared = self._clock.monotonic() + probe.initial_delay_seconds
        if not self._eager:
            await self._clock.sleep(probe.initial_delay_seconds)
        while True:
            trouble = await self._check(probe, self._port)
            if not trouble:
                break
            now = self._clock.monotonic()
            if now >= declared:
                failures += 1
                declared = now + probe.period_seconds
            if give_up_after is not None and failures >= give_up_after:
                return f"{probe.kind} probe failed: {trouble}"
            await self._clock.sleep(min(glance, declared - now) if self._eager else probe.period_seconds)
            glance *= _GLANCE_GROWTH
        if probe.success_threshold > 1:
            await self._successes(probe, already=1)
        return ""

    async def _successes(self, probe: Probe, already: int = 0) -> None:
        """Return after the probe's threshold of successes in a row."""
        while already < probe.success_threshold:
            await self._clock.sleep(probe.period_seconds)
            already = 0 if await self._check(probe, self._port) else already + 1

    async def _failure(self, probe: Probe) -> str:
        """Return why, after the probe's threshold of failures in a row."""
        failures, trouble = 0, ""
        while failures < probe.failure_threshold:
            await self._clock.sleep(probe.period_seconds)
            trouble = await self._check(probe, self._port)
            failures = failures + 1 if trouble else 0
        return f"{probe.kind} probe failed: {trouble}"


async def check(probe: Probe, container_port: int) -> str:
    """Look once over loopback; return why it failed, or an empty text."""
    port = probe.port or container_port
    try:
        async with asyncio.timeout(probe.timeout_seconds):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=_any_tls() if probe.secure else None)
            try:
                return await _get(probe, port, reader, writer) if probe.path else ""
            finally:
                writer.transport.abort()
    except TimeoutError:
        return f"no answer within {probe.timeout_seconds:g} s on port {port}"
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as failure:
        return f"connection to port {port} failed: {failure}"


def _any_tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _get(probe: Probe, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    headers = {"host": f"127.0.0.1:{port}", "user-agent": "kube-probe/1.0", "accept": "*/*", "connection": "close"}
    headers |= {name.lower(): value for name, value in probe.headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"GET {probe.path} HTTP/1.1\r\n{head}\r\n".encode())
    words = (await reader.readuntil(b"\r\n")).split(None, 2)
    status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
    return "" if 200 <= status < 400 else f"HTTP probe of {probe.path} failed with statuscode: {status}"

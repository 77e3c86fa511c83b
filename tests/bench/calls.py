"""What a call costs: our client through the ingress to the runner, against a plain client on a plain server."""

from __future__ import annotations

import asyncio
import socket
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Self

import aiohttp

from tests.bench.figures import Figure
from tests.bench.starting import deploy_factor, local_workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CALLS = 400
PEER = """
import sys, uvicorn
from fastapi import Body, FastAPI
app = FastAPI()
@app.post("/score")
def score(x: float = Body(embed=True)) -> float:
    return 2 * x
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
"""


class PlainServer:
    """The peer: the same function on FastAPI and uvicorn, in a process of its own."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen([sys.executable, "-c", PEER, str(self.port)])
        self.url = f"http://127.0.0.1:{self.port}"
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()


def call_latency(home: Path, rounds: int = 7) -> list[Figure]:
    """p50 of sequential calls: `workspace.apps[...].invoke` against aiohttp with keep-alive on the plain server."""
    ours, theirs, theirs_direct = [], [], []
    with PlainServer() as peer, local_workspace(home) as workspace:
        app = deploy_factor(workspace, "bench", 2)
        for _ in range(rounds):
            ours.append(_p50(_invocations(app)))
            theirs.append(_p50(_plain_calls(peer.url, {})))
            theirs_direct.append(_p50(_plain_calls(app.url, {"X-Api-Key": app.key()})))
        app.down()
    return [
        Figure(
            "call: `app.invoke` through the ingress, p50", "ms", tuple(ours), limit=1.5,
            peer_name="aiohttp on uvicorn + FastAPI", peer=tuple(theirs),
            note="the client's hop to its own event-loop thread, the ingress, the key and the typed call are all in it",
        ),
        Figure(
            "call: aiohttp through the ingress, p50", "ms", tuple(theirs_direct), limit=1.5,
            peer_name="aiohttp on uvicorn + FastAPI", peer=tuple(theirs),
        ),
    ]  # fmt: skip


def ingress_throughput(home: Path, rounds: int = 5, concurrency: int = 16) -> list[Figure]:
    """Requests a second at 16 connections: through the ingress, against the same client on the plain server."""
    ours, theirs = [], []
    with PlainServer() as peer, local_workspace(home) as workspace:
        app = deploy_factor(workspace, "bench", 2)
        headers = {"X-Api-Key": app.key()}
        for _ in range(rounds):
            ours.append(asyncio.run(_rate(app.url, headers, concurrency)))
            theirs.append(asyncio.run(_rate(peer.url, {}, concurrency)))
        app.down()
    return [
        Figure(
            "ingress: requests a second, 16 connections", "/s", tuple(ours), peer_name="uvicorn + FastAPI, no proxy",
            peer=tuple(theirs), higher_is_better=True,
        )
    ]  # fmt: skip


def _invocations(app) -> Iterator[float]:
    for _ in range(CALLS):
        started = time.perf_counter()
        app.invoke(3.0)
        yield time.perf_counter() - started


def _plain_calls(url: str, headers: dict[str, str]) -> Iterator[float]:
    async def measure() -> list[float]:
        taken = []
        async with aiohttp.ClientSession(headers=headers) as session:
            for _ in range(CALLS):
                started = time.perf_counter()
                async with session.post(f"{url}/score", json={"x": 3.0}) as answer:
                    assert await answer.json() == 6.0
                taken.append(time.perf_counter() - started)
        return taken

    yield from asyncio.run(measure())


def _p50(seconds: Iterator[float]) -> float:
    return 1000 * statistics.median(seconds)


async def _rate(url: str, headers: dict[str, str], concurrency: int, total: int = 3000) -> float:
    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=concurrency)) as session:

        async def worker() -> None:
            for _ in range(total // concurrency):
                async with session.post(f"{url}/score", json={"x": 3.0}) as answer:
                    assert await answer.json() == 6.0

        started = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(concurrency)))
        return total / (time.perf_counter() - started)

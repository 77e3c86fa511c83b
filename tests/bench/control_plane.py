"""How many reads and durable writes a second the control plane answers over HTTPS."""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import aiohttp

from tests.bench.figures import Figure
from tests.bench.starting import clean_environment

if TYPE_CHECKING:
    from pathlib import Path

NOTE = "each PUT is on disk before it is answered; PUTs that wait together share a commit"
VERSION = {"api-version": "2025-07-01"}


def get_and_put(home: Path, rounds: int = 5) -> list[Figure]:
    """GET of a container app and PUT of a resource group, 16 at a time."""
    process = subprocess.Popen(
        [sys.executable, "-m", "aca_notebook.emulator", "--data-dir", str(home)],
        stdout=subprocess.PIPE, text=True, env=clean_environment(home),
    )  # fmt: skip
    ready = json.loads(process.stdout.readline())
    gets, puts = asyncio.run(_measure(ready, home, rounds))
    process.terminate()
    process.wait()
    process.stdout.close()
    return [
        Figure("control plane: GET of an environment, HTTPS, 16 at a time", "/s", tuple(gets), higher_is_better=True),
        Figure(
            "control plane: PUT of a group, HTTPS, 16 at a time", "/s", tuple(puts), higher_is_better=True, note=NOTE
        ),
    ]


async def _measure(ready: dict, home: Path, rounds: int) -> tuple[list[float], list[float]]:
    context = ssl.create_default_context(cafile=str(home / "ca.pem"))
    connector = aiohttp.TCPConnector(ssl=context, limit=16)
    async with aiohttp.ClientSession(connector=connector) as session:
        control = {"Authorization": f"Bearer {(home / 'control-token').read_text().strip()}"}
        async with session.get(f"{ready['url']}/_emulator/env", headers=control) as answer:
            environment = await answer.json()
        session.headers["Authorization"] = f"Bearer {environment['ACCESS_TOKEN']}"
        groups = f"{ready['url']}/subscriptions/{environment['AZURE_SUBSCRIPTION_ID']}/resourceGroups"
        name = environment["AZURE_CONTAINERAPPS_ENVIRONMENT"]
        read = f"{groups}/{environment['AZURE_RESOURCE_GROUP']}/providers/Microsoft.App/managedEnvironments/{name}"
        gets, puts = [], []
        for _ in range(rounds):
            gets.append(await _rate(lambda _: session.get(read, params=VERSION)))
            puts.append(
                await _rate(
                    lambda number: session.put(
                        f"{groups}/bench-{number % 50}", params=VERSION, json={"location": "eastus"}
                    )
                )
            )
        return gets, puts


async def _rate(request, total: int = 800, concurrency: int = 16) -> float:
    async def worker(first: int) -> None:
        for number in range(first, total, concurrency):
            async with request(number) as answer:
                assert answer.status in {200, 201}, await answer.text()
                await answer.read()

    started = time.perf_counter()
    await asyncio.gather(*(worker(first) for first in range(concurrency)))
    return total / (time.perf_counter() - started)

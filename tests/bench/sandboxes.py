"""What it costs to run a program apart: from asking for it to its end, and to a kernel's first answer."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import zmq.asyncio
from jupyter_client import AsyncKernelClient

from aca_notebook.emulator.runtime.process import new_mark
from aca_notebook.emulator.sandbox.levels import Found, Level, find_level
from aca_notebook.emulator.sandbox.sandbox import Sandbox, Wanted, start
from tests.bench.figures import Figure

GIBIBYTE = 1 << 30
KEY = "a key of the measurement's"
CHANNELS = ("shell", "iopub", "stdin", "control", "hb")
PLAIN_PYTHON = Path("/usr/bin/python3")  # which every user may read
KERNEL = (
    "-m", "ipykernel_launcher", "--IPKernelApp.transport=ipc", "--IPKernelApp.ip={run}/k",
    *(f"--IPKernelApp.{channel}_port={number}" for number, channel in enumerate(CHANNELS, 1)), f"--Session.key={KEY}",
)  # fmt: skip


def isolation(home: Path, rounds: int = 9) -> list[Figure]:
    """Each level against a plain process under the same keeper, in turn in each round."""
    plain = PLAIN_PYTHON if PLAIN_PYTHON.exists() else Path(sys.executable)
    found = {level: find_level(level, plain) for level in Level}
    levels = [level for level in Level if found[level].level is level]
    able = [level for level in levels if find_level(level).level is level]  # with our interpreter, as our user
    passes: dict[Level, list[float]] = {level: [] for level in levels}
    kernels: dict[Level, list[float]] = {level: [] for level in levels}
    for number in range(rounds):
        for level in levels:
            passes[level].append(1000 * asyncio.run(_pass(home / f"pass-{number}-{level}", found[level], plain)))
            if number < rounds // 2 + 1 and level in able:
                kernels[level].append(1000 * asyncio.run(_kernel(home / f"kernel-{number}-{level}", found[level])))
    return [
        Figure(f"{what} at level {level}", "ms", tuple(taken[level]), limit=limit,
               peer_name="plain process", peer=tuple(taken[Level.PROCESS]))
        for what, limit, taken in (("`python -c pass`", 3.0, passes), ("a kernel's first answer", 1.5, kernels))
        for level in levels
        if level is not Level.PROCESS and taken[level]
    ]  # fmt: skip


async def _pass(folder: Path, found: Found, python: Path) -> float:
    started = time.perf_counter()
    sandbox = await start(_wanted(folder, (str(python), "-I", "-S", "-c", "pass")), found)
    try:
        assert await sandbox.wait() == 0
        return time.perf_counter() - started
    finally:
        await sandbox.close()


async def _kernel(folder: Path, found: Found) -> float:
    started = time.perf_counter()
    sandbox = await start(_wanted(folder, (sys.executable, *KERNEL)), found)
    try:
        await answer(sandbox)
        return time.perf_counter() - started
    finally:
        await sandbox.close()


async def answer(sandbox: Sandbox) -> None:
    """Wait for a kernel's first answer; it is a sandbox that runs `KERNEL`."""
    with zmq.asyncio.Context() as context:
        client = AsyncKernelClient(
            context=context, transport="ipc", ip=str(sandbox.sockets / "k"),
            **{f"{channel}_port": number for number, channel in enumerate(CHANNELS, 1)},
        )  # fmt: skip
        client.session.key = KEY.encode()
        client.start_channels(hb=False)  # or it would call the kernel dead before it is there
        try:
            await client.wait_for_ready(timeout=120)
        finally:
            client.stop_channels()


def _wanted(folder: Path, command: tuple[str, ...]) -> Wanted:
    return Wanted(
        command=command, folder=folder, env={"PATH": os.defpath}, cpu_cores=2.0, memory_bytes=GIBIBYTE, pids=128,
        file_bytes=GIBIBYTE // 4, mark=new_mark("bench"), readable=(Path(sys.prefix),),
    )  # fmt: skip

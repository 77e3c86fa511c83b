"""Run a tool to its end: its output line by line, and its end when ours comes first.

A build's tool must not outlive the emulator, however that dies. A small shell stands between: it holds the reading end
of a pipe that only the emulator writes to, and kills its process group when that pipe closes. (`prctl` PDEATHSIG is
tied to the thread that forked, and Linux only.)
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

# The emulator's own umask is private; uv's cache is shared, and sandboxes read what is linked from it.
_GUARD = """
umask 022
exec 3<&0 </dev/null
"$@" 3<&- &
program=$!
(read -r _ <&3; kill -KILL 0) >/dev/null 2>&1 &
watch=$!
exec 3<&-
wait $program
code=$?
kill $watch 2>/dev/null
exit $code
"""


async def run_tool(
    command: Sequence[str], *, environment: Mapping[str, str], log: Callable[[str], None], folder: Path | None = None
) -> int:
    """Run `command`, hand each line of its output and errors to `log`, return its exit code.

    Cancelling kills the tool and all it started, and returns only when they are gone. Raises `OSError` when there is
    no shell to start it with; a program that does not exist is exit code 127.
    """
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            "/bin/sh", "-c", _GUARD, "guard", *command,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            env=dict(environment), cwd=folder, start_new_session=True, limit=2**20,
        )
    )  # fmt: skip
    try:
        process = await asyncio.shield(starting)
    except asyncio.CancelledError:
        await _end(await starting)  # cancelled half-way, asyncio would leave its pipes open
        raise
    assert process.stdout is not None  # noqa: S101 - PIPE was asked for
    try:
        async for line in process.stdout:
            log(line.decode("utf-8", "replace").rstrip("\r\n"))
        return await process.wait()
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    if process.stdin is not None:
        process.stdin.close()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            await process.stdin.wait_closed()

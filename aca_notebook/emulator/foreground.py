"""One emulator in the foreground, until TERM or INT or somebody asks it to stop."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import resource
import signal
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import uvloop

from aca_notebook.clock import SystemClock
from aca_notebook.emulator.journal.migrations import NewerStore
from aca_notebook.emulator.main import compose
from aca_notebook.emulator.occupancy import AlreadyRunning, PortInUse
from aca_notebook.emulator.runtime.gpus import NvmlGpus
from aca_notebook.emulator.runtime.process import SubprocessSpawn

if TYPE_CHECKING:
    from aca_notebook.emulator.settings import Settings

_PORT_IN_USE = 2
_ALREADY_RUNNING = 3
_NEWER_STORE = 4
_FILES = 16_384


def run(settings: Settings) -> int:
    """Run until asked to stop; returns the exit code: 0, 2 for a port in use, 3 for a data folder in use.

    4 is for a data folder that a newer version wrote.
    """
    os.umask(0o077)
    _allow_many_files()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    server = logging.getLogger("uvicorn.error")
    server.setLevel(logging.ERROR)  # it would log the commands of exec sessions
    server.addFilter(lambda record: "without completing handshake" not in record.getMessage())  # one that was refused
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings))
    except AlreadyRunning as running:
        sys.stderr.write(f"{running}\n")
        return _ALREADY_RUNNING
    except PortInUse as taken:
        sys.stderr.write(f"{taken}\n")
        return _PORT_IN_USE
    except NewerStore as newer:
        sys.stderr.write(f"{newer}\n")
        return _NEWER_STORE
    return 0


def _allow_many_files() -> None:
    """Take as many open files as we may: each session has some, and 1,024 would do for a few dozen."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _serve(settings: Settings) -> None:
    emulator = compose(settings, SystemClock(), SubprocessSpawn(), NvmlGpus())
    try:
        loop = asyncio.get_running_loop()
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signal_number, emulator.stop_requested.set)
        endpoint = await emulator.start()
        ready = asdict(endpoint) | {"data_dir": str(settings.data_dir)}
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        await emulator.stop_requested.wait()
    finally:
        await emulator.close()

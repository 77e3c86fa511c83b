"""`python -m aca_notebook.emulator`: one emulator in the foreground, until TERM or INT."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from aca_notebook.emulator.settings import Settings, parse_idle_exit, parse_pace

if TYPE_CHECKING:
    from collections.abc import Sequence

_PORT_IN_USE = 2
_ALREADY_RUNNING = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until asked to stop; returns the exit code: 0, 2 for a port in use, 3 for a data folder in use."""
    settings = _settings(arguments)
    return _run(settings)


def _run(settings: Settings) -> int:
    import uvloop  # all that is heavy comes after `--help` and misspelt arguments

    from aca_notebook.emulator.occupancy import AlreadyRunning, PortInUse

    os.umask(0o077)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings))
    except AlreadyRunning as running:
        sys.stderr.write(f"{running}\n")
        return _ALREADY_RUNNING
    except PortInUse as taken:
        sys.stderr.write(f"{taken}\n")
        return _PORT_IN_USE
    return 0


async def _serve(settings: Settings) -> None:
    from aca_notebook.clock import SystemClock
    from aca_notebook.emulator.main import compose
    from aca_notebook.emulator.runtime.gpus import NvmlGpus
    from aca_notebook.emulator.runtime.process import SubprocessSpawn

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


def _settings(arguments: Sequence[str] | None) -> Settings:
    parser = argparse.ArgumentParser(prog="python -m aca_notebook.emulator", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True, help="where it keeps everything")
    parser.add_argument("--port", type=int, default=0, help="a free one unless given")
    parser.add_argument("--pace", type=parse_pace, default=0.0, help="instant, realistic or a factor")
    parser.add_argument("--idle-exit", type=parse_idle_exit, default=None, help="seconds, or never")
    given = parser.parse_args(arguments)
    return Settings(given.data_dir.expanduser().resolve(), given.port, given.pace, given.idle_exit)


if __name__ == "__main__":
    sys.exit(main())

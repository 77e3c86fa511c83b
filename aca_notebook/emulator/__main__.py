"""`python -m aca_notebook.emulator`: one emulator in the foreground, until TERM or INT."""

from __future__ import annotations

import argparse
import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from aca_notebook.emulator.settings import Settings, parse_idle_exit, parse_pace

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until asked to stop; returns the exit code: 0, 2 for a port in use, 3 for a data folder in use."""
    settings = _settings(arguments)
    gc.disable()  # what an import makes stays: to look through it for garbage takes 20 ms of a start
    from aca_notebook.emulator.foreground import run  # heavy: `--help` and misspelt arguments do without

    gc.freeze()
    gc.enable()
    return run(settings)


def _settings(arguments: Sequence[str] | None) -> Settings:
    parser = argparse.ArgumentParser(prog="python -m aca_notebook.emulator", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True, help="where it keeps everything")
    parser.add_argument("--port", type=int, default=0, help="a free one unless given")
    parser.add_argument("--pace", type=parse_pace, default=None, help="instant, realistic or a factor")
    parser.add_argument("--idle-exit", type=parse_idle_exit, default=None, help="seconds, or never")
    parser.add_argument("--role-delay", type=float, default=0.0, help="seconds until a role assignment is in effect")
    given = parser.parse_args(arguments)
    folder = given.data_dir.expanduser().resolve()
    return Settings(folder, given.port, given.pace, given.idle_exit, given.role_delay)


if __name__ == "__main__":
    sys.exit(main())

"""`python -m aca_notebook.emulator`: one emulator in the foreground, until TERM or INT."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from aca_notebook.emulator.settings import Settings, parse_idle_exit, parse_pace

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until asked to stop; returns the exit code: 0, 2 for a port in use, 3 for a data folder in use.

    4 is for a folder of a newer version; an export or import ends with 0 or 1.
    """
    given = _given(arguments)
    settings = _settings(given)
    if given.export or given.take_in:
        from aca_notebook.emulator import transfer  # heavy, and a start does without

        if given.export:
            return transfer.run_export(settings, given.export, with_secrets=given.with_secrets)
        return transfer.run_import(settings, given.take_in, replace=given.replace)
    gc.disable()  # what an import makes stays: to look through it for garbage takes 20 ms of a start
    from aca_notebook.emulator.foreground import run  # heavy: `--help` and misspelt arguments do without

    gc.freeze()
    gc.enable()
    return run(settings)


def _given(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m aca_notebook.emulator", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True, help="where it keeps everything")
    parser.add_argument("--port", type=int, default=0, help="a free one unless given")
    parser.add_argument("--pace", type=parse_pace, default=None, help="instant, realistic or a factor")
    parser.add_argument("--idle-exit", type=parse_idle_exit, default=None, help="seconds, or never")
    parser.add_argument("--role-delay", type=float, default=0.0, help="seconds until a role assignment is in effect")
    parser.add_argument(
        "--webhook-host", action="append", default=[], metavar="HOST",
        help="a host that action groups may have told, beside this machine (also $ACA_NOTEBOOK_WEBHOOK_HOSTS)",
    )  # fmt: skip
    parser.add_argument("--export", type=Path, metavar="FILE", help="write what it keeps to a file, and run nothing")
    parser.add_argument("--with-secrets", action="store_true", help="export secret values, under a passphrase")
    parser.add_argument(
        "--import", type=Path, metavar="FILE", dest="take_in", help="take in what was exported, and run nothing"
    )
    parser.add_argument("--replace", action="store_true", help="import over what the folder holds")
    return parser.parse_args(arguments)


def _settings(given: argparse.Namespace) -> Settings:
    folder = given.data_dir.expanduser().resolve()
    told = (*given.webhook_host, *os.environ.get("ACA_NOTEBOOK_WEBHOOK_HOSTS", "").replace(",", " ").split())
    return Settings(folder, given.port, given.pace, given.idle_exit, given.role_delay, tuple(map(str.lower, told)))


if __name__ == "__main__":
    sys.exit(main())

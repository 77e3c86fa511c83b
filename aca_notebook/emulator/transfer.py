"""What `python -m aca_notebook.emulator --export FILE` and `--import FILE` do; each prints a sentence."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from typing import TYPE_CHECKING

from aca_notebook.clock import SystemClock
from aca_notebook.emulator.archive import ArchiveRefused
from aca_notebook.emulator.exporting import ExportFailed, export
from aca_notebook.emulator.importing import ImportRefused, import_archive
from aca_notebook.emulator.journal.migrations import NewerStore
from aca_notebook.emulator.occupancy import AlreadyRunning

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aca_notebook.emulator.settings import Settings

#: Where the passphrase of secret values comes from: an argument would stand in the list of processes.
PASSPHRASE = "ACA_NOTEBOOK_PASSPHRASE"  # noqa: S105  # the name of a variable


def run_export(settings: Settings, path: Path, *, with_secrets: bool) -> int:
    """Export to `path`; returns the exit code: 0, or 1 with a sentence on standard error."""

    def act() -> str:
        passphrase = os.environ.get(PASSPHRASE, "")
        if with_secrets and not passphrase:
            raise ExportFailed(f"secret values are exported under a passphrase: set {PASSPHRASE}")
        done = export(settings, path, SystemClock(), passphrase=passphrase if with_secrets else "")
        secrets = f"{done.secrets} secret values" if with_secrets else "no secret values (--with-secrets)"
        return f"{path}: {done.documents} documents, {done.bundles} bundles, {secrets}"

    return _told(act)


def run_import(settings: Settings, path: Path, *, replace: bool) -> int:
    """Import `path`; returns the exit code: 0, or 1 with a sentence on standard error."""

    def act() -> str:
        passphrase = os.environ.get(PASSPHRASE, "")
        done = asyncio.run(import_archive(settings, path, replace=replace, passphrase=passphrase))
        taken = f"{done.documents} documents, {done.bundles} bundles, {done.secrets} secret values"
        return "\n".join((f"{settings.data_dir}: {taken}", *done.missing))

    return _told(act)


def _told(act: Callable[[], str]) -> int:
    os.umask(0o077)
    try:
        sys.stdout.write(f"{act()}\n")
    except (ArchiveRefused, ImportRefused, ExportFailed, AlreadyRunning, NewerStore) as refused:
        sys.stderr.write(f"{refused}\n")
        return 1
    except (OSError, sqlite3.Error) as disk:
        sys.stderr.write(f"{disk}\n")
        return 1
    return 0

"""What `aca-notebook emulator reset`, `export` and `import` do; each returns the text to print."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

from aca_notebook import launcher
from aca_notebook.errors import EmulatorFailed, UsageFailed

if TYPE_CHECKING:
    from pathlib import Path

#: Where the passphrase of exported secret values is looked for, before a terminal is asked.
PASSPHRASE = "ACA_NOTEBOOK_PASSPHRASE"  # noqa: S105  # the name of a variable
#: What an emulator's data folder holds: `reset` deletes no other folder.
_EMULATOR_FILES = {"control-token", "state.db", "client.json"}


def reset(folder: Path, *, confirmed: bool) -> str:
    """Stop the emulator and delete all it keeps; asks on a terminal unless `confirmed`."""
    if not folder.exists():
        return f"there is nothing at {folder}"
    if not _EMULATOR_FILES & {entry.name for entry in folder.iterdir()}:
        raise UsageFailed(f"{folder} is no emulator's data folder", code="NotADataFolder", hint="check --data-dir")
    if not confirmed and not _agreed(f"delete every local app in {folder}?"):
        raise UsageFailed("nothing was deleted", code="NotConfirmed", hint="aca-notebook emulator reset --yes")
    launcher.stop_emulator(folder)
    shutil.rmtree(folder)
    return f"deleted {folder}"


def export(folder: Path, file: Path, *, with_secrets: bool) -> str:
    """Write what the emulator keeps to a file, while it runs or not."""
    passphrase = _new_passphrase() if with_secrets else ""
    options = ["--export", str(file.expanduser().absolute()), *(["--with-secrets"] if with_secrets else [])]
    return _run(folder, options, passphrase, "nothing was exported", "ExportFailed")


def take_in(folder: Path, file: Path, *, replace: bool) -> str:
    """Take in what was exported; an emulator that runs is stopped for it, and started again."""
    file = file.expanduser().absolute()
    passphrase = _passphrase() if _holds_secrets(file) else ""
    ran = launcher.stop_emulator(folder)
    try:
        options = ["--import", str(file), *(["--replace"] if replace else [])]
        return _run(folder, options, passphrase, "nothing was imported", "ImportFailed")
    finally:
        if ran:
            launcher.ensure_emulator(folder)


def _run(folder: Path, options: list[str], passphrase: str, failure: str, code: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != PASSPHRASE}
    done = subprocess.run(  # noqa: S603  # our own module under our own interpreter
        launcher.command(folder, *options), capture_output=True, text=True, check=False,
        env=environment | ({PASSPHRASE: passphrase} if passphrase else {}),
    )  # fmt: skip
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["it said nothing"]
        raise EmulatorFailed(failure, code=code, detail=said[-1][:500], hint="read docs/how-to/move-an-emulator.md")
    return done.stdout.strip()


def _holds_secrets(file: Path) -> bool:
    try:
        with zipfile.ZipFile(file) as archive:
            return "secrets.json" in archive.namelist()
    except (OSError, zipfile.BadZipFile):  # the import will say what is wrong with it
        return False


def _passphrase() -> str:
    """The passphrase of an archive; empty leaves its secret values out."""
    if given := os.environ.get(PASSPHRASE, ""):
        return given
    if not sys.stdin.isatty():
        return ""
    return getpass.getpass("passphrase of the secret values (empty leaves them out): ")


def _new_passphrase() -> str:
    if given := os.environ.get(PASSPHRASE, ""):
        return given
    if not sys.stdin.isatty():
        raise UsageFailed(
            "secret values are exported under a passphrase", code="PassphraseMissing", hint=f"set {PASSPHRASE}"
        )
    first, again = getpass.getpass("passphrase for the secret values: "), getpass.getpass("once more: ")
    if not first or first != again:
        raise UsageFailed("the two are not the same passphrase", code="PassphraseMissing", hint="try again")
    return first


def _agreed(question: str) -> bool:
    return sys.stdin.isatty() and input(f"{question} [y/N] ").strip().lower() in {"y", "yes"}

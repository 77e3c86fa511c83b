"""Where a sandbox keeps its files on this machine while it lives."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

PREFIX = "aca-sandbox-"
#: Shown inside by these names where the level can show names of its own.
DATA, TMP, RUN = "data", "tmp", "run"


def make_place(owner: str, uid: int | None) -> Path:
    """Make a folder that only the sandbox and we can enter, with a short path: sockets in it have at most 107 bytes.

    `owner` is in its name, so that a later emulator finds what an earlier one left. `uid` gets it, if not None.
    """
    place = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{owner}-"))
    for name in (DATA, TMP, RUN):
        (place / name).mkdir(mode=0o700)
    if uid is not None:
        for path in (place, *place.iterdir()):
            os.chown(path, uid, uid)
    return place


def remove_place(place: Path) -> None:
    """Remove it with all that is in it, whatever its modes: what ran there owned it. Blocks."""

    def insist(function: object, path: str, _error: object) -> None:
        """Open what somebody closed, then try once more; a program cannot make us follow links: rmtree does not."""
        parent = Path(path).parent
        if not parent.is_symlink():
            parent.chmod(0o700)
        if not Path(path).is_symlink() and Path(path).is_dir():
            Path(path).chmod(0o700)
            shutil.rmtree(path, ignore_errors=True)
        else:
            Path(path).unlink(missing_ok=True)
        del function

    shutil.rmtree(place, onerror=insist)


def leftover_places(owner: str) -> list[Path]:
    """Return what an earlier emulator of this owner left. Blocks."""
    return sorted(Path(tempfile.gettempdir()).glob(f"{PREFIX}{owner}-*"))

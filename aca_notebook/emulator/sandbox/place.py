"""Where a sandbox keeps its files on this machine while it lives, and how they go whatever was done to them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

PREFIX = "aca-sandbox-"
#: Shown inside by these names where the level can show names of its own.
DATA, TMP, RUN = "data", "tmp", "run"


def make_place(mark: str, uid: int | None) -> Path:
    """Make a folder that only the sandbox and we can enter, with a short path: sockets in it have at most 107 bytes.

    The owner of the mark is in its name, so that a later emulator finds what an earlier one left. `uid` gets it.
    """
    place = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{mark.partition('-')[0]}-"))
    for name in (DATA, TMP, RUN):
        (place / name).mkdir(mode=0o700)
    if uid is not None:
        for path in (place, *place.iterdir()):
            os.chown(path, uid, uid)
    return place


def remove_place(place: Path) -> None:
    """Remove it with all that is in it, links not followed. Blocks.

    A program may have closed folders to everybody, or put more of them into each other than Python can walk or a path
    can name; what the system brings for that needs to be started, so it is asked second.
    """
    try:
        shutil.rmtree(place)
    except (OSError, RecursionError):
        for command in (("chmod", "-R", "u+rwX", "--", str(place)), ("rm", "-rf", "--", str(place))):
            subprocess.run(command, stderr=subprocess.DEVNULL, check=False)  # noqa: S603  # the path is ours


def leftover_places(owner: str) -> list[Path]:
    """Return what an earlier emulator of this owner left. Blocks."""
    return sorted(Path(tempfile.gettempdir()).glob(f"{PREFIX}{owner}-*"))

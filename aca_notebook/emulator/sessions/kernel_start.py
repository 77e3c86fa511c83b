"""Starts the kernel of a session; executed as a file, inside the sandbox.

`kernel_start.py` listens in the folder that `SANDBOX_RUN` names and signs with `ACA_SESSION_KEY`. The sockets are made
by names relative to their folder: the address of one has room for 107 bytes, and folders are deep.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

#: What the driver connects to, by the channel's number.
CHANNELS = {"shell_port": 1, "iopub_port": 2, "stdin_port": 3, "control_port": 4, "hb_port": 5}
NAME = "kernel"
#: Text is sent on so soon after it was written; ipykernel waits four times as long.
FLUSH_SECONDS = 0.05
#: In the folder of packages: that they are there, or, where it is not empty, why they will not come.
MADE = ".made"
_LOOK_SECONDS = 0.05
#: A wait that is longer than this is explained to whoever waits.
_PATIENCE_SECONDS = 1.0


def main() -> None:
    """Be an ipykernel until told to end."""
    data = os.getcwd()  # noqa: PTH109  # nothing heavy is imported here
    os.chdir(os.environ.pop("SANDBOX_RUN"))
    passing = os.environ["TMPDIR"]
    os.environ.setdefault("IPYTHONDIR", f"{passing}/ipython")
    os.environ.setdefault("MPLCONFIGDIR", f"{passing}/matplotlib")
    _take_fonts(os.environ.pop("ACA_SESSION_FONTS", ""), os.environ["MPLCONFIGDIR"])
    about = {"transport": "ipc", "ip": NAME, "key": os.environ.pop("ACA_SESSION_KEY"), **CHANNELS}
    with open("connection.json", "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump(about | {"signature_scheme": "hmac-sha256", "kernel_name": "python3"}, file)
    awaited = os.environ.pop("ACA_SESSION_AWAITED", "")
    if awaited:
        sys.meta_path.append(Awaited(os.environ["PYTHONPATH"], frozenset(awaited.split(","))))
    sys.path[0] = ""  # code finds modules in the session's folder, not beside this file
    from ipykernel.iostream import OutStream
    from ipykernel.kernelapp import IPKernelApp

    OutStream.flush_interval = FLUSH_SECONDS
    app = IPKernelApp.instance(log_level="ERROR")
    app.initialize(["--quiet", "-f", "connection.json", "--HistoryManager.enabled=False"])
    sys.argv = [""]
    os.chdir(data)
    app.start()


class Awaited:
    """Finds modules that nothing else has found: those on their way into a folder of the path are waited for."""

    def __init__(self, folder: str, names: frozenset[str]) -> None:
        self._made = os.path.join(folder, MADE)  # noqa: PTH118  # nothing heavy is imported here
        self._names = names

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return what a module is made from, once it is there. Raises `ModuleNotFoundError` that says why it is not."""
        del target
        if path is not None or name not in self._names:
            return None
        from importlib import invalidate_caches
        from importlib.machinery import PathFinder

        self._wait(name)
        invalidate_caches()
        return PathFinder.find_spec(name)

    def _wait(self, name: str) -> None:
        began, told = time.monotonic(), False
        while not os.path.exists(self._made):  # noqa: PTH110  # as above
            if not told and time.monotonic() - began > _PATIENCE_SECONDS:
                told = True
                sys.stderr.write(f"waiting for {name}: the first session of a machine fetches it\n")
                sys.stderr.flush()
            time.sleep(_LOOK_SECONDS)  # noqa: TID251  # in a process of its own, which has no clock of ours
        with open(self._made, encoding="utf-8") as file:  # noqa: PTH123  # as above
            why = file.read()
        if why:
            raise ModuleNotFoundError(f"No module named {name!r}: it could not be fetched ({why})", name=name)


def _take_fonts(made: str, folder: str) -> None:
    """Have matplotlib's list of fonts without making it: that takes seconds, and each session would."""
    if made and os.path.isdir(made):  # noqa: PTH112
        try:
            shutil.copytree(made, folder, dirs_exist_ok=True)
        except OSError:
            return  # then matplotlib makes its own


if __name__ == "__main__":
    main()

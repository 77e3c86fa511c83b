"""Starts the kernel of a session; executed as a file, inside the sandbox.

`kernel_start.py` listens in the folder that `SANDBOX_RUN` names and signs with `ACA_SESSION_KEY`. The sockets are made
by names relative to their folder: the address of one has room for 107 bytes, and folders are deep.
"""

from __future__ import annotations

import json
import os
import shutil
import sys

#: What the driver connects to, by the channel's number.
CHANNELS = {"shell_port": 1, "iopub_port": 2, "stdin_port": 3, "control_port": 4, "hb_port": 5}
NAME = "kernel"
#: Text is sent on so soon after it was written; ipykernel waits four times as long.
FLUSH_SECONDS = 0.05


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
    sys.path[0] = ""  # code finds modules in the session's folder, not beside this file
    from ipykernel.iostream import OutStream
    from ipykernel.kernelapp import IPKernelApp

    OutStream.flush_interval = FLUSH_SECONDS
    app = IPKernelApp.instance(log_level="ERROR")
    app.initialize(["--quiet", "-f", "connection.json", "--HistoryManager.enabled=False"])
    sys.argv = [""]
    os.chdir(data)
    app.start()


def _take_fonts(made: str, folder: str) -> None:
    """Have matplotlib's list of fonts without making it: that takes seconds, and each session would."""
    if made and os.path.isdir(made):  # noqa: PTH112
        try:
            shutil.copytree(made, folder, dirs_exist_ok=True)
        except OSError:
            return  # then matplotlib makes its own


if __name__ == "__main__":
    main()

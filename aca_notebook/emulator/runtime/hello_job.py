"""A program of the standard library alone: what Azure's quickstart image for jobs runs as, on this machine.

Started as a program (`python -I -S hello_job.py`). Like `k8se/quickstart-jobs` it says that it begins, works for a
moment, and ends well; that one takes five seconds, this one a tenth of that.
"""

from __future__ import annotations

import sys
import threading

WORK_SECONDS = 0.5


def main() -> None:
    """Say so, wait, say so."""
    _say("This is a stand-in for the quickstart image of jobs: it works for half a second and ends.")
    _say("Starting processing...")
    threading.Event().wait(WORK_SECONDS)
    _say("Finished processing. Shutting down!")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

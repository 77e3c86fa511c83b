"""A thousand sessions come and go, and what they leave: `python -m tests.bench.session_soak`, a part of a page.

Four at a time: most are stopped, every tenth ends itself, every twenty-fifth is made anew under its old name, and a few
are left to their cooldown. What the emulator holds is counted after the first fifty and at the end.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from aca_notebook.emulator.runtime.process import marked_processes, owner_mark
from aca_notebook.emulator.sandbox.cgroups import leftover_groups, read_hierarchies
from tests.bench.figures import machine
from tests.bench.sessions import Pool, pool

PAGE = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "durability.md"
BEGIN, END = "<!-- sessions: written by tests/bench/session_soak.py -->", "<!-- end of sessions -->"
_IDLE = 6  # left to their cooldown
_COOLDOWN_SECONDS = 300.0
_WARM = 50


@dataclass(frozen=True, slots=True)
class Held:
    """What an emulator holds: open files and sockets, threads, memory; and what stands on the machine for it."""

    descriptors: int
    threads: int
    megabytes: float
    folders: int
    groups: int
    mounts: int
    programs: int


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=1000)
    given = parser.parse_args()
    os.nice(5)
    with tempfile.TemporaryDirectory(prefix="aca-soak-") as place:
        text = soak(Path(place), given.sessions)
    whole = PAGE.read_text()
    PAGE.write_text(f"{whole.partition(BEGIN)[0]}{BEGIN}\n\n{text}\n{END}{whole.partition(END)[2]}")
    print(text)
    return 0


def soak(home: Path, sessions: int) -> str:
    """Let them come and go; return what is written down. Raises where something is left."""
    began = time.monotonic()
    with pool(home) as one:
        for number in range(_IDLE):
            one.run("1", f"idle-{number}")
        with ThreadPoolExecutor(4) as workers:
            taken = list(workers.map(lambda number: _live(one, number), range(_WARM)))
            warm = held(one)
            taken += workers.map(lambda number: _live(one, number), range(_WARM, sessions))
        one.call("DELETE", "session", "bench")
        while time.monotonic() - began < _COOLDOWN_SECONDS + 30:
            time.sleep(1)
        reasons = [_reason(one, f"idle-{number}") for number in range(_IDLE)]
        assert all("cooldown" in reason for reason in reasons), reasons
        one.wait_until_ready()
        last = held(one)
    data = home / "data"
    left = Held(0, 0, 0, len(list((data / "sessions").glob("*"))), _groups(data), _mounts(data), _programs(data))
    if (left.folders, left.groups, left.mounts, left.programs) != (0, 0, 0, 0):
        raise AssertionError(f"left behind: {left}")
    if last.descriptors > warm.descriptors + 8 or last.groups > warm.groups:
        raise AssertionError(f"more is held from session to session: {warm}, then {last}")
    return _told(taken, time.monotonic() - began, warm, last)


def held(one: Pool) -> Held:
    """What the emulator holds now, with none of its sessions allocated but the idle ones."""
    data, process = one.emulator.folder, psutil.Process(one.emulator.process.pid)
    return Held(
        process.num_fds(), process.num_threads(), process.memory_info().rss / 1e6,
        len(list((data / "sessions").iterdir())), _groups(data), _mounts(data), _programs(data),
    )  # fmt: skip


def _live(one: Pool, number: int) -> float:
    """One session's life; milliseconds to its first answer."""
    name = f"soak-{number}"
    began = time.perf_counter()
    one.run(f"x = {number}; x", name)
    taken = 1000 * (time.perf_counter() - began)
    one.call("POST", "files", name, files={"file": ("a.txt", b"x" * 1000)})
    if number % 10 == 0:
        one.call("POST", "executions", name, {"code": "import os; os._exit(0)"})
        while one.call("GET", "session", name).status_code == 200:
            time.sleep(0.02)
        if number % 25 == 0:
            one.run("x = 1", name)
            one.call("DELETE", "session", name).raise_for_status()
        return taken
    one.call("DELETE", "session", name).raise_for_status()
    return taken


def _reason(one: Pool, name: str) -> str:
    return one.call("GET", "session", name).json().get("error", {}).get("message", "it lives")


def _groups(data: Path) -> int:
    return len(leftover_groups(read_hierarchies(), owner_mark(data)))


def _mounts(data: Path) -> int:
    return Path("/proc/self/mounts").read_text().count(str(data))


def _programs(data: Path) -> int:
    return len(marked_processes((f"{owner_mark(data)}-",)))


def _told(taken: list[float], seconds: float, warm: Held, last: Held) -> str:
    rows = [
        ("sessions begun, used and ended", f"{len(taken):,}", ""),
        ("… first answer, median", f"{statistics.median(taken):,.0f} ms", ""),
        ("… left to their cooldown, and ended by it", f"{_IDLE}", ""),
        ("the emulator's descriptors", f"{warm.descriptors}", f"{last.descriptors}"),
        ("its threads", f"{warm.threads}", f"{last.threads}"),
        ("its memory", f"{warm.megabytes:.0f} MB", f"{last.megabytes:.0f} MB"),
        ("folders of instances", f"{warm.folders}", f"{last.folders}"),
        ("control groups of them", f"{warm.groups}", f"{last.groups}"),
        ("processes of them", f"{warm.programs}", f"{last.programs}"),
        ("processes, groups, mounts and folders after its stop", "", "0"),
    ]
    table = "\n".join(f"| {what} | {first} | {then} |" for what, first, then in rows)
    return (
        f"{machine()}, {datetime.now(UTC):%Y-%m-%d}; {seconds / 60:.0f} minutes; load of the last quarter of an hour: "
        f"{os.getloadavg()[2]:.0f}.\n\n| what | after {_WARM} | at the end |\n|---|---|---|\n{table}\n"
    )


if __name__ == "__main__":
    sys.exit(main())

"""A thousand rounds and more of the kill loop, and what came of them on a page: `make soak`.

Kills at random moments while clients write documents, build, deploy, start jobs and call apps. Every round compares
what was acknowledged with what is there; the first difference ends the soak with exit code 1.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.bench import session_soak
from tests.bench.figures import machine
from tests.emulator.process.kill_loop import Loop, processes_of, wait_until
from tests.real_emulator import RealEmulator

PAGE = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "durability.md"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=0, help="end after so long; the page says how many rounds")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="printed, so that a failure can be repeated")
    given = parser.parse_args()
    os.nice(5)
    print(f"seed {given.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="aca-soak-") as folder:
        loop = soak(Path(folder), given.rounds, given.minutes * 60 or float("inf"), given.seed)
    PAGE.write_text(page(loop, given.seed, PAGE.read_text()))
    print(PAGE.read_text())
    return 0


def soak(folder: Path, rounds: int, seconds: float, seed: int) -> Loop:
    os.environ["UV_CACHE_DIR"] = str(folder / "uv-cache")
    emulator = RealEmulator(folder / "data")
    loop = Loop(emulator, folder / "wheels", seed=seed, whole=0.15)
    began = time.monotonic()
    try:
        while len(loop.reopened) < rounds and time.monotonic() - began < seconds:
            loop.round()
            if len(loop.reopened) % 50 == 0:
                print(f"{len(loop.reopened)} rounds, {loop.writes} writes", flush=True)
    finally:
        if emulator.process.poll() is None:
            emulator.stop(patience_seconds=300)  # what was found must not be lost to a busy machine
        wait_until(lambda: not processes_of(emulator.folder), 30, "the end of every process")
    return loop


def page(loop: Loop, seed: int, before: str) -> str:
    """What is written down. The loop ends at the first loss, so one that came to its end has lost nothing.

    What the page has of sessions is another soak's, and stays as it was.
    """
    sessions = before.partition(session_soak.BEGIN)[2].partition(session_soak.END)[0]
    kills = sum(loop.killed.values())
    rows = [
        ("`kill -9`, each followed by a restart", f"{len(loop.reopened):,}"),
        ("processes killed in all", f"{kills:,}"),
        *((f"… {what}", f"{count:,}") for what, count in sorted(loop.killed.items())),
        ("writes acknowledged with 2xx", f"{loop.writes:,}"),
        ("… of them lost", "0"),
        ("builds followed to their end", f"{len(loop.builds):,}"),
        ("executions of a job started", f"{loop.executions:,}"),
        ("calls through the ingress", f"{loop.requests:,}"),
        ("processes left after a kill", "0"),
        ("restart to the first answer, median", f"{statistics.median(loop.reopened):.2f} s"),
        ("… 95th percentile", f"{statistics.quantiles(loop.reopened, n=20)[-1]:.2f} s"),
        ("… longest", f"{max(loop.reopened):.2f} s"),
    ]
    table = "\n".join(f"| {what} | {figure} |" for what, figure in rows)
    return f"""# Durability

Written by `make soak`: clients write groups, apps, revisions, secrets, jobs, tags, roles and session pools, build and
deploy bundles, start jobs and call apps, and at random moments the emulator is killed, now and then a program, a shim
or a build of its just before. Until it starts again nothing of it may be left running; after that all that was
acknowledged must be there.

{machine()}, {datetime.now(UTC):%Y-%m-%d}, seed {seed}; load of the last quarter of an hour: {os.getloadavg()[2]:.0f}.

| what | how many |
|---|---|
{table}

## Sessions

Sessions come and go, four at a time: most are stopped, every tenth ends itself, some come back under their name, a few
are left to their cooldown. What the emulator holds is counted after the first fifty, with those few still there, and at
the end. Written by
`python -m tests.bench.session_soak`.

{session_soak.BEGIN}{sessions}{session_soak.END}

What a loss of power and damaged bytes do is a matter of [tests with recorded writes](emulator.md), which need no luck.
"""


if __name__ == "__main__":
    sys.exit(main())

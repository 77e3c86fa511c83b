"""An app whose replicas write numbered lines at full speed once a file is there; they say `ready` first."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = "mcr.microsoft.com/k8se/quickstart:latest"

#: `FILE LINES SECONDS`: every so many seconds afterwards comes one line more, `tick` and nanoseconds since 1970.
PROGRAM = """
import itertools, os, sys, time
go, lines, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
print("ready", flush=True)
while not os.path.exists(go):
    time.sleep(0.02)
for number in range(lines):
    sys.stdout.write(f"line {number} GET /score 200 12 ms, asked by somebody with a browser\\n")
sys.stdout.flush()
while True:
    time.sleep(seconds)
    print("tick", time.time_ns(), flush=True)
"""


def command(go: Path, lines: int, seconds: float = 1000.0) -> list[str]:
    """The program and its arguments."""
    return [sys.executable, "-c", PROGRAM, str(go), str(lines), str(seconds)]


def app(environment_id: str, program: list[str], replicas: int = 1) -> dict[str, Any]:
    """The body of a PUT of the app: without ingress, `replicas` of it from the beginning."""
    return {
        "location": "eastus",
        "properties": {
            "environmentId": environment_id,
            "template": {
                "containers": [
                    {"name": "main", "image": IMAGE, "command": program,
                     "resources": {"cpu": 0.25, "memory": "0.5Gi"}}
                ],
                "scale": {"minReplicas": replicas, "maxReplicas": replicas},
            },
        },
    }  # fmt: skip


def number_of(text: str) -> int | None:
    """The number of a line, or None for what is not one of the numbered."""
    word, _, rest = text.partition(" ")
    return int(rest.partition(" ")[0]) if word == "line" else None

"""How long until something is there: the extension, the emulator, a first answer, a changed answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.bench.figures import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEAVY = ("aiohttp", "azure", "pandas", "plotly", "numpy", "pyarrow", "uvicorn", "starlette", "ipywidgets", "msgspec")
LOAD = """
import json, sys, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
started = time.perf_counter()
shell.run_line_magic("load_ext", "aca_notebook")
seconds = time.perf_counter() - started
loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
print(json.dumps({"seconds": seconds, "loaded": sorted(loaded)}))
"""


def load_extension(home: Path, rounds: int = 9) -> list[Figure]:
    """`%load_ext aca_notebook` in a fresh interpreter that has IPython."""
    taken, heavy = [], set()
    for _ in range(rounds):
        done = subprocess.run(
            [sys.executable, "-c", LOAD], check=True, capture_output=True, text=True, env=clean_environment(home)
        )
        answer = json.loads(done.stdout.splitlines()[-1])
        taken.append(1000 * answer["seconds"])
        heavy |= set(HEAVY) & set(answer["loaded"])
    note = f"imports {', '.join(sorted(heavy))}" if heavy else f"none of {', '.join(HEAVY)} is imported"
    return [Figure("`%load_ext aca_notebook`", "ms", tuple(taken), limit=150, note=note)]


def emulator_start(home: Path, rounds: int = 7) -> list[Figure]:
    """From the start of the process to its ready line; the first start makes keys and seeds as well."""
    first: list[float] = []
    again: list[float] = []
    for number in range(rounds):
        data = home / f"data-{number}"
        for kind in (first, again):
            started = time.perf_counter()
            process = subprocess.Popen(
                [sys.executable, "-m", "aca_notebook.emulator", "--data-dir", str(data)],
                stdout=subprocess.PIPE, text=True, env=clean_environment(home),
            )  # fmt: skip
            process.stdout.readline()
            kind.append(time.perf_counter() - started)
            process.terminate()
            process.wait()
            process.stdout.close()
    return [
        Figure("emulator: first start to ready", "s", tuple(first), limit=1),
        Figure("emulator: later start to ready", "s", tuple(again), limit=1),
    ]


def deploy_and_redeploy(home: Path, rounds: int = 5) -> list[Figure]:
    """From `deploy` to the first answer of a new app, and from a changed cell to the new answer."""
    first, again = [], []
    with local_workspace(home) as workspace:
        warm = deploy_factor(workspace, "warm", 1)
        warm.down()
        for number in range(rounds):
            started = time.perf_counter()
            app = deploy_factor(workspace, f"app{number}", 2)
            assert app.invoke(3.0) == 6.0
            first.append(time.perf_counter() - started)
            started = time.perf_counter()
            app = deploy_factor(workspace, f"app{number}", 5)
            assert app.invoke(3.0) == 15.0
            again.append(time.perf_counter() - started)
            app.down()
    return [
        Figure("first deploy of an app to its first answer", "s", tuple(first), limit=2),
        Figure("redeploy of changed code to the new answer", "s", tuple(again), limit=1),
    ]


@contextmanager
def local_workspace(home: Path) -> Iterator[Any]:
    """A workspace on an emulator of its own, which ends with it."""
    import aca_notebook as aca

    os.environ["ACA_NOTEBOOK_HOME"] = str(home)
    try:
        with aca.connect(target="local") as workspace:
            yield workspace
    finally:
        stop_emulator(home)


def deploy_factor(workspace, name: str, factor: int):
    source = f"def score(x: float) -> float:\n    return {factor} * x\n"
    namespace: dict = {}
    exec(compile(source, "<cell>", "exec"), namespace)  # the cell also runs in the kernel
    workspace.deploy(name, source, namespace)
    return workspace.apps[name]


def stop_emulator(home: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "aca_notebook", "emulator", "stop"],
        check=True,
        env=clean_environment(home),
        capture_output=True,
    )


def clean_environment(home: Path) -> dict[str, str]:
    return {**os.environ, "ACA_NOTEBOOK_HOME": str(home), "IPYTHONDIR": str(home / "ipython")}

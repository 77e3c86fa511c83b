"""An app on a GPU as it runs: who tells its figures when Azure Monitor has none, and its budget over a kill -9."""

from __future__ import annotations

import shutil
import subprocess
from datetime import timedelta
from typing import TYPE_CHECKING

import psutil
import pytest

from aca_notebook import launcher
from aca_notebook.api.workspace import connect
from aca_notebook.model.metric import GPU, GPU_MEMORY
from tests.contract.scenarios import run_cell, soon

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd

    from aca_notebook.api.app import App

pytestmark = [pytest.mark.process, pytest.mark.timeout(240)]

UUID = "GPU-11111111-2222-3333-4444-555555555555"
#: NVIDIA's library as the runner calls it, for one GPU that is a third busy.
LIBRARY = f"""
#include <string.h>
typedef struct {{ unsigned gpu, memory; }} Use;
typedef struct {{ unsigned long long total, free, used; }} Memory;
int nvmlInit_v2(void) {{ return 0; }}
int nvmlDeviceGetCount_v2(unsigned *count) {{ *count = 1; return 0; }}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) {{ *device = (void *)1; return index; }}
int nvmlDeviceGetUUID(void *device, char *uuid, unsigned size) {{ strncpy(uuid, "{UUID}", size); return 0; }}
int nvmlDeviceGetUtilizationRates(void *device, Use *use) {{ use->gpu = 33; use->memory = 5; return 0; }}
int nvmlDeviceGetMemoryInfo(void *device, Memory *memory) {{
  memory->total = 16ull << 30; memory->used = 3ull << 30; memory->free = 13ull << 30; return 0;
}}
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> Path:
    """A folder with the library."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler to make a library of")
    folder = tmp_path_factory.mktemp("nvml")
    (folder / "nvml.c").write_text(LIBRARY)
    built = ["-shared", "-fPIC", "-o", str(folder / "libnvidia-ml.so.1"), str(folder / "nvml.c")]
    subprocess.run([compiler, *built], check=True, timeout=120)
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("costly")
    yield home
    launcher.stop_emulator(launcher.data_dir(home))


def test_the_runners_gpu_figures_stand_in_for_azure_monitors_and_a_budget_outlives_a_kill(
    home, library, monkeypatch
) -> None:
    """One app for both: what takes long is to deploy it."""
    monkeypatch.setenv("ACA_NOTEBOOK_HOME", str(home))
    source = "def score(x: float) -> float:\n    return 2 * x\n"
    variables = {"LD_LIBRARY_PATH": str(library), "CUDA_VISIBLE_DEVICES": UUID}  # the replica's alone
    with connect("local") as workspace:
        workspace.deploy("costly", source, run_cell(source), gpu="A100", min_replicas=1, env=variables, cell="In[2]")
        the_runners_figures_are_shown_with_their_source(workspace.apps["costly"])
        # 6.35 dollars an hour: reached within seconds, by whichever emulator is there then.
        workspace.budgets.create("0.01USD/day", app="costly", stop=True)
    killed(home)
    with connect("local") as workspace:  # nobody of the notebook's side was there meanwhile
        app = workspace.apps["costly"]
        soon(lambda: app.refresh().state.running_status == "Stopped", "what a reached budget does", 120)
        soon(lambda: not app.replicas(), "the end of its replicas", 60)


def the_runners_figures_are_shown_with_their_source(app: App) -> None:
    def seen() -> pd.DataFrame | None:
        frame = app.metrics(since=timedelta(minutes=10), metrics=("gpu",))
        return frame if GPU.column in frame and frame[GPU.column].notna().any() else None

    frame = soon(lambda: [found] if (found := seen()) is not None else [], "a replica that tells of its GPU", 60)[0]
    assert frame[GPU.column].max() == 33.0
    assert frame[GPU_MEMORY.column].max() == 3 * 2**30
    assert "the runner's own figures (NVML" in frame.attrs["note"]


def killed(home: Path) -> None:
    emulator = launcher.find_emulator(launcher.data_dir(home))
    assert emulator is not None
    process = psutil.Process(emulator.pid)
    process.kill()
    psutil.wait_procs([process], timeout=60)

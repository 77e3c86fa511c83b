"""The unmodified Azure CLI, with the very lines of the how-to page.

`az` is an optional peer of some 150 packages: where it is not on PATH this is skipped, also where everything else must
run. What it needs of single answers is tested without it in `tests/emulator/test_azure_cli_needs.py`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from aca_notebook import launcher
from tests.documents import blocks

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(240),
    pytest.mark.skipif(shutil.which("az") is None, reason="the Azure CLI is not on PATH"),
]


@pytest.mark.parametrize("log_in", ["service principal", "managed identity"])
def test_the_azure_cli_deploys_looks_changes_and_deletes_as_the_page_says(tmp_path: Path, log_in: str) -> None:
    home = tmp_path / "home"
    point, deploy, clean = blocks("how-to/use-the-azure-cli.md", "sh")
    if log_in == "managed identity":
        point = point.partition("az login")[0] + "az login --identity\n"
        deploy = "az containerapp list --output table\n"
        clean = ""
    environment = {
        **os.environ,
        "ACA_NOTEBOOK_HOME": str(home),
        "HOME": str(tmp_path),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    try:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"{point}\n{deploy}\n{clean}"],
            env=environment, capture_output=True, text=True, check=False, cwd=tmp_path,
        )  # fmt: skip
    finally:
        launcher.stop_emulator(launcher.data_dir(home))
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    if log_in == "service principal":
        for said in ("Your app hello is running", '"Restart succeeded"', "hello--blue", "ContainerStarted", "Replica"):
            assert said in done.stdout, f"{said!r} is not in what the commands printed"
        assert done.stdout.rstrip().endswith("false")
        assert "s3cret" not in done.stdout + done.stderr

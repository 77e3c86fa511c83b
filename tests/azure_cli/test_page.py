"""The very lines of the how-to page, in a shell, from a home with nothing in it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from aca_notebook import launcher
from tests.azure_cli.shell import interpreter
from tests.documents import blocks

_SAID = (
    "Your app hello is running",
    '"Restart succeeded"',
    "hello--blue",
    "ContainerStarted",
    "Replica",
    "from the vault",
)


def test_the_azure_cli_deploys_looks_changes_and_deletes_as_the_page_says(tmp_path: Path) -> None:
    home = tmp_path / "home"
    point, deploy, vault, clean = blocks("how-to/use-the-azure-cli.md", "sh")
    programs = f"{interpreter().parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    try:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"{point}\n{deploy}\n{vault}\n{clean}"],
            env={**os.environ, "ACA_NOTEBOOK_HOME": str(home), "HOME": str(tmp_path), "PATH": programs},
            capture_output=True, text=True, check=False, cwd=tmp_path,
        )  # fmt: skip
    finally:
        launcher.stop_emulator(launcher.data_dir(home))
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    for said in _SAID:
        assert said in done.stdout, f"{said!r} is not in what the commands printed"
    assert done.stdout.rstrip().endswith("false")
    assert "s3cret" not in done.stdout + done.stderr

"""`binder/` makes an image in which JupyterLab opens on the quickstart and the emulator runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from uv import find_uv_bin

ROOT = Path(__file__).resolve().parents[2]
BINDER = ROOT / "binder"

pytestmark = [pytest.mark.process, pytest.mark.timeout(400)]


def test_repo2docker_makes_its_dockerfile_of_it(tmp_path) -> None:
    shutil.copytree(BINDER, tmp_path / "binder")
    command = [sys.executable, "-m", "repo2docker", "--no-build", "--debug", "."]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    dockerfile = told.stdout + told.stderr
    assert told.returncode == 0, dockerfile[-3000:]
    for line in (
        "Building conda environment for python=3.11", "apt-get install --yes --no-install-recommends bubblewrap",
        '-r "binder/requirements.txt"', "RUN ./binder/postBuild", 'R2D_ENTRYPOINT="${REPO_DIR}/binder/start"',
    ):  # fmt: skip
        assert line in dockerfile


def test_its_scripts_leave_a_running_emulator_and_a_lab_that_opens_on_the_quickstart(tmp_path) -> None:
    """In an environment and a home with nothing in them.

    The panel's build, which has tests of its own, is left out of the clone: that is an error until it is asked for.
    """
    clone, home, made = tmp_path / "clone", tmp_path / "home", tmp_path / "environment"
    home.mkdir()
    _clone(clone)
    environment = {
        "HOME": str(home), "PATH": f"{made / 'bin'}:{Path(find_uv_bin()).parent}:/usr/bin:/bin",
        "UV_COMPILE_BYTECODE": "0", "LANG": "C.UTF-8",
        **{name: value for name, value in os.environ.items() if name.startswith(("UV_", "PIP_", "SSL_", "HTTP"))},
    }  # fmt: skip
    environment["UV_CACHE_DIR"] = subprocess.check_output([find_uv_bin(), "cache", "dir"], text=True).strip()

    def tried(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=clone, env=environment, capture_output=True, text=True, check=False, timeout=300
        )  # fmt: skip

    def run(*command: str) -> str:
        done = tried(*command)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    run(find_uv_bin(), "venv", "--quiet", "--python", sys.executable, str(made))
    packages = ["-r", str(BINDER / "requirements.txt"), "-c", str(_versions(tmp_path))]
    run(find_uv_bin(), "pip", "install", "--quiet", "--python", str(made / "bin" / "python"), *packages)
    without = tried("binder/postBuild")
    assert without.returncode != 0
    assert "built without its JupyterLab panel" in without.stderr
    environment["ACA_NOTEBOOK_REQUIRE_PANEL"] = ""
    try:
        run("binder/postBuild")
        assert "quickstart" in run("jupyter", "lab", "--show-config-json")
        assert (clone / "notebooks" / "00_quickstart.ipynb").exists()
        assert "http" in run("binder/start", "aca-notebook", "emulator", "status")
    finally:
        subprocess.run([made / "bin" / "aca-notebook", "emulator", "stop"], env=environment, check=False)


def _clone(folder: Path) -> None:
    """What postBuild needs of a clone; of the panel only the file that the server reads."""
    folder.mkdir()
    for name in ("aca_notebook", "notebooks", "binder"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "labextension"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "hatch_build.py", "requirements.lock"):
        shutil.copy(ROOT / name, folder / name)
    (folder / "labextension").mkdir()
    shutil.copy(ROOT / "labextension" / "jupyter_server_config.json", folder / "labextension")


def _versions(folder: Path) -> Path:
    """The versions that the tests themselves run with: the newest of everything is not what is tested here."""
    file = folder / "versions.txt"
    installed = subprocess.check_output([find_uv_bin(), "pip", "freeze", "--python", sys.executable], text=True)
    file.write_text("\n".join(line for line in installed.splitlines() if "==" in line))
    return file

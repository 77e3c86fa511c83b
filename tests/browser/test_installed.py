"""The wheel holds what `pip install` promises; in a clean JupyterLab it shows the panel, and nothing is built there."""

from __future__ import annotations

import os
import subprocess
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from uv import find_uv_bin

from tests.browser.jupyter import Lab

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[2]
DATA = "aca_notebook-0.1.0.data/data"
EXTENSION = f"{DATA}/share/jupyter/labextensions/aca-notebook"
SERVER = f"{DATA}/etc/jupyter/jupyter_server_config.d/aca_notebook.json"
pytestmark = [pytest.mark.process, pytest.mark.timeout(600), pytest.mark.filterwarnings("ignore::ResourceWarning")]


def uv(*arguments: str) -> None:
    told = {**os.environ, "ACA_NOTEBOOK_REQUIRE_PANEL": "1"}
    subprocess.run([find_uv_bin(), *arguments], check=True, env=told, stdout=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Our wheel; the panel in it is the one that `make labextension` has built."""
    folder = tmp_path_factory.mktemp("wheel")
    uv("build", "--wheel", "--quiet", "--out-dir", str(folder), str(ROOT))
    (made,) = folder.glob("aca_notebook-*.whl")
    return made


def test_the_wheel_carries_every_module_the_notebooks_the_runners_lock_and_the_panel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "aca_notebook").rglob("*.py")}
    assert modules <= names
    assert {"aca_notebook/runner/requirements.txt", "aca_notebook/py.typed"} <= names
    assert {f"aca_notebook/notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")} <= names
    assert {SERVER, f"{EXTENSION}/package.json"} <= names
    assert any(name.startswith(f"{EXTENSION}/static/remoteEntry.") for name in names)
    assert not any(
        name.startswith(("tests/", "docs/", "labextension/", "aca_notebook/labextension/")) for name in names
    )
    assert not any("node_modules" in name for name in names)


@pytest.mark.browser
def test_a_clean_jupyterlab_shows_the_panel_with_no_build_step(wheel: Path, page: Page, tmp_path: Path) -> None:
    environment = tmp_path / "clean"
    python = str(environment / "bin" / "python")
    uv("venv", "--quiet", str(environment))
    lock = str(ROOT / "requirements-dev.lock")
    uv("pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", lock)
    uv("pip", "install", "--quiet", "--python", python, "--no-deps", str(wheel))
    lab = Lab(tmp_path / "lab", python=python)
    try:
        page.goto(f"{lab.url}/lab?token={lab.token}&reset")
        page.get_by_role("tab", name="ACA notebook").click()
        panel = page.get_by_role("region", name="ACA notebook")
        expect(panel.get_by_role("button", name="Connect", exact=True)).to_be_visible()
        expect(panel).to_contain_text("starts nothing and signs nobody in")
        assert list(lab.aca_home.iterdir()) == []
    finally:
        page.close()  # first: a page whose server goes raises what it was about to fetch
        lab.close()

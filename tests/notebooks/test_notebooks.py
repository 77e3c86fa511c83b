"""The notebooks keep their promises: each runs under nbval against an emulator of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from aca_notebook import launcher

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
SANITIZE = Path(__file__).with_name("sanitize.cfg")
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
#: The tag nbval knows for "this output is a promise".
PROMISE = "nbval-check-output"
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")


@pytest.mark.process
@pytest.mark.timeout(400)
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_keeps_its_promises(notebook: Path, tmp_path) -> None:
    """As `pytest --nbval-lax --nbval-sanitize-with tests/notebooks/sanitize.cfg notebooks/` by hand."""
    home = tmp_path / "home"
    command = [
        sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-sanitize-with", str(SANITIZE), str(notebook), "-q",
        "-W", "default", "-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:xdist", "--timeout", "360",
    ]  # fmt: skip
    try:
        ran = subprocess.run(
            command, cwd=FOLDER.parent, env=os.environ | {"ACA_NOTEBOOK_HOME": str(home)},
            capture_output=True, text=True, check=False, timeout=380,
        )  # fmt: skip
    finally:
        launcher.stop_emulator(launcher.data_dir(home))
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-2000:]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_only_promised_outputs_are_kept(notebook: Path) -> None:
    cells = [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]
    promised = [cell for cell in cells if PROMISE in cell.metadata.get("tags", [])]
    assert len(promised) >= 3
    assert all(cell.outputs for cell in promised)
    assert not any(cell.outputs or cell.execution_count for cell in cells if cell not in promised)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_says_what_one_learns_and_how_long_that_takes(notebook: Path) -> None:
    first, *_ = nbformat.read(notebook, as_version=4).cells
    assert first.source.startswith("# ")
    for word in ("**You learn** ", "**Time:** ", "**You need:** "):
        assert word in first.source.replace("\n", " ")


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebooks_links_lead_somewhere(notebook: Path) -> None:
    text = "\n".join(cell.source for cell in nbformat.read(notebook, as_version=4).cells)
    assert [to for to in LINK.findall(text) if not (FOLDER / to).exists()] == []


def test_the_quickstart_is_the_journey_of_the_readme() -> None:
    source = "\n".join(cell.source for cell in nbformat.read(FOLDER / "00_quickstart.ipynb", as_version=4).cells)
    for line in (
        "%load_ext aca_notebook", "%aca target local", "%%aca deploy scorer --gpu T4", "score.remote(9.0)",
        "scorer = %aca show scorer", "%aca curl scorer", "%aca logs scorer", "%aca ps", "%aca metrics scorer --plot",
        "%aca cost scorer --plot", "%aca down scorer",
    ):  # fmt: skip
        assert line in source

"""The wheel holds what `pip install .` promises: the package, its data and the tutorials."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import pytest
from uv import find_uv_bin

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.process
@pytest.mark.timeout(120)
def test_the_wheel_carries_the_notebooks_the_runners_lock_and_every_module(tmp_path):
    subprocess.run(
        [find_uv_bin(), "build", "--wheel", "--quiet", "--out-dir", str(tmp_path), str(ROOT)], check=True, timeout=110
    )
    (wheel,) = tmp_path.glob("aca_notebook-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "aca_notebook").rglob("*.py")}
    assert modules <= names
    assert {"aca_notebook/runner/requirements.txt", "aca_notebook/py.typed"} <= names
    assert {f"aca_notebook/notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")} <= names
    assert not any(name.startswith(("tests/", "docs/")) for name in names)

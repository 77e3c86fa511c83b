"""What loading costs, in a fresh interpreter: time and modules."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = (
    "azure",
    "aiohttp",
    "msal",
    "pandas",
    "numpy",
    "plotly",
    "pyarrow",
    "uvicorn",
    "starlette",
    "msgspec",
    "anywidget",
)

LOAD = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
before = set(sys.modules)
shell.run_line_magic("load_ext", "aca_notebook")
loading = sorted(set(sys.modules) - before)
shell.run_line_magic("aca", "help")
print(json.dumps({"loading": loading, "modules": sorted(set(sys.modules) - before)}))
"""


def fresh(program: str, tmp_path) -> dict:
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=25,
        env={"PATH": "", "IPYTHONDIR": str(tmp_path), "HOME": str(tmp_path), "PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip
    return json.loads(told.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def loaded(tmp_path_factory) -> dict:
    return fresh(LOAD, tmp_path_factory.mktemp("ipython"))


def test_loading_the_extension_and_asking_for_help_import_no_heavy_module(loaded) -> None:
    roots = {name.partition(".")[0] for name in loaded["modules"]}
    assert not roots & set(HEAVY)


def test_asking_for_help_imports_only_the_grammar_of_ours(loaded) -> None:
    ours = {name for name in loaded["modules"] if name.startswith("aca_notebook.")}
    allowed = ("aca_notebook.errors", "aca_notebook.magics", "aca_notebook.model")
    assert ours
    assert all(name.startswith(allowed) for name in ours)
    assert "aca_notebook.magics.commands" not in ours


def test_loading_the_extension_waits_with_the_grammar_until_somebody_asks(loaded) -> None:
    ours = {name for name in loaded["loading"] if name.startswith("aca_notebook.")}
    assert ours == {
        "aca_notebook.errors",
        "aca_notebook.magics",
        "aca_notebook.magics.aca",
        "aca_notebook.magics.words",
    }


def test_importing_the_package_imports_nothing_else_of_ours(tmp_path) -> None:
    program = (
        "import json, sys, aca_notebook; print(json.dumps([n for n in sys.modules if n.startswith('aca_notebook.')]))"
    )
    assert fresh(program, tmp_path) == []


def test_asking_the_emulator_for_help_imports_no_server(tmp_path) -> None:
    program = """
import contextlib, json, sys
from aca_notebook.emulator.__main__ import main
with contextlib.suppress(SystemExit):
    main(["--help"])
print(json.dumps(sorted(sys.modules)))
"""
    heavy = {"uvicorn", "uvloop", "starlette", "cryptography", "jwt", "psutil", "aca_notebook.emulator.main"}
    assert not heavy & set(fresh(program, tmp_path))

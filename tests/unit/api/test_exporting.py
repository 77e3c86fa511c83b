"""A cell as files to keep: what an image is built from, and a module that runs where nothing of ours is installed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from aca_notebook.api.exporting import check_name, exported, files_of, run_line
from aca_notebook.api.packing import Source, pack
from aca_notebook.errors import UsageFailed

if TYPE_CHECKING:
    from pathlib import Path

FUNCTION = "factor = 3\ndef score(x: float) -> float:\n    return factor * x\n"
CLASS = """
import aca_notebook

@aca_notebook.cls
class Model:
    @aca_notebook.enter
    def load(self):
        self.weight = 2.0

    @aca_notebook.method
    def predict(self, x: float) -> float:
        return self.weight * x
"""


def exports(source: str, form: str, **names: object) -> dict[str, bytes]:
    namespace = {"__name__": "__main__", **names}
    exec(compile(source, "<cell>", "exec"), namespace)  # what a cell is
    packed = pack(Source(source, namespace, cell="In[1]"))
    return exported("my-scorer", packed.archive(), form, example=packed.facts.example)


def ran(folder: Path, files: dict[str, bytes], *given: str, packages: bool = False) -> object:
    """Run the module by an interpreter that sees the standard library and the folder, and nothing else.

    With `packages` it sees what is installed here as well; the folder comes first.
    """
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    code = "import runpy, sys; sys.path.insert(0, '.'); runpy.run_path('my_scorer.py', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-I", *([] if packages else ["-S"]), "-c", code, *given],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_functions_module_runs_by_itself_and_needs_nothing_of_ours(tmp_path: Path) -> None:
    files = exports(FUNCTION, "py")
    assert sorted(files) == ["my_scorer.py", "requirements.txt"]
    assert files["requirements.txt"] == b""
    assert ran(tmp_path, files) == 27.0, "called with the example"
    assert ran(tmp_path, files, '{"x": 2}') == 6.0


def test_a_class_is_entered_and_its_method_called(tmp_path: Path) -> None:
    files = exports(CLASS, "py")
    assert "aca_notebook/runner/standin.py" in files
    assert ran(tmp_path, files, '{"x": 4}') == 8.0


def test_stored_data_comes_along(tmp_path: Path) -> None:
    stored = [float(n) for n in range(2000)]
    files = exports("def score(x: int) -> float:\n    return stored[x]\n", "py", stored=stored)
    assert any(path.startswith("data/") for path in files)
    assert re.fullmatch(rb"msgspec==[\d.]+\n", files["requirements.txt"]), "what reads it"
    assert ran(tmp_path, files, '{"x": 1999}', packages=True) == 1999.0


def test_a_dockerfiles_folder_is_what_a_deploy_uploads_and_names_nothing_that_is_not_there() -> None:
    namespace = {"__name__": "__main__"}
    exec(FUNCTION, namespace)  # what a cell is
    packed = pack(Source(FUNCTION, namespace, cell="In[1]"))
    files = exported("my-scorer", packed.archive(), "dockerfile")
    assert files == files_of(packed.archive())
    lines = [line.split() for line in files["Dockerfile"].decode().splitlines() if line]
    assert {first for first, *_ in lines} <= {"FROM", "RUN", "WORKDIR", "COPY", "USER", "ENV", "EXPOSE", "CMD"}
    assert all(source in {".", *files} for first, *rest in lines if first == "COPY" for source in rest[:-1])
    (command,) = (line for line in files["Dockerfile"].decode().splitlines() if line.startswith("CMD"))
    assert json.loads(command.removeprefix("CMD ")) == ["python", "-m", "aca_notebook.runner"]
    assert "aca_notebook/runner/__main__.py" in files


def test_a_line_of_the_shell_runs_each() -> None:
    assert run_line("my-scorer", "dockerfile", "out").startswith("docker build -t my-scorer out && docker run -p 8000:")
    assert re.search(r"^cd out && .*/python my_scorer\.py$", run_line("my-scorer", "py", "out"))


def test_an_app_whose_cell_is_elsewhere_says_where_to_ask() -> None:
    check_name("arm", "web")
    with pytest.raises(UsageFailed, match="which the platform does not have") as refused:
        check_name("py", "web")
    assert "%aca export web --to py" in refused.value.hint

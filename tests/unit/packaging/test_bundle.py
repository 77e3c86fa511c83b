"""The bundle holds what the container needs, the same bytes for the same input, and says what it holds."""

from __future__ import annotations

import io
import json
import tarfile

from aca_notebook.packaging import bundle
from aca_notebook.packaging.requirements import Lock, runner_lock
from tests.fakes.notebook import Notebook

LOCK = Lock(runner_lock())


def files_of(made: bundle.Bundle) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(made.archive())) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}


def test_the_context_holds_source_data_runner_lock_and_dockerfile():
    captured = Notebook("import numpy as np\nW = np.arange(3)").deploy("def f(): return W")

    files = files_of(bundle.build(captured, LOCK))

    assert {"bundle.json", "Dockerfile", "requirements.txt", "app/cell.py", "app/data/W.npy"} <= files.keys()
    assert {"aca_notebook/__init__.py", "aca_notebook/runner/__main__.py"} <= files.keys()
    assert files["app/cell.py"].decode() == captured.module_source
    assert not [path for path in files if "pycache" in path or path.startswith(("/", "."))]
    assert b"USER app" in files["Dockerfile"]
    assert b'CMD ["python", "-m", "aca_notebook.runner"]' in files["Dockerfile"]


def test_the_manifest_says_what_is_served_and_where_lines_come_from():
    captured = Notebook("K = [1] * 300").deploy('def f(x: int, y="a"):\n    "Adds."\n    return K')

    manifest = json.loads(files_of(bundle.build(captured, LOCK))["bundle.json"])

    assert (manifest["schema"], manifest["protocol"], manifest["entry"]) == (1, 1, "f")
    assert manifest["command"] == ["python", "-m", "aca_notebook.runner"]
    assert manifest["exports"] == [
        {
            "name": "f",
            "kind": "function",
            "doc": "Adds.",
            "parameters": [
                {"name": "x", "kind": "positional_or_keyword", "required": True, "type": "int"},
                {"name": "y", "kind": "positional_or_keyword", "required": False, "default": "'a'"},
            ],
        }
    ]
    assert [(each["name"], each["format"], each["file"]) for each in manifest["data"]] == [
        ("K", "plain", "app/data/K.pickle")
    ]
    assert manifest["lines"][-1]["cell"] == "In[2]"


def test_the_same_input_gives_the_same_bytes():
    def made():
        return bundle.build(Notebook("S = {'b', 'a'}\nD = {'x': {1, 2}}").deploy("def f(): return S, D"), LOCK)

    assert made().archive() == made().archive()


def test_running_the_cell_again_does_not_change_the_digest():
    notebook = Notebook("K = 1")
    first = bundle.build(notebook.deploy("def f(): return K"), LOCK)
    notebook.run("unrelated = 2")
    again = bundle.build(notebook.deploy("def f(): return K"), LOCK)

    assert first.manifest["lines"] != again.manifest["lines"]
    assert first.digest == again.digest


def test_code_data_packages_and_entry_each_change_the_digest():
    notebook = Notebook("import numpy as np\nK = np.arange(300)")
    cell = "def f(): return K\ndef g(): pass"
    digest = bundle.build(notebook.deploy(cell), LOCK).digest

    assert bundle.build(notebook.deploy(cell), Lock(runner_lock() + "numpy==1\n")).digest != digest
    assert bundle.build(notebook.deploy(cell, entry="f"), LOCK).digest != digest
    assert bundle.build(notebook.deploy(cell + "\n# changed"), LOCK).digest != digest
    notebook.run("K = np.arange(301)")
    assert bundle.build(notebook.deploy(cell), LOCK).digest != digest


def test_an_estimators_digest_is_stable_within_a_kernel_and_the_preview_says_so():
    notebook = Notebook(
        "from sklearn.linear_model import LinearRegression\nmodel = LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])"
    )
    cell = "def f(x: float): return float(model.predict([[x]])[0])"
    first, again = (bundle.build(notebook.deploy(cell), LOCK) for _ in range(2))
    (model,) = [item for item in first.preview if item.name == "model"]

    assert first.digest == again.digest
    assert model.kind == "estimator"
    assert "sklearn" in model.note
    assert "stable only within this kernel" in model.note


def test_the_preview_shows_everything_that_ships():
    notebook = Notebook("import numpy as np\nSCALE = 2.0\nW = np.zeros(1000)\ndef scaled(): return SCALE * W")
    lock = Lock(runner_lock(), ("numpy==2.0",), ("torch 2.3+cpu here, 2.3 in the container",))

    preview = bundle.build(notebook.deploy("def f(x): return scaled()"), lock).preview

    assert [(item.name, item.kind) for item in preview] == [
        ("f", "function"),
        ("cell.py", "source"),
        ("SCALE", "constant"),
        ("W", "array"),
        ("numpy==2.0", "package"),
        ("torch", "package"),
        ("runner", "runner"),
    ]
    assert {item.name: item.size_bytes for item in preview}["W"] == 8128
    assert {item.name: item.note for item in preview}["cell.py"] == "from In[1], In[2]"

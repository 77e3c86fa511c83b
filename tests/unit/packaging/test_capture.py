"""What cannot travel is an error that names the variable and the line; what is served is what the cell says."""

from __future__ import annotations

import io

import pytest

from aca_notebook.errors import CaptureFailed
from aca_notebook.packaging.capture import capture_cell
from tests.fakes.notebook import Notebook, unpacked

REFUSED = {
    "a syntax error": ([], "def f(x)\n    return x", {"line": 1, "says": "syntax error"}),
    "a magic": ([], "x = 1\n%timeit x\ndef f(): pass", {"line": 2, "says": "%timeit x"}),
    "a shell command": ([], "!pip install x\ndef f(): pass", {"line": 1, "says": "!pip install x"}),
    "a shell command's output": ([], "files = !ls\ndef f(): pass", {"line": 1, "says": "works only in a notebook"}),
    "nothing to call": ([], "x = 1", {"line": 0, "says": "nothing to call"}),
    "an empty cell": ([], "", {"line": 0, "says": "nothing to call"}),
    "a name nobody gave a value": (
        [],
        "def f():\n    return missing",
        {"line": 2, "name": "missing", "says": "NameError"},
    ),
    "a deleted name": (["K = 1", "del K"], "def f(): return K", {"line": 1, "name": "K", "says": "NameError"}),
    "a helper's missing name": (
        ["def g():\n    return gone"],
        "def f(): return g()",
        {"cell": "In[1]", "line": 2, "name": "gone", "says": "NameError"},
    ),
    "a star import": (
        ["from math import *"],
        "from math import *\ndef f(x): return sqrt(x)",
        {"line": 1, "says": "math import *", "hint": "from math import sqrt"},
    ),
    "the notebook's own functions": ([], "def f(): return get_ipython()", {"line": 1, "name": "get_ipython"}),
    "display": ([], "def f(): display(1)", {"line": 1, "name": "display", "hint": "print"}),
    "a value changed in place": (
        ["t = 1"],
        "t = t + 1\ndef f(): return t",
        {"line": 1, "name": "t", "says": "before it ran"},
    ),
    "a value added to": (["t = 1"], "t += 1\ndef f(): return t", {"line": 1, "name": "t", "says": "before it ran"}),
    "a value the cell deletes": (
        ["t = 1"],
        "def f(): return 1\ndel t",
        {"line": 2, "name": "t", "says": "before it ran"},
    ),
    "a table of functions that was changed since": (
        ["OPS = {'a': lambda x: x}", "OPS['b'] = lambda x: -x"],
        "def f(): return OPS",
        {"line": 1, "name": "OPS", "says": "no name"},
    ),
    "an open file": (
        ["import io\nhandle = io.StringIO('x')"],
        "def f():\n    return handle.read()",
        {"line": 2, "name": "handle", "says": "StringIO", "hint": "open it inside"},
    ),
    "a lock": (
        ["import threading\nlock = threading.Lock()"],
        "def f():\n    with lock: pass",
        {"line": 2, "name": "lock", "says": "`lock` cannot travel: it is a _thread.lock\n"},
    ),
    "a generator": (["g = (x for x in [1])"], "def f(): return next(g)", {"line": 1, "name": "g", "says": "generator"}),
    "an array of objects": (
        ["import numpy as np\nA = np.array([object()])"],
        "def f(): return A",
        {"line": 1, "name": "A", "says": "array of Python objects"},
    ),
    "a frame with objects": (
        ["import pandas as pd\nT = pd.DataFrame({'a': [object()]})"],
        "def f(): return T",
        {"line": 1, "name": "T", "says": "frame"},
    ),
    "more than a bundle carries": (
        ["import numpy as np\nA = np.zeros(17 * 2**20, dtype='uint8')"],
        "def f(): return A",
        {"line": 1, "name": "A", "says": "17.0 MiB", "hint": "volume"},
    ),
    "text larger than a bundle carries": (
        ["A = {'a': 'x' * (17 * 2**20)}"],
        "def f(): return A",
        {"line": 1, "name": "A", "says": "more than 16.0 MiB", "hint": "volume"},
    ),
    "three thousand lists in each other": (
        ["d = []\nfor _ in range(3000): d = [d]"],
        "def f():\n    return d",
        {"line": 2, "name": "d", "says": "nested too deeply"},
    ),
    "a patched library": (
        ["import math\ndef fake(x): return 0\nmath.sqrt_fake = fake"],
        "def f(): return math.sqrt_fake(1)",
        {"line": 1, "name": "math", "says": "replaced"},
    ),
    "an object of an earlier version of a class": (
        ["class C: pass\nc = C()", "class C: pass"],
        "def f(): return c",
        {"line": 1, "name": "c", "says": "earlier `C`", "hint": "make it again"},
    ),
    "an object of a class without a name": (
        ["def make():\n    class Inner: pass\n    return Inner()\nc = make()"],
        "def f(): return c",
        {"line": 1, "name": "c", "says": "Inner", "hint": "top of a cell"},
    ),
    "an earlier version of a helper": (
        ["def g(): return 1\nh = g", "def g(): return 2"],
        "def f(): return h()",
        {"line": 1, "name": "h", "says": "defined again"},
    ),
}


@pytest.mark.parametrize(("cells", "cell", "expected"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_travel_is_named_with_its_line(cells, cell, expected):
    notebook = Notebook(*cells)
    try:
        source = notebook.run(cell)
    except (SyntaxError, NameError):
        source = cell

    with pytest.raises(CaptureFailed) as refused:
        notebook.capture(source)

    assert expected.get("says", "") in str(refused.value)
    assert expected.get("hint", "") in refused.value.hint
    assert refused.value.hint
    assert refused.value.line == expected["line"]
    assert refused.value.name == expected.get("name", refused.value.name)
    assert refused.value.cell == expected.get("cell", refused.value.cell)


MADE = {
    "a list in itself": ("v = [1]\nv.append(v)", "v[1] is v"),
    "a dict in itself": ("v = {}\nv['me'] = v", "v['me'] is v"),
    "one list 2^40 times": ("v = [1]\nfor _ in range(40): v = [v, v]", "v[0] is v[1] and len(v[0][1]) == 2"),
    "an integer of 5000 digits": ("v = 10**5000", "v == 10**5000"),
    "two hundred lists in each other": ("v = []\nfor _ in range(200): v = [v]", "len(v[0][0][0]) == 1"),
    "objects that know each other": (
        "class Node: pass\nv = Node()\nv.child = Node()\nv.child.parent = v",
        "v.child.parent is v",
    ),
}


@pytest.mark.parametrize(("made", "holds"), MADE.values(), ids=MADE.keys())
def test_a_value_travels_however_its_parts_hold_each_other(made, holds, tmp_path):
    captured = Notebook(made).deploy("def f(): return v")
    again = Notebook(made).deploy("def f(): return v")

    assert eval(holds, {"v": unpacked(captured, tmp_path / "app").v})
    assert [each.digest for each in captured.data] == [each.digest for each in again.data]


def test_the_function_of_a_cell_is_served_with_its_parameters():
    captured = Notebook().deploy('def score(x: float, *, n: int = 2) -> float:\n    "Twice."\n    return x * n')

    (score,) = captured.exports

    assert (score.name, score.kind, score.doc) == ("score", "function", "Twice.")
    assert [(p.name, p.kind, p.required, p.annotation, p.default) for p in score.parameters] == [
        ("x", "positional_or_keyword", True, "float", ""),
        ("n", "keyword_only", False, "int", "2"),
    ]


def test_the_last_of_several_is_what_the_root_calls():
    captured = Notebook().deploy("def a(): pass\ndef b(): pass\ndef _c(): pass")

    assert [each.name for each in captured.exports] == ["a", "b"]
    assert captured.entry == "b"


def test_the_entry_may_be_named_and_must_exist():
    notebook = Notebook()

    assert notebook.deploy("def a(): pass\ndef b(): pass", entry="a").entry == "a"
    with pytest.raises(CaptureFailed, match="defines no `c`") as refused:
        notebook.deploy("def a(): pass\ndef b(): pass", entry="c")
    assert "a, b" in refused.value.hint


def test_a_marked_class_serves_its_marked_methods():
    captured = Notebook("import aca_notebook.runner.standin as aca").deploy(
        """
        @aca.cls
        class Model:
            @aca.enter
            def load(self): self.k = 2
            @aca.method
            def predict(self, rows: list[float]): return [self.k * row for row in rows]
            def helper(self): pass
        """
    )

    (model,) = captured.exports

    assert model.kind == "class"
    assert [(m.name, [p.name for p in m.parameters]) for m in model.methods] == [("predict", ["rows"])]
    assert "aca_notebook" not in {each.root for each in captured.imports}


def test_a_plain_class_serves_its_public_methods():
    captured = Notebook().deploy("class Model:\n    def predict(self, x): return x\n    def _hidden(self): pass")

    assert [(each.kind, [m.name for m in each.methods]) for each in captured.exports] == [("class", ["predict"])]


@pytest.mark.parametrize(
    "helper",
    [
        "from dataclasses import dataclass\n@dataclass\nclass C:\n    x: int = 0\n    def m(self): pass",
        "import enum\nclass C(enum.Enum):\n    A = 1\n    def m(self): pass",
        "from typing import TypedDict\nclass C(TypedDict):\n    x: int",
        "class C(Exception):\n    def m(self): pass",
        "class C:\n    def __init__(self, x): self.x = x\n    def m(self): pass",
        "class C:\n    pass",
    ],
    ids=["dataclass", "enum", "typed dict", "exception", "needs arguments", "no methods"],
)
def test_a_class_that_only_holds_data_is_not_served(helper):
    captured = Notebook().deploy(f"{helper}\ndef f(): return C")

    assert [each.name for each in captured.exports] == ["f"]


def test_an_asgi_application_is_served_alone_as_it_is():
    captured = Notebook("import fastapi").deploy("app = fastapi.FastAPI()\n@app.post('/hi')\ndef hi(): return 1")

    assert [(each.name, each.kind) for each in captured.exports] == [("app", "asgi")]
    assert captured.entry == "app"


@pytest.mark.parametrize("cell", ["", "# only a remark", "K = 5"])
def test_an_entry_of_an_earlier_cell_is_served_by_a_cell_that_defines_nothing(cell, tmp_path):
    notebook = Notebook("K = 2\ndef f(x): return helper(x)\ndef helper(x): return K * x")

    captured = notebook.deploy(cell, entry="f")

    assert ([each.name for each in captured.exports], captured.entry) == (["f"], "f")
    assert unpacked(captured, tmp_path / "app").f(3) == (15 if cell == "K = 5" else 6)


def test_a_method_of_an_earlier_cell_is_an_entry_too():
    notebook = Notebook("class Model:\n    def predict(self, x): return x\n    def fit(self): pass")

    assert notebook.deploy("", entry="Model.predict").entry == "Model.predict"
    with pytest.raises(CaptureFailed, match="nothing to call"):
        notebook.deploy("", entry="missing")


def test_a_lambda_with_a_name_is_served():
    assert [each.name for each in Notebook().deploy("double = lambda x: 2 * x").exports] == ["double"]


def test_cells_are_called_as_the_notebook_calls_them():
    notebook = Notebook("A = 1")
    notebook.namespace["In"].append("get_ipython().run_cell_magic('aca', 'deploy scorer', 'def f(): return A\\n')")
    exec("def f(): return A", notebook.namespace)

    captured = capture_cell("def f(): return A\n", notebook.namespace)

    assert {run.cell for run in captured.lines} == {"In[2]"}
    assert {run.cell for run in capture_cell("def f(): return A", notebook.namespace, cell="In[9]").lines} == {"In[9]"}


def test_future_annotations_of_the_cell_stay_first_in_the_module(tmp_path):
    captured = Notebook("K = 1").deploy("from __future__ import annotations\n\ndef f(x: Nowhere = 2): return x + K")

    assert captured.module_source.startswith("from __future__ import annotations\n")
    assert unpacked(captured, tmp_path / "app").f() == 3


def test_a_large_value_travels_with_a_warning():
    captured = Notebook("import numpy as np\nA = np.zeros(300_000, dtype='uint8')").deploy("def f(): return A")

    assert captured.warnings == ("`A` adds 293 KiB to every deploy",)


def test_a_constant_that_looks_like_a_secret_is_warned_about_without_its_value():
    captured = Notebook("API_TOKEN = 'hunter2'").deploy("def f(): return API_TOKEN")

    (warning,) = captured.warnings
    assert "API_TOKEN" in warning
    assert "hunter2" not in warning


def test_modules_of_the_project_travel_with_what_they_import(tmp_path, monkeypatch):
    project = tmp_path / "project"
    (project / "features").mkdir(parents=True)
    (project / "features" / "__init__.py").write_text("from features.scale import twice\nimport settings_of_mine\n")
    (project / "features" / "scale.py").write_text("import numpy as np\ndef twice(x): return int(np.multiply(2, x))\n")
    (project / "settings_of_mine.py").write_text("K = 5\n")
    monkeypatch.syspath_prepend(str(project))

    captured = Notebook("from features import twice").deploy("def f(x): return twice(x)")

    assert {module.name: [path for path, _ in module.files] for module in captured.local_modules} == {
        "features": ["features/__init__.py", "features/scale.py"],
        "settings_of_mine": ["settings_of_mine.py"],
    }
    assert {each.root for each in captured.imports} == {"numpy"}
    before = captured.local_modules[0].digest
    (project / "features" / "scale.py").write_text("def twice(x): return 2 * x\n")
    after = Notebook("from features import twice").deploy("def f(x): return twice(x)").local_modules[0].digest
    assert before != after


def test_a_project_module_with_compiled_code_is_refused(tmp_path, monkeypatch):
    (tmp_path / "quick").mkdir()
    (tmp_path / "quick" / "__init__.py").write_text("K = 1\n")
    (tmp_path / "quick" / "core.so").write_bytes(b"\x7fELF")
    monkeypatch.syspath_prepend(str(tmp_path))

    with pytest.raises(CaptureFailed, match="compiled code"):
        Notebook("import quick").deploy("def f(): return quick.K")


def test_a_script_may_deploy_what_it_defines(tmp_path):
    script = tmp_path / "train.py"
    script.write_text("K = 4\n\ndef helper(x):\n    return x * K\n\ndef f(x):\n    return helper(x)\n")
    namespace = {"__name__": "__main__"}
    exec(compile(script.read_text(), str(script), "exec"), namespace)

    captured = capture_cell("def f(x):\n    return helper(x)\n", namespace)

    assert unpacked(captured, tmp_path / "app").f(2) == 8
    assert captured.lines[0].cell == "train.py"
    assert captured.lines[0].cell_line == 3


def test_a_function_that_a_cell_magic_compiled_is_found_in_the_history(tmp_path):
    notebook = Notebook()
    body = "K = 3\ndef helper(x):\n    return K * x\n"
    notebook.namespace["In"].append(f"get_ipython().run_cell_magic('time', '', {body!r})")
    exec(compile(body, "<timed exec>", "exec"), notebook.namespace)

    captured = notebook.deploy("def f(x): return helper(x)")

    assert unpacked(captured, tmp_path / "app").f(2) == 6
    assert "In[1]" in {run.cell for run in captured.lines}


def test_a_name_of_ours_never_takes_one_of_the_notebooks(tmp_path):
    notebook = Notebook(
        "_triple_n = 'mine'\ndef times(n):\n    def inner(x): return x * n\n    return inner\ntriple = times(3)"
    )

    module = unpacked(notebook.deploy("def f(x): return triple(x), _triple_n"), tmp_path / "app")

    assert module.f(2) == (6, "mine")


def test_an_open_stream_is_not_read(tmp_path):
    stream = io.StringIO("secret")
    notebook = Notebook()
    notebook.namespace["stream"] = stream

    with pytest.raises(CaptureFailed):
        notebook.deploy("def f(): return stream")

    assert stream.tell() == 0

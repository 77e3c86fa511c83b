"""What a cell needs of the notebook travels with it: each case runs the emitted module in a fresh namespace."""

from __future__ import annotations

import pytest

from tests.fakes.notebook import Notebook, unpacked

CASES = {
    "a constant of an earlier cell": (["SCALE = 2.0"], "def f(x): return SCALE * x", "f(3)", 6.0),
    "a helper and what the helper needs": (
        ["import math\nBASE = 1", "def helper(x): return BASE + math.sqrt(x)"],
        "def f(x): return helper(x)",
        "f(9)",
        4.0,
    ),
    "an import under another name": (["import math as m"], "def f(x): return m.floor(x)", "f(2.5)", 2),
    "a name imported from a module": (["from math import sqrt"], "def f(x): return sqrt(x)", "f(4)", 2.0),
    "a name imported under another name": (["from math import sqrt as root"], "def f(x): return root(x)", "f(4)", 2.0),
    "a constant imported from a module": (["from math import pi"], "def f(): return round(pi, 2)", "f()", 3.14),
    "a submodule reached by attributes": (
        ["import xml.etree.ElementTree"],
        "def f(): return xml.etree.ElementTree.fromstring('<a/>').tag",
        "f()",
        "a",
    ),
    "a submodule under a short name": (["import os.path as p"], "def f(): return p.join('a', 'b')", "f()", "a/b"),
    "a module imported from a package": (
        ["from concurrent import futures"],
        "def f(): return futures.__name__",
        "f()",
        "concurrent.futures",
    ),
    "a class of the standard library": (
        ["from collections import Counter"],
        "def f(): return Counter('aab')['a']",
        "f()",
        2,
    ),
    "an alias of a library's function": (["import math\nroot = math.sqrt"], "def f(x): return root(x)", "f(4)", 2.0),
    "a decorator": (
        ["def twice(fn):\n    def wrapper(x): return 2 * fn(x)\n    return wrapper"],
        "@twice\ndef f(x): return x + 1",
        "f(1)",
        4,
    ),
    "a decorated helper": (
        ["import functools", "@functools.lru_cache(maxsize=None)\ndef slow(x): return x * 10"],
        "def f(x): return slow(x)",
        "f(2)",
        20,
    ),
    "a helper decorated without wraps": (
        ["def twice(fn):\n    def wrapper(x): return 2 * fn(x)\n    return wrapper", "@twice\ndef g(x): return x"],
        "def f(x): return g(x)",
        "f(2)",
        4,
    ),
    "a default argument": (["N = 5"], "def f(x, n=N): return x + n", "f(1)", 6),
    "an annotation": (["from typing import Optional"], "def f(x: Optional[int] = None): return x", "f()", None),
    "an annotation in quotes": (["class Thing: pass"], "def f(x: 'Thing' = None): return 1", "f()", 1),
    "an annotation nobody can resolve, in quotes": ([], "def f(x: 'Nowhere' = None): return 1", "f()", 1),
    "future annotations": ([], "from __future__ import annotations\ndef f(x: Nowhere = None): return 1", "f()", 1),
    "a nested function": (["K = 3"], "def f(x):\n    def inner(y): return y * K\n    return inner(x)", "f(2)", 6),
    "a name used in a list comprehension": (["K = 3"], "def f(xs): return [x * K for x in xs]", "f([1, 2])", [3, 6]),
    "a comprehension's variable is its own": (["x = 99"], "def f(xs): return [x for x in xs]", "f([1])", [1]),
    "a comprehension at the top of the cell": (
        ["K = 3"],
        "T = [i * K for i in range(3)]\ndef f(): return T",
        "f()",
        [0, 3, 6],
    ),
    "a generator's condition": (["LIMIT = 2"], "def f(xs): return sum(x for x in xs if x > LIMIT)", "f([1, 3])", 3),
    "a global that is changed": (
        ["count = 0"],
        "def f():\n    global count\n    count += 1\n    return count",
        "f()",
        1,
    ),
    "a global that is made by the function": ([], "def f():\n    global made\n    made = 4\n    return made", "f()", 4),
    "recursion": ([], "def f(n): return 1 if n < 2 else n * f(n - 1)", "f(5)", 120),
    "two helpers that call each other": (
        ["def even(n): return True if n == 0 else odd(n - 1)\ndef odd(n): return False if n == 0 else even(n - 1)"],
        "def f(n): return even(n)",
        "f(4)",
        True,
    ),
    "a lambda": (["double = lambda x: x * 2"], "def f(x): return double(x)", "f(4)", 8),
    "a lambda that needs a constant": (["K = 7", "plus = lambda x: x + K"], "def f(x): return plus(x)", "f(1)", 8),
    "a function that another one made": (
        ["def times(n):\n    def inner(x):\n        return x * n\n    return inner\ntriple = times(3)"],
        "def f(x): return triple(x)",
        "f(2)",
        6,
    ),
    "a lambda that a function made": (
        ["def adder(n): return lambda x: x + n\nadd2 = adder(2)"],
        "def f(x): return add2(x)",
        "f(1)",
        3,
    ),
    "a made function that closes over a helper": (
        [
            "def inc(x): return x + 1",
            "def lift(fn):\n    def inner(x): return fn(fn(x))\n    return inner\ntwo = lift(inc)",
        ],
        "def f(x): return two(x)",
        "f(0)",
        2,
    ),
    "a class": (["class P:\n    k = 2\n    def m(self, x): return self.k * x"], "def f(x): return P().m(x)", "f(3)", 6),
    "a class and its base": (
        ["class A:\n    def m(self): return 1", "class B(A):\n    def n(self): return self.m() + 1"],
        "def f(): return B().n()",
        "f()",
        2,
    ),
    "a base whose method makes the derived class": (
        ["class A:\n    def make(self): return B()\nclass B(A):\n    k = 5"],
        "def f(): return A().make().k",
        "f()",
        5,
    ),
    "a class attribute that needs a constant": (["K = 4", "class P:\n    k = K"], "def f(): return P.k", "f()", 4),
    "super": (
        ["class A:\n    def m(self): return 1", "class B(A):\n    def m(self): return super().m() + 1"],
        "def f(): return B().m()",
        "f()",
        2,
    ),
    "a dataclass": (
        ["from dataclasses import dataclass\n@dataclass\nclass C:\n    lr: float = 0.1"],
        "def f(): return C(0.5).lr",
        "f()",
        0.5,
    ),
    "an object of a dataclass": (
        ["from dataclasses import dataclass\n@dataclass\nclass C:\n    lr: float = 0.1\nCONFIG = C(0.25)"],
        "def f(): return CONFIG.lr, type(CONFIG).__name__",
        "f()",
        (0.25, "C"),
    ),
    "an enum and its member": (
        ["import enum\nclass Colour(enum.Enum):\n    RED = 1", "BEST = Colour.RED"],
        "def f(): return BEST is Colour.RED",
        "f()",
        True,
    ),
    "a named tuple": (
        ["from typing import NamedTuple\nclass Point(NamedTuple):\n    x: int\nORIGIN = Point(0)"],
        "def f(): return ORIGIN.x, type(ORIGIN).__name__",
        "f()",
        (0, "Point"),
    ),
    "an exception class": (
        ["class Bad(ValueError): pass"],
        "def f():\n    try: raise Bad('no')\n    except Bad as error: return str(error)",
        "f()",
        "no",
    ),
    "a method put onto a class later": (
        ["class P:\n    def m(self): return 1", "def better(self): return 2\nP.m = better"],
        "def f(): return P().m()",
        "f()",
        2,
    ),
    "a helper that was defined again": (
        ["def g(): return 'old'", "def g(): return 'new'"],
        "def f(): return g()",
        "f()",
        "new",
    ),
    "a helper under a second name": (["def g(): return 1\nh = g"], "def f(): return h()", "f()", 1),
    "a name that now means another function": (
        ["def g(): return 'g'\ndef h(): return 'h'", "g = h"],
        "def f(): return g()",
        "f()",
        "h",
    ),
    "a name defined by a loop": (["total = 0\nfor i in range(4): total += i"], "def f(): return total + i", "f()", 9),
    "a name defined by unpacking": (["a, (b, *c) = 1, (2, 3, 4)"], "def f(): return a, b, c", "f()", (1, 2, [3, 4])),
    "a name defined by with": (
        ["import io\nwith io.StringIO('hi') as s: text = s.read()"],
        "def f(): return text",
        "f()",
        "hi",
    ),
    "a name defined by a walrus": (["[(last := x) for x in range(3)]"], "def f(): return last", "f()", 2),
    "a builtin that the notebook shadows": (["def len(x): return 42"], "def f(): return len([])", "f()", 42),
    "builtins need nothing": ([], "def f(xs): return sorted(map(str, xs))", "f([2, 1])", ["1", "2"]),
    "one object under two names stays one": (
        ["a = list(range(300))\nb = a"],
        "def f():\n    b.append(1)\n    return len(a)",
        "f()",
        301,
    ),
    "statements that share a line": (["x = 1; y = 2"], "def f(): return x + y", "f()", 3),
    "a try around an import": (
        [],
        "try:\n    import nowhere_at_all as n\nexcept ImportError:\n    n = None\ndef f(): return n",
        "f()",
        None,
    ),
    "an import inside the function": ([], "def f():\n    import math\n    return math.floor(1.5)", "f()", 1),
    "a match statement": (
        ["LIMIT = 3"],
        "def f(x):\n    match x:\n        case int() if x > LIMIT: return 'big'\n        case _: return 'small'",
        "f(4)",
        "big",
    ),
    "an async function": (
        ["K = 2"],
        "async def f(x): return x * K\nimport asyncio\ndef g(): return asyncio.run(f(2))",
        "g()",
        4,
    ),
    "a name used only in an f-string": (["NAME = 'you'"], "def f(): return f'hi {NAME!r:>6}'", "f()", "hi  'you'"),
    "a text of several lines inside the cell": ([], 'def f():\n    return """a\n  b\n"""', "f()", "a\n  b\n"),
    "a name that is also a keyword argument": (["def g(n=0): return n"], "def f(): return g(n=3)", "f()", 3),
    "partial": (
        ["import functools\ndef g(a, b): return a - b", "h = functools.partial(g, 10)"],
        "def f(): return h(3)",
        "f()",
        7,
    ),
    "what was registered with a single dispatch function": (
        [
            "import functools\n@functools.singledispatch\ndef g(x): return 'any'",
            "@g.register\ndef _(x: int): return 'int'",
        ],
        "def f(x): return g(x)",
        "f(1), f('a')",
        ("int", "any"),
    ),
    "a type variable and a generic class": (
        [
            "from typing import Generic, TypeVar\nT = TypeVar('T')",
            "class Box(Generic[T]):\n    def __init__(self, v: T): self.v = v",
        ],
        "def f(): return Box(3).v",
        "f()",
        3,
    ),
    "a type alias": (["Rows = list[float]"], "def f(x: Rows): return x", "f([2])", [2]),
    "an optional type alias": (
        ["from typing import Union\nNum = Union[int, None]"],
        "def f(x: Num): return x",
        "f(2)",
        2,
    ),
    "a logger": (["import logging\nlog = logging.getLogger('mine')"], "def f(): return log.name", "f()", "mine"),
    "a table of lambdas": (["K = 2\nOPS = {'a': lambda x: x + K}"], "def f(): return OPS['a'](1)", "f()", 3),
    "a table of the notebook's functions": (
        ["def g(x): return x + 1\nOPS = {'a': g}"],
        "def f(): return OPS['a'](1)",
        "f()",
        2,
    ),
    "a table of a library's functions": (["import math\nOPS = [math.sqrt]"], "def f(): return OPS[0](4)", "f()", 2.0),
    "a function that closed over a module": (
        ["def make():\n    import math\n    def root(x): return math.sqrt(x)\n    return root\nroot = make()"],
        "def f(): return root(4)",
        "f()",
        2.0,
    ),
    "a state that a function keeps": (
        [
            "def make():\n    n = [0]\n    def up():\n        n[0] += 1\n        return n[0]\n    return up",
            "up = make()\nup()",
        ],
        "def f(): return up()",
        "f()",
        2,
    ),
    "an object of a class derived from dict": (
        ["class D(dict): pass\nd = D(a=1)"],
        "def f(): return type(d).__name__, d['a']",
        "f()",
        ("D", 1),
    ),
    "an abstract class": (
        [
            "from abc import ABC, abstractmethod",
            "class A(ABC):\n    @abstractmethod\n    def m(self): ...\nclass B(A):\n    def m(self): return 1",
        ],
        "def f(): return B().m()",
        "f()",
        1,
    ),
    "a property": (["class P:\n    @property\n    def v(self): return 7"], "def f(): return P().v", "f()", 7),
    "a base that the cell defines again": (
        ["class A:\n    k = 1", "class B(A): pass"],
        "class A:\n    k = 2\nX = B()\ndef f(): return B().k",
        "f()",
        2,
    ),
    "a time zone": (["from zoneinfo import ZoneInfo\nZ = ZoneInfo('UTC')"], "def f(): return Z.key", "f()", "UTC"),
    "a flag of a library": (["import re\nFLAGS = re.I"], "def f(): return FLAGS is re.I\nimport re", "f()", True),
    "a name beyond ASCII": (["größe = 3"], "def f(): return größe", "f()", 3),
    "plain data": (
        ["from datetime import date\nWHEN = [date(2026, 1, 2)]"],
        "def f(): return WHEN[0].year",
        "f()",
        2026,
    ),
    "a set and a nested dict": (
        ["S = {3, 1}\nD = {'a': {'b': (1, None)}}"],
        "def f(): return sorted(S), D['a']['b']",
        "f()",
        ([1, 3], (1, None)),
    ),
    "a pattern": (
        ["import re\nWORD = re.compile(r'\\w+')"],
        "def f(s): return WORD.findall(s)",
        "f('a b')",
        ["a", "b"],
    ),
    "not a number": (["NAN = float('nan')"], "def f(): return NAN != NAN", "f()", True),
}


@pytest.mark.parametrize(("cells", "cell", "call", "expected"), CASES.values(), ids=CASES.keys())
def test_what_a_cell_uses_travels_with_it(cells, cell, call, expected, tmp_path):
    captured = Notebook(*cells).deploy(cell)

    module = unpacked(captured, tmp_path / "app")

    assert eval(call, vars(module)) == expected


def test_an_array_a_frame_and_an_estimator_travel_in_their_own_formats(tmp_path):
    captured = Notebook(
        """
        import numpy as np, pandas as pd
        from sklearn.linear_model import LinearRegression
        W = np.arange(3, dtype="float32")
        T = pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "y"], name="key")).astype({"a": "int8"})
        S = pd.Series([1.5, None], name=None)
        model = LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])
        PARTS = {"bias": np.float32(0.5), "w": [W, W]}
        """
    ).deploy("def f(x): return model, W, T, S, PARTS")

    model, weights, table, series, parts = unpacked(captured, tmp_path / "app").f(1)

    assert {datum.name: datum.format for datum in captured.data} == {
        "PARTS": "plain", "S": "frame", "T": "frame", "W": "array", "model": "estimator",
    }  # fmt: skip
    assert model.predict([[2.0]]).tolist() == pytest.approx([4.0])
    assert (weights.dtype, weights.tolist()) == ("float32", [0.0, 1.0, 2.0])
    assert (table.index.name, table.a.dtype, table.a.to_dict()) == ("key", "int8", {"x": 1, "y": 2})
    assert series.name is None
    assert series.isna().tolist() == [False, True]
    assert parts["bias"] == 0.5
    assert {each.root for each in captured.imports} >= {"numpy", "pandas", "pyarrow", "sklearn"}


def test_an_estimator_may_hold_a_function_of_the_notebook(tmp_path):
    captured = Notebook(
        """
        from sklearn.preprocessing import FunctionTransformer
        def plus_one(x): return x + 1
        step = FunctionTransformer(plus_one)
        """
    ).deploy("import numpy as np\ndef f(): return step.transform(np.zeros((1, 1))).tolist()")

    assert unpacked(captured, tmp_path / "app").f() == [[1.0]]


def test_a_handle_of_an_earlier_deploy_travels_as_the_function_it_stands_for(tmp_path):
    notebook = Notebook("def g(x): return x + 1")

    class Handle:
        def __init__(self, local):
            self.__aca_local__ = local

    notebook.namespace["g"] = Handle(notebook.namespace["g"])

    captured = notebook.deploy("def f(x): return g(x)")

    assert unpacked(captured, tmp_path / "app").f(1) == 2


def test_each_line_of_the_module_is_mapped_to_the_cell_it_was_written_in():
    captured = Notebook("X = 1\n\ndef helper(x):\n    return x + X").deploy(
        "import math\n\ndef f(x):\n    return helper(x)"
    )

    written = captured.module_source.splitlines()
    placed = {
        (run.cell, run.cell_line + i): written[run.line - 1 + i].strip()
        for run in captured.lines
        for i in range(run.count)
    }

    assert placed["In[1]", 3] == "def helper(x):"
    assert placed["In[1]", 4] == "return x + X"
    assert placed["In[2]", 4] == "return helper(x)"


def test_what_a_cell_does_not_use_stays_at_home():
    captured = Notebook("UNUSED = 1\nimport json\ndef other(): return 2").deploy("def f(x): return x")

    assert captured.module_source == "def f(x): return x\n"
    assert captured.data == ()
    assert captured.imports == ()

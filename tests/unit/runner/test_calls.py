"""A call's arguments are read by the function's annotations, its result written by what the caller accepts."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from aca_notebook.runner import tables
from tests.fakes.asgi import request

pytestmark = pytest.mark.anyio

TYPES = """
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple, Optional, TypedDict
import numpy as np
import numpy.typing as npt
import pandas as pd

class Colour(Enum):
    RED = "red"

@dataclass
class Point:
    x: float
    y: float = 0.0

class Row(TypedDict):
    name: str
    count: int

def number(x: float): return x
def optional(x: Optional[int] = None): return x
def literal(x: Literal["a", "b"]): return x
def floats(x: list[float]): return sum(x)
def nested(x: dict[str, list[int]]): return x
def point(x: Point): return {"x": x.x, "y": x.y, "type": type(x).__name__}
def row(x: Row): return x
def colour(x: Colour): return x.value
def day(x: date): return x.year
def union(x: int | str): return type(x).__name__
def untyped(x): return x
def array(x: np.ndarray): return x.ndim
def typed_array(x: npt.NDArray[np.float32]): return str(x.dtype)
def array_or_none(x: np.ndarray | None = None): return x is None
def array_or_list(x: np.ndarray | list[float]): return len(x)
def frame(x: pd.DataFrame): return list(x.columns)
def series(x: pd.Series): return float(x.sum())
def unreadable(x: "Nowhere", y: int = 0): return [x, y]
def keyword_only(*, x: int): return x
def positional_only(x: int, /, y: int = 1): return x + y
def variadic(x: int, *rest: int): return [x, *rest]
def extra(x: int, **more): return [x, more]
def annotated(x: Annotated[int, "how many"]): return x
"""
NAMES = [line.split("(")[0].removeprefix("def ") for line in TYPES.splitlines() if line.startswith("def ")]


@pytest.fixture
def typed(runner):
    return runner(TYPES, *(f"{name}:function" for name in NAMES)).app


ACCEPTED = [
    ("number", 9, 9.0),
    ("optional", None, None),
    ("literal", "a", "a"),
    ("floats", [1, 2.5], 3.5),
    ("nested", {"a": [1]}, {"a": [1]}),
    ("point", {"x": 1}, {"x": 1.0, "y": 0.0, "type": "Point"}),
    ("row", {"name": "n", "count": 2}, {"name": "n", "count": 2}),
    ("colour", "red", "red"),
    ("day", "2026-11-23", 2026),
    ("union", "s", "str"),
    ("union", 1, "int"),
    ("untyped", {"any": ["thing"]}, {"any": ["thing"]}),
    ("array", [[1, 2]], 2),
    ("typed_array", [1], "float32"),
    ("array_or_none", None, True),
    ("array_or_none", [1], False),
    ("array_or_list", [1, 2], 2),
    ("frame", [{"a": 1, "b": 2}], ["a", "b"]),
    ("frame", {"a": [1], "b": [2]}, ["a", "b"]),
    ("series", [1, 2], 3.0),
    ("unreadable", [1], [[1], 0]),
    ("keyword_only", 1, 1),
    ("positional_only", 1, 2),
    ("variadic", 1, [1]),
    ("extra", 1, [1, {}]),
    ("annotated", 3, 3),
]


@pytest.mark.parametrize(("function", "value", "expected"), ACCEPTED, ids=[f"{n} {v}" for n, v, _ in ACCEPTED])
async def test_json_becomes_what_the_annotation_says(typed, function, value, expected):
    reply = await request(typed, "POST", f"/{function}", json.dumps({"x": value}).encode())

    assert (reply.status, reply.json) == (200, expected)


REFUSED = [
    ("number", "a", "float"),
    ("number", None, "float"),
    ("literal", "c", "Literal['a', 'b']"),
    ("floats", [1, "b"], "list[float]"),
    ("point", {"y": 1}, "Point"),
    ("row", {"name": "n"}, "Row"),
    ("colour", "green", "Colour"),
    ("day", "yesterday", "date"),
    ("typed_array", "words", "ndarray"),
    ("annotated", "three", "int"),
]


@pytest.mark.parametrize(("function", "value", "expected"), REFUSED, ids=[f"{n} {v}" for n, v, _ in REFUSED])
async def test_a_wrong_argument_is_named_with_its_type(typed, function, value, expected):
    reply = await request(typed, "POST", f"/{function}", json.dumps({"x": value}).encode())

    assert (reply.status, reply.error["code"], reply.error["parameter"]) == (422, "InvalidArguments", "x")
    assert expected.lower() in reply.error["expected"].lower()
    assert "`x`" in reply.error["message"]


async def test_a_missing_an_unknown_and_a_broken_argument_are_told_apart(typed):
    missing = await request(typed, "POST", "/number", b"{}")
    unknown = await request(typed, "POST", "/number", b'{"x": 1, "z": 2}')
    broken = await request(typed, "POST", "/number", b'{"x": ')
    list_not_object = await request(typed, "POST", "/number", b"[1]")

    assert "missing" in missing.error["message"]
    assert "no parameter `z`" in unknown.error["message"]
    assert {each.status for each in (missing, unknown, broken, list_not_object)} == {422}
    assert unknown.error["hint"] == "it takes (x: float)"


async def test_arguments_python_passes_by_position_have_names_here(typed):
    assert (await request(typed, "POST", "/variadic", b'{"x": 1, "rest": [2, 3]}')).json == [1, 2, 3]
    assert (await request(typed, "POST", "/extra", b'{"x": 1, "a": 2}')).json == [1, {"a": 2}]
    assert (await request(typed, "POST", "/extra", b'{"x": 1, "more": {"a": 2}}')).json == [1, {"a": 2}]
    assert (await request(typed, "POST", "/positional_only", b'{"x": 1, "y": 5}')).json == 6


async def test_a_lone_array_is_the_first_parameter(typed):
    reply = await request(typed, "POST", "/typed_array", tables.write_array(np.array([1, 2])), content_type=tables.NPY)

    assert reply.json == "float32"


async def test_an_array_for_a_list_of_numbers_becomes_one(typed):
    reply = await request(typed, "POST", "/floats", tables.write_array(np.array([1.0, 2.0])), content_type=tables.NPY)

    assert reply.json == 3.0


async def test_an_array_of_python_objects_is_never_unpickled(typed):
    import io

    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)

    reply = await request(typed, "POST", "/array", buffer.getvalue(), content_type=tables.NPY)

    assert reply.status == 422
    assert reply.error["parameter"] == "x"


async def test_arrays_frames_and_plain_values_travel_together(runner):
    app = runner("def f(a, b, c: int = 0): return [a.tolist(), list(b.columns), c]", "f:function").app
    frame = tables.write_frame(pd.DataFrame({"k": [1]}))
    parts = [
        ("a", tables.NPY, tables.write_array(np.arange(2))),
        ("b", tables.ARROW, frame),
        ("c", "application/json", b"7"),
    ]
    body = b"".join(
        b'--B\r\nContent-Disposition: form-data; name="%s"\r\nContent-Type: %s\r\n\r\n%s\r\n'
        % (n.encode(), t.encode(), v)
        for n, t, v in parts
    )

    reply = await request(app, "POST", "/f", body + b"--B--\r\n", content_type="multipart/form-data; boundary=B")

    assert reply.json == [[0, 1], ["k"], 7]


async def test_a_body_in_pieces_is_read_whole(typed):
    body = json.dumps({"x": list(range(1000))}).encode()

    assert (await request(typed, "POST", "/floats", body, chunks=7)).json == sum(range(1000))


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"x", "application/pickle", 415),
        (b"not arrow", tables.ARROW, 422),
        (b"not npy", tables.NPY, 422),
        (b"zz", "multipart/form-data", 422),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(typed, body, content_type, status):
    assert (await request(typed, "POST", "/frame", body, content_type=content_type)).status == status


RESULTS = {
    "numpy": ("import numpy as np\ndef f(): return {'a': np.float32(0.5), 'b': np.arange(2)}", {"a": 0.5, "b": [0, 1]}),
    "frame": ("import pandas as pd\ndef f(): return pd.DataFrame({'a': [1, 2]})", [{"a": 1}, {"a": 2}]),
    "series": ("import pandas as pd\ndef f(): return pd.Series([1, 2])", [1, 2]),
    "timestamp": ("import pandas as pd\ndef f(): return pd.Timestamp('2026-01-02')", "2026-01-02T00:00:00"),
    "dataclass": (
        "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\ndef f(): return P(1)",
        {"x": 1},
    ),
    "set": ("def f(): return {1}", [1]),
    "tuple": ("def f(): return 1, 'a', None", [1, "a", None]),
    "integer keys": ("def f(): return {1: 'a'}", {"1": "a"}),
    "generator": ("def f():\n    yield 1\n    yield 2", [1, 2]),
    "async generator": ("async def f():\n    yield 1\n    yield 2", [1, 2]),
    "async": ("async def f(): return 5", 5),
    "views": ("def f(): return {'a': 1}.keys()", ["a"]),
}


@pytest.mark.parametrize(("source", "expected"), RESULTS.values(), ids=RESULTS.keys())
async def test_a_result_becomes_json(runner, source, expected):
    reply = await request(runner(source, "f:function").app, "POST", "/f", b"{}")

    assert (reply.status, reply.headers["content-type"], reply.json) == (200, "application/json", expected)


async def test_a_result_that_json_has_no_word_for_names_its_type(runner):
    reply = await request(runner("def f(): return object()", "f:function").app, "POST", "/f", b"{}")

    assert (reply.status, reply.error["code"]) == (500, "ResultNotSerializable")
    assert "builtins.object" in reply.error["message"]


async def test_a_frame_is_sent_as_arrow_only_to_those_who_accept_it(runner):
    app = runner("import pandas as pd\ndef f(): return pd.DataFrame({'a': [1]}, index=['k'])", "f:function").app

    arrow = await request(app, "POST", "/f", b"{}", accept=f"{tables.ARROW}, application/json")
    anything = await request(app, "POST", "/f", b"{}", accept="*/*")

    assert tables.read_frame(arrow.body).a.to_dict() == {"k": 1}
    assert anything.headers["content-type"] == "application/json"

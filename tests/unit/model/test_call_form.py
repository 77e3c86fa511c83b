"""A signature becomes fields, and what is typed into them becomes arguments."""

from __future__ import annotations

import enum
import inspect
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.model.call_form import Field, arguments, call_line, fields_of


class Mood(enum.Enum):
    GOOD = "good"
    BAD = "bad"


def fields(function) -> tuple[Field, ...]:
    return fields_of(inspect.signature(function, eval_str=True))


def test_each_parameter_has_a_field_of_its_kind():
    def score(
        x: float, n: int = 3, name: str = "a b", *, deep: bool = False, mode: Literal["fast", "slow"] = "fast",
        mood: Mood = Mood.BAD, rows: list[float] | None = None, limit: int | None = None, scale=2.0, thing=None, **more,
    ):  # fmt: skip
        return x

    found = {field.name: field for field in fields(score)}
    assert {name: field.kind for name, field in found.items()} == {
        "x": "number", "n": "integer", "name": "text", "deep": "switch", "mode": "choice", "mood": "choice",
        "rows": "json", "limit": "integer", "scale": "number", "thing": "json",
    }  # fmt: skip
    assert [name for name, field in found.items() if field.required] == ["x"]
    assert {name: field.typed for name, field in found.items() if field.typed} == {
        "n": "3", "name": "a b", "deep": "false", "mode": "fast", "mood": "bad", "scale": "2.0",
    }  # fmt: skip
    assert found["mode"].choices == ("fast", "slow")
    assert found["mood"].choices == ("good", "bad")
    assert found["rows"].meant == "list[float] | None"


def test_what_is_typed_becomes_arguments_and_what_is_left_empty_takes_its_default():
    def score(a: int, /, x: float, name: str = "n", rows: list | None = None):
        return a

    typed = {"a": "2", "x": " 9 ", "name": "", "rows": "[1, 2]"}
    assert arguments(fields(score), typed) == ([2], {"x": 9.0, "rows": [1, 2]})
    assert isinstance(arguments(fields(score), typed)[1]["x"], float)


@pytest.mark.parametrize(
    ("kind", "typed", "words"),
    [
        ("number", "", "x: a value is missing"),
        ("number", "nine", "x: a number is wanted"),
        ("number", "true", "x: a number is wanted"),
        ("number", "Infinity", "x: a number is wanted"),
        ("integer", "2.5", "x: a whole number is wanted"),
        ("switch", "1", "x: true or false is wanted"),
        ("json", "[1,", "x: JSON is wanted"),
    ],
)
def test_what_cannot_be_read_is_said_with_the_parameters_name(kind, typed, words):
    with pytest.raises(ValueError, match=words):
        arguments([Field("x", kind)], {"x": typed})


@given(st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans(), st.text(min_size=1)))
def test_a_default_that_is_typed_again_is_the_same(default):
    def score(x=None):
        return x

    signature = inspect.signature(score)
    parameter = inspect.Parameter("x", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default)
    (field,) = fields_of(signature.replace(parameters=[parameter]))
    _, named = arguments([field], {"x": field.typed})
    assert named.get("x", default) == default


def test_the_line_that_makes_the_same_call_is_python():
    assert call_line("Model/predict", [1], {"x": "a'b"}) == 'Model.predict.remote(1, x="a\'b")'

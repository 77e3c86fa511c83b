"""What is inserted when an app is dragged into a notebook."""

from __future__ import annotations

import ast

import pytest

from aca_notebook.model.app import EVERY_PATH, AppState, Tags
from aca_notebook.model.ids import app_id
from aca_notebook.server.calling_code import calling_code, variable


def state(name: str = "scorer", functions: tuple[str, ...] = ("score",), example: str = "") -> AppState:
    return AppState(app_id("s", "g", name), tags=Tags(functions=functions, example=example))


@pytest.mark.parametrize(("example", "call"), [
    ('{"x": 9.0, "many": true}', "scorer.invoke(x=9.0, many=True)"),
    ('{"class": null}', "scorer.invoke(**{'class': None})"),
    ('{"a b": 1}', "scorer.invoke(**{'a b': 1})"),
    ("", "scorer.invoke()"),
    ("[1]", "scorer.invoke()"),
    ("{broken", "scorer.invoke()"),
])  # fmt: skip
def test_the_entry_is_called_with_its_example(example, call) -> None:
    code = calling_code(state(example=example), "azure")
    ast.parse(code)
    assert code.splitlines() == [
        "from aca_notebook import connect",
        "",
        "scorer = connect('azure').apps['scorer']",
        call,
    ]


def test_an_application_of_its_own_routes_says_how_it_is_reached() -> None:
    assert calling_code(state(functions=(EVERY_PATH,)), "local").endswith("print(scorer.curl())")


@pytest.mark.parametrize(("app", "name"), [("my-app", "my_app"), ("class", "class_"), ("a1", "a1")])
def test_a_name_of_an_app_becomes_one_of_python(app, name) -> None:
    assert variable(app) == name

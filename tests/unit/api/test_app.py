"""An app in a person's hands: what can be said of it without asking anyone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from aca_notebook.api.app import App
from aca_notebook.model.app import EVERY_PATH, Tags
from tests.unit.display.examples import state


@pytest.mark.parametrize(
    ("tags", "data"),
    [
        (Tags(functions=("score",), example='{"x": 9.0}'), "-d '{\"x\": 9.0}'"),
        (Tags(functions=("score",)), "-d '{}'"),
        (Tags(functions=(EVERY_PATH,)), ""),
    ],
    ids=["example", "no example", "application"],
)
def test_curl_posts_arguments_to_a_function_and_gets_the_page_of_an_application(tags: Tags, data: str) -> None:
    workspace: Any = SimpleNamespace(target=SimpleNamespace(name="local"))
    access: Any = None
    line = App(state(tags=tags), workspace, access).curl()
    assert line.partition(" -H 'Content-Type: application/json' ")[2] == data
    assert "key scorer)" in line

"""The secret form: a value passes through once, and is in nothing that anybody keeps."""

from __future__ import annotations

import json

import pytest

from aca_notebook.errors import UsageFailed
from aca_notebook.widgets.secret_form import SecretForm, SecretFormView

CANARY = "canary-7Qp2"


class Keeper:
    apps = ("scorer",)

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], str] = {}
        self.failure: Exception | None = None

    @property
    def kept(self):
        return [name for app, name in self.values if not app]

    def put(self, app, name, value):
        if self.failure:
            raise self.failure
        self.values[app, name] = value

    def remove(self, name):
        del self.values["", name]


class Desk:
    def __init__(self) -> None:
        self.keeper, self.sent, self.due = Keeper(), [], []
        self.kernel = SecretForm(self.keeper, self.sent.append, self.due.append, name="hf-token", app="scorer")

    def ask(self, **message) -> None:
        self.kernel.take(message)
        while self.due:
            self.due.pop(0)()


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_value_goes_to_its_keeper_and_a_page_hears_names_alone(desk):
    desk.kernel.greet()
    desk.ask(kind="set", name="hf-token", app="", value=CANARY)
    desk.ask(kind="set", name="hf-token", app="scorer", value=CANARY)
    assert desk.keeper.values == {("", "hf-token"): CANARY, ("scorer", "hf-token"): CANARY}
    assert desk.sent[1]["kept"] == ["hf-token"]
    assert "%aca revision restart scorer" in desk.sent[2]["said"]
    assert CANARY not in json.dumps(desk.sent)
    assert CANARY not in repr(vars(desk.kernel))
    desk.ask(kind="remove", name="hf-token")
    assert desk.sent[-1]["kept"] == []


def test_a_refusal_is_told_without_the_value(desk):
    desk.keeper.failure = UsageFailed("'My Token' cannot be", code="InvalidSecretName", hint="call it like hf-token")
    desk.ask(kind="set", name="My Token", app="", value=CANARY)
    assert "call it like hf-token" in desk.sent[-1]["error"]
    assert CANARY not in json.dumps(desk.sent)


@pytest.mark.parametrize("message", [{"value": 3}, {"value": "x" * 2**18}, {"name": None}, {"kind": "get"}])
def test_what_is_no_secret_is_passed_over(desk, message):
    desk.ask(**{"kind": "set", "name": "a", "app": "", "value": "b", **message})
    assert (desk.keeper.values, desk.sent) == ({}, [])


def test_the_widgets_state_has_no_place_for_a_value():
    own = set(SecretFormView.class_trait_names(sync=True)) - set(SecretFormView.__mro__[2].class_trait_names(sync=True))
    assert own <= {"place", "_esm", "_css", "_anywidget_id"}

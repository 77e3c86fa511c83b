"""What a page is told of a deployed app, and the calls it may ask for."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from aca_notebook.errors import CallFailed
from aca_notebook.model.call_form import Field
from aca_notebook.model.cost import Tick
from aca_notebook.widgets import deployed
from aca_notebook.widgets.deployed import Deployed, Shown

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
FIELDS = (Field("x", "number", meant="float"), Field("name", "text", required=False, typed="a"))
SHOWN = Shown("scorer", "http://127.0.0.1:18000", NOON, expiry_enforced=True, functions={"score": FIELDS})


class Desk:
    """The kernel's side, with an app that does as it is told and work that is done when a test says so."""

    def __init__(self) -> None:
        self.sent: list[dict] = []
        self.called: list[tuple] = []
        self.outcome: object = 18.0
        self.due: list = []
        self.kernel = Deployed(SHOWN, self._call, self.sent.append, self.due.append, lambda: 0.0)

    def _call(self, *places, **named):
        self.called.append((places, named))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def ask(self, **message) -> dict:
        self.kernel.take({"kind": "call", "function": "score", "typed": {"x": "9"}, **message})
        while self.due:
            self.due.pop(0)()
        return self.sent[-1]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_page_is_told_the_address_the_end_and_the_fields_but_never_a_key(desk):
    desk.kernel.greet()
    (told,) = desk.sent
    assert (told["app"], told["url"], told["expires"], told["enforced"]) == (
        "scorer", "http://127.0.0.1:18000", 1777636800000, True,
    )  # fmt: skip
    assert [field["name"] for field in told["functions"][0]["fields"]] == ["x", "name"]
    assert json.loads(json.dumps(told)) == told


def test_what_was_typed_is_called_and_answered_with_the_line_that_does_the_same(desk):
    answer = desk.ask()
    assert desk.called == [(("score",), {"x": 9.0})]
    assert (answer["text"], answer["failed"], answer["line"]) == ("18.0", False, "score.remote(x=9.0)")


def test_what_cannot_be_read_is_said_and_nothing_is_called(desk):
    answer = desk.ask(typed={"x": "nine"})
    assert (answer["text"], answer["failed"], answer["line"]) == ("x: a number is wanted", True, "")
    assert desk.called == []


@pytest.mark.parametrize(
    ("raised", "text"),
    [
        (CallFailed("it is stopped", code="AppStopped", hint="%aca start scorer"), "it is stopped\nAppStopped\n"),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero"),
    ],
)
def test_a_call_that_fails_is_told_in_its_own_words(desk, raised, text):
    desk.outcome = raised
    answer = desk.ask()
    assert answer["failed"]
    assert text in answer["text"]


def test_one_call_is_made_at_a_time(desk):
    desk.kernel.take({"kind": "call", "function": "score", "typed": {"x": "1"}})
    desk.kernel.take({"kind": "call", "function": "score", "typed": {"x": "2"}})
    assert len(desk.due) == 1
    desk.ask(typed={"x": "3"})
    desk.ask(typed={"x": "4"})
    assert [named["x"] for _, named in desk.called] == [1.0, 4.0]


def test_a_page_cannot_call_what_has_no_form_nor_send_without_end(desk):
    for message in ({"function": "exec"}, {"typed": "x"}, {"kind": "run"}, {"typed": {"x": "9" * 2**21}}):
        desk.kernel.take({"kind": "call", "function": "score", "typed": {"x": "9"}, **message})
    assert desk.due == []


def test_a_long_answer_is_cut_and_says_so(desk):
    desk.outcome = "a" * 30_000
    assert desk.ask()["text"].endswith("… and 10,002 characters more")


def test_a_page_hears_of_figures_when_they_were_read_and_of_the_end(desk):
    def tick(second: int, **more) -> Tick:
        return Tick("scorer", "USD", 1.0, 3.6, read=True, charged=False, at=NOON.replace(second=second), **more)

    desk.kernel.tick(tick(0, spent=0.5))
    desk.kernel.tick(tick(0, spent=0.6))
    desk.kernel.tick(tick(15, spent=0.7))
    desk.kernel.tick(tick(15, spent=0.7, ended="app 'scorer' does not exist"))
    assert [(each["spent"], each["ended"]) for each in desk.sent] == [
        (0.5, ""), (0.7, ""), (0.7, "app 'scorer' does not exist"),
    ]  # fmt: skip
    assert desk.sent[0]["standing"] == "estimated, nothing was billed"
    desk.kernel.supersede()
    assert [each["kind"] for each in desk.sent[-2:]] == ["app", "tick"]
    assert desk.sent[-2]["superseded"]


def test_the_module_loads_nothing_and_reads_no_text_as_html():
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "import ", "http"):
        assert word not in deployed.DeployedView._esm

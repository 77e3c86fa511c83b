"""A table in a page: what it is told, and that it does only what it offers."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from aca_notebook.errors import Conflict
from aca_notebook.magics import live_apps, live_checkup
from aca_notebook.magics.live_value import LiveValue
from aca_notebook.model.checkup import Check, Mend, Outcome
from aca_notebook.widgets.live_table import Act, LiveTable, LiveTableView, Row, Shown, Spot
from tests.fakes.clock import ManualClock
from tests.unit.display.examples import state

STOP = Act("stop", "Stop", "Stop it?")


def table(state_word: str = "first") -> Shown:
    rows = (Row("scorer", (Spot("scorer"), Spot("–"), Spot("2 of 3", 2.0, right=True)), (STOP,)),)
    return Shown("1 app", (("name", False), ("", False), ("replicas", True)), rows, "note", state_word)


class Desk:
    """The kernel's side; work is done when a test says so."""

    def __init__(self) -> None:
        self.sent, self.done, self.due, self.failure = [], [], [], None
        self.kernel = LiveTable(table(), lambda: table("second"), self._do, self.sent.append, self.due.append)

    def _do(self, act: str, row: str) -> None:
        self.done.append((act, row))
        if self.failure:
            raise self.failure

    def ask(self, act: str, row: str = "") -> None:
        self.kernel.take({"kind": "act", "act": act, "row": row})
        while self.due:
            self.due.pop(0)()


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_page_is_told_what_to_draw_sort_by_and_offer(desk):
    desk.kernel.greet()
    (told,) = desk.sent
    (row,) = told["rows"]
    assert [cell["order"] for cell in row["cells"]] == ["scorer", None, 2.0]
    assert row["actions"] == [{"id": "stop", "label": "Stop", "question": "Stop it?"}]
    assert [act["id"] for act in told["actions"]] == ["look"]


def test_an_act_is_done_with_its_row_and_the_table_is_read_again(desk):
    desk.ask("stop", "scorer")
    assert desk.done == [("stop", "scorer")]
    assert [each["kind"] for each in desk.sent] == ["busy", "table"]
    assert desk.sent[-1]["state"] == "second"
    desk.ask("look")
    assert desk.done == [("stop", "scorer")], "looking again does nothing else"


@pytest.mark.parametrize(("act", "row"), [("delete", "scorer"), ("stop", "other"), ("stop", ""), ("look", "scorer")])
def test_what_the_table_does_not_offer_is_not_done(desk, act, row):
    desk.ask(act, row)
    assert (desk.done, desk.sent) == ([], [])


def test_one_thing_is_done_at_a_time(desk):
    desk.kernel.take({"kind": "act", "act": "stop", "row": "scorer"})
    desk.kernel.take({"kind": "act", "act": "stop", "row": "scorer"})
    assert len(desk.due) == 1


def test_a_refusal_is_told_beside_the_table_as_it_was(desk):
    desk.failure = Conflict("it is busy", code="ContainerAppOperationInProgress", hint="wait")
    desk.ask("stop", "scorer")
    assert "ContainerAppOperationInProgress" in desk.sent[-1]["error"]
    assert desk.sent[-1]["state"] == "first"
    desk.failure = None
    desk.ask("stop", "scorer")
    assert desk.sent[-1]["error"] == ""


def test_only_web_addresses_become_links(desk):
    bad = Shown("t", (("a", False),), (Row("a", (Spot("a", link="javascript:alert(1)"),)),))
    LiveTable(bad, lambda: bad, desk._do, desk.sent.append, desk.due.append).greet()
    assert desk.sent[-1]["rows"][0]["cells"][0]["link"] == ""


def test_the_module_loads_nothing_and_reads_no_text_as_html():
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "import ", "http"):
        assert word not in LiveTableView._esm


def workspace() -> SimpleNamespace:
    target = SimpleNamespace(name="local")
    return SimpleNamespace(target=target, clock=ManualClock(datetime(2026, 9, 3, 12, tzinfo=UTC)))


def test_a_running_app_can_be_stopped_and_a_stopped_one_started():
    running, stopped = state("scorer"), state("ranker", running_status="Stopped")
    shown = live_apps.shown([running, stopped], workspace())
    assert [[act.id for act in row.acts] for row in shown.rows] == [["stop", "delete"], ["start", "delete"]]
    assert all(act.question for row in shown.rows for act in row.acts if act.id != "start"), "it asks first"
    assert len({len(row.spots) for row in shown.rows} | {len(shown.columns)}) == 1


def test_a_checkup_is_sorted_by_what_is_worst_and_mends_what_has_no_price():
    checks = (
        Check("sign-in", Outcome.OK, "me"),
        Check("provider Microsoft.App", Outcome.FAIL, "not registered", "!az provider register", Mend.REGISTER),
        Check("sessions", Outcome.WARN, "not isolated", "use --require-isolation"),
    )
    shown = live_checkup.shown(checks, workspace())
    assert [row.spots[1].order for row in shown.rows] == [2.0, 0.0, 1.0]
    assert [row.spots[3].copy for row in shown.rows] == [False, True, True]
    (mend,) = shown.acts
    assert "provider Microsoft.App" in mend.question
    assert live_checkup.shown(checks[:1], workspace()).acts == ()


def test_a_value_with_a_view_is_the_value():
    class Value(list):
        frame = "frame"

        def _repr_html_(self):
            return "<p>"

    value = LiveValue(Value([1, 2]), lambda: None)
    assert (value.frame, len(value), list(value), repr(value)) == ("frame", 2, [1, 2], "[1, 2]")
    with pytest.raises(AttributeError):
        value._nothing  # noqa: B018

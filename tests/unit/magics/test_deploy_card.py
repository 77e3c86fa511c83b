"""The card of a deployment after its end: it tells what was spent, seldom, and a later deployment takes its place."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from aca_notebook.display import cards, costs
from aca_notebook.magics.deploy_card import PERIOD_SECONDS, DeployCard
from aca_notebook.magics.notebook import Notebook
from aca_notebook.model.cost import Tick
from tests.unit.display.examples import progress

NOON = datetime(2026, 9, 3, 12, tzinfo=UTC)


class Card:
    def __init__(self) -> None:
        self.shown: list[tuple[str, bool]] = []

    def show(self, make, *, last=False) -> None:
        self.shown.append((make()["text/plain"].splitlines()[-1].strip(), last))


class Meter:
    def __init__(self) -> None:
        self.stopped = False

    def listen(self, listener) -> None:
        self.tell = listener

    def stop(self) -> None:
        self.stopped = True
        self.tell(tick(0.5, ended="stopped"))


class Held:
    def __init__(self) -> None:
        self.now, self.card, self.meter, self.told, self.ended = 0.0, Card(), Meter(), [], []
        self.deployed = DeployCard(
            self.card, lambda line: cards.deployment(progress(), meter=line), self.meter,
            (self.told.append, lambda: self.ended.append(True)), lambda: self.now,
        )  # fmt: skip


def tick(spent: float, **more) -> Tick:
    return Tick("scorer", "USD", 1.0, 3.6, charged=False, **{"read": True, "spent": spent, "at": NOON, **more})


@pytest.fixture
def held() -> Held:
    return Held()


def test_the_card_tells_what_was_spent_when_it_was_read_and_that_nobody_billed_it(held):
    held.meter.tell(tick(0.25))
    ((said, last),) = held.card.shown
    assert said.startswith("meter     $0.25 since the deploy · $3.60 an hour now · $1.00 today")
    assert said.endswith("(at 12:00 UTC, estimated, nothing was billed)")
    assert not last


def test_the_card_changes_once_a_minute_and_only_with_its_figures_while_the_view_hears_all(held):
    held.meter.tell(tick(0.0, read=False))
    for second in range(180):
        held.now = float(second)
        held.meter.tell(tick(0.25 if second < 100 else 0.5))
    assert [said.partition(" since")[0] for said, _ in held.card.shown] == ["meter     $0.25", "meter     $0.50"]
    assert len(held.told) == 181
    assert PERIOD_SECONDS == 60.0


def test_the_end_of_the_app_is_the_cards_last_word(held):
    held.meter.tell(tick(0.25, ended="app 'scorer' does not exist"))
    ((said, last),) = held.card.shown
    assert last
    assert said.endswith("the meter has ended: app 'scorer' does not exist")


def test_a_later_deployment_of_the_name_ends_what_went_on(held):
    notebook = Notebook(None, lambda: None)
    notebook.attend("scorer", held.deployed)
    notebook.attend("ranker", Held().deployed)
    assert not held.meter.stopped
    notebook.attend("scorer", Held().deployed)
    assert held.meter.stopped
    assert held.ended == [True]
    assert held.card.shown == [], "the card stays as it was"


def test_the_cards_figure_stands_back_for_a_live_one():
    html = cards.deployment(progress(), meter=costs.meter_line(tick(0.25)))["text/html"]
    assert "<span data-aca-static>" in html

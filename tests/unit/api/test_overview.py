"""Whom a look asks about."""

from __future__ import annotations

from dataclasses import replace

from aca_notebook.api.overview import Seen, decide_questions, merged
from aca_notebook.model.app import AppState
from aca_notebook.model.ids import app_id


def state(name: str, **more) -> AppState:
    return AppState(app_id("s", "g", name), provisioning_state="Succeeded", **more)


def seen(*states: AppState, at: float = 0.0, **known) -> dict[str, Seen]:
    return {each.name: Seen(each, replace(each, **known), at + index) for index, each in enumerate(states)}


def test_all_are_asked_about_while_they_are_few() -> None:
    listed = [state("a"), state("b")]
    assert set(decide_questions({}, listed, 10)) == {"a", "b"}
    assert set(decide_questions(seen(*listed), listed, 10)) == {"a", "b"}


def test_what_is_new_or_changed_comes_first_then_what_moves_then_the_longest_unasked() -> None:
    known = seen(state("a"), state("b"), state("c"), state("d"))
    known["d"] = replace(known["d"], state=replace(known["d"].state, running_state="Activating"))
    listed = [state("a"), state("b", latest_revision="b--2"), state("c"), state("d"), state("e")]
    assert decide_questions(known, listed, 5) == ("b", "e", "d", "a", "c")
    assert decide_questions(known, listed, 3) == ("b", "e", "d")


def test_a_write_in_progress_is_asked_about_at_each_look() -> None:
    moving = replace(state("z"), provisioning_state="InProgress")
    many = [state(f"a{number}") for number in range(9)]
    assert decide_questions(seen(*many, moving), [*many, moving], 2)[0] == "z"


def test_everybody_has_a_turn() -> None:
    listed = [state(f"a{number:02}") for number in range(20)]
    known, asked = seen(*listed), set()
    for look in range(5):
        for name in decide_questions(known, listed, 4):
            asked.add(name)
            known[name] = replace(known[name], at=100.0 + look)
    assert asked == {each.name for each in listed}


def test_what_a_list_says_goes_with_what_was_known_beside_it() -> None:
    before = seen(state("a"), replicas=3, running_state="Running", hourly_usd=0.5)["a"]
    listed = state("a", running_status="Stopped", running_state="ScaledToZero")
    now = merged(listed, before)
    assert (now.replicas, now.running_state, now.running_status, now.hourly_usd) == (3, "Running", "Stopped", 0.5)
    assert merged(listed, None) is listed

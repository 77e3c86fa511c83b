from __future__ import annotations

import asyncio
import contextvars
import threading

from aca_notebook.magics.live import LiveCard
from tests.fakes.clock import ManualClock

PARENT = contextvars.ContextVar("parent", default="none")


class RecordingHandle:
    def __init__(self) -> None:
        self.shown: list[tuple[str, str, str]] = []

    def display(self, obj, **named) -> None:
        self.shown.append(("display", obj["text/plain"], PARENT.get()))

    def update(self, obj, **named) -> None:
        self.shown.append(("update", obj["text/plain"], PARENT.get()))


def test_updates_come_at_most_four_times_a_second_and_the_last_always() -> None:
    clock, handle = ManualClock(), RecordingHandle()
    card = LiveCard(handle, clock)
    for step in range(10):
        card.show(lambda step=step: {"text/plain": str(step)})
        asyncio.run(clock.advance(0.1))
    card.show(lambda: {"text/plain": "done"}, last=True)
    assert [text for _, text, _ in handle.shown] == ["0", "3", "6", "9", "done"]
    assert [verb for verb, _, _ in handle.shown] == ["display", *["update"] * 4]


def test_a_card_that_cannot_change_in_place_is_shown_once() -> None:
    handle = RecordingHandle()
    card = LiveCard(handle, ManualClock(), live=False)
    card.show(lambda: {"text/plain": "running"})
    card.show(lambda: {"text/plain": "done"}, last=True)
    assert [text for _, text, _ in handle.shown] == ["done"]


def test_an_update_from_another_thread_belongs_to_the_cell_that_made_the_card() -> None:
    handle = RecordingHandle()
    token = PARENT.set("cell 3")
    card = LiveCard(handle, ManualClock())
    PARENT.reset(token)
    thread = threading.Thread(target=lambda: card.show(lambda: {"text/plain": "from afar"}))
    thread.start()
    thread.join()
    assert handle.shown == [("display", "from afar", "cell 3")]

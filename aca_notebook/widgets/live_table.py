"""A table in a page that can be sorted and acted on: apps with their buttons, a check-up with what mends it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aca_notebook.errors import AcaError
from aca_notebook.widgets.front_end import View, module, show_when_there, style

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Send = Callable[[dict[str, Any]], None]
    Begin = Callable[[Callable[[], None]], None]


class LiveTableView(View):
    """A page's copy of a table. What it shows travels in messages, which nobody saves."""

    _esm = module("parts", "live_table")
    _css = style("parts", "live_table")


@dataclass(frozen=True, slots=True)
class Spot:
    """One place of a table: `order` is what it is sorted by, `tone` is good, bad, warn, faint or nothing."""

    text: str
    order: float | str | None = None
    tone: str = ""
    link: str = ""
    copy: bool = False
    right: bool = False


@dataclass(frozen=True, slots=True)
class Act:
    """A button. With a `question` it asks before it acts; `id` is what the kernel is told."""

    id: str
    label: str
    question: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One row by its name, and what can be done with it."""

    name: str
    spots: tuple[Spot, ...]
    acts: tuple[Act, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """A table as a page draws it."""

    title: str
    columns: tuple[tuple[str, bool], ...]
    rows: tuple[Row, ...]
    note: str = ""
    state: str = ""
    acts: tuple[Act, ...] = field(default=())


class LiveTable:
    """The kernel's side: shows a table, and does what a page asks for, one thing at a time.

    `look` reads the table anew; `do` does an act with a row by its name. What they raise of ours is shown.
    """

    def __init__(
        self, shown: Shown, look: Callable[[], Shown], do: Callable[[str, str], None], send: Send, begin: Begin
    ) -> None:  # fmt: skip
        self._shown = shown
        self._look = look
        self._do = do
        self._send = send
        self._begin = begin
        self._working = threading.Lock()

    def greet(self) -> None:
        """Tell a page that was just opened all there is."""
        self._send(message(self._shown))

    def take(self, asked: Mapping[str, Any]) -> None:
        """Do what a page asks for, if the table offers it."""
        act, row = asked.get("act"), asked.get("row", "")
        found = self._offered(act, row)
        if asked.get("kind") != "act" or found is None or not self._working.acquire(blocking=False):
            return
        self._send({"kind": "busy", "text": f"{found.label} {row} …".replace("  ", " ")})
        self._begin(lambda: self._act(found.id, str(row)))

    def _offered(self, act: object, row: object) -> Act | None:
        acts = (LOOK, *self._shown.acts) if row == "" else next((r.acts for r in self._shown.rows if r.name == row), ())
        return next((each for each in acts if each.id == act), None)

    def _act(self, act: str, row: str) -> None:
        error = ""
        try:
            if act != LOOK.id:
                self._do(act, row)
            self._shown = self._look()
        except AcaError as failed:
            error = "\n".join(failed.lines())
        finally:
            self._working.release()
        self._send(message(self._shown, error))


#: Every table has it.
LOOK = Act("look", "Look again")


def message(shown: Shown, error: str = "") -> dict[str, Any]:
    """Return a table as a page takes it."""
    rows = [
        {"name": row.name, "cells": [_cell(each) for each in row.spots], "actions": [_act(each) for each in row.acts]}
        for row in shown.rows
    ]
    return {
        "kind": "table", "title": shown.title, "state": shown.state, "note": shown.note, "error": error, "rows": rows,
        "columns": [{"name": name, "right": right} for name, right in shown.columns],
        "actions": [_act(each) for each in (LOOK, *shown.acts)],
    }  # fmt: skip


def _cell(spot: Spot) -> dict[str, Any]:
    link = spot.link if spot.link.startswith(("https://", "http://")) else ""
    order = spot.text if spot.order is None and spot.text not in {"", "–", "never"} else spot.order
    return {
        "text": spot.text, "order": order, "tone": spot.tone, "link": link, "copy": spot.copy, "right": spot.right,
    }  # fmt: skip


def _act(act: Act) -> dict[str, str]:
    return {"id": act.id, "label": act.label, "question": act.question}


def in_thread(act: Callable[[], None]) -> None:
    """Run `act` in a thread that does not keep the kernel alive."""
    threading.Thread(target=act, name="aca-table", daemon=True).start()


def open_live_table(shown: Shown, look: Callable[[], Shown], do: Callable[[str, str], None]) -> LiveTableView:
    """Open a table, to be shown under the present cell when a page answers."""
    view = LiveTableView()
    table = LiveTable(shown, look, do, view.send, in_thread)
    show_when_there(view, table.greet, table.take)
    return view

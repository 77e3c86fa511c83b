"""What stands under a deployment's card while its kernel lives: meter, address, end, and a form that calls it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aca_notebook.display import amounts
from aca_notebook.errors import AcaError
from aca_notebook.model.call_form import arguments, call_line
from aca_notebook.widgets.front_end import View, module, show_when_there, style
from aca_notebook.widgets.meter_message import Told

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from aca_notebook.model.call_form import Field
    from aca_notebook.model.cost import Tick

    Send = Callable[[dict[str, Any]], None]
    Call = Callable[..., object]
    Begin = Callable[[Callable[[], None]], None]

#: The longest answer that a page is shown, and the longest value that it may send.
_LONGEST_ANSWER = 20_000
_LONGEST_TYPED = 2**20


class DeployedView(View):
    """A page's copy of a deployed app: its figures and answers travel in messages, which nobody saves."""

    _esm = module("parts", "meter", "deployed")
    _css = style("parts", "deployed")


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page is told of an app; `functions` are the fields of each that a form can be made for."""

    app: str
    url: str
    expires_at: datetime | None
    expiry_enforced: bool
    functions: Mapping[str, tuple[Field, ...]]


class Deployed:
    """The kernel's side: tells a page what there is, and makes the calls it asks for, one at a time.

    `call` is the app's own, `begin` runs work in a thread, `monotonic` tells how long a call took.
    """

    def __init__(self, shown: Shown, call: Call, send: Send, begin: Begin, monotonic: Callable[[], float]) -> None:
        self._shown = shown
        self._call = call
        self._send = send
        self._begin = begin
        self._monotonic = monotonic
        self._calling = threading.Lock()
        self._told = Told()
        self._superseded = False

    def greet(self) -> None:
        """Tell a page that was just opened all there is."""
        shown = self._shown
        expires = None if shown.expires_at is None else round(shown.expires_at.timestamp() * 1000)
        functions = [
            {"name": name, "fields": [_field(field) for field in fields]} for name, fields in shown.functions.items()
        ]
        self._send({
            "kind": "app", "app": shown.app, "url": shown.url, "expires": expires, "enforced": shown.expiry_enforced,
            "functions": functions, "superseded": self._superseded,
        })  # fmt: skip
        if self._told.last:
            self._send(self._told.last)

    def tick(self, tick: Tick) -> None:
        """Take what a meter shows; a page is told when something was read, and carries it on by itself."""
        if (news := self._told.news(tick)) is not None:
            self._send(news)

    def supersede(self) -> None:
        """Say that a later deployment took over."""
        self._superseded = True
        self.greet()

    def take(self, message: Mapping[str, Any]) -> None:
        """Do what a page asks for."""
        function, typed = message.get("function"), message.get("typed")
        if message.get("kind") != "call" or function not in self._shown.functions or not isinstance(typed, dict):
            return
        if sum(len(str(each)) for each in typed.values()) > _LONGEST_TYPED or not self._calling.acquire(blocking=False):
            return
        self._begin(lambda: self._answer(str(function), typed))

    def _answer(self, function: str, typed: dict[str, str]) -> None:
        try:
            answer = self._called(function, typed)
        finally:
            self._calling.release()
        self._send({"kind": "answer", "function": function, **answer})

    def _called(self, function: str, typed: dict[str, str]) -> dict[str, Any]:
        try:
            places, named = arguments(self._shown.functions[function], typed)
        except ValueError as unreadable:
            return {"text": str(unreadable), "failed": True, "seconds": None, "line": ""}
        begun = self._monotonic()
        try:
            text, failed = repr(self._call(function, *places, **named)), False
        except AcaError as refused:
            text, failed = "\n".join(refused.lines()), True
        except Exception as raised:  # noqa: BLE001  # what the function itself raised, in its own type
            text, failed = f"{type(raised).__name__}: {raised}", True
        more = len(text) - _LONGEST_ANSWER
        text = f"{text[:_LONGEST_ANSWER]}\n… and {more:,} characters more" if more > 0 else text
        seconds = amounts.seconds(self._monotonic() - begun)
        return {"text": text, "failed": failed, "seconds": seconds, "line": call_line(function, places, named)}


def _field(field: Field) -> dict[str, Any]:
    return {
        "name": field.name, "kind": field.kind, "required": field.required, "typed": field.typed, "meant": field.meant,
        "choices": list(field.choices),
    }  # fmt: skip


def in_thread(act: Callable[[], None]) -> None:
    """Run `act` in a thread that does not keep the kernel alive."""
    threading.Thread(target=act, name="aca-try", daemon=True).start()


def open_deployed_view(
    shown: Shown, call: Call, monotonic: Callable[[], float]
) -> tuple[Callable[[Tick], None], Callable[[], None]]:  # fmt: skip
    """Open a view, to be shown under the present cell when a page answers.

    Return what to call with each tick of its meter, and what ends the view.
    """
    view = DeployedView()
    deployed = Deployed(shown, call, view.send, in_thread, monotonic)
    take_away = show_when_there(view, deployed.greet, deployed.take)

    def end() -> None:
        deployed.supersede()
        take_away()

    return deployed.tick, end

"""What a notebook's page costs its kernel: completing a line, drawing a card anew, an hour of live updates."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import tracemalloc
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

from aca_notebook.api.cost_meter import CostMeter
from aca_notebook.api.costs import Begun, Lately
from aca_notebook.api.loop import PrivateLoop
from aca_notebook.display import cards
from aca_notebook.magics import aca
from aca_notebook.magics.deploy_card import DeployCard
from aca_notebook.magics.live import LiveCard
from aca_notebook.model.price import price_list
from tests.bench.figures import Figure
from tests.fakes.clock import ManualClock, settled
from tests.unit.display.examples import progress

if TYPE_CHECKING:
    from pathlib import Path

_APPS = 500
_LINES = (
    "%aca de", "%%aca deploy x --gpu ", "%aca show app-4", "%aca logs app-12", "%%aca deploy x --entry sc",
    "%%aca session lab -i f", "%aca metrics app-1 --metric re", "%aca fault add outage st",
)  # fmt: skip
_SILENT = "%aca show a"
_HOUR_SECONDS = 3600
NOON = datetime(2026, 9, 3, 12, tzinfo=UTC)


def completion(home: Path, rounds: int = 200) -> list[Figure]:
    """Each line in IPython's completer, in a notebook of 500 apps; then while the target does not answer."""
    del home
    shell = InteractiveShell.instance()
    answers = threading.Event()
    answers.set()
    magics = aca.AcaMagics(shell, lambda *_, **__: _Target(answers))
    shell.register_magics(magics)
    shell.Completer.custom_matchers.append(aca.matcher(magics))
    shell.run_cell("def score(x): return x\nframe = 1")
    assert magics.notebook.workspace is not None
    with provisionalcompleter():
        _complete(shell, _LINES[2])  # imports, and the first names
        taken = [_complete(shell, line) for _ in range(rounds // len(_LINES)) for line in _LINES]
        answers.clear()
        silent = aca.AcaMagics(shell, lambda *_, **__: _Target(answers))
        shell.Completer.custom_matchers[-1] = aca.matcher(silent)
        assert silent.notebook.workspace is not None
        held = [_complete(shell, _SILENT) for _ in range(9)]
        answers.set()
    worst = sorted(taken)[int(len(taken) * 0.99)]
    return [
        Figure("a completion in IPython, 500 apps", "ms", tuple(1000 * each for each in taken), 50.0,
               note=f"the 99th of a hundred took {1000 * worst:.1f} ms"),
        Figure("a completion while the target is silent", "ms", tuple(1000 * each for each in held), 50.0,
               note="where nothing fits IPython asks jedi as well, which it imports then: the greatest"),
    ]  # fmt: skip


class _Target:
    """A workspace with apps, whose target answers while `answers` is set."""

    def __init__(self, answers: threading.Event) -> None:
        self._answers = answers

    def app_names(self) -> tuple[str, ...]:
        self._answers.wait()
        return tuple(f"app-{number}" for number in range(_APPS))


def _complete(shell: Any, line: str) -> float:
    began = time.perf_counter()
    found = list(shell.Completer.completions(line, len(line)))
    taken = time.perf_counter() - began
    assert found or line == _SILENT, line
    return taken


class _Output:
    """An output area that takes everything and keeps the last of it."""

    def __init__(self) -> None:
        self.drawn = 0

    def display(self, bundle: object, **_: object) -> None:
        self.drawn += 1
        self.bundle = bundle

    update = display


def card_updates(home: Path, rounds: int = 9) -> list[Figure]:
    """A deployment's card drawn anew, as it is four times a second, and what that takes of a core."""
    del home
    done = progress()
    output = _Output()
    clock = ManualClock(NOON)
    card = LiveCard(output, clock, later=lambda _, act: act())
    taken = []
    for number in range(rounds * 100):
        began = time.perf_counter()
        card.show(lambda number=number: cards.deployment(done, meter=f"${number / 1000:.3f}"), last=True)  # type: ignore[misc]  # bound at once
        taken.append(time.perf_counter() - began)
    assert output.drawn == rounds * 100
    each = tuple(1000 * sum(taken[start : start + 100]) / 100 for start in range(0, len(taken), 100))
    share = 100 * 4 * sorted(each)[len(each) // 2] / 1000
    return [Figure("a card drawn anew", "ms", each, 5.0, note=f"four times a second that is {share:.2f} % of a core")]


def live_hour(home: Path, rounds: int = 3) -> list[Figure]:
    """An hour of a deployment's meter, card and page on a clock that is moved, after a first hour; what stays."""
    del home
    return [
        Figure("memory that a second hour of a live card keeps", "KiB", tuple(_hour() for _ in range(rounds)), 64.0,
               note=f"{_HOUR_SECONDS:,} ticks told to a page, a card that changes once a minute")
    ]  # fmt: skip


def _hour() -> float:
    loop, clock = PrivateLoop(), ManualClock(NOON)
    spent = [0.0]

    class Told:
        async def lately(self, *_: object) -> Lately:
            spent[0] += 0.05  # enough for each minute's figure to be another
            return Lately(spent[0], 3.6, (), spent[0])

    workspace = SimpleNamespace(loop=loop, clock=clock, target=SimpleNamespace(charges=False))
    meter = CostMeter(Told(), workspace, "scorer", price_list("eastus"), Begun(NOON))  # type: ignore[arg-type]  # as much of them as it uses
    output, page, done = _Output(), _Output(), progress()
    card = DeployCard(
        LiveCard(output, clock, later=lambda _, act: act()), lambda line: cards.deployment(done, meter=line), meter,
        (page.display, lambda: None), clock.monotonic,
    )  # fmt: skip
    loop.run(settled())
    tracemalloc.start()
    try:
        loop.run(_advance(clock))
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        loop.run(_advance(clock))
        gc.collect()
        kept = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
        card.end()
        loop.close()
    assert page.drawn >= 2 * _HOUR_SECONDS
    assert output.drawn >= 2 * 55
    return max(0.0, kept / 1024)


async def _advance(clock: ManualClock) -> None:
    for _ in range(_HOUR_SECONDS):
        await clock.advance(1.0)
        await asyncio.sleep(0)

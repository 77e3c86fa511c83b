"""The view of a meter: it is told of what was read, can stop it, and goes with its end."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from aca_notebook.model.cost import Tick
from aca_notebook.widgets import cost_meter

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def tick(second: int, **more) -> Tick:
    return Tick("scorer", "USD", 1.0 + second, 3.6, read=True, charged=False, at=NOON.replace(second=second), **more)


@pytest.fixture
def shown(monkeypatch):
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    shell.display_pub = CapturingDisplayPublisher()
    monkeypatch.setattr(InteractiveShell, "_instance", shell)
    return shell.display_pub.outputs


def test_a_page_has_the_last_figures_is_told_of_news_and_ends_it(shown, monkeypatch):
    sent, views, stopped = [], [], []
    monkeypatch.setattr(
        cost_meter.CostMeterView, "send", lambda view, content: (views.append(view), sent.append(content))
    )
    tell = cost_meter.open_cost_meter(tick(0), lambda: stopped.append(True), lambda: None)
    tell(tick(0))
    assert (sent, shown) == ([], []), "nobody is there, and there is no news"
    tell(tick(15))
    views[0]._handle_custom_msg({"kind": "here"}, [])
    assert [each["amount"] for each in sent] == [16.0, 16.0]
    assert "data-aca-view" in shown[-1]["data"]["text/html"]
    views[0]._handle_custom_msg({"kind": "stop"}, [])
    assert stopped == [True]
    tell(tick(15, ended="stopped"))
    assert sent[-1]["ended"] == "stopped"
    assert shown[-1]["data"] == {"text/plain": ""}, "the card has the last word"

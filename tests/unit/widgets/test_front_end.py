"""A view is shown once a page has answered, and never where none does."""

from __future__ import annotations

import json

import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from aca_notebook.model.log import LogLine
from aca_notebook.widgets.log_view import LogView, open_log_view


class Stream:
    """A log that a test writes."""

    running, failure = True, None

    def __init__(self) -> None:
        self.lines = [LogLine("password=hunter2")]

    def listen(self, listener) -> None:
        self.listener = listener

    def lines_from(self, position, most):
        return self.lines[position:], position

    def stop(self) -> None:
        self.running = False


@pytest.fixture
def shown(monkeypatch):
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    publisher = CapturingDisplayPublisher()
    shell.display_pub = publisher
    monkeypatch.setattr(InteractiveShell, "_instance", shell)
    return publisher.outputs


def opened() -> tuple[LogView, Stream, list]:
    timers: list = []
    stream = Stream()
    stream.seen = []
    return open_log_view("scorer", stream, lambda _, act: timers.append(act), stream.seen.append), stream, timers


def says(view: LogView, kind: str) -> None:
    """What the page's copy sends."""
    view._handle_custom_msg({"kind": kind}, [])


def test_a_view_that_no_page_answers_for_is_never_shown(shown) -> None:
    opened()
    assert shown == []


def test_a_view_is_shown_once_however_many_pages_have_it(shown) -> None:
    view, _, _ = opened()
    says(view, "here")
    says(view, "here")
    (output,) = shown
    assert view.place in output["data"]["text/html"]
    assert set(output["data"]) == {"text/plain", "text/html"}, "a saved widget view would be an error when it is opened"


def test_the_page_can_stop_the_log(shown) -> None:
    view, stream, _ = opened()
    says(view, "here")
    says(view, "stop")
    assert not stream.running


def test_whether_a_page_shows_the_view_is_told(shown) -> None:
    view, stream, _ = opened()
    for kind in ("here", "had", "gone", "here"):
        says(view, kind)
    assert stream.seen == [True, False, True]


def test_nothing_of_a_line_is_in_what_a_notebook_saves_of_the_view(shown) -> None:
    view, stream, timers = opened()
    says(view, "here")
    while timers:
        timers.pop(0)()
        stream.running = False
    assert "hunter2" not in json.dumps(view.get_state(), default=str)
    assert "hunter2" not in json.dumps(shown[0], default=str)


def test_the_module_has_no_way_to_read_a_text_as_html_and_loads_nothing() -> None:
    module = view_module()
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "import ", "http"):
        assert word not in module


def view_module() -> str:
    return str(LogView._esm)

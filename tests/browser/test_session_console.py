"""The console's own module in a page, and the kernel's side of it over a session that does as it is told."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from aca_notebook.errors import RemoteError, Unreachable
from aca_notebook.model.session import Execution, Output, SessionFile, SessionPoolState
from aca_notebook.widgets import session_console

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120), pytest.mark.filterwarnings("ignore::ResourceWarning")]

WIDGETS = Path(session_console.__file__).parent
HOST = """<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="/session_console.css"><div id="view"></div>
<script type="module">
import widget from "/session_console.js";
const listeners = new Set();
window.sent = [];
const model = {
  on: (_, act) => listeners.add(act), off: (_, act) => listeners.delete(act), send: (it) => sent.push(it),
};
window.receive = (content) => listeners.forEach((act) => act(content));
const { initialize, render } = widget();
initialize({ model });
render({ model, el: document.getElementById("view") });
window.ready = true;
</script>"""


class Scripted:
    """A cell that shows what it was given, then waits for an interrupt where it was told to, and ends."""

    def __init__(self, outputs: list[Output], error: Exception | None, *, waits: bool) -> None:
        self._outputs = outputs
        self._error = error
        self.interrupted = threading.Event()
        if not waits:
            self.interrupted.set()

    def __iter__(self):
        yield from self._outputs
        self.interrupted.wait(60)

    def interrupt(self) -> None:
        self.interrupted.set()

    def result(self) -> Execution:
        if self._error is not None:
            raise self._error
        return Execution("lab")


class FakeSession:
    """Runs nothing; the next cell is `next`."""

    name, place = "lab", "session pool 'python'"
    next: Scripted

    class files:  # noqa: N801  # stands for an attribute
        @staticmethod
        def list() -> tuple[SessionFile, ...]:
            return (SessionFile("sales.csv", 2048),)

    def start(self, job: Any) -> Scripted:
        self.ran = job.source
        return self.next

    def pool(self) -> SessionPoolState:
        return SessionPoolState("python", "PythonLTS")


class Console:
    """The page, and the kernel's side, whose work is done when the test says so."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.session = FakeSession()
        self._due: list = []
        self.kernel = session_console.SessionConsole(self.session, self._send, self._due.append)
        page.route("http://view.test/**", self._serve)
        page.goto("http://view.test/")
        page.wait_for_function("window.ready")
        self.hear()

    def hear(self) -> None:
        """Hand on what the page has sent."""
        for message in self.page.evaluate("sent.splice(0)"):
            self.kernel.take(message)

    def work(self) -> None:
        """Do what the kernel's side has to do."""
        while self._due:
            self._due.pop(0)()

    def run(self, code: str, *outputs: Output, error: Exception | None = None) -> None:
        """Type code, run it, and have it end."""
        self.session.next = Scripted(list(outputs), error, waits=False)
        self.page.get_by_label("Code").fill(code)
        self.page.get_by_label("Code").press("Shift+Enter")
        self.hear()
        self.work()

    @property
    def outputs(self):
        return self.page.get_by_label("Outputs")

    def _serve(self, route) -> None:
        name = route.request.url.rpartition("/")[2]
        if not name:
            route.fulfill(body=HOST, content_type="text/html")
        elif name.startswith("session_console."):
            kind = "text/javascript" if name.endswith("js") else "text/css"
            route.fulfill(body=(WIDGETS / name).read_text(), content_type=kind)
        else:
            route.fulfill(status=404)

    def _send(self, message: dict[str, Any]) -> None:
        self.page.evaluate("(message) => receive(message)", message)


@pytest.fixture
def console(page: Page) -> Console:
    return Console(page)


def test_code_runs_and_what_it_shows_comes_into_the_page(console) -> None:
    console.run("print(1); 2", Output("stdout", "1\n"), Output("result", data={"text/plain": "2"}))
    assert console.session.ran == "print(1); 2"
    expect(console.outputs).to_contain_text("print(1); 2")
    assert [each.strip() for each in console.outputs.inner_text().split("\n") if each.strip()] == [
        "print(1); 2",
        "1",
        "2",
    ]
    expect(console.page.get_by_text("files: sales.csv (2 KiB)")).to_be_visible()
    expect(console.page.get_by_text("session lab")).to_be_visible()


def test_what_a_session_writes_is_text_in_the_page(console) -> None:
    console.run("x", Output("stdout", "<img src=x onerror=window.taken=1>"),
                Output("display", data={"text/html": "<script>window.taken = 1</script>"}),
                error=RemoteError("ValueError: <b>no</b>", type_name="ValueError"))  # fmt: skip
    expect(console.outputs).to_contain_text("<img src=x onerror=window.taken=1>")
    expect(console.outputs).to_contain_text("ValueError: <b>no</b>")
    assert console.page.evaluate("typeof window.taken") == "undefined"
    assert console.outputs.locator("iframe").get_attribute("sandbox") == ""


def test_one_cell_runs_at_a_time_and_the_button_interrupts_it(console) -> None:
    console.session.next = waiting = Scripted([], None, waits=True)
    console.page.get_by_label("Code").fill("wait()")
    console.page.get_by_role("button", name="Run").click()
    console.hear()
    expect(console.page.get_by_role("button", name="Run")).to_be_disabled()
    console.page.get_by_role("button", name="Interrupt").click()
    console.hear()
    assert waiting.interrupted.is_set()
    console.work()
    expect(console.page.get_by_role("button", name="Run")).to_be_enabled()
    expect(console.page.get_by_role("button", name="Interrupt")).to_be_disabled()


def test_a_cell_that_fails_as_nothing_of_ours_does_leaves_the_console_ready(console) -> None:
    console.run("x", error=OSError("the connection was cut"))
    expect(console.outputs).to_contain_text("OSError: the connection was cut")
    expect(console.page.get_by_role("button", name="Run")).to_be_enabled()


def test_a_pool_that_cannot_be_read_hides_no_output(console, monkeypatch) -> None:
    def gone(_: FakeSession) -> SessionPoolState:
        raise Unreachable("nobody answers", refused=True)

    monkeypatch.setattr(FakeSession, "pool", gone)
    console.run("print(1)", Output("stdout", "shown all the same\n"))
    expect(console.outputs).to_contain_text("shown all the same")
    expect(console.page.get_by_role("button", name="Run")).to_be_enabled()


def test_the_history_is_gone_through_and_a_page_that_opens_later_has_it(console) -> None:
    console.run("first")
    console.run("second")
    code = console.page.get_by_label("Code")
    code.press("Alt+ArrowUp")
    code.press("Alt+ArrowUp")
    expect(code).to_have_value("first")
    console.page.reload()
    console.page.wait_for_function("window.ready")
    console.hear()
    expect(console.outputs).to_contain_text("second")
    console.page.get_by_label("Code").press("Alt+ArrowUp")
    expect(console.page.get_by_label("Code")).to_have_value("second")

"""The log view's own module in a page, without Jupyter: what the kernel's side sends, and what a person sees and does.

The lines are packed by the feed that packs them in a kernel; the page's model hands its messages on.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from aca_notebook.api.log_buffer import LogBuffer
from aca_notebook.model.log import LogLine
from aca_notebook.widgets import log_feed

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120), pytest.mark.filterwarnings("ignore::ResourceWarning")]

WIDGETS = Path(log_feed.__file__).parent
START = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOST = """<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="/log_view.css"><body><div id="view"></div>
<script type="module">
import widget from "/log_view.js";
const listeners = new Set();
window.sent = [];
const model = {
  on: (_, act) => listeners.add(act), off: (_, act) => listeners.delete(act), send: (it) => sent.push(it),
};
window.receive = (content, body) => {
  const bytes = body ? Uint8Array.from(atob(body), (c) => c.charCodeAt(0)) : null;
  for (const act of listeners) act(content, bytes ? [new DataView(bytes.buffer)] : []);
};
const { initialize, render } = widget();
initialize({ model });
const show = () => { window.close_view = render({ model, el: document.getElementById("view") }); };
window.show_view = show;
show();
window.ready = true;
</script>"""


class View:
    """The view in a page, and the kernel's side of it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.rows = page.locator(".aca-lv-row")
        self.count = page.locator(".aca-log-count")
        self.state = page.get_by_role("status")
        self.filter = page.get_by_role("searchbox", name="Filter lines")
        self.lines = page.get_by_role("log", name="Lines")
        self._buffer = LogBuffer(most_lines=1_000_000)
        self._due: list = []
        self._feed = log_feed.LogFeed("scorer", self, self._send, lambda _, act: self._due.append(act))
        page.route("http://view.test/**", self._serve)
        page.goto("http://view.test/")
        page.wait_for_function("window.ready")
        self._feed.begin()

    @property
    def running(self) -> bool:
        return not self._buffer.ended

    @property
    def failure(self) -> Exception | None:
        return self._buffer.failure

    def lines_from(self, position: int, most: int):
        return self._buffer.lines_from(position, most)

    def write(self, *lines: LogLine | str) -> None:
        """Have lines come, and send them all."""
        self._buffer.extend([LogLine(line, START) if isinstance(line, str) else line for line in lines])
        self.flush()

    def end(self, failure: Exception | None = None) -> None:
        self._buffer.end(failure)
        self.flush()

    def flush(self) -> None:
        self._feed.changed()
        while self._due:
            self._due.pop(0)()

    def button(self, name: str):
        return self.page.get_by_role("button", name=name)

    def top(self) -> float:
        return self.lines.evaluate("it => it.scrollTop")

    def _serve(self, route) -> None:
        name = route.request.url.rpartition("/")[2]
        if not name:
            route.fulfill(body=HOST, content_type="text/html")
        elif name in {"log_view.js", "log_view.css"}:
            kind = "text/javascript" if name.endswith("js") else "text/css"
            route.fulfill(body=(WIDGETS / name).read_text(), content_type=kind)
        else:
            route.fulfill(status=404)

    def _send(self, content, buffers) -> None:
        body = base64.b64encode(buffers[0]).decode() if buffers else None
        self.page.evaluate("([content, body]) => receive(content, body)", [content, body])


@pytest.fixture
def view(page: Page) -> View:
    return View(page)


def numbered(count: int, replica: str = "r1") -> list[LogLine]:
    levels = ("INFO", "DEBUG", "WARNING", "ERROR")
    return [
        LogLine(f"{levels[n % 4]} line {n}", START + timedelta(milliseconds=n), replica=replica) for n in range(count)
    ]


def test_a_hundred_thousand_lines_are_a_few_rows_and_every_one_can_be_reached(view: View) -> None:
    view.write(*numbered(100_000))
    expect(view.count).to_have_text("100,000 lines")
    expect(view.rows.last).to_contain_text("line 99999")
    view.lines.evaluate("it => { it.scrollTop = 50_000 * 18; }")
    expect(view.page.get_by_text("DEBUG line 50005", exact=True)).to_be_visible()
    assert view.rows.count() < 100
    view.filter.fill("line 77777")
    expect(view.count).to_have_text("1 of 100,000 lines")
    expect(view.rows).to_have_text(["12:01:17DEBUG line 77777"])


def test_no_more_than_a_hundred_thousand_lines_are_held_and_the_rest_is_counted(view: View) -> None:
    view.write(*numbered(130_000))
    expect(view.count).to_have_text("100,000 lines · 30,000 older not kept here")
    view.lines.evaluate("it => { it.scrollTop = 0; }")
    expect(view.rows.first).to_contain_text("line 30000")


def test_what_a_line_says_is_never_read_as_html(view: View) -> None:
    attack = "<img src=x onerror='window.taken = 1'><script>window.taken = 2</script>&lt;b&gt; \x1b[31m<b>red</b>"
    view.write(LogLine(attack, START, replica="<i>r1</i>"), LogLine("two", START, replica="<i>r2</i>"))
    view.end(RuntimeError("<img src=x onerror='window.taken = 3'>"))
    expect(view.rows.first).to_contain_text("<img src=x onerror='window.taken = 1'><script>")
    expect(view.state).to_contain_text("ended: <img src=x")
    assert view.page.evaluate("window.taken") is None
    assert view.page.locator("img, b, i, #view script").count() == 0


def test_the_newest_line_stays_in_sight_until_somebody_scrolls_up(view: View) -> None:
    view.write(*numbered(1000))
    expect(view.state).to_have_text("following")
    view.lines.evaluate("it => { it.scrollTop = 100 * 18; }")
    expect(view.state).to_have_text("scrolled up")
    before = view.top()
    view.write("one more")
    expect(view.count).to_have_text("1,001 lines")
    assert view.top() == before
    view.button("Follow").click()
    expect(view.page.get_by_text("one more")).to_be_visible()


def test_a_paused_view_stands_still_while_lines_go_on_coming(view: View) -> None:
    view.write(*numbered(100))
    view.button("Pause").click()
    expect(view.state).to_have_text("paused")
    view.write(*["while paused"] * 7)
    expect(view.button("Resume (7 new)")).to_be_visible()
    expect(view.rows.last).to_contain_text("line 99")
    view.button("Resume").click()
    expect(view.rows.last).to_contain_text("while paused")
    expect(view.count).to_have_text("107 lines")


def test_lines_are_filtered_by_text_by_pattern_by_level_and_by_replica(view: View) -> None:
    view.write(*numbered(400), *numbered(40, "r2"))
    for text, kept in (("LINE 39", 12), ("/^error line \\d$/", 4), ("(", 0), ("", 440)):
        view.filter.fill(text)
        expect(view.count).to_have_text("440 lines" if kept == 440 else f"{kept} of 440 lines")
    view.page.get_by_role("combobox", name="Least level").select_option("warning and up")
    expect(view.count).to_have_text("220 of 440 lines")
    view.page.get_by_role("combobox", name="Replica").select_option("r2")
    expect(view.count).to_have_text("20 of 440 lines")


def test_a_pattern_that_cannot_be_read_is_marked_and_changes_nothing(view: View) -> None:
    view.write(*numbered(10))
    view.filter.fill("/(/")
    expect(view.filter).to_have_attribute("aria-invalid", "true")
    expect(view.count).to_have_text("10 lines")
    view.filter.press("Escape")
    expect(view.filter).to_have_value("")
    expect(view.filter).not_to_have_attribute("aria-invalid", "true")


def test_colours_of_a_terminal_are_colours_here_and_other_sequences_are_gone(view: View) -> None:
    view.write("\x1b[1;32mgreen\x1b[0m \x1b[38;5;208morange\x1b[0m \x1b]0;a title\x07plain \x1b[2Jend", "1 %\r100 %\r")
    expect(view.rows.nth(0)).to_have_text("12:00:00green orange plain end")
    expect(view.page.get_by_text("green", exact=True)).to_have_class("aca-ansi-bold aca-ansi-fg-2")
    expect(view.page.get_by_text("orange", exact=True)).to_have_css("color", "rgb(255, 135, 0)")
    expect(view.rows.nth(1)).to_have_text("12:00:00100 %")


def test_a_download_has_whole_lines_with_moments_and_only_those_that_pass(view: View) -> None:
    view.write(*numbered(100), LogLine("x" * 10_000, START, replica="r1"))
    expect(view.rows.last).to_contain_text("6,000 more characters")
    view.filter.fill("/x{9}|line 7$/")
    expect(view.count).to_have_text("2 of 101 lines")
    with view.page.expect_download() as download:
        view.button("Download").click()
    saved = Path(download.value.path()).read_text()
    assert download.value.suggested_filename == "scorer.log"
    assert saved == f"2026-05-01T12:00:00.007Z ERROR line 7\n2026-05-01T12:00:00.000Z {'x' * 10_000}\n"


def test_everything_can_be_reached_with_the_keyboard_and_no_key_reaches_the_notebook(view: View) -> None:
    view.write(*numbered(1000))
    view.page.evaluate("window.keys = 0; document.addEventListener('keydown', () => keys++)")
    view.lines.focus()
    view.page.keyboard.press("Home")
    expect(view.rows.first).to_contain_text("line 0")
    view.page.keyboard.press("End")
    expect(view.state).to_have_text("following")
    view.page.keyboard.press("/")
    expect(view.filter).to_be_focused()
    for name in ("Least level",):
        view.page.keyboard.press("Tab")
        expect(view.page.get_by_role("combobox", name=name)).to_be_focused()
    for name in ("Follow", "Pause", "Download", "Stop"):
        view.page.keyboard.press("Tab")
        expect(view.button(name)).to_be_focused()
    view.page.keyboard.press("Enter")
    assert view.page.evaluate("sent.map((it) => it.kind)") == ["here", "had", "stop"]
    assert view.page.evaluate("keys") == 0


def test_a_view_whose_cell_is_run_again_says_that_it_is_gone_and_asks_anew_when_it_is_back(view: View) -> None:
    view.write(*numbered(10))
    expect(view.count).to_have_text("10 lines")
    view.page.evaluate("close_view()")
    view.page.evaluate("show_view()")
    assert view.page.evaluate("sent.map((it) => it.kind)") == ["here", "had", "gone", "here"]
    expect(view.count).to_have_text("10 lines")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_the_ground_in_light_and_in_dark(view: View, scheme) -> None:
    view.page.emulate_media(color_scheme=scheme)
    view.write("plain", "\x1b[31mred\x1b[0m", "ERROR bad", "WARNING hm", "\x1b[34mblue\x1b[0m", "DEBUG low")
    ground = luminance(view.page.locator(".aca-log-view").evaluate("it => getComputedStyle(it).backgroundColor"))
    for text in ("plain", "red", "ERROR bad", "WARNING hm", "blue", "DEBUG low"):
        piece = view.page.get_by_text(text, exact=True)
        ink = luminance(piece.evaluate("it => getComputedStyle(it).color"))
        light, dark = max(ground, ink), min(ground, ink)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, text


def luminance(colour: str) -> float:
    """WCAG's relative luminance of `rgb(r, g, b)`."""
    parts = [int(part) / 255 for part in colour.removeprefix("rgb(").rstrip(")").split(",")]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

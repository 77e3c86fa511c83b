"""A board of metrics in JupyterLab: it goes on in the page, and the picture is what the saved notebook keeps."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import requests
from playwright.sync_api import expect

from tests.real_emulator import RealEmulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from tests.browser.jupyter import Lab

pytestmark = [
    pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(240),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]  # fmt: skip

#: How many colours a canvas shows: one that nothing was drawn on has none.
COLOURS = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return new Set(new Uint32Array(data.buffer)).size;
}"""


@pytest.fixture
def emulator(lab: Lab) -> Iterator[RealEmulator]:
    """The emulator that the notebook will join, with an app that was called."""
    started = RealEmulator(lab.aca_home / "emulator")
    try:
        answer = started.put("app-busy", "v1")
        assert answer.status_code == 201, answer.text
        while started.get("app-busy")["properties"]["provisioningState"] == "InProgress":
            pass  # each question is a request
        for _ in range(3):
            assert requests.get(started.address("app-busy"), timeout=60).status_code == 200
        yield started
    finally:
        started.stop()


def test_a_board_goes_on_is_read_at_the_cursor_stopped_and_saved(lab: Lab, emulator: RealEmulator, page: Page) -> None:
    cells = ["%load_ext aca_notebook\n%aca target local", "board = %aca metrics app-busy --live\nboard"]
    path = lab.write("board.ipynb", cells)
    lab.open(page, "board.ipynb")
    lab.run_all(page)

    board = page.locator(".aca-dashboard")
    picture = page.locator(".jp-RenderedSVG")
    expect(board).to_be_visible()
    expect(picture).to_be_hidden()
    status = board.get_by_role("status")
    expect(status).to_contain_text("live, seen")
    before = status.inner_text()
    expect(status).not_to_have_text(before)
    titles = board.locator(".aca-board-panel b").all_inner_texts()
    assert titles[:2] == ["Requests", "Replicas"]
    canvas = board.locator("canvas").first
    assert canvas.evaluate(COLOURS) > 3
    assert "Requests, requests per minute: now" in (canvas.get_attribute("aria-label") or "")

    canvas.hover()
    expect(status).to_contain_text("UTC")
    expect(status).not_to_contain_text("live")
    page.mouse.move(0, 0)
    expect(status).to_contain_text("live")

    board.get_by_role("button", name="Stop").click()
    expect(board).to_be_hidden()
    expect(picture).to_be_visible()

    for _ in range(60):  # the card's last state may come after its view has gone
        lab.save(page)
        card, place = json.loads(path.read_text())["cells"][1]["outputs"]
        words = "".join(card["data"]["text/plain"])
        if "stopped" in words:
            break
        page.wait_for_timeout(500)
    assert words.startswith("app-busy: requests and use")
    assert "stopped, last seen" in words
    assert "".join(card["data"]["image/svg+xml"]).startswith("<svg")
    assert "".join(place["data"].pop("text/plain")) == ""
    assert place["data"] == {}, "the view of what has ended is no error when the notebook is opened again"

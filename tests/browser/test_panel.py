"""The side panel in JupyterLab: found, searched, opened by keys, dragged from, and deleted from after a question."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import findings
from tests.browser.jupyter import Lab
from tests.real_emulator import RealEmulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator, Page

pytestmark = [
    pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]  # fmt: skip


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[Lab]:
    started = Lab(tmp_path_factory.mktemp("panel") / "lab", extended=True)
    yield started
    started.close()


@pytest.fixture
def emulator(lab: Lab) -> Iterator[RealEmulator]:
    """One that the panel finds running, with two apps."""
    started = RealEmulator(lab.aca_home / "emulator")
    try:
        for name in ("app-one", "app-two"):
            answer = started.put(name, "v1")
            assert answer.status_code == 201, answer.text
            while started.get(name)["properties"]["provisioningState"] == "InProgress":
                pass  # each question is a request
        yield started
    finally:
        started.stop()


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("treeitem", name=re.compile(name))


def test_the_panel_is_used_by_keys_by_dragging_and_with_questions(lab: Lab, emulator: RealEmulator, page: Page) -> None:
    path = lab.write("calls.ipynb", ["first = 1"])
    lab.open(page, "calls.ipynb")
    page.get_by_role("tab", name="ACA notebook").click()
    tree = page.get_by_role("tree", name="Apps and sessions")
    expect(row(page, "^app app-one")).to_be_visible()
    expect(row(page, "^app app-two")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="nobody is billed here")).to_be_visible()
    assert findings(page, "#aca-notebook-panel") == []

    search = page.get_by_role("searchbox", name="Search apps and sessions")
    search.fill("two")
    expect(row(page, "^app app-one")).to_have_count(0)
    search.fill("")
    expect(row(page, "^app app-one")).to_be_visible()

    tree.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    expect(row(page, "^app app-one")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowRight")
    expect(row(page, "^revision .*, latest")).to_be_visible()
    page.keyboard.press("Shift+F10")
    page.get_by_role("menuitem", name="Insert calling code").click()
    inserted = page.locator(".jp-Notebook .jp-CodeCell").nth(1)
    expect(inserted).to_contain_text("apps['app-one']")

    drag(page, row(page, "^app app-two"), page.locator(".jp-Notebook .jp-CodeCell").first)
    expect(page.locator(".jp-Notebook")).to_contain_text("apps['app-two']")
    lab.save(page)
    cells = ["".join(cell["source"]) for cell in json.loads(path.read_text())["cells"]]
    assert sum("connect('local')" in cell for cell in cells) == 2
    assert all("outputs" not in cell or cell["outputs"] == [] for cell in json.loads(path.read_text())["cells"])

    deletes(page, emulator)


def drag(page: Page, source: Locator, target: Locator) -> None:
    """Drag as a hand does: in steps, over the target's upper edge, where a cell is put in front of it."""
    source.hover()
    with page.expect_response(re.compile(r"/apps/app-two/code")):
        page.mouse.down()
    place = target.bounding_box()
    assert place is not None
    for x, y in (
        (place["x"] + 200, place["y"] + 40),
        (place["x"] + 200, place["y"] + 20),
        (place["x"] + 20, place["y"] + 6),
    ):
        page.mouse.move(x, y, steps=8)
    page.mouse.up()


def deletes(page: Page, emulator: RealEmulator) -> None:
    """A question first, whose answer at hand is no."""
    row(page, "^app app-two").click(button="right")
    page.get_by_role("menuitem", name="Delete …").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("This cannot be undone")
    expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Enter")
    expect(question).to_have_count(0)
    assert emulator.call("GET", emulator.path("app-two")).status_code == 200

    row(page, "^app app-two").click(button="right")
    page.get_by_role("menuitem", name="Delete …").click()
    question.get_by_role("button", name="Delete").click()
    expect(row(page, "^app app-two")).to_have_count(0)
    assert emulator.call("GET", emulator.path("app-two")).status_code == 404


def test_a_target_that_ends_is_said_to_be_off_and_can_be_started_from_the_panel(lab: Lab, page: Page) -> None:
    emulator = RealEmulator(lab.aca_home / "emulator")
    page.goto(f"{lab.url}/lab?token={lab.token}&reset")
    page.get_by_role("tab", name="ACA notebook").click()
    expect(page.get_by_role("tree", name="Apps and sessions")).to_be_visible()
    emulator.stop()
    expect(page.get_by_role("button", name="Connect", exact=True)).to_be_visible()
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.get_by_role("tree", name="Apps and sessions")).to_be_visible()
    lab.stop_emulator()


def test_a_page_without_the_servers_half_says_what_to_run(lab: Lab, page: Page) -> None:
    asked = re.compile(r"/aca-notebook/(halves|tree|status)")
    page.route(asked, lambda route: route.fulfill(status=404, json={"message": "Not Found"}))
    page.goto(f"{lab.url}/lab?token={lab.token}&reset")
    page.get_by_role("tab", name="ACA notebook").click()
    panel = page.get_by_role("region", name="ACA notebook")
    expect(panel.get_by_role("heading")).to_have_text("Half of this extension is missing")
    expect(panel).to_contain_text("jupyter server extension enable aca_notebook")
    again = panel.get_by_role("button", name="Test again").element_handle()
    page.unroute_all()
    again.evaluate("button => button.click()")  # the page mends itself too, perhaps before a mouse is there
    expect(panel.get_by_role("button", name="Connect", exact=True)).to_be_visible()

"""JupyterLab with the extension, as people work who have no mouse, or like it dark."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import findings
from tests.browser.album import Album
from tests.browser.jupyter import Lab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]  # fmt: skip

CELL = 'def greet(name: str = "world") -> str:\n    return f"hello {name}"'
#: Everything of ours that stands in a page at once, when an app is deployed and its log is open.
OURS = (".aca-status", ".aca-badge", ".aca-live", ".aca-panel", ".aca-dock")


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[Lab]:
    """JupyterLab with our extension, whose owner wants to be asked about all that runs."""
    started = Lab(tmp_path_factory.mktemp("lab") / "lab", extended=True)
    started.settle("aca-notebook", "close-guard", {"ask": "running"})
    yield started
    started.close()
    started.stop_emulator()


def command(page: Page, words: str) -> None:
    """Choose a command from the palette, without a mouse."""
    page.keyboard.press("Control+Shift+C")
    box = page.locator(".lm-CommandPalette-input:focus")
    expect(box).to_be_visible()
    page.keyboard.type(words)
    expect(page.locator(".lm-CommandPalette-item.lm-mod-active")).to_contain_text(words)
    page.keyboard.press("Enter")


def test_a_keyboard_is_enough_and_a_saved_notebook_comes_alive_again_in_the_dark(lab: Lab, page: Page) -> None:
    album = Album(page, "lab")
    lab.write("mine.ipynb", [CELL])
    lab.open(page, "mine.ipynb")
    page.keyboard.press("Escape")
    command(page, "Deploy to GPU")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("textbox", name="App")).to_be_focused()
    assert findings(page, ".jp-Dialog-content") == []
    page.keyboard.press("Control+A")
    page.keyboard.type("hello-")
    expect(dialog.get_by_role("button", name="Deploy")).to_be_disabled()
    page.keyboard.type("you")
    album.take("keyboard")
    page.keyboard.press("Enter")
    sources = page.locator(".jp-CodeCell .jp-InputArea-editor .cm-content")
    expect(sources.nth(1)).to_contain_text("%%aca deploy hello-you")
    expect(sources.nth(0)).to_have_text("%load_ext aca_notebook")
    expect(page.locator(".aca-badge")).to_contain_text("✓ hello-you")
    command(page, "Open logs of this cell")
    expect(page.get_by_role("log")).to_be_visible()
    command(page, "Show apps and sessions")
    tree = page.get_by_role("tree", name="Apps and sessions")
    expect(tree).to_be_focused()
    expect(tree.get_by_role("treeitem", name=re.compile("^app hello-you"))).to_be_visible()
    assert findings(page, *OURS) == []
    lab.save(page)
    lab.end_kernels()

    lab.dark()
    page.reload()
    expect(page.locator("[data-jp-theme-name='JupyterLab Dark']")).to_be_attached()
    expect(page.get_by_text(re.compile("hello-you: deployed in"))).to_be_visible()
    expect(page.locator(".aca-badge")).to_contain_text("✓ hello-you")
    expect(page.locator(".aca-live")).to_contain_text("now: Running · 1 replica")
    expect(page.get_by_text("Error displaying widget")).to_be_hidden()
    page.locator(".aca-live").get_by_role("button", name="Logs").click()
    page.locator(".aca-status button").click()
    expect(tree).to_be_visible()
    expect(page.get_by_role("log")).to_be_visible()
    assert findings(page, *OURS) == []
    album.take("dark")

    sources.nth(1).click()
    page.keyboard.press("Control+End")
    page.keyboard.type("  # louder")
    expect(page.locator(".aca-badge")).to_contain_text("≠ hello-you · edited since")
    album.take("edited")

    with page.expect_event("dialog") as asked:
        page.evaluate("() => void setTimeout(() => location.reload())")
    assert asked.value.type == "beforeunload"

"""A newcomer in JupyterLab: from the launcher's tile to an app that is called, watched and stopped."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.album import Album
from tests.browser.jupyter import Lab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator, Page

pytestmark = [
    pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]  # fmt: skip

DRAWING = """from IPython.display import SVG
triangle = '<path d="M5 35 45 5 85 35" fill="teal"/>'
SVG(f'<svg xmlns="http://www.w3.org/2000/svg" width="90" height="40">{triangle}</svg>')"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[Lab]:
    """JupyterLab with our extension, whose owner wants to be asked about all that runs."""
    started = Lab(tmp_path_factory.mktemp("newcomer") / "lab", extended=True)
    started.settle("aca-notebook", "close-guard", {"ask": "running"})
    yield started
    started.close()
    started.stop_emulator()


def code(page: Page, number: int) -> Locator:
    """The source of a code cell, counted from 0."""
    return page.locator(".jp-CodeCell .jp-InputArea-editor .cm-content").nth(number)


def press(page: Page, number: int, name: str) -> None:
    """Choose a code cell, then a button of its toolbar."""
    code(page, number).click()
    page.locator(".jp-cell-toolbar").get_by_role("button", name=name).click()


def dialog(page: Page) -> Locator:
    """The dialog that is open."""
    return page.get_by_role("dialog")


def test_from_the_launcher_to_an_app_that_runs_and_is_stopped(lab: Lab, page: Page) -> None:
    album = Album(page, "newcomer")
    page.goto(f"{lab.url}/lab?token={lab.token}&reset")
    tile = page.locator(".jp-LauncherCard", has_text="ACA notebook")
    expect(tile).to_be_visible()
    status = page.locator(".aca-status")
    expect(status).to_have_text("ACA: local · off")
    album.take("launcher")

    tile.click()
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    code(page, 0).click()
    page.keyboard.press("Shift+Enter")
    expect(page.get_by_text("target local", exact=True)).to_be_visible()

    deploys(page, album)
    calls(page, album)
    watches(page, album, status)
    runs_in_a_session(page, album)
    closes(lab, page, album)


def deploys(page: Page, album: Album) -> None:
    """The plan first, then the deployment, from the cell's button: the line is on top of the cell, and it runs."""
    press(page, 1, "Deploy this cell")
    expect(dialog(page).get_by_role("textbox", name="App")).to_have_value("hello")
    dialog(page).get_by_role("combobox", name="GPU").select_option("T4")
    expect(dialog(page).get_by_text("%%aca deploy hello --gpu T4")).to_be_visible()
    album.take("deploy-dialog")
    dialog(page).get_by_role("button", name="Show plan").click()
    expect(page.get_by_text("plan: would create hello")).to_be_visible()
    expect(code(page, 1)).to_contain_text("%%aca plan hello --gpu T4")
    album.take("plan")

    press(page, 1, "Deploy this cell")
    dialog(page).get_by_role("button", name="Deploy", exact=True).click()
    expect(code(page, 1)).to_contain_text("%%aca deploy hello --gpu T4")
    expect(page.get_by_text(re.compile("hello: deployed in"))).to_be_visible()
    expect(page.locator(".aca-badge")).to_contain_text("✓ hello")
    expect(page.locator(".aca-live")).to_contain_text("now: Running · 1 replica")
    album.take("deployed")


def calls(page: Page, album: Album) -> None:
    """The form under the card."""
    form = page.locator(".aca-lv-deployed")
    form.get_by_label("name").fill("Ada")
    form.get_by_role("button", name="Call", exact=True).click()
    expect(form.get_by_label("Answer")).to_contain_text("hello Ada")
    album.take("called")


def watches(page: Page, album: Album, status: Locator) -> None:
    """Logs and metrics below, cost in the status bar."""
    press(page, 1, "Open the log of the app")
    log = page.get_by_role("log", name="log of hello")
    expect(log).to_contain_text('"event":"call"')
    page.get_by_role("searchbox", name="Filter lines").fill("nothing has this")
    expect(log.locator(".aca-log-row:visible")).to_have_count(0)
    page.get_by_role("searchbox", name="Filter lines").fill("greet")
    expect(log.locator(".aca-log-row:visible")).not_to_have_count(0)
    album.take("log")
    page.locator(".aca-live").get_by_role("button", name="Metrics").click()
    expect(page.get_by_role("img", name=re.compile(r"^Requests: [1-9]"))).to_be_visible()
    album.take("metrics")
    expect(status).to_have_text(re.compile(r"ACA: local · no GPU · \$\d.*/h · \$\d.* today"))
    for name in ("hello log", "hello metrics"):
        page.locator(".lm-TabBar-tab", has_text=name).locator(".lm-TabBar-tabCloseIcon").click()


def runs_in_a_session(page: Page, album: Album) -> None:
    """A cell that draws, in a sandbox."""
    code(page, 2).click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(DRAWING)
    press(page, 2, "Run this cell in a sandbox")
    expect(dialog(page).get_by_text("%%aca session", exact=True)).to_be_visible()
    dialog(page).get_by_role("button", name="Run", exact=True).click()
    picture = page.locator(".jp-CodeCell").nth(2).locator(".jp-OutputArea-output svg path, .jp-OutputArea-output img")
    expect(picture.first).to_be_visible()
    album.take("session")


def closes(lab: Lab, page: Page, album: Album) -> None:
    """Closing asks while the app runs; once it is stopped in the panel, nothing is asked."""
    lab.save(page)
    tab = page.locator("#jp-main-dock-panel .lm-TabBar-tab", has_text="Untitled.ipynb")
    tab.locator(".lm-TabBar-tabCloseIcon").click()
    expect(dialog(page)).to_contain_text("hello runs on after this is closed")
    album.take("close-guard")
    dialog(page).get_by_role("button", name="Keep it open").click()
    row = page.get_by_role("treeitem", name=re.compile("^app hello"))
    expect(row).to_have_accessible_name(re.compile("Running"))
    album.take("panel")
    row.click(button="right")
    page.get_by_role("menuitem", name="Stop", exact=True).click()
    dialog(page).get_by_role("button", name="Stop").click()
    expect(row).to_have_accessible_name(re.compile("stopped", re.IGNORECASE))
    expect(page.locator(".aca-badge")).to_contain_text("stopped")
    album.take("stopped")
    # A card that is updated between saving and closing makes JupyterLab itself ask.
    page.add_locator_handler(dialog(page).get_by_role("button", name="Discard"), lambda discard: discard.click())
    lab.save(page)
    tab.locator(".lm-TabBar-tabCloseIcon").click()
    expect(tab).to_have_count(0)

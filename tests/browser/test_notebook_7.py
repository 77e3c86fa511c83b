"""Notebook 7 with the extension: the same buttons, badge, card and docks as in JupyterLab."""

from __future__ import annotations

import importlib.util
import os
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.album import Album
from tests.browser.conftest import PATIENCE_MS
from tests.browser.jupyter import Lab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = [
    pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]  # fmt: skip


@pytest.fixture
def notebook(tmp_path) -> Iterator[Lab]:
    """Notebook 7 with our extension; skips where it is not installed."""
    if importlib.util.find_spec("notebook") is None:
        reason = "Notebook 7 is not installed: it comes with the tests' packages"
        if os.environ.get("REQUIRE_ALL"):
            pytest.fail(reason)
        pytest.skip(reason)
    started = Lab(tmp_path / "notebook", extended=True, program="notebook")
    yield started
    started.close()
    started.stop_emulator()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that may raise what Notebook 7 raises by itself, with no extension at all, and nothing else."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    context.set_default_timeout(PATIENCE_MS)
    opened = context.new_page()
    raised: list[str] = []
    opened.on("pageerror", lambda error: raised.append(str(error)))
    yield opened
    context.close()
    assert [each for each in raised if each != "Cannot read properties of undefined (reading 'schema')"] == []


def test_a_cell_is_deployed_and_its_log_opened_from_its_buttons(notebook: Lab, page: Page) -> None:
    album = Album(page, "notebook-7")
    notebook.write("mine.ipynb", ['def greet(name: str = "world") -> str:\n    return f"hello {name}"'])
    page.goto(f"{notebook.url}/notebooks/mine.ipynb?token={notebook.token}&reset")
    page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']").wait_for()
    page.locator(".jp-CodeCell .cm-content").first.click()
    toolbar = page.locator(".jp-cell-toolbar")
    toolbar.get_by_role("button", name="Deploy this cell").click()
    page.get_by_role("dialog").get_by_role("button", name="Deploy", exact=True).click()
    expect(page.locator(".aca-badge")).to_contain_text("✓ greet")
    expect(page.locator(".aca-live")).to_contain_text("now: Running · 1 replica")
    album.take("deployed")
    page.locator(".aca-live").get_by_role("button", name="Logs").click()
    log = page.get_by_role("log", name="log of greet")
    expect(log).to_contain_text("ready")
    expect(log).to_be_in_viewport()
    album.take("log")

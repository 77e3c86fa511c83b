"""Chromium, and JupyterLab to open in it."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.browser.jupyter import Lab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

#: A machine may be ten times slower than this one.
PATIENCE_MS = 60_000
#: Debian's and Fedora's name, Google's, and what `playwright install` leaves is none of ours.
_NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window; skips where there is none, and fails where everything must run.

    Of a module and no longer: while it is there its event loop runs in this thread, and no test of ours could run one.
    """
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        reason = "there is no Chromium on this machine (Debian: apt-get install chromium)"
        if os.environ.get("REQUIRE_ALL"):
            pytest.fail(reason)
        pytest.skip(reason)
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        # Root has no sandbox in a container, and /dev/shm is small there.
        opened = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page; what a script raises in it fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000}, accept_downloads=True)
    context.set_default_timeout(PATIENCE_MS)
    opened = context.new_page()
    raised: list[str] = []
    opened.on("pageerror", lambda error: raised.append(str(error)))
    yield opened
    context.close()
    assert raised == []


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[Lab]:
    """JupyterLab on a folder of its own, for a module's tests."""
    started = Lab(tmp_path_factory.mktemp("jupyter") / "lab")
    yield started
    started.close()

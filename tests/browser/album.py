"""Pictures of what a test saw, kept for people to look at: nothing is compared with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

#: In the root of the checkout, ignored by git.
FOLDER = Path(__file__).parents[2] / "browser-pictures"


class Album:
    """The pictures of one test, in order."""

    def __init__(self, page: Page, name: str) -> None:
        self._page = page
        self._name = name
        self._taken = 0

    def take(self, what: str, of: Locator | None = None) -> None:
        """Keep a picture of the page, or of a part of it."""
        self._taken += 1
        path = FOLDER / f"{self._name}-{self._taken:02}-{what}.png"
        (of or self._page).screenshot(path=path)

"""axe-core in the page: what people with a screen reader or a keyboard alone would stumble over."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

_AXE = Path(__file__).parents[2] / "labextension" / "node_modules" / "axe-core" / "axe.min.js"
_GRAVE = {"serious", "critical"}
_RUN = """selectors => axe.run({ include: selectors.map(selector => [selector]) }, { resultTypes: ["violations"] })
  .then(found => found.violations.map(each =>
    [each.impact, each.id, each.help, each.nodes.map(node => `${node.html} ${node.failureSummary}`).join("\\n")]))"""


def findings(page: Page, *selectors: str) -> list[str]:
    """Return what is serious or worse in parts of a page; skips where axe-core is not installed."""
    if not _AXE.is_file():
        reason = "axe-core is not installed: make labextension"
        if os.environ.get("REQUIRE_ALL"):
            pytest.fail(reason)
        pytest.skip(reason)
    there = [selector for selector in selectors if page.locator(selector).count()]
    assert there == list(selectors), "what is not there is not looked at"
    page.add_script_tag(path=_AXE)
    return [f"{name}: {told}\n{where}" for impact, name, told, where in page.evaluate(_RUN, there) if impact in _GRAVE]

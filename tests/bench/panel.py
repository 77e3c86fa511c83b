"""What the side panel costs with five hundred apps: to draw, to scroll, to leave as it is."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import msgspec
from playwright.sync_api import sync_playwright

from aca_notebook.server import protocol
from tests.bench.figures import Figure
from tests.browser.jupyter import Lab

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page, Route

APPS = 500
STEPS = 40
_PATIENCE_MS = 120_000
#: Milliseconds from the last byte of the answer until the first frame that shows its rows.
_DRAWN = """size => new Promise(resolve => {
  const shown = () => document.querySelector(`.aca-tree [aria-setsize="${size}"]`);
  const look = () => {
    if (!shown()) return requestAnimationFrame(look);
    requestAnimationFrame(() => setTimeout(() => {
      const answers = performance.getEntriesByType('resource').filter(each => /aca-notebook\\/tree/.test(each.name));
      resolve(performance.now() - answers.at(-1).responseEnd);
    }));
  };
  look();
})"""
#: Milliseconds of script that each of `steps` scrolls takes, to the end of the tree.
_SCROLLED = """steps => new Promise(resolve => {
  const tree = document.querySelector('.aca-tree');
  const costs = [];
  const step = number => {
    if (number > steps) return resolve(costs);
    const began = performance.now();
    tree.scrollTop = (tree.scrollHeight - tree.clientHeight) * number / steps;
    requestAnimationFrame(() => setTimeout(() => { costs.push(performance.now() - began); step(number + 1); }));
  };
  step(1);
})"""


def side_panel(home: Path, rounds: int = 5) -> list[Figure]:
    """JupyterLab in Chromium with trees that a test made; the server's half is not asked."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        return []
    lab = Lab(home / "panel", extended=True)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
            )
            return _measured(lab, browser.new_page(viewport={"width": 1280, "height": 1000}), rounds)
    finally:
        lab.close()


def _measured(lab: Lab, page: Page, rounds: int) -> list[Figure]:
    page.set_default_timeout(_PATIENCE_MS)
    shown = {"apps": 0}

    def answer(route: Route) -> None:
        path = route.request.url.partition("/aca-notebook/")[2].partition("?")[0]
        if path == "halves":
            return route.continue_()
        body = _tree(shown["apps"]) if path == "tree" else _plain(protocol.Status(target=_TARGET))
        return route.fulfill(body=body, content_type="application/json", headers={"ETag": f'"{shown["apps"]}"'})

    page.route("**/aca-notebook/*", answer)
    drawn, scrolled = [], []
    for _ in range(rounds):
        shown["apps"] = 0
        page.goto(f"{lab.url}/lab?token={lab.token}&reset")
        page.get_by_role("tab", name="ACA notebook").click()
        page.get_by_text("No apps").wait_for()
        shown["apps"] = APPS
        drawn.append(page.evaluate(_DRAWN, APPS))
        costs = sorted(page.evaluate(_SCROLLED, STEPS))
        scrolled.append(costs[int(len(costs) * 0.95)])
    rows = page.locator(".aca-tree [role=treeitem]").count()
    return [
        Figure(
            f"side panel: draw {APPS} apps", "ms", tuple(drawn), limit=300,
            note=f"from the answer's last byte to the frame that shows it; {rows} rows of {APPS + 1} are drawn",
        ),
        Figure(
            "side panel: one step of scrolling", "ms", tuple(scrolled), limit=100,
            note=f"95th percentile of {STEPS} steps through {APPS} apps, frame included, without a GPU",
        ),
    ]  # fmt: skip


_TARGET = protocol.Target(name="local", connection="on", choices=("local",), resource_group="local")


def _tree(count: int) -> str:
    apps = tuple(
        protocol.App(
            name=f"app-{number:03}", environment="local", dot="ready", state="Running", replicas=number % 4,
            max_replicas=10, gpu="T4" if number % 3 else "", gpus=1, hourly_usd=0.526, revision=f"app-{number:03}--1",
        )
        for number in range(count)
    )  # fmt: skip
    return _plain(protocol.Tree(target=_TARGET, environments=(protocol.Environment(name="local", apps=apps),)))


def _plain(value: Any) -> str:
    return json.dumps(msgspec.to_builtins(value))

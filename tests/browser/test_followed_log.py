"""A log that is followed in JupyterLab: what an app writes, seen in Chromium, and what the saved notebook keeps."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.real_emulator import IMAGE, RealEmulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.browser.jupyter import Lab

pytestmark = [
    pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(240),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]  # fmt: skip

LINES = 30_000
#: Waits until somebody follows, then writes at full speed, then now and then.
CHATTY = """
import itertools, pathlib, sys, time
print("ready", flush=True)
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.05)
for number in range(int(sys.argv[2])):
    print(f"{('INFO', 'WARNING', 'ERROR')[number % 3]} line {number} <b>{'x' * 40}</b>")
for number in itertools.count():
    print(f"tick {number}", flush=True)
    time.sleep(0.5)
"""


@pytest.fixture
def emulator(lab: Lab) -> Iterator[RealEmulator]:
    """The emulator that the notebook will join."""
    started = RealEmulator(lab.aca_home / "emulator")
    yield started
    started.stop()


def put_chatty(emulator: RealEmulator, go: Path) -> None:
    properties = emulator.properties(IMAGE)
    del properties["configuration"]["ingress"]
    (container,) = properties["template"]["containers"]
    container["command"] = [sys.executable, "-c", CHATTY, str(go), str(LINES)]
    answer = emulator.call("PUT", emulator.path("chatty"), {"location": "eastus", "properties": properties})
    assert answer.status_code == 201, answer.text


def test_a_log_is_followed_filtered_paused_stopped_saved_and_opened_again(
    lab: Lab, emulator: RealEmulator, page: Page
) -> None:
    go = lab.folder / "go"
    put_chatty(emulator, go)
    path = lab.write("follow.ipynb", ["%load_ext aca_notebook\n%aca target local", "%aca logs chatty --follow"])
    lab.open(page, "follow.ipynb")
    lab.run_all(page)

    view = page.locator(".aca-log-view")
    expect(view).to_be_visible()
    expect(view.get_by_text("ready")).to_be_visible()
    go.touch()
    last = view.get_by_text(f"line {LINES - 1} ")
    view.get_by_role("searchbox", name="Filter lines").fill(f"line {LINES - 1} ")
    expect(last).to_be_visible()
    expect(last).to_contain_text("<b>xxxx")
    view.get_by_role("searchbox", name="Filter lines").fill("")
    expect(view.get_by_role("status")).to_have_text("following")
    expect(page.locator("[data-aca-static]")).to_be_hidden()

    view.get_by_role("button", name="Pause").click()
    expect(view.get_by_role("button", name="Resume (")).to_be_visible()
    view.get_by_role("button", name="Resume").click()
    view.get_by_role("button", name="Stop").click()
    expect(view.get_by_role("status")).to_have_text("ended")

    lab.save(page)
    kept = json.loads(path.read_text())
    card, place = kept["cells"][1]["outputs"]
    assert "".join(place["data"]["text/plain"]) == ""
    assert "tick" in "".join(card["data"]["text/html"])
    assert "application/vnd.jupyter.widget-view+json" not in json.dumps(kept)
    assert "line" not in json.dumps(place["data"])
    assert "line 1 " not in json.dumps(kept["metadata"])

    page.reload()
    expect(view.get_by_role("status")).to_have_text("ended")
    expect(view.locator(".aca-lv-row").last).to_contain_text("tick")

    lab.end_kernels()
    page.reload()
    expect(page.locator("[data-aca-static]")).to_contain_text("tick")
    expect(page.get_by_text("Error displaying widget")).not_to_be_attached()

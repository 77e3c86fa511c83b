"""Opening what somebody else wrote: nothing runs, nothing is deployed, nothing is believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nbformat
import pytest
import requests
from playwright.sync_api import expect

from tests.browser.album import Album
from tests.browser.jupyter import Lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]  # fmt: skip

KEPT = "application/vnd.aca-notebook.card+json"
CELL = 'def greet(name: str = "world") -> str:\n    return f"hello {name}"'


@pytest.fixture
def lab(tmp_path) -> Iterator[Lab]:
    """JupyterLab with our extension, where nobody has done anything yet."""
    started = Lab(tmp_path / "lab", extended=True)
    yield started
    started.close()
    started.stop_emulator()


def somebody_elses(path: Path) -> None:
    """Write a notebook that came by mail: it would deploy, and its saved card says more than it should."""
    cells = [
        nbformat.v4.new_code_cell("%load_ext aca_notebook\n%aca target local", execution_count=1),
        nbformat.v4.new_code_cell(f"%%aca deploy theirs --gpu A100 --keep\n{CELL}", execution_count=2),
    ]
    kept = {"kind": "deployment", "app": "theirs", "target": "local", "revision": "theirs--<b>r1</b>", "digest": "1"}
    html = "<b>their card</b><img src=x onerror='window.taken = 1'><script>window.taken = 1</script>"
    cells[1]["outputs"] = [
        nbformat.v4.new_output("display_data", data={KEPT: kept, "text/html": html, "text/plain": "their card"})
    ]
    made = nbformat.v4.new_notebook(cells=cells)
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(made, path)


def test_opening_somebody_elses_notebook_runs_and_deploys_nothing(lab: Lab, page: Page) -> None:
    somebody_elses(lab.folder / "theirs.ipynb")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(f"{request.method} {request.url}"))
    lab.open(page, "theirs.ipynb")
    expect(page.get_by_text("their card")).to_be_visible()
    expect(page.locator(".aca-badge")).to_have_text("· theirs · <b>r1</b>")
    headers = {"Authorization": f"token {lab.token}"}
    tree = requests.get(f"{lab.url}/aca-notebook/tree", headers=headers, timeout=60).json()
    assert tree["target"]["connection"] == "off", "looking starts nothing"
    expect(page.locator(".aca-live")).to_be_hidden()
    Album(page, "opened").take("somebody-elses")

    assert page.evaluate("typeof window.taken") == "undefined"
    ours = [each for each in sent if "/aca-notebook/" in each]
    assert ours
    assert all(each.startswith("GET ") for each in ours)
    (kernel,) = requests.get(f"{lab.url}/api/kernels", headers=headers, timeout=60).json()
    assert kernel["execution_state"] == "idle"
    assert list(lab.aca_home.iterdir()) == [], "no emulator was started, and nothing written"

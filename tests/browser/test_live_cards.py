"""The cards that act in JupyterLab: a deployment, the lists, the forms; and what a saved notebook keeps of them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.real_emulator import RealEmulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from tests.browser.jupyter import Lab

pytestmark = [
    pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]  # fmt: skip

CANARY = "canary-4tR9-value"
CELLS = [
    "%load_ext aca_notebook\n%aca target local",
    "%%aca deploy scorer\ndef score(x: float, name: str = 'a') -> str:\n    return f'{name} {2 * x}'",
    "%aca secret form hf-token",
    "%aca",
    "%aca doctor",
    "%aca ps",
]


@pytest.fixture
def emulator(lab: Lab) -> Iterator[RealEmulator]:
    """The emulator that the notebook will join."""
    started = RealEmulator(lab.aca_home / "emulator")
    yield started
    started.stop()


def test_cards_act_and_a_saved_notebook_reads_without_them(lab: Lab, emulator: RealEmulator, page: Page) -> None:
    path = lab.write("cards.ipynb", CELLS)
    lab.open(page, "cards.ipynb")
    lab.run_all(page)
    expect(page.locator(".aca-lv-table").filter(has_text="on local")).to_be_visible()  # running takes the focus along

    a_deployment_is_called_and_metered(page)
    a_secret_is_taken(page)
    a_form_shows_its_line_and_plans(page)
    a_checkup_is_sorted(page)
    an_app_is_stopped_after_a_question(page)
    a_new_page_beside_the_living_kernel_has_them_again(lab, page)

    lab.save(page)
    written = path.read_text()
    assert CANARY not in written
    assert "application/vnd.jupyter.widget-view+json" not in written
    outputs = [output for cell in json.loads(written)["cells"] for output in cell["outputs"]]
    places = [output for output in outputs if "data-aca-view" in json.dumps(output)]
    assert len(places) == 5
    assert {"".join(place["data"]["text/plain"]) for place in places} == {""}

    lab.end_kernels()
    page.reload()
    expect(page.get_by_text("scorer: deployed in")).to_be_visible()
    expect(page.get_by_text("%aca deploy score --entry score")).to_be_attached()
    for view in (".aca-lv-on", ".aca-lv-table", ".aca-lv-secrets"):
        expect(page.locator(view)).to_have_count(0)
    expect(page.get_by_text("Error displaying widget")).to_have_count(0)
    expect(page.get_by_text("Loading widget")).to_have_count(0)


def a_deployment_is_called_and_metered(page: Page) -> None:
    view = page.locator(".aca-lv-deployed")
    expect(view.get_by_role("timer")).to_contain_text("since the deploy")
    expect(view.get_by_role("timer")).to_contain_text("estimated, nothing was billed")
    view.get_by_role("textbox", name="x float").fill("4.5")
    view.get_by_role("textbox", name="x float").press("Enter")
    expect(view.get_by_label("Answer")).to_have_text("'a 9.0'")
    expect(view.get_by_text("score.remote(x=4.5, name='a')")).to_be_visible()
    view.get_by_role("textbox", name="x float").fill("four")
    view.get_by_role("button", name="Call", exact=True).click()
    expect(view.get_by_label("Answer")).to_have_text("x: a number is wanted")
    expect(view).to_contain_text(re.compile(r"expires in (8 h 0|7 h \d+) min"))


def a_secret_is_taken(page: Page) -> None:
    view = page.locator(".aca-lv-secrets")
    value = view.get_by_label("Value")
    assert value.get_attribute("type") == "password"
    value.fill(CANARY)
    view.get_by_role("button", name="Set").click()
    expect(view.get_by_role("status")).to_contain_text("is kept until the kernel ends")
    expect(value).to_have_value("")
    expect(view.get_by_role("list", name="Secrets")).to_contain_text("hf-token")


def a_form_shows_its_line_and_plans(page: Page) -> None:
    form = page.locator(".aca-lv-form")
    form.get_by_label("GPU").select_option(label="T4, 16 GiB: $1.56 an hour")
    line = form.locator("code", has_text="%aca deploy score --entry score --gpu T4")
    expect(line).to_be_visible()
    form.get_by_role("button", name="Plan").click()
    expect(form.get_by_text("plan: would create score")).to_be_visible()


def a_checkup_is_sorted(page: Page) -> None:
    view = page.locator(".aca-lv-table").filter(has_text="doctor:")
    heading = view.get_by_role("columnheader", name="what", exact=True)
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "ascending")
    names = view.get_by_role("rowheader").all_inner_texts()
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "descending")
    assert view.get_by_role("rowheader").all_inner_texts() == names[::-1]


def an_app_is_stopped_after_a_question(page: Page) -> None:
    view = page.locator(".aca-lv-table").filter(has_text="on local")
    row = view.get_by_role("row").filter(has_text="scorer")
    row.get_by_role("button", name="Stop").click()
    sure = row.get_by_role("button", name="Stop it?")
    expect(sure).to_be_visible()
    sure.click()
    expect(row).to_contain_text("Stopped")
    expect(row.get_by_role("button", name="Start")).to_be_visible()


def a_new_page_beside_the_living_kernel_has_them_again(lab: Lab, page: Page) -> None:
    lab.save(page)
    page.reload()
    expect(page.locator(".aca-lv-deployed").get_by_role("timer")).to_contain_text("since the deploy")
    expect(page.locator(".aca-lv-secrets").get_by_label("Value")).to_have_value("")
    expect(page.locator(".aca-lv-form").get_by_role("button", name="Deploy")).to_be_visible()

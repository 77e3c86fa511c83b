"""The lines of `docs/how-to/first-deploy-on-your-own-subscription.md`, run in their order by a person who answers yes.

The page's target is a subscription; here its one line of targets names the local one, which plays Azure at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.page import resources
from tests.documents import blocks

if TYPE_CHECKING:
    from tests.contract.page import Page

pytestmark = [pytest.mark.process, pytest.mark.timeout(240)]

PAGE = "how-to/first-deploy-on-your-own-subscription.md"
TARGET = "%aca target azure -g research --environment gpu-env --registry YOURNAME -l swedencentral"
HERE = "%aca target local -g research --environment gpu-env --registry research -l swedencentral"


def test_the_pages_lines_lead_from_nothing_to_an_answer_and_back(page: Page) -> None:
    cells = blocks(PAGE, "python")
    assert TARGET in cells[0]
    screens = []
    page.run("%load_ext aca_notebook\n%aca target local")
    before = resources()
    for cell in cells:
        line = (
            cell.replace(TARGET, HERE).replace("%aca setup\n", "%aca setup --yes\n").replace("--all\n", "--all --yes\n")
        )
        screens.append(page.run(line))
    assert "set-up: 7 steps" in screens[1], "the plan has the steps of the page's table"
    assert "gpu-env: set up" in screens[2]
    assert any("scorer: deployed" in screen for screen in screens)
    assert any("6.0" in screen for screen in screens)
    assert any("5 things taken down" in screen for screen in screens)
    assert resources() == before, "afterwards nothing is left that costs"


def test_the_page_prices_what_a_set_up_does(page: Page) -> None:
    text = "\n".join(blocks(PAGE, "python"))
    assert "%aca setup --dry-run" in text
    plan = page.run(f"{HERE}\n%aca setup --dry-run")
    for price in ("$5.00 a month", "$2.30 for each gigabyte", "5 GB a month are free"):
        assert price in plan

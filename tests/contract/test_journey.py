"""From no environment to a GPU endpoint and back to nothing, on a day when everything goes wrong once.

The lines are those of a person, typed into IPython; the target plays Azure with a hundredth of Azure's waits. What went
wrong must be named on the screen, in the words that the person reads there.
"""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from tests.contract.page import resources

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contract.page import Page

pytestmark = [pytest.mark.process, pytest.mark.timeout(400)]

#: As fast as it goes without hiding that it waits.
PACE = "0.01"
SCORE = """def score(x: float) -> float:
    "Twice the square root."
    print("scoring", x)
    return 2 * x**0.5
"""


def test_a_gpu_endpoint_is_had_on_a_bad_day_and_nothing_of_it_is_left(page: Page, tmp_path: Path, caplog) -> None:
    page.run(f"%aca target local -g research --environment gpu-east --registry research -l eastus --pace {PACE}")
    before = resources()

    no_quota_in_the_first_region(page)
    assert resources() == before, "a region that has no GPU leaves nothing behind"

    # In another region: requests are throttled twice while things are made, and a new right takes its time.
    page.run("%aca target local -g research --environment gpu-west --registry research -l westus3")
    page.run("%aca fault add role-delay seconds=20")
    page.run("%aca fault add throttle retry_after=3 count=2 on=PUT managedEnvironments/gpu-west")
    made = page.run("%aca setup --yes")
    assert "gpu-west: set up in" in made
    assert "AcrPull may take up to" in made
    assert "the platform asks us to wait (HTTP 429): trying again in 3 s" in caplog.text
    assert "nothing to do" in page.run("%aca setup --dry-run"), "nothing is made twice"

    a_build_that_fails_says_why(page, broken_package(tmp_path))
    no_place_for_the_replica(page)

    page.run("%aca fault add expired-token count=1 on=ContainerApps_Get")
    card = page.run("%aca deploy scorer --gpu T4")
    assert "scorer: deployed in" in card
    assert "may pull from the registry" in card, "the role is a phase of its own"
    assert "the token has expired; signing in again" in caplog.text

    page.run("answer = score.remote(9.0)")
    assert page.value("answer") == 6.0
    assert "scoring 9.0" in page.run("%aca logs scorer --tail 10")
    cost = page.run("report = %aca cost scorer\nreport")
    assert "$1.56 an hour" in cost

    assert "6 things taken down" in page.run("%aca down --all --yes")
    assert resources() == before


def no_quota_in_the_first_region(page: Page) -> None:
    """Told by the check-up, and by the platform in the card of the deployment."""
    page.run("%aca fault add quota name=T4 limit=0 on=locations/eastus")
    plan = page.run("%aca plan")
    assert "set-up: 7 steps" in plan
    assert "$5.00 a month" in plan
    page.run("%aca setup --yes")
    doctor = page.run("%aca doctor --gpu T4")
    assert "✗ quota" in doctor
    assert "0 of 0 GPUs in use (SubscriptionConsumptionT4Gpus)" in doctor
    failed = page.fails(f"%%aca deploy scorer --gpu T4\n{SCORE}")
    assert "the quota for app 'scorer' is used up" in failed
    assert "QuotaExceeded: The quota 'SubscriptionConsumptionT4Gpus'" in failed
    assert "✗ revision" in failed, "the card says where it stopped"
    assert "5 things taken down" in page.run("%aca down --all --yes")


def a_build_that_fails_says_why(page: Page, package: str) -> None:
    """The build log's own error, first."""
    failed = page.fails(f"%%aca deploy scorer --gpu T4 --pip {package}\n{SCORE}")
    assert "✗ build" in failed
    assert "the image of 'scorer' could not be built" in failed
    assert "BuildFailed: error: Failed to build `broken" in failed
    assert "there is no compiler here" in failed


def no_place_for_the_replica(page: Page) -> None:
    """A region that has run out of GPUs: named by the platform's word for it, and stopped."""
    page.run("%aca fault add stuck-gpu seconds=3")
    failed = page.fails(f"%%aca deploy scorer --gpu T4\n{SCORE}")
    assert "✗ assigning" in failed
    assert "AssigningReplica: WorkLoad Profile Full" in failed
    assert "no node has a free GPU (T4)" in failed
    assert "was deactivated, so that it costs nothing" in failed
    page.run("%aca fault clear")


def broken_package(folder: Path) -> str:
    """A package whose requirements are known without building it, and which cannot be built."""
    files = {
        "PKG-INFO": "Metadata-Version: 2.2\nName: broken\nVersion: 1.0\n",
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "broken"\nversion = "1.0"\n',
        "backend.py": "def build_wheel(*_, **__):\n    raise SystemExit('there is no compiler here')\n",
    }
    path = folder / "broken-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"broken-1.0/{name}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return f"'broken @ file://{path}'"

"""Schemathesis over the emulator's own description: no undeclared 5xx, no status, header or body that breaks it.

Budgets are counted in examples and seeds are fixed, so that a run is the same on a slow machine; `make fuzz` has more
of both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aca_notebook.emulator.description.answers import ANSWERED
from aca_notebook.emulator.description.openapi import undescribed
from aca_notebook.emulator.description.requests import TAKEN
from aca_notebook.emulator.wire import Door
from tests.contract.fuzzing import LEFT_OUT, fuzz
from tests.emulator.furnished import furnish
from tests.emulator.running import Running, running_emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

#: So that no test is long on a slow machine.
PARTS = 4
#: Nouns whose every parameter and member is taken to its bounds; the others' turn comes in `make fuzz`.
TO_THEIR_BOUNDS = ("DaprComponents_", "ManagedEnvironmentsStorages_", "Registries_ScheduleRun", "Tags_")
#: Nouns whose operations follow each other by the description's links.
IN_TURN = ("DaprComponents_", "UserAssignedIdentities_", "AppResiliency_")


@pytest.fixture
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_emulator(tmp_path_factory.mktemp("fuzzed") / "emulator") as found:
        yield found


@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", range(PARTS))
def test_no_operation_breaks_its_description(running: Running, part: int) -> None:
    found = fuzz(
        running, examples=1, seed=1, phases=("examples", "fuzzing"), known=furnish(running), all_checks=False,
        part=(part, PARTS),
    )  # fmt: skip
    assert not found.failures, str(found)
    assert not found.errors, str(found)
    assert found.requests > 50
    assert {"200", "400", "404"} <= set(found.statuses)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("only", IN_TURN)
def test_what_was_removed_is_gone_and_what_was_made_is_there(running: Running, only: str) -> None:
    found = fuzz(
        running, examples=10, seed=1, phases=("stateful",), only=only, known=furnish(running), all_checks=False
    )
    assert not found.failures, str(found)
    assert not found.errors, str(found)
    assert found.requests > 10


@pytest.mark.timeout(600)
@pytest.mark.parametrize("only", TO_THEIR_BOUNDS)
def test_no_bound_of_a_parameter_breaks_the_description(running: Running, only: str) -> None:
    found = fuzz(running, examples=1, seed=1, phases=("coverage",), only=only, known=furnish(running), all_checks=False)
    assert not found.failures, str(found)
    assert not found.errors, str(found)
    assert found.requests > 50


def test_the_description_names_every_operation_and_no_other(running: Running) -> None:
    listed = running.emulator.listed_routes()
    operations = {route.operation for route in listed}
    assert set(ANSWERED) <= operations
    assert set(TAKEN) <= operations
    assert set(LEFT_OUT) <= operations
    document = running.control("GET", "openapi.json").json()
    described = [each for methods in document["paths"].values() for each in methods.values()]
    assert len(described) == len(listed)
    assert len({each["operationId"] for each in described}) == len(described)
    assert set(document["components"]["securitySchemes"]) == {str(door) for door in Door} - {"public"}


def test_every_operation_of_container_apps_says_what_it_answers(running: Running) -> None:
    """The neighbours' answers are their own; of Microsoft.App only the look-ups of a text are left."""
    ours = [route for route in running.emulator.listed_routes() if "/Microsoft.App/" in route.template]
    about_others = {route.operation for route in ours if route.template.count("/providers/") > 1}
    assert undescribed(ours) <= about_others

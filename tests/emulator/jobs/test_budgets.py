"""A budget of the group that is spent ends what its jobs run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.emulator.arm.budget_guard import LOOK_SECONDS
from tests.emulator.spending import starts

if TYPE_CHECKING:
    from tests.emulator.jobs.conftest import JobWorld


def test_a_spent_budget_stops_executions_and_the_jobs_log_says_why(jobs: JobWorld) -> None:
    jobs.programs.exit_code = None
    jobs.put()
    name = jobs.start()
    jobs.running(name)
    emulator = jobs.emulator
    body = {"location": "eastus", "tags": {"aca-notebook-budget": "1 USD/day stop"}}
    assert emulator.ask("PUT", emulator.group, body, params={"api-version": "2024-11-01"}).status_code == 200
    starts(emulator, dollars_a_minute=60.0)
    emulator.advance(LOOK_SECONDS)
    emulator.eventually(lambda: jobs.execution(name)["status"] == "Stopped")
    jobs.ended(name)
    found = emulator.emulator._database.events(jobs.path().lower())
    assert any(type(event).__name__ == "BudgetReached" and event.stopped for _, event in found)

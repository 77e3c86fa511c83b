"""Five fields, and nothing else."""

from __future__ import annotations

import pytest

from aca_notebook.emulator.arm.cron import is_cron


@pytest.mark.parametrize(
    "expression",
    [
        "* * * * *", "*/1 * * * *", "0 9 * * 1-5", "20 0,1,2 * * *", "20 0-2 * * *", "5,35 * 29 2 1", "0 0 1 JAN,JUL *",
        "0 0 * * MON-FRI", "0-30/10 * * * *", "0 0 * * 7",
    ],
)  # fmt: skip
def test_what_cron_knows_is_taken(expression):
    assert is_cron(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "", "every day", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8",
        "*/0 * * * *", "5-1 * * * *", "1, * * * *", "*-5 * * * *", "* * * mon *", "-1 * * * *", "@daily", "1.5 * * * *",
    ],
)  # fmt: skip
def test_what_it_does_not_is_refused(expression):
    assert not is_cron(expression)

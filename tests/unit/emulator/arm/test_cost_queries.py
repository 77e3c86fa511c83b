from __future__ import annotations

import pytest

from aca_notebook.emulator.arm.cost_queries import check_query
from aca_notebook.emulator.wire import AzureError

_BY_DAY = {
    "granularity": "Daily",
    "aggregation": {"totalCost": {"name": "Cost", "function": "Sum"}},
    "grouping": [{"type": "Dimension", "name": "ResourceId"}, {"type": "Dimension", "name": "Meter"}],
}
_GOOD = {"type": "ActualCost", "timeframe": "MonthToDate", "dataset": _BY_DAY}
_PERIOD = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-31T00:00:00Z"}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"type": "usage"},
        {"dataset": None},
        {"dataset": {"granularity": "None"}},
        {"timeframe": "Custom", "timePeriod": _PERIOD},
    ],
)
def test_a_question_that_cost_management_reads(change) -> None:
    check_query(_GOOD | change)


@pytest.mark.parametrize(
    "change",
    [
        {"type": "Forecast"},
        {"type": None},
        {"timeframe": "Yesterday"},
        {"timeframe": "Custom"},
        {"timeframe": "Custom", "timePeriod": _PERIOD | {"to": "soon"}},
        {"timeframe": "Custom", "timePeriod": {"from": _PERIOD["to"], "to": _PERIOD["from"]}},
        {"dataset": {"granularity": "Hourly"}},
        {"dataset": _BY_DAY | {"grouping": [{"name": str(each)} for each in range(3)]}},
    ],
)
def test_a_question_that_it_cannot_read(change) -> None:
    with pytest.raises(AzureError) as refused:
        check_query(_GOOD | change)
    assert refused.value.status == 400

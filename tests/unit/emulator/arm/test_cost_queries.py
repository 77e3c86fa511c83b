from __future__ import annotations

from datetime import UTC, datetime

import pytest

from aca_notebook.emulator.arm.cost_questions import read_question
from aca_notebook.emulator.wire import AzureError

_BY_DAY = {
    "granularity": "Daily",
    "aggregation": {"totalCost": {"name": "Cost", "function": "Sum"}},
    "grouping": [{"type": "Dimension", "name": "ResourceId"}, {"type": "Dimension", "name": "Meter"}],
}
_GOOD = {"type": "ActualCost", "timeframe": "MonthToDate", "dataset": _BY_DAY}
_NOW = datetime(2026, 2, 3, 12, tzinfo=UTC)
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
    read_question(_GOOD | change, _NOW)


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
        read_question(_GOOD | change, _NOW)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("frame", "since", "until"),
    [
        ("MonthToDate", datetime(2026, 2, 1, tzinfo=UTC), _NOW), ("WeekToDate", datetime(2026, 2, 1, tzinfo=UTC), _NOW),
        ("TheLastMonth", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_a_time_frame_is_of_the_calendar(frame: str, since: datetime, until: datetime) -> None:
    question = read_question(_GOOD | {"timeframe": frame}, _NOW)
    assert (question.since, question.until) == (since, until)

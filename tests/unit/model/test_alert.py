"""Conditions of alerts, in the grammar of azure-cli."""

from __future__ import annotations

import pytest

from aca_notebook.model.alert import Condition, Dimension, iso_minutes, parse_condition


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("avg Requests > 100", Condition("Requests", "Average", "GreaterThan", 100.0)),
        ("total Requests>=0.5", Condition("Requests", "Total", "GreaterThanOrEqual", 0.5)),
        ("MAX 'CpuPercentage' < -1", Condition("CpuPercentage", "Maximum", "LessThan", -1.0)),
        (
            "total Requests > 50 where statusCodeCategory includes 5xx or 4xx and revisionName excludes app--x",
            Condition("Requests", "Total", "GreaterThan", 50.0, (
                Dimension("statusCodeCategory", ("5xx", "4xx")), Dimension("revisionName", ("app--x",), exclude=True),
            )),
        ),
    ],
)  # fmt: skip
def test_a_condition_is_read_and_written_again(text: str, condition: Condition) -> None:
    assert parse_condition(text) == condition
    assert parse_condition(str(condition)) == condition


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Requests > 100", "is no condition"), ("sum Requests > 1", "there are avg, min"),
        ("avg Requests 100", "no condition"),
        ("avg Requests > many", "no condition"), ("avg Requests > 1 where x is y", "is no dimension"),
    ],
)  # fmt: skip
def test_what_is_no_condition_says_why(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_condition(text)


def test_the_average_of_a_count_has_a_hint() -> None:
    assert "total Requests > N" in parse_condition("avg Requests > 100").hint
    assert parse_condition("total Requests > 100").hint == parse_condition("avg UsageNanoCores > 1").hint == ""


def test_spans_are_written_as_azure_does() -> None:
    assert [iso_minutes(each) for each in (5, 60, 360, 1440)] == ["PT5M", "PT1H", "PT6H", "P1D"]

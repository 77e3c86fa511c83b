"""Metric alerts: whether a condition is met, and what follows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.emulator.arm.notices import refused_address
from aca_notebook.emulator.telemetry.alert_rules import (
    CALM_EVALUATIONS,
    FIRED,
    OPERATORS,
    RESOLVED,
    AlertState,
    Criterion,
    Dimension,
    Rule,
    decide_alert,
    join,
    read_rule,
    read_values,
)


def criterion(**changed: Any) -> Criterion:
    return Criterion(**{
        "name": "c", "metric": "Requests", "namespace": "", "operator": "GreaterThan", "threshold": 5.0,
        "aggregation": "Total", "dimensions": (),
    } | changed)  # fmt: skip


RULE = Rule("rule", ("scope",), (criterion(),), "PT5M", "PT1M")


def answer(*lines: tuple[dict[str, str], dict[str, float]]) -> dict[str, Any]:
    """What the metrics API says of one window."""
    return {"value": [{"timeseries": [
        {
            "metadatavalues": [{"name": {"value": name}, "value": value} for name, value in labels.items()],
            "data": [{"timeStamp": "2026-01-01T00:00:00Z"} | point],
        }
        for labels, point in lines
    ]}]}  # fmt: skip


@pytest.mark.parametrize(
    ("operator", "below", "at", "above"),
    [("GreaterThan", False, False, True), ("GreaterThanOrEqual", False, True, True), ("LessThan", True, False, False),
     ("LessThanOrEqual", True, True, False), ("Equals", False, True, False)],
)  # fmt: skip
def test_operators(operator: str, below: bool, at: bool, above: bool) -> None:  # noqa: FBT001  # columns of a table
    one = criterion(operator=operator)
    assert [one.met_by(value) for value in (4.0, 5.0, 6.0)] == [below, at, above]
    assert not one.met_by(None)
    assert operator in OPERATORS


def test_what_was_not_counted_is_zero_and_what_was_not_measured_is_unknown() -> None:
    nothing = answer(({}, {}))
    assert read_values(criterion(), nothing) == {(): 0.0}
    assert read_values(criterion(aggregation="Average"), nothing) == {(): None}
    assert read_values(criterion(), answer(({}, {"total": 7.0}))) == {(): 7.0}


def test_a_listed_value_without_a_request_is_zero_and_an_excluded_one_is_left_out() -> None:
    listed = criterion(dimensions=(Dimension("statusCodeCategory", ("2xx", "5xx")),))
    seen = answer(({"statuscodecategory": "2xx"}, {"total": 3.0}))
    assert read_values(listed, seen) == {(("statuscodecategory", "2xx"),): 3.0, (("statuscodecategory", "5xx"),): 0.0}
    excluded = criterion(dimensions=(Dimension("statusCodeCategory", ("2xx",), exclude=True),))
    assert read_values(excluded, seen) == {}
    assert (listed.filter, excluded.filter) == (
        "statusCodeCategory eq '2xx' or statusCodeCategory eq '5xx'", "statusCodeCategory eq '*'",
    )  # fmt: skip


def test_criteria_are_joined_by_and_where_their_dimensions_agree() -> None:
    criteria = (criterion(), criterion(threshold=1.0))
    a, b = (("revisionname", "a"),), (("revisionname", "b"),)
    found = {each.series: (each.values, each.met) for each in join(criteria, [{a: 9.0, b: 9.0}, {a: 0.0, b: 2.0}])}
    assert found == {a: ((9.0, 0.0), False), b: ((9.0, 2.0), True)}
    [whole] = join(criteria, [{a: 9.0}, {(): 2.0}])
    assert (whole.series, whole.met) == (a, True)


@given(st.lists(st.booleans(), max_size=60))
def test_a_stateful_alert_fires_once_and_is_resolved_after_three_calm_looks(looks: list[bool]) -> None:
    state, told, calm = AlertState(), [], 0
    for met in looks:
        state, word = decide_alert(state, RULE, met=met)
        calm = 0 if met else calm + 1
        if word:
            told.append(word)
        assert word != RESOLVED or calm == CALM_EVALUATIONS
        assert state.fired or not met
    assert told == [FIRED, RESOLVED] * (len(told) // 2) + [FIRED] * (len(told) % 2)


@given(st.lists(st.booleans(), max_size=30))
def test_a_stateless_alert_fires_whenever_its_condition_is_met(looks: list[bool]) -> None:
    rule = Rule("rule", ("scope",), (criterion(),), "PT5M", "PT1M", auto_mitigate=False)
    state, told = AlertState(), []
    for met in looks:
        state, word = decide_alert(state, rule, met=met)
        told.append(word)
    assert told == [FIRED if met else "" for met in looks]


def test_a_rule_looks_at_multiples_of_its_frequency() -> None:
    rule = Rule("rule", ("scope",), (criterion(),), "PT15M", "PT5M")
    assert [minute for minute in range(11) if rule.due(minute)] == [0, 5, 10]


@pytest.mark.parametrize("changed", [{"enabled": False}, {"windowSize": "PT7M"}, {"criteria": {}}])
def test_what_is_off_or_learned_is_not_evaluated(changed: dict[str, Any]) -> None:
    properties = {
        "enabled": True, "scopes": ["s"], "windowSize": "PT5M", "evaluationFrequency": "PT1M",
        "criteria": {"allOf": [{"name": "c", "metricName": "m", "operator": "Equals", "threshold": 1,
                                "timeAggregation": "Total"}]},
    }  # fmt: skip
    assert read_rule({"id": "/R", "properties": properties}) == Rule(
        "/r", ("s",), (criterion(metric="m", operator="Equals", threshold=1.0),), "PT5M", "PT1M"
    )
    assert read_rule({"id": "/R", "properties": properties | changed}) is None
    dynamic = {"allOf": [{"criterionType": "DynamicThresholdCriterion", "name": "c"}]}
    assert read_rule({"id": "/R", "properties": properties | {"criteria": dynamic}}) is None


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:9000/x", ""), ("http://localhost:9000/", ""), ("https://[::1]:9000/", ""),
        ("http://hook.localhost:9000", ""), ("http://allowed.example/x", ""), ("http://127.8.8.8:80", ""),
        ("http://127.0.0.1:8321/_emulator/status", "the emulator itself"),
        ("http://localhost:8321", "the emulator itself"),
        ("http://169.254.169.254/latest", "is not this machine"), ("http://example.org", "is not this machine"),
        ("http://127.0.0.1.nip.io:9000", "is not this machine"), ("http://[::ffff:10.0.0.1]/", "is not this machine"),
        ("file:///etc/passwd", "none of http"), ("gopher://127.0.0.1", "none of http"), ("", "none of http"),
        ("http://127.0.0.1:99999", "cannot be read"), ("http://2130706433:9000", "is not this machine"),
        ("http://user@10.0.0.1@127.0.0.1:8321/", "the emulator itself"),
    ],
)  # fmt: skip
def test_nothing_is_posted_but_to_this_machine_or_where_somebody_said(url: str, why: str) -> None:
    said = refused_address(url, {8321}, {"allowed.example"})
    assert (why in said) if why else not said

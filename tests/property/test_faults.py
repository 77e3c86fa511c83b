"""Faults: what is written is what is meant, and whether one strikes depends on nothing else."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aca_notebook.model.fault import METHODS, Fault, Scope, Subject, fault_table, parse_fault, parse_scope
from aca_notebook.model.fault_kinds import KINDS, Kind, Seam, kind_name, make_kind, meanings
from aca_notebook.model.fault_names import FAULT_NAMES

#: Right or wrong, however slow the machine.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
NOW = datetime(2026, 1, 1, tzinfo=UTC)
APP = "/subscriptions/s/resourceGroups/research/providers/Microsoft.App/containerApps/scorer"

WORD = st.from_regex(r"[A-Za-z][A-Za-z.,']{0,8}", fullmatch=True)
NAME = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)


@st.composite
def kinds(draw: st.DrawFn) -> Kind:
    """Any kind, with parameters as a person might write them."""
    class_ = KINDS[draw(st.sampled_from(sorted(KINDS)))]
    written: dict[str, str] = {}
    for name, meaning in meanings(class_).items():
        default = getattr(class_(), name)
        if meaning.choices:
            value = draw(st.sampled_from(meaning.choices))
        elif isinstance(default, str):
            value = " ".join(draw(st.lists(WORD, min_size=1, max_size=4)))
        elif isinstance(default, int):
            value = str(draw(st.integers(int(meaning.least), int(meaning.most))))
        else:
            value = str(draw(st.floats(meaning.least, meaning.most)))
        if draw(st.booleans()):
            written[name] = value
    return make_kind(kind_name(class_), written)


@st.composite
def faults(draw: st.DrawFn) -> Fault:
    what = draw(kinds())
    resource = draw(st.sampled_from(["", "containerApps", "containerApps/scorer", "jobs/*", APP]))
    method = draw(st.sampled_from(["", *METHODS])) if what.seam in {Seam.REQUEST, Seam.OPERATION} else ""
    operation = draw(st.sampled_from(["", "*_Get", "LogStream"])) if what.seam is Seam.REQUEST else ""
    often = {} if what.lasting else {
        "count": draw(st.integers(0, 99)), "rate": draw(st.floats(0, 1)), "skip": draw(st.integers(0, 99)),
        "seed": draw(st.integers(0, 99)),
    }  # fmt: skip
    until = draw(st.none() | st.integers(0, 10**6).map(lambda seconds: NOW + timedelta(seconds=seconds)))
    return Fault(what, Scope(method, operation, resource), until=until, **often)


@unhurried
@given(faults())
def test_a_fault_is_read_back_as_it_was_written(fault: Fault) -> None:
    assert parse_fault(str(fault), NOW) == fault
    assert parse_fault(str(fault).split(" "), NOW) == fault


@unhurried
@given(st.text())
def test_whatever_is_written_is_read_or_refused_in_words(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(parse_fault(text, NOW), Fault)


@unhurried
@given(faults(), st.integers(1, 200))
def test_a_fault_lets_pass_what_it_is_to_skip_and_then_strikes_at_its_rate(fault: Fault, met: int) -> None:
    assert fault.strikes(met) == fault.strikes(met)
    if met <= fault.skip:
        assert not fault.strikes(met)
    elif fault.rate == 1:
        assert fault.strikes(met)
    elif fault.rate == 0:
        assert not fault.strikes(met)


def test_a_rate_is_kept_in_the_long_run_and_another_seed_draws_otherwise() -> None:
    first, second = (parse_fault(f"outage rate=0.3 seed={seed}", NOW) for seed in (1, 2))
    struck = [[fault.strikes(met) for met in range(1, 2001)] for fault in (first, second)]
    assert all(500 < sum(each) < 700 for each in struck)
    assert struck[0] != struck[1]


@pytest.mark.parametrize(("scope", "method", "operation", "path", "covered"), [
    ("", "GET", "ContainerApps_Get", APP, True),
    ("PUT", "GET", "ContainerApps_Get", APP, False),
    ("put containerapps/SCORER", "PUT", "ContainerApps_CreateOrUpdate", APP, True),
    ("containerApps/scorer", "GET", "ContainerAppsRevisions_ListRevisions", f"{APP}/revisions", True),
    ("containerApps/score", "GET", "ContainerApps_Get", APP, False),
    ("containerApps/score*", "GET", "ContainerApps_Get", APP, True),
    ("containerApps", "GET", "ContainerApps_ListByResourceGroup", APP.rpartition("/")[0], True),
    ("jobs", "GET", "ContainerApps_Get", APP, False),
    ("resourceGroups/research", "GET", "ContainerApps_Get", APP, True),
    ("resourceGroups/other", "GET", "ContainerApps_Get", APP, False),
    (APP.upper(), "GET", "ContainerAppsRevisions_ListRevisions", f"{APP}/revisions", True),
    (APP, "GET", "ContainerApps_Get", f"{APP}2", False),
    ("ContainerApps_*", "GET", "ContainerApps_Get", APP, True),
    ("ContainerApps_*", "GET", "ContainerAppsRevisions_GetRevision", APP, False),
    ("*_get", "GET", "ContainerApps_Get", APP, True),
    ("LogStream", "GET", "LogStream", f"{APP}/revisions/r/replicas/p/containers/c/logstream", True),
    ("GET *_Get containerApps/scorer", "GET", "ContainerApps_Get", APP, True),
])  # fmt: skip
def test_a_scope_covers(scope: str, method: str, operation: str, path: str, *, covered: bool) -> None:
    assert parse_scope(scope).covers(Subject(path, method, operation)) == covered


@pytest.mark.parametrize(("text", "said"), [
    ("", "begins with its kind"),
    ("throtle", "did you mean throttle?"),
    ("throttle retryafter=1", "did you mean retry_after?"),
    ("throttle retry_after=soon", "not a whole number"),
    ("throttle retry_after=-1", "does not lie between"),
    ("slow-answer seconds=nan", "does not lie between"),
    ("outage status=404", "is not one of 500"),
    ("outage 503", "is not name=value"),
    ("outage count=1 count=2", "given twice"),
    ("outage on=GET PUT", "two methods"),
    ("outage on=a/b/c", "is no method"),
    ("outage rate=2", "between 0 and 1"),
    ("outage for=ever", "no span of time"),
    ("outage until=tomorrow", "no moment"),
    ("outage until=2026-01-01T00:00:00", "no moment"),
    ("stuck-gpu count=1", "takes no count"),
    ("stuck-gpu on=PUT", "have no method"),
    ("slow-operation on=ContainerApps_Get", "cannot name by operation"),
])  # fmt: skip
def test_what_is_no_fault_is_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("?", r"\?")):
        parse_fault(text, NOW)


def test_a_fault_is_over_when_it_is_spent_or_its_time_has_come() -> None:
    fault = parse_fault("outage count=2 for=10m", NOW)
    assert not fault.over(1, NOW)
    assert fault.over(2, NOW)
    assert fault.over(0, NOW + timedelta(minutes=10))
    assert not parse_fault("outage", NOW).over(10**9, NOW + timedelta(days=999))


def test_the_names_that_a_grammar_knows_are_the_kinds() -> None:
    assert tuple(KINDS) == FAULT_NAMES


def test_the_table_names_every_kind_and_every_parameter() -> None:
    table = fault_table()
    for name, kind in KINDS.items():
        assert f"  {name} " in table
        assert all(f" {parameter}=" in table for parameter in meanings(kind))

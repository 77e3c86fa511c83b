"""Traffic as people write it and as Azure has it; differences of templates; which apps have had their time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from aca_notebook.model.app import AppState, Tags
from aca_notebook.model.ids import ResourceId
from aca_notebook.model.lifecycle import decide_garbage
from aca_notebook.model.template_changes import Change, changes
from aca_notebook.model.traffic import LATEST, Share, read_entries, read_shares, write_entries

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("words", "shares"),
    [
        (("latest",), (Share(LATEST, 100),)),
        (("scorer--1",), (Share("scorer--1", 100),)),
        (("1=80", "latest=20"), (Share("scorer--1", 80), Share(LATEST, 20))),
        (("1=100", "2=0"), (Share("scorer--1", 100), Share("scorer--2", 0))),
    ],
)
def test_shares_are_read_by_revision_or_suffix(words, shares) -> None:
    assert read_shares("scorer", words) == shares


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("1=80", "2=30"), "make 110 %"),
        (("1=50", "scorer--1=50"), "named twice"),
        (("1=x", "2=1"), "'1=x' is no share"),
        (("=100", "2=0"), "is no share"),
        (("1=101",), "is no share"),
        (("1", "2"), "'1' is no share"),
    ],
)
def test_shares_that_make_no_whole_are_refused_in_words(words, says) -> None:
    with pytest.raises(ValueError, match=says):
        read_shares("scorer", words)


REVISIONS = some.lists(
    some.sampled_from([LATEST, "scorer--a", "scorer--b", "scorer--c", "scorer--d"]), unique=True, min_size=1
)


@given(REVISIONS, some.data())
def test_what_is_written_as_entries_is_read_back(revisions, data) -> None:
    cuts = sorted(
        data.draw(some.lists(some.integers(0, 100), min_size=len(revisions) - 1, max_size=len(revisions) - 1))
    )
    parts = [after - before for before, after in zip([0, *cuts], [*cuts, 100], strict=True)]
    shares = tuple(Share(name, part) for name, part in zip(revisions, parts, strict=True))
    entries = write_entries(shares)
    assert read_entries(entries) == shares
    assert sum(entry["weight"] for entry in entries) == 100


def test_a_label_stays_on_its_revision_whoever_gets_the_requests() -> None:
    before = [
        {"revisionName": "scorer--1", "weight": 100, "label": "blue"},
        {"latestRevision": True, "weight": 0, "label": "green"},
    ]
    assert write_entries((Share(LATEST, 100),), before) == [
        {"weight": 100, "latestRevision": True, "label": "green"},
        {"weight": 0, "revisionName": "scorer--1", "label": "blue"},
    ]


def test_differences_are_told_by_name_and_not_by_number() -> None:
    before = {
        "revisionSuffix": "a",
        "containers": [
            {"name": "c", "image": "i:1", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}
        ],
        "scale": {"minReplicas": None, "maxReplicas": 3},
    }
    after = {
        "revisionSuffix": "b",
        "containers": [
            {"name": "c", "image": "i:2", "env": [{"name": "B", "value": "2"}, {"name": "K", "secretRef": "k"}]}
        ],
        "scale": {"maxReplicas": 3, "rules": []},
    }
    assert changes(before, after) == (
        Change("containers[c].env[A].value", "1", None),
        Change("containers[c].env[K].secretRef", None, "k"),
        Change("containers[c].image", "i:1", "i:2"),
    )
    assert changes(after, after) == ()


def test_an_entry_that_is_nothing_but_its_name_is_a_difference() -> None:
    assert changes({"volumes": []}, {"volumes": [{"name": "scratch"}]}) == (Change("volumes[scratch]", None, "there"),)


def app(name: str, **fields) -> AppState:
    return AppState(ResourceId("s", "g", "Microsoft.App", ("containerApps",), (name,)), provisioning_state="Succeeded",
                    latest_ready_revision=f"{name}--1", **fields)  # fmt: skip


OURS = Tags(owner="ada", digest="sha256:x", expires_at=NOW - timedelta(hours=1))


@pytest.mark.parametrize(
    ("state", "owner", "why"),
    [
        (app("late", tags=OURS), "ada", "expired at 2025-12-31 23:00 UTC"),
        (app("late", tags=OURS), "", "expired at 2025-12-31 23:00 UTC"),
        (app("theirs", tags=OURS), "bob", ""),
        (app("foreign", tags=replace(OURS, digest="")), "ada", ""),
        (app("young", tags=replace(OURS, expires_at=NOW + timedelta(1))), "ada", ""),
        (app("kept", tags=replace(OURS, expires_at=None)), "ada", ""),
        (replace(app("busy", tags=OURS), provisioning_state="InProgress"), "ada", ""),
        (
            replace(app("dead", tags=replace(OURS, expires_at=None)), provisioning_state="Failed",
                    latest_ready_revision=""), "ada", "never became ready",
        ),
        (replace(app("ill", tags=replace(OURS, expires_at=None)), provisioning_state="Failed"), "ada", ""),
    ],
)  # fmt: skip
def test_only_what_is_ours_and_over_may_go(state: AppState, owner: str, why: str) -> None:
    assert [each.why for each in decide_garbage([state], NOW, owner)] == ([why] if why else [])

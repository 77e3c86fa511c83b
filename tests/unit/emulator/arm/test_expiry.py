"""Which apps' time is over."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from aca_notebook.azure import documents
from aca_notebook.emulator.arm.expiry import EXPIRES_TAG, decide_expired
from aca_notebook.model.app import Tags

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.App/containerApps/"


def app(name="scorer", tags=None, state="Succeeded"):
    return {"id": ID + name, "properties": {"provisioningState": state}} | ({"tags": tags} if tags is not None else {})


def expired(*found):
    return [each.id.name for each in decide_expired(found, NOW).expired]


def test_the_tag_is_the_one_that_the_client_writes():
    assert EXPIRES_TAG in documents.write_tags(Tags(expires_at=NOW))


@pytest.mark.parametrize("until", ["2026-01-01T12:00:00Z", "2026-01-01T11:59:59.9999999Z", "2026-01-01T13:00:00+02:00"])
def test_an_app_goes_when_its_moment_has_come(until):
    assert expired(app(tags={EXPIRES_TAG: until})) == ["scorer"]


def test_a_tags_name_does_not_mind_its_case():
    assert expired(app(tags={"ACA-Notebook-Expires": "2026-01-01T11:00:00Z"})) == ["scorer"]


@pytest.mark.parametrize(
    "tags", [None, {}, {"team": "x"}, {EXPIRES_TAG: ""}, {EXPIRES_TAG: "2026-01-01T12:00:01Z"}, {EXPIRES_TAG: "soon"}]
)
def test_an_app_whose_moment_has_not_come_or_is_not_known_stays(tags):
    assert expired(app(tags=tags)) == []


def test_an_unreadable_tag_is_named():
    (strange,) = decide_expired([app(tags={EXPIRES_TAG: "soon"})], NOW).unreadable
    assert (strange.id.name, strange.until) == ("scorer", "soon")


def test_an_app_on_its_way_out_is_left_alone():
    assert expired(app(tags={EXPIRES_TAG: "2026-01-01T11:00:00Z"}, state="Deleting")) == []

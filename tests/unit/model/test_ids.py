from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.model import ids

SEGMENT = st.text("abcdefghijklmnopqrstuvwxyzABC0123456789-._", min_size=1, max_size=20)


def test_an_id_that_az_lower_cased_equals_the_documented_one():
    documented = ids.app_id("s", "rg", "scorer")
    sent = ids.parse_id("/subscriptions/s/resourcegroups/RG/providers/microsoft.app/containerapps/Scorer/")
    assert sent == documented
    assert hash(sent) == hash(documented)
    assert sent.type == "Microsoft.App/containerApps"


def test_an_id_keeps_the_names_as_they_were_written():
    assert ids.parse_id("/subscriptions/s/resourceGroups/MyRG").resource_group == "MyRG"


@pytest.mark.parametrize(
    "text",
    ["", "scorer", "/subscriptions", "/subscriptions/s/providers/Microsoft.App/containerApps", "/resourceGroups/rg"],
)
def test_text_that_is_no_id_is_refused_and_named(text):
    with pytest.raises(ValueError, match="not an Azure resource id"):
        ids.parse_id(text)


def test_the_parent_of_a_revision_is_its_app_and_of_an_app_its_group():
    app = ids.app_id("s", "rg", "scorer")
    revision = app.child("revisions", "scorer--1")
    assert revision.parent == app
    assert app.parent == ids.group_id("s", "rg")
    assert app.parent.parent == ids.ResourceId("s")
    assert [each.name for each in (revision, app, app.parent, app.parent.parent)] == ["scorer--1", "scorer", "rg", "s"]


def test_a_type_without_a_name_is_refused():
    with pytest.raises(ValueError, match="name for each type"):
        ids.ResourceId("s", "rg", "Microsoft.App", ("containerApps",), ())


@given(SEGMENT, SEGMENT, st.lists(st.tuples(SEGMENT, SEGMENT), min_size=1, max_size=3))
def test_any_id_survives_being_written_and_read(subscription, group, pairs):
    types, names = zip(*pairs, strict=True)
    written = ids.ResourceId(subscription, group, "Microsoft.App", types, names)
    assert ids.parse_id(str(written)) == written
    assert ids.parse_id(str(written).upper()).key == written.key


def test_an_extension_has_its_own_type_and_is_about_the_resource_before_it():
    text = "/subscriptions/s/resourceGroups/g/providers/Microsoft.App/containerApps/a"
    found = ids.parse_id(f"{text}/providers/Microsoft.Authorization/roleAssignments/r")
    assert found.type == "Microsoft.Authorization/roleAssignments"
    assert str(found.parent) == text
    assert str(found) == f"{text}/providers/Microsoft.Authorization/roleAssignments/r"

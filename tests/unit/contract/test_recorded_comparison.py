"""The judge is judged: what it must call a difference, and what it must let pass."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.comparison import compare
from tests.contract.recorded import Answer, Interaction, Names, Recording, creation

APP = "https://management.azure.com/subscriptions/s/resourceGroups/g/providers/Microsoft.App/containerApps/app"
GUID, OUR_GUID = "0000000a-1111-2222-3333-444455556666", "0000000b-1111-2222-3333-444455556666"


def asked(body: Any, *, method: str = "GET", uri: str = APP, status: int = 200, **headers: str) -> Interaction:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Interaction(3, method, uri, None, "", Answer(status, named, body))


def ours(body: Any, status: int = 200, **headers: str) -> Answer:
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def differing(recorded: Interaction, answer: Answer, names: Names | None = None) -> list[str]:
    return [each.field for each in compare(recorded, answer, names or Names())]


@pytest.mark.parametrize(
    ("recorded", "answered", "fields"),
    [
        pytest.param({"a": 1}, {"a": 1}, [], id="the same"),
        pytest.param({"a": 1}, {"a": 2}, ["body.a"], id="another number"),
        pytest.param({"a": 1}, {}, ["body.a"], id="a value left out"),
        pytest.param({"a": 1}, {"a": None}, ["body.a"], id="null where there is a value"),
        pytest.param({"a": []}, {"a": None}, ["body.a"], id="null where there is an empty list"),
        pytest.param({"a": None}, {"a": 1}, ["body.a"], id="a value where there is null"),
        pytest.param({"a": None}, {}, [], id="a null left out"),
        pytest.param({}, {"a": 1}, ["body.a"], id="a field Azure does not have"),
        pytest.param({}, {"a": None}, [], id="a null that Azure does not have"),
        pytest.param({"a": 1}, {"a": "1"}, ["body.a"], id="a text for a number"),
        pytest.param({"a": 1.0}, {"a": 1}, [], id="a whole number written either way"),
        pytest.param({"a": True}, {"a": 1}, ["body.a"], id="a number for a boolean"),
        pytest.param({"a": [1]}, {"a": [1, 2]}, ["body.a"], id="a longer list"),
        pytest.param({"a": [{"name": "x"}, {"name": "y"}]}, {"a": [{"name": "y"}, {"name": "x"}]}, [],
                     id="named items in another order"),
        pytest.param({"a": [{"name": "x"}]}, {"a": [{"name": "z"}]}, ["body.a[x]", "body.a[z]"], id="another item"),
        pytest.param({"createdAt": "2025-05-24T16:45:55.49"}, {"createdAt": "2031-01-01T00:00:00Z"}, [],
                     id="another time"),
        pytest.param({"createdAt": "2025-05-24T16:45:55.49"}, {"createdAt": "yesterday"}, ["body.createdAt"],
                     id="no time"),
        pytest.param({"createdAt": "2025-05-24T16:45:55.49"}, {}, ["body.createdAt"], id="a time left out"),
        pytest.param({"value": "<redacted>"}, {"value": "x"}, [], id="a redacted value"),
        pytest.param({"value": "<redacted>"}, {"value": ""}, ["body.value"], id="nothing for a redacted value"),
        pytest.param({"latestRevisionFqdn": ""}, {"latestRevisionFqdn": "a.b"}, ["body.latestRevisionFqdn"],
                     id="a host where there is none"),
        pytest.param({"outboundIpAddresses": ["1.2.3.4", "1.2.3.5"]}, {"outboundIpAddresses": ["127.0.0.1"]}, [],
                     id="fewer addresses"),
        pytest.param({"outboundIpAddresses": ["1.2.3.4"]}, {"outboundIpAddresses": []}, ["body.outboundIpAddresses"],
                     id="no addresses"),
        pytest.param({"limit": 50, "currentValue": 3}, {"limit": 50, "currentValue": 0}, [], id="another count"),
    ],
)  # fmt: skip
def test_bodies_are_compared_in_shape_and_settled_values(recorded: Any, answered: Any, fields: list[str]) -> None:
    assert differing(asked(recorded), ours(answered)) == fields


def test_another_status_is_the_one_thing_said() -> None:
    assert differing(asked({"a": 1}), ours({"error": {"code": "X"}}, 404)) == ["status"]


def test_what_is_under_way_may_have_ended_here() -> None:
    recorded = {"properties": {"provisioningState": "InProgress", "fqdn": None}}
    ended = {"properties": {"provisioningState": "Succeeded", "fqdn": "a.b"}}
    assert not differing(asked(recorded), ours(ended))
    assert differing(asked(recorded, method="PUT"), ours(ended)) == [
        "body.properties.provisioningState",
        "body.properties.fqdn",
    ]


def test_what_has_ended_must_have_ended_here() -> None:
    found = compare(asked({"status": "Succeeded"}), ours({"status": "InProgress"}), Names())
    assert [each.field for each in found] == ["body.status"]
    assert found[0].moving


def test_a_thing_that_azure_names_twice_is_one_thing_here() -> None:
    names = Names()
    recorded = asked({"latestRevisionName": "app--abc1234"})
    assert not differing(recorded, ours({"latestRevisionName": "app--xyz9876"}), names)
    assert not differing(recorded, ours({"latestRevisionName": "app--xyz9876"}), names)
    assert differing(recorded, ours({"latestRevisionName": "app--other00"}), names) == ["body.latestRevisionName"]


def test_a_counted_revision_has_the_same_count() -> None:
    recorded = asked({"latestRevisionName": "app--0000002"})
    assert differing(recorded, ours({"latestRevisionName": "app--0000001"})) == ["body.latestRevisionName"]


@pytest.mark.parametrize(
    ("mine", "fields"),
    [
        pytest.param(f"https://127.0.0.1:1/op/{OUR_GUID}?api-version=v", [], id="the same path"),
        pytest.param(f"https://127.0.0.1:1/other/{OUR_GUID}?api-version=v", ["header.location"], id="another path"),
        pytest.param(f"https://127.0.0.1:1/op/{OUR_GUID}", ["header.location"], id="no api-version"),
        pytest.param(None, ["header.location"], id="none"),
    ],
)
def test_a_link_has_azures_path_and_query_but_for_what_signs_it(mine: str | None, fields: list[str]) -> None:
    names = Names()
    recorded = asked(None, status=202, location=f"https://management.azure.com/op/{GUID}?api-version=v&t=<ticks>&c=x")
    headers = {"location": mine} if mine else {}
    assert differing(recorded, Answer(202, headers, None), names) == fields
    if mine:
        assert names.links[f"https://management.azure.com/op/{GUID}"] == mine


def test_a_link_that_azure_does_not_send_is_a_difference() -> None:
    assert differing(asked({}), ours({}, location="https://127.0.0.1:1/x")) == ["header.location"]


def test_a_poll_that_found_it_running_may_find_it_ended_here() -> None:
    assert not differing(asked(None, status=202, location="https://a/b"), ours(None, 204))


def test_a_stream_has_azures_opening_keys_and_reasons() -> None:
    uri = "https://eastus.azurecontainerapps.dev/subscriptions/s/resourceGroups/g/containerApps/app/eventstream"
    recorded = asked('{"Msg":"a","Reason":"A"}\n{"Msg":"b","Reason":"B"}\n{"Msg":"c","Reason":"C"}\n', uri=uri)
    opening = '{"Msg":"a","Reason":"A"}\n{"Msg":"b","Reason":"B"}\n'
    assert not differing(recorded, ours(opening + '{"Msg":"other","Reason":"C"}'))
    assert differing(recorded, ours(opening + '{"Msg":"other","Reason":"D"}')) == ["body.Reason.C"]
    assert differing(recorded, ours(opening + '{"Log":"other"}'))
    assert differing(recorded, ours(opening)) == ["body"]


def test_names_are_replaced_longest_first() -> None:
    names = Names({"app.domain": "127.0.0.1:5", "domain": "local"})
    assert names.ours({"x": ["https://app.domain/", "other.domain"]}) == {"x": ["https://127.0.0.1:5/", "other.local"]}


@pytest.mark.parametrize(
    ("method", "uri", "operation"),
    [
        ("PUT", APP, "PUT Microsoft.App/containerApps/*"),
        ("POST", f"{APP}/listSecrets?api-version=1", "POST Microsoft.App/containerApps/*/listSecrets"),
        ("GET", f"{APP}/revisions/r/replicas/p/?x=1", "GET Microsoft.App/containerApps/*/revisions/*/replicas/*"),
        ("GET", "https://management.azure.com/subscriptions/s/resources?x=1", "GET resources"),
        ("GET", "https://app.fine-0a0b0c0d.eastus.azurecontainerapps.io/", "GET an app's own address"),
        ("GET", "https://graph.microsoft.com/v1.0/me", "GET graph.microsoft.com"),
    ],
)
def test_operations_are_named_without_names(method: str, uri: str, operation: str) -> None:
    assert asked(None, method=method, uri=uri).operation == operation


def test_what_is_read_before_it_is_made_was_there_before() -> None:
    base = "https://management.azure.com/subscriptions/s/resourceGroups/shared/providers/Microsoft.App"
    body = {
        "location": "East US",
        "properties": {
            "provisioningState": "Succeeded", "zoneRedundant": False, "vnetConfiguration": None,
            "workloadProfiles": [{"name": "Consumption", "workloadProfileType": "Consumption", "enableFips": False}],
        },
    }  # fmt: skip
    recording = Recording("r", (
        asked(body, uri=f"{base}/managedEnvironments/there"),
        asked(body, uri=f"{base}/managedEnvironments/made", method="PUT", status=201),
        asked(body, uri=f"{base}/managedEnvironments/made"),
        asked(body, uri=f"{base}/managedEnvironments/missing", status=404),
    ))  # fmt: skip
    presupposed = list(recording.presupposed())
    assert [each.path.rpartition("/")[2] for each in presupposed] == ["there"]
    assert recording.groups == {"shared"}
    assert creation(presupposed[0]) == {
        "location": "East US",
        "properties": {
            "zoneRedundant": False,
            "workloadProfiles": [{"name": "Consumption", "workloadProfileType": "Consumption"}],
        },
    }

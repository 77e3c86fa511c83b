"""A deploy over an app leaves what others have set on it: a PUT without it would take it away."""

from __future__ import annotations

from aca_notebook.api.template import KEY_SECRET, keeping
from aca_notebook.azure.documents import EXPIRES, OWNER

OURS = {
    "location": "eastus",
    "properties": {
        "configuration": {
            "activeRevisionsMode": "Single",
            "secrets": [{"name": KEY_SECRET, "value": "key"}],
            "ingress": {"external": True, "targetPort": 8000},
            "registries": [{"server": "ours.azurecr.io", "identity": "system-environment"}],
        },
        "template": {"containers": [{"name": "scorer", "image": "new"}]},
    },
}
VAULT = {"name": "vaulted", "keyVaultUrl": "https://v.vault.azure.net/secrets/x", "identity": "system"}
THERE = {
    "identity": {"type": "SystemAssigned, UserAssigned", "principalId": "p",
                 "userAssignedIdentities": {"/ids/one": {"clientId": "c", "principalId": "q"}}},
    "properties": {
        "configuration": {
            "activeRevisionsMode": "Multiple",
            "secrets": [{"name": KEY_SECRET}, {"name": "token"}, VAULT],
            "ingress": {"fqdn": "x", "external": False, "targetPort": 1,
                        "traffic": [{"latestRevision": True, "weight": 9}],
                        "customDomains": [{"name": "a.example.com"}], "corsPolicy": None},
            "dapr": {"enabled": True, "appId": "scorer"},
            "registries": [{"server": "OURS.azurecr.io", "identity": "x"}, {"server": "theirs.io", "username": None}],
        },
        "template": {"containers": [{"name": "scorer", "image": "old"}], "volumes": [{"name": "v"}]},
    },
}  # fmt: skip


def test_a_first_deploy_is_put_as_it_is() -> None:
    assert keeping(OURS, None, {}) is OURS


def test_what_others_have_set_stays_and_what_we_set_is_ours() -> None:
    put = keeping(OURS, THERE, {KEY_SECRET: "key", "token": "t"})
    configuration = put["properties"]["configuration"]
    assert configuration["ingress"] == {
        "external": True, "targetPort": 8000, "traffic": [{"latestRevision": True, "weight": 9}],
        "customDomains": [{"name": "a.example.com"}],
    }  # fmt: skip
    assert configuration["activeRevisionsMode"] == "Multiple"
    assert configuration["dapr"] == {"enabled": True, "appId": "scorer"}
    assert configuration["secrets"] == [
        {"name": KEY_SECRET, "value": "key"}, {"name": "token", "value": "t"}, VAULT,
    ]  # fmt: skip
    assert [each["server"] for each in configuration["registries"]] == ["ours.azurecr.io", "theirs.io"]
    assert put["properties"]["template"] == OURS["properties"]["template"]
    assert put["identity"] == {
        "type": "SystemAssigned,UserAssigned", "userAssignedIdentities": {"/ids/one": {}},
    }  # fmt: skip


def test_tags_of_others_stay_and_marks_of_an_earlier_deploy_go() -> None:
    present = {**THERE, "tags": {"costCenter": "42", "team": "a", OWNER: "ann", EXPIRES: "2026-11-24T00:00:00Z"}}
    put = keeping({**OURS, "tags": {"team": "b", OWNER: "bob"}}, present, {})
    assert put["tags"] == {"costCenter": "42", "team": "b", OWNER: "bob"}


def test_nothing_that_is_given_is_changed() -> None:
    keeping(OURS, THERE, {})
    assert OURS["properties"]["configuration"]["secrets"] == [{"name": KEY_SECRET, "value": "key"}]
    assert "fqdn" in THERE["properties"]["configuration"]["ingress"]

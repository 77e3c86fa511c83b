"""What a failed deployment changed is taken back by one write, which sends nothing that only the platform may say."""

from __future__ import annotations

from typing import Any

from aca_notebook.api.retiring import going_back
from aca_notebook.azure.documents import DIGEST, OWNER

BEFORE: dict[str, Any] = {
    "tags": {"costCenter": "42", OWNER: "ann"},
    "properties": {
        "workloadProfileName": "Consumption",
        "configuration": {
            "activeRevisionsMode": "Single", "secrets": [{"name": "token"}], "dapr": None, "maxInactiveRevisions": 100,
            "ingress": {"fqdn": "x", "external": True, "targetPort": 80, "corsPolicy": None},
            "registries": [{"server": "r.azurecr.io", "username": None, "identity": "system"}],
        },
        "template": {
            "containers": [{"name": "main", "image": "old", "imageType": "ContainerImage", "command": None}],
            "initContainers": None, "scale": {"minReplicas": 0, "maxReplicas": 4},
        },
    },
}  # fmt: skip


def test_the_profile_and_the_configuration_go_back_with_the_template() -> None:
    properties = going_back(BEFORE)["properties"]
    assert properties["workloadProfileName"] == "Consumption"
    assert properties["configuration"] == {
        "activeRevisionsMode": "Single", "dapr": None, "ingress": {"external": True, "targetPort": 80,
        "exposedPort": None}, "registries": [{"server": "r.azurecr.io", "identity": "system"}],
    }  # fmt: skip
    assert properties["template"]["containers"] == [{"name": "main", "image": "old"}]
    assert properties["template"]["scale"] == {"rules": None, "minReplicas": 0, "maxReplicas": 4}


def test_secrets_are_not_written_for_their_values_are_not_known() -> None:
    assert "secrets" not in going_back(BEFORE)["properties"]["configuration"]


def test_an_app_without_ingress_or_profile_gets_none() -> None:
    bare = {"properties": {"configuration": {}, "template": {"containers": [{"name": "main"}]}}}
    properties = going_back(bare)["properties"]
    assert properties["configuration"]["ingress"] is None
    assert "workloadProfileName" not in properties


def test_marks_of_the_failed_deployment_go_and_other_tags_stay() -> None:
    tags = going_back(BEFORE)["tags"]
    assert (tags["costCenter"], tags[OWNER], tags[DIGEST]) == ("42", "ann", None)

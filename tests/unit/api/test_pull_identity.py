"""Who pulls for an environment is read from its tag, and its apps get that identity."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aca_notebook.api.plan import DeployOptions
from aca_notebook.api.pull_identity import puller_id
from aca_notebook.api.template import app_document, keeping
from aca_notebook.azure import documents
from aca_notebook.model.ids import environment_id
from tests.unit.api.test_plan import TARGET, planned

ENVIRONMENT = str(environment_id("s", "shared", "gpu-env"))
PULLER = (
    "/subscriptions/s/resourceGroups/shared/providers/Microsoft.ManagedIdentity/userAssignedIdentities/gpu-env-pull"
)


def document(identity: str) -> dict[str, Any]:
    target = replace(TARGET, registry_identity=identity)
    return app_document(planned(), DeployOptions(), target, {}, {})


@pytest.mark.parametrize(
    ("tags", "expected"),
    [({documents.PULLER: "gpu-env-pull"}, PULLER), ({"team": "a"}, None), (None, None), ({documents.PULLER: ""}, None)],
)  # fmt: skip
def test_the_tag_names_an_identity_of_the_environments_group(tags: Any, expected: str | None) -> None:
    found = puller_id({"id": ENVIRONMENT, "tags": tags})
    assert (str(found) if found else None) == expected


def test_an_app_gets_the_identity_that_pulls_and_names_it_for_its_registry() -> None:
    made = document(PULLER)
    assert made["identity"] == {"type": "UserAssigned", "userAssignedIdentities": {PULLER: {}}}
    (registry,) = made["properties"]["configuration"]["registries"]
    assert (registry["server"], registry["identity"]) == (TARGET.registry_server, PULLER)


def test_an_environment_that_pulls_by_itself_gives_its_apps_no_identity() -> None:
    assert "identity" not in document("system-environment")


def test_an_app_that_is_there_keeps_its_identities_and_gets_this_one() -> None:
    others = {"type": "SystemAssigned,UserAssigned", "userAssignedIdentities": {"/ids/one": {}, PULLER.upper(): {}}}
    present = {"identity": others, "properties": {"configuration": {"secrets": []}}}
    put = keeping(document(PULLER), present, {})
    assert put["identity"]["type"] == "SystemAssigned,UserAssigned"
    assert sorted(id_.lower() for id_ in put["identity"]["userAssignedIdentities"]) == ["/ids/one", PULLER.lower()]

"""Names become targets."""

from __future__ import annotations

import pytest

from aca_notebook.api.targets import azure_target
from aca_notebook.errors import UsageFailed
from aca_notebook.settings import Settings

SUBSCRIPTION = "6f1c9a3e-2b57-4c1d-9d53-0a8f7e6b5c4d"


def chosen(environment: str) -> Settings:
    return Settings("azure", SUBSCRIPTION, "research", environment, "westus3", "images")


def test_an_environment_of_another_group_is_named_by_its_id(tmp_path):
    shared = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/platform/providers/Microsoft.App/managedEnvironments/gpus"
    target = azure_target(chosen(shared), tmp_path)
    assert (target.environment, target.resource_group) == ("gpus", "research")
    assert str(target.environment_id) == shared
    assert str(azure_target(chosen("gpus"), tmp_path).environment_id) == shared.replace("platform", "research")


def test_what_is_neither_a_name_nor_an_id_is_told(tmp_path):
    with pytest.raises(UsageFailed, match="not an Azure resource id"):
        azure_target(chosen("/my/environment"), tmp_path)

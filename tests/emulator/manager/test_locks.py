"""Locks: what may not be deleted or changed is refused in Azure's sentence, by whichever way it is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.resource.locks import ManagementLockClient
from azure.mgmt.resource.resources import ResourceManagementClient

from tests.emulator.deployments.deploying import ask, body, deploy, identity, resources

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulator.running import Running

CANNOT_DELETE = {"level": "CanNotDelete", "notes": "keep"}
READ_ONLY = {"level": "ReadOnly"}


def identity_path(emulator: Running, name: str = "one") -> str:
    return f"{emulator.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_locked_resource_stays_and_so_does_its_group(sdk: Callable[[type], Any], emulator: Running) -> None:
    path = identity_path(emulator)
    ask(emulator, "PUT", path, {"location": "eastus"})
    locks = sdk(ManagementLockClient).management_locks
    # Its parent's path is empty: the SDK writes two slashes there.
    one = ("local", "Microsoft.ManagedIdentity", "", "userAssignedIdentities", "one", "keep")
    made = locks.create_or_update_at_resource_level(*one, CANNOT_DELETE)
    assert (made.level, made.notes) == ("CanNotDelete", "keep")
    assert made.id == f"{path}/providers/Microsoft.Authorization/locks/keep"
    refused = ask(emulator, "DELETE", path)
    assert code(refused) == (409, "ScopeLocked")
    assert refused.json()["error"]["message"] == (
        f"The scope '{path}' cannot perform delete operation because following scope(s) are locked: '{path}'. Please "
        "remove the lock and try again."
    )
    with pytest.raises(HttpResponseError, match="ScopeLocked"):
        sdk(ResourceManagementClient).resource_groups.begin_delete("local")
    assert ask(emulator, "PUT", path, {"location": "eastus", "tags": {"a": "b"}}).status_code == 200
    assert locks.get_at_resource_level(*one).level == "CanNotDelete"
    locks.delete_at_resource_level(*one)
    assert ask(emulator, "DELETE", path).status_code == 200


def test_what_lies_in_a_locked_group_inherits_the_lock(sdk: Callable[[type], Any], emulator: Running) -> None:
    path = identity_path(emulator)
    ask(emulator, "PUT", path, {"location": "eastus"})
    locks = sdk(ManagementLockClient).management_locks
    locks.create_or_update_at_resource_group_level("local", "frozen", READ_ONLY)
    for method, tail, content in (
        ("PUT", "", {"location": "eastus"}), ("PATCH", "", {"tags": {}}), ("DELETE", "", None),
        ("PUT", "/providers/Microsoft.Resources/tags/default", {"properties": {"tags": {}}}),
    ):  # fmt: skip
        assert code(ask(emulator, method, path + tail, content)) == (409, "ScopeLocked"), method
    assert ask(emulator, "GET", path).status_code == 200
    there = f"{emulator.group}/providers/Microsoft.Resources/deployments/one"
    assert code(ask(emulator, "PUT", there, body(resources()))) == (409, "ScopeLocked")
    assert ask(emulator, "POST", f"{there}/validate", body(resources())).status_code == 200
    assert [each.name for each in locks.list_at_subscription_level()] == ["frozen"]
    locks.delete_at_resource_group_level("local", "frozen")
    assert deploy(emulator, body(resources()))["properties"]["provisioningState"] == "Succeeded"


def test_a_template_locks_what_it_makes(emulator: Running) -> None:
    lock = {
        "type": "Microsoft.Authorization/locks", "apiVersion": "2020-05-01", "name": "keep",
        "scope": "[resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', 'one')]",
        "dependsOn": ["[resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', 'one')]"],
        "properties": {"level": "CanNotDelete"},
    }  # fmt: skip
    found = deploy(emulator, body(resources(identity("one"), lock)))
    assert found["properties"]["provisioningState"] == "Succeeded", found["properties"]
    assert code(ask(emulator, "DELETE", identity_path(emulator))) == (409, "ScopeLocked")


def test_a_lock_has_a_level_and_short_notes(emulator: Running) -> None:
    path = f"{emulator.group}/providers/Microsoft.Authorization/locks/x"
    for properties in ({}, {"level": "Sometimes"}, {"level": "ReadOnly", "notes": "n" * 513}):
        assert ask(emulator, "PUT", path, {"properties": properties}).status_code == 400
    assert code(ask(emulator, "GET", path)) == (404, "LockNotFound")
    assert ask(emulator, "DELETE", path).status_code == 204

"""Session pools, for which `az` has no commands without an extension: `az rest` and tokens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.azure_cli.shell import Az

_POOL = {
    "location": "eastus",
    "properties": {
        "poolManagementType": "Dynamic",
        "containerType": "PythonLTS",
        "scaleConfiguration": {"maxConcurrentSessions": 5},
        "dynamicPoolConfiguration": {
            "lifecycleConfiguration": {"lifecycleType": "Timed", "cooldownPeriodInSeconds": 300}
        },
        "sessionNetworkConfiguration": {"status": "EgressDisabled"},
    },
}


def test_a_pool_is_put_read_changed_and_deleted_by_rest(az: Az) -> None:
    pools = "/subscriptions/{subscriptionId}/resourceGroups/test-session-pools/providers/Microsoft.App/sessionPools"
    one, version = f"{pools}/pool", "?api-version=2025-07-01"
    made = az(f"rest --method put --url {one}{version} --body", json.dumps(_POOL))
    assert made["properties"]["provisioningState"] == "Succeeded"
    assert made["properties"]["poolManagementEndpoint"].endswith("/test-session-pools/sessionPools/pool")
    shown = az(f"rest --method get --url {one}{version}")
    assert shown["properties"]["containerType"] == "PythonLTS"
    more = {"properties": {"scaleConfiguration": {"maxConcurrentSessions": 7}}}
    az(f"rest --method patch --url {one}{version} --body", json.dumps(more))
    az.until(
        f"rest --method get --url {one}{version}",
        lambda seen: (
            seen["properties"]["scaleConfiguration"]["maxConcurrentSessions"] == 7
            and seen["properties"]["provisioningState"] == "Succeeded"  # until then it may not be deleted
        ),
    )
    assert [each["name"] for each in az(f"rest --method get --url {pools}{version}")["value"]] == ["pool"]
    az(f"rest --method delete --url {one}{version}")
    assert "ResourceNotFound" in az.refused(f"rest --method get --url {one}{version}")

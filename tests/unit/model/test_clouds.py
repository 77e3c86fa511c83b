"""Each cloud has addresses of its own, as Microsoft's own libraries have them."""

from __future__ import annotations

import pytest
from azure.core import AzureClouds
from azure.identity import AzureAuthorityHosts
from azure.mgmt.core.tools import get_arm_endpoints

from aca_notebook.model.clouds import CHINA, PUBLIC, US_GOVERNMENT, find_cloud


@pytest.mark.parametrize(
    ("cloud", "sdk", "authority"),
    [(PUBLIC, AzureClouds.AZURE_PUBLIC_CLOUD, AzureAuthorityHosts.AZURE_PUBLIC_CLOUD),
     (US_GOVERNMENT, AzureClouds.AZURE_US_GOVERNMENT, AzureAuthorityHosts.AZURE_GOVERNMENT),
     (CHINA, AzureClouds.AZURE_CHINA_CLOUD, AzureAuthorityHosts.AZURE_CHINA)],
    ids=["public", "government", "china"],
)  # fmt: skip
def test_addresses_are_those_of_the_sdks(cloud, sdk, authority) -> None:
    told = get_arm_endpoints(sdk)
    assert f"{cloud.resource_manager}/" == told["resource_manager"]
    assert [cloud.scope] == told["credential_scopes"]
    assert cloud.authority == f"https://{authority}"


def test_a_cloud_is_found_by_any_of_its_names() -> None:
    assert find_cloud("") is PUBLIC
    assert find_cloud("azureusgovernment") is find_cloud("usgov") is US_GOVERNMENT
    with pytest.raises(ValueError, match="there are AzureCloud, AzureUSGovernment, AzureChinaCloud"):
        find_cloud("AzureGermanCloud")

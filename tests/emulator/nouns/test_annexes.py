"""What hangs on apps, jobs and environments and is empty or derived here, by the unmodified SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.appcontainers import ContainerAppsAPIClient

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulator.running import Running

ENVIRONMENT = ("local", "local")
APP = ("local", "scorer")
HOST = "shop.example.org"


@pytest.fixture
def client(sdk: Callable[[type], Any]) -> Any:
    return sdk(ContainerAppsAPIClient)


def with_domain(emulator: Running, certificate: str = "") -> dict[str, Any]:
    body = emulator.body()
    domain = {"name": HOST, "bindingType": "SniEnabled" if certificate else "Disabled"}
    body["properties"]["configuration"]["ingress"]["customDomains"] = [
        domain | ({"certificateId": certificate} if certificate else {})
    ]
    return body


def test_a_host_name_is_analysed(client: Any, emulator: Running) -> None:
    """The sentence on a name that is none is recorded by Microsoft's PowerShell suite."""
    emulator.deploy(body=with_domain(emulator))
    emulator.deploy("other")
    analyse = client.container_apps.list_custom_host_name_analysis
    mine = analyse(*APP, custom_hostname=HOST)
    assert (mine.is_hostname_already_verified, mine.has_conflict_on_managed_environment) == (True, False)
    theirs = analyse("local", "other", custom_hostname=HOST)
    assert theirs.has_conflict_on_managed_environment
    assert theirs.conflicting_container_app_resource_id.endswith("/scorer")
    free = analyse(*APP, custom_hostname="free.example.org")
    assert (free.custom_domain_verification_test, free.is_hostname_already_verified) == ("Passed", False)
    nothing = analyse(*APP)
    assert nothing.custom_domain_verification_test == "Failed"
    failure = nothing.custom_domain_verification_failure_info
    assert (failure.code, failure.message) == ("InvalidHostName", "Invalid host name ''.")


def test_a_managed_certificate_is_for_a_host_name_that_an_app_has(client: Any, emulator: Running) -> None:
    """Both sentences are recorded: by the PowerShell suite and among the errors seen."""
    certificates = client.managed_certificates
    body = {"location": "eastus", "properties": {"subjectName": HOST, "domainControlValidation": "cname"}}
    with pytest.raises(HttpResponseError, match="RequireCustomHostnameInEnvironment"):
        certificates.begin_create_or_update(*ENVIRONMENT, "shop", body)
    emulator.deploy(body=with_domain(emulator))
    made = certificates.begin_create_or_update(*ENVIRONMENT, "shop", body).result()
    assert (made.properties.provisioning_state, made.properties.domain_control_validation) == ("Succeeded", "CNAME")
    assert certificates.update(*ENVIRONMENT, "shop", {"tags": {"a": "b"}}).tags == {"a": "b"}
    assert [each.name for each in certificates.list(*ENVIRONMENT)] == ["shop"]
    emulator.deploy(body=with_domain(emulator, made.id))
    with pytest.raises(HttpResponseError, match="Certificate 'shop' is used by existing custom domains"):
        certificates.delete(*ENVIRONMENT, "shop")
    emulator.deploy()
    certificates.delete(*ENVIRONMENT, "shop")
    with pytest.raises(HttpResponseError, match="under resource group 'local' was not found"):
        certificates.get(*ENVIRONMENT, "shop")


def test_what_nothing_here_has_is_listed_empty(client: Any, emulator: Running) -> None:
    revision = emulator.deploy()["properties"]["latestRevisionName"]
    job_body = {
        "location": "eastus",
        "properties": {
            "environmentId": emulator.environment_id,
            "configuration": {"triggerType": "Manual", "replicaTimeout": 60},
            "template": {"containers": [{"name": "main", "image": "mcr.microsoft.com/k8se/quickstart-jobs:latest"}]},
        },
    }
    client.jobs.begin_create_or_update("local", "nightly", job_body).result()
    lists = [
        client.container_apps_functions.list(*APP),
        client.container_apps_revision_functions.list(*APP, revision),
        client.container_apps_source_controls.list_by_container_app(*APP),
        client.container_apps_diagnostics.list_detectors(*APP),
        client.managed_environment_diagnostics.list_detectors(*ENVIRONMENT).value,
        client.jobs.list_detectors("local", "nightly"),
        client.container_app_private_endpoint_connections.list(*APP),
        client.container_app_private_link_resources.list(*APP),
        client.managed_environment_private_endpoint_connections.list(*ENVIRONMENT),
        client.managed_environment_private_link_resources.list(*ENVIRONMENT),
    ]
    assert [list(each) for each in lists] == [[]] * len(lists)


def test_detectors_see_the_resource_and_its_revisions(client: Any, emulator: Running) -> None:
    revision = emulator.deploy()["properties"]["latestRevisionName"]
    diagnostics = client.container_apps_diagnostics
    assert diagnostics.get_root(*APP).name == "scorer"
    assert [each.name for each in diagnostics.list_revisions(*APP)] == [revision]
    assert diagnostics.get_revision(*APP, revision).properties.active
    assert client.managed_environments_diagnostics.get_root(*ENVIRONMENT).name == "local"


def test_an_environment_tells_that_it_stays_what_it_is(client: Any) -> None:
    told = client.managed_environments.check_migration_eligibility(*ENVIRONMENT, {"targetMode": "Express"})
    assert (told.is_eligible, told.current_mode, len(told.failure_reasons)) == (False, "WorkloadProfiles", 1)
    same = client.managed_environments.check_migration_eligibility(*ENVIRONMENT, {"targetMode": "WorkloadProfiles"})
    assert (same.is_eligible, same.failure_reasons) == (True, [])


def test_a_job_is_suspended_and_resumed(client: Any, emulator: Running) -> None:
    body = {
        "location": "eastus",
        "properties": {
            "environmentId": emulator.environment_id,
            "configuration": {"triggerType": "Manual", "replicaTimeout": 60, "secrets": [{"name": "k", "value": "v"}]},
            "template": {"containers": [{"name": "main", "image": "mcr.microsoft.com/k8se/quickstart-jobs:latest"}]},
        },
    }
    client.jobs.begin_create_or_update("local", "nightly", body).result()
    client.jobs.begin_suspend("local", "nightly").result()
    assert client.jobs.get("local", "nightly").properties.running_state == "Suspended"
    client.jobs.begin_resume("local", "nightly").result()
    assert client.jobs.get("local", "nightly").properties.running_state == "Ready"
    assert client.jobs.list_secrets("local", "nightly").value[0].value == "v"


def test_the_provider_tells_what_may_be_done_with_it(client: Any) -> None:
    told = {each.name: each for each in client.operations.list()}
    assert told["microsoft.app/containerapps/write"].display.provider == "Microsoft Apps"
    assert "microsoft.app/jobs/start/action" in told


def test_what_is_metered_is_listed_by_profile(client: Any) -> None:
    meters = client.billing_meters.get("East US").value
    assert {each.properties.meter_type for each in meters} == {"Cpu", "Memory", "Management"}
    assert {each.name for each in meters} == {"Consumption", "D4", "D8", "D16", "D32", "E4", "E8", "E16", "E32"}


def test_the_sign_in_of_an_app_has_one_name(client: Any, emulator: Running) -> None:
    """Recorded by Microsoft's .NET suite: another name is refused, in these words."""
    emulator.deploy()
    configs = client.container_apps_auth_configs
    with pytest.raises(HttpResponseError, match="disallowed for authconfigs, please use the name 'current'"):
        configs.get(*APP, "other")
    made = configs.create_or_update(*APP, "current", {"properties": {"platform": {"enabled": True}}})
    assert (made.type, made.system_data) == ("Microsoft.App/containerapps/authconfigs", None)
    answer = emulator.ask("DELETE", f"{emulator.app_path()}/authConfigs/current")
    assert answer.status_code == 204


def test_a_name_is_asked_for_by_what_it_is_to_name(client: Any, emulator: Running) -> None:
    """The CLI asks before it uploads a certificate."""
    emulator.deploy()
    body = {"location": "eastus", "properties": {"certificateKeyVaultProperties": {"keyVaultUrl": "https://v/c"}}}
    client.certificates.create_or_update(*ENVIRONMENT, "shop", body)

    def free(name: str, type_: str) -> bool:
        asked = {"name": name, "type": type_}
        return bool(client.namespaces.check_name_availability(*ENVIRONMENT, asked).name_available)

    kind = "Microsoft.App/managedEnvironments/certificates"
    assert (free("shop", kind), free("scorer", kind)) == (False, True)
    assert (free("shop", "Microsoft.App/containerApps"), free("scorer", "Microsoft.App/containerApps")) == (True, False)


def test_metrics_of_what_is_no_app_are_described_and_have_no_points(emulator: Running) -> None:
    insights = f"{emulator.environment_id}/providers/Microsoft.Insights"
    namespace = "Microsoft.App/managedEnvironments"

    def get(path: str, **asked: str) -> Any:
        answer = emulator.ask("GET", f"{insights}/{path}", params={"api-version": "2024-02-01", **asked})
        assert answer.status_code == 200, answer.text
        return answer.json()

    named = [each["name"]["value"] for each in get("metricDefinitions")["value"]]
    assert "NodeCount" in named
    assert [each["name"] for each in get("metricNamespaces")["value"]] == [namespace]
    answer = get("metrics", metricnames="nodecount", metricnamespace=namespace)
    assert answer["namespace"] == namespace
    [one] = answer["value"]
    assert (one["name"]["value"], one["errorCode"], one["timeseries"]) == ("NodeCount", "Success", [])


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("managedEnvironments/local/providers/Microsoft.Insights/metrics?metricnames=Requests", 400),
        ("jobs/none/providers/Microsoft.Insights/metricDefinitions", 404),
    ],
)
def test_metrics_that_there_are_not(emulator: Running, path: str, status: int) -> None:
    url, _, asked = f"{emulator.group}/providers/Microsoft.App/{path}".partition("?")
    params = {"api-version": "2024-02-01"} | dict([asked.split("=")] if asked else [])
    assert emulator.ask("GET", url, params=params).status_code == status


@pytest.mark.parametrize(("scope", "status"), [("subscription", 204), ("group", 204), ("none", 404)])
def test_nothing_here_costs(emulator: Running, scope: str, status: int) -> None:
    group = emulator.group
    path = {"subscription": group.partition("/resourceGroups")[0], "group": group, "none": f"{group}s"}[scope]
    asked = {"type": "ActualCost", "timeframe": "MonthToDate", "dataset": {"granularity": "Daily"}}
    query = f"{path}/providers/Microsoft.CostManagement/query"
    answer = emulator.ask("POST", query, asked, params={"api-version": "2025-03-01"})
    assert (answer.status_code, bool(answer.content)) == (status, status != 204)

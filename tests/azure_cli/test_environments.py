"""Environments: their logs, profiles, storages, certificates, components and routes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.azure_cli.shell import HELLO

if TYPE_CHECKING:
    from tests.azure_cli.shell import Az

_T4 = "Consumption-GPU-NC8as-T4"
_VALID_FROM, _VALID_TO = datetime(2024, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)


def test_an_environment_makes_itself_a_workspace_or_takes_one(az: Az) -> None:
    told = az.told("containerapp env create -n logged -l eastus")
    assert 'Generating a Log Analytics workspace with name "workspace-testenvironments' in told
    workspaces = az("monitor log-analytics workspace list")
    (workspace,) = (each for each in workspaces if each["name"].startswith("workspace-testenvironments"))
    logs = az("containerapp env show -n logged")["properties"]["appLogsConfiguration"]
    assert logs["destination"] == "log-analytics"
    assert logs["logAnalyticsConfiguration"] == {"customerId": workspace["customerId"], "sharedKey": None}

    own = az("monitor log-analytics workspace create -n own-logs")["customerId"]
    key = az("monitor log-analytics workspace get-shared-keys -n own-logs")["primarySharedKey"]
    az(f"containerapp env create -n given -l eastus --logs-workspace-id {own} --logs-workspace-key", key)
    given = az("containerapp env show -n given")["properties"]["appLogsConfiguration"]
    assert given["logAnalyticsConfiguration"]["customerId"] == own
    assert {"given", "logged"} <= set(az.text("containerapp env list --query [].name -o tsv").split())
    az("containerapp env delete -n given --yes")
    assert "given" not in az.text("containerapp env list --query [].name -o tsv").split()


def test_logs_go_to_azure_monitor_by_a_diagnostic_setting(az: Az) -> None:
    az("containerapp env create -n monitored -l eastus --logs-destination azure-monitor")
    made = az("containerapp env show -n monitored")
    assert made["properties"]["appLogsConfiguration"]["destination"] == "azure-monitor"
    sink = az("monitor log-analytics workspace create -n sink")["id"]
    wanted = json.dumps([{"category": "ContainerAppConsoleLogs", "enabled": True}])
    setting = f"--resource {made['id']} --workspace {sink}"
    az(f"monitor diagnostic-settings create -n console {setting} --logs", wanted)
    (kept,) = az(f"monitor diagnostic-settings list --resource {made['id']}")
    assert kept["name"] == "console"
    assert [each["category"] for each in kept["logs"] if each["enabled"]] == ["ContainerAppConsoleLogs"]


def test_profiles_are_added_changed_and_removed(az: Az) -> None:
    environment = "profiled"
    az(f"containerapp env create -n {environment} -l eastus --logs-destination none")
    offered = az.text("containerapp env workload-profile list-supported -l eastus --query [].name -o tsv").split()
    assert {"Consumption", _T4, "Consumption-GPU-NC24-A100", "D4"} <= set(offered)

    profile = f"containerapp env workload-profile {{}} -n {environment} --workload-profile-name {{}}"
    az(profile.format("add", "gpu") + f" --workload-profile-type {_T4}")
    az(profile.format("add", "general") + " --workload-profile-type D4 --min-nodes 1 --max-nodes 2")
    az(profile.format("update", "general") + " --max-nodes 3")
    kept = {
        each["name"]: each for each in az(f"containerapp env show -n {environment}")["properties"]["workloadProfiles"]
    }
    assert kept["gpu"]["workloadProfileType"] == _T4
    assert (kept["general"]["minimumCount"], kept["general"]["maximumCount"]) == (1, 3)
    shown = az(profile.format("show", "gpu"))
    assert shown["properties"]["workloadProfileType"] == _T4
    names = f"containerapp env workload-profile list -n {environment} --query [].name -o tsv"
    assert az.text(names).split() == ["Consumption", "gpu", "general"]
    az(profile.format("delete", "general"))
    assert az.text(names).split() == ["Consumption", "gpu"]


def test_what_no_profile_can_be_is_refused_in_azures_words(az: Az, environment: str) -> None:
    add = f"containerapp env workload-profile add -n {environment} --workload-profile-name other"
    assert "(WorkloadProfileTypeNotSupported)" in az.refused(f"{add} --workload-profile-type GPU-A100")
    counted = az.refused(f"{add} --workload-profile-type {_T4} --min-nodes 0 --max-nodes 1")
    assert "(WorkloadProfilePropertyNotSupported) Workload Profile property 'MinimumCount'" in counted
    nowhere = f"containerapp create -n nowhere --environment {environment} --image {HELLO} --workload-profile-name none"
    assert "Not a valid workload profile name: 'none'" in az.refused(nowhere)


def test_quotas_are_listed(az: Az, environment: str) -> None:
    of_region = {each["name"]["value"]: each for each in az("containerapp list-usages -l eastus")["value"]}
    assert of_region["SubscriptionConsumptionT4Gpus"]["limit"] > 0
    assert of_region["ManagedEnvironmentCount"]["usage"] >= 1
    of_environment = az(f"containerapp env list-usages -n {environment}")["value"]
    assert "ManagedEnvironmentConsumptionCores" in {each["name"]["value"] for each in of_environment}


def test_storages_are_kept_without_their_keys(az: Az, environment: str) -> None:
    share = "--azure-file-account-name account --azure-file-account-key a2V5 --azure-file-share-name share"
    storage = f"containerapp env storage {{}} -n {environment}"
    az(f"{storage.format('set')} --storage-name files --access-mode ReadWrite {share}")
    shown = az(f"{storage.format('show')} --storage-name files")
    assert shown["properties"]["azureFile"]["shareName"] == "share"
    assert "a2V5" not in json.dumps(shown)
    assert az.text(f"{storage.format('list')} --query [].name -o tsv").split() == ["files"]
    az(f"{storage.format('remove')} --storage-name files --yes")
    assert az(storage.format("list")) == []
    assert "(ManagedEnvironmentStorageNotFound)" in az.refused(f"{storage.format('show')} --storage-name files")


def test_certificates_are_uploaded_listed_and_deleted(az: Az, environment: str) -> None:
    (az.folder / "certificate.pem").write_bytes(_certificate("www.example.com"))
    certificate = f"containerapp env certificate {{}} -n {environment}"
    az(f"{certificate.format('upload')} --certificate-file certificate.pem --certificate-name own")
    (kept,) = az(certificate.format("list"))
    assert kept["name"] == "own"
    assert kept["properties"]["subjectName"] == "CN=www.example.com"
    assert kept["properties"]["valid"] is True
    az(f"{certificate.format('delete')} --certificate own --yes")
    assert az(certificate.format("list")) == []


def test_a_host_name_is_bound_to_an_app_by_a_certificate(az: Az) -> None:
    az("containerapp env create -n bound -l eastus --logs-destination none")
    az(f"containerapp create -n shop --environment bound --image {HELLO} --ingress external --target-port 80")
    (az.folder / "shop.pem").write_bytes(_certificate("shop.example.com"))
    certificate = az("containerapp env certificate upload -n bound --certificate-file shop.pem --certificate-name shop")
    name = "containerapp hostname {} -n shop --hostname shop.example.com"
    assert az(name.format("add")) == [{"bindingType": "Disabled", "name": "shop.example.com"}]
    (bound,) = az(f"{name.format('bind')} --environment bound --certificate shop")
    assert (bound["bindingType"], bound["certificateId"]) == ("SniEnabled", certificate["id"])
    assert az("containerapp hostname list -n shop") == [bound]
    assert az(f"{name.format('delete')} --yes") == []


def test_dapr_components_and_http_routes_are_read_from_files(az: Az, environment: str) -> None:
    (az.folder / "component.yaml").write_text(
        "componentType: state.in-memory\nversion: v1\nmetadata:\n- name: actorStateStore\n  value: 'true'\n"
        "- name: password\n  secretRef: password\nsecrets:\n- name: password\n  value: s3cret\nscopes:\n- scorer\n"
    )
    component = f"containerapp env dapr-component {{}} -n {environment}"
    az(f"{component.format('set')} --dapr-component-name store --yaml component.yaml")
    shown = az(f"{component.format('show')} --dapr-component-name store")
    assert shown["properties"]["componentType"] == "state.in-memory"
    assert "s3cret" not in json.dumps(shown)
    assert az.text(f"{component.format('list')} --query [].name -o tsv").split() == ["store"]
    az(f"{component.format('remove')} --dapr-component-name store")
    assert az(component.format("list")) == []

    (az.folder / "routes.yaml").write_text(
        "rules:\n- routes:\n  - match:\n      prefix: /v1\n    action:\n      prefixRewrite: /\n"
        "  targets:\n  - containerApp: scorer\n"
    )
    routes = f"containerapp env http-route-config {{}} -n {environment}"
    az(f"{routes.format('create')} --http-route-config-name api --yaml routes.yaml")
    (kept,) = az(routes.format("list"))
    assert kept["properties"]["rules"][0]["targets"] == [{"containerApp": "scorer"}]
    az(f"{routes.format('delete')} --http-route-config-name api --yes")
    assert az(routes.format("list")) == []


def test_an_environment_is_tagged_and_changed_in_place(az: Az, environment: str) -> None:
    assert az(f"containerapp env update -n {environment} --tags owner=me")["tags"] == {"owner": "me"}
    premium = f"containerapp env premium-ingress {{}} -n {environment}"
    az(f"containerapp env workload-profile add -n {environment} --workload-profile-name edge "
       "--workload-profile-type D4 --min-nodes 2 --max-nodes 3")  # fmt: skip
    az(f"{premium.format('add')} --workload-profile-name edge --termination-grace-period 600")
    assert az(premium.format("show"))["terminationGracePeriodSeconds"] == 600
    az(f"{premium.format('remove')} --yes")
    assert "No premium ingress configuration" in az(premium.format("show"))["message"]
    assert az(f"containerapp env show -n {environment}")["tags"] == {"owner": "me"}


def test_zones_need_a_network_of_ones_own(az: Az) -> None:
    bare = az.refused("containerapp env create -n zones -l eastus --logs-destination none --zone-redundant")
    assert "--infrastructure-subnet-resource-id" in bare
    az("network vnet create -n net --address-prefix 10.0.0.0/16 --subnet-name apps --subnet-prefix 10.0.0.0/23")
    subnet = az("network vnet subnet show --vnet-name net -n apps")["id"]
    network = f"--zone-redundant --internal-only true -s {subnet}"
    az(f"containerapp env create -n zones -l eastus --logs-destination none {network}")
    shown = az("containerapp env show -n zones")["properties"]
    assert shown["zoneRedundant"] is True
    assert shown["vnetConfiguration"] == shown["vnetConfiguration"] | {
        "infrastructureSubnetId": subnet, "internal": True,
    }  # fmt: skip


def _certificate(host: str) -> bytes:
    """A certificate that signs itself, and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(_VALID_FROM).not_valid_after(_VALID_TO)
    signed = made.sign(key, hashes.SHA256())
    plain = serialization.NoEncryption()
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    return signed.public_bytes(serialization.Encoding.PEM) + secret

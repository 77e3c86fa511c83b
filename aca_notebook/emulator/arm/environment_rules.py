"""What Azure makes of an environment's body, and what it refuses (facts §2; recorded: env_e2e). Pure."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.arm.environment_parts import application_insights, custom_domain, open_telemetry
from aca_notebook.emulator.arm.faults import invalid
from aca_notebook.emulator.arm.locations import location_name
from aca_notebook.emulator.arm.shapes import ENVIRONMENT, shaped
from aca_notebook.emulator.arm.values import items, member, text, truth, whole
from aca_notebook.model.gpu import CONSUMPTION, WorkloadProfileType, find_profile_type

if TYPE_CHECKING:
    from datetime import datetime

    from aca_notebook.model.ids import ResourceId

Document = dict[str, Any]
_NAME = re.compile(r"[a-z0-9A-Z](?!.*--)([-a-z0-9A-Z]*[a-z0-9A-Z])?")
_LONGEST_PROFILE_NAME = 15  # a type used as a name is refused (facts §2.4); the exact bound is unconfirmed
_ADJECTIVES = ("brave", "calm", "delightful", "gentle", "happy", "icy", "kind", "lemon", "mango", "orange", "purple",
               "red", "salmon", "victorious", "white", "wonderful", "yellow")  # fmt: skip
_NOUNS = ("bay", "beach", "bush", "cliff", "coast", "desert", "field", "forest", "ground", "hill", "meadow", "moss",
          "ocean", "river", "sea", "sky", "stone")  # fmt: skip


def check_name(name: str) -> None:
    """Refuse an environment name Azure would refuse."""
    if not 2 <= len(name) <= 60 or _NAME.fullmatch(name) is None:
        raise invalid(
            "ManagedEnvironmentInvalidName",
            f"Invalid managed environment name '{name}'. A name must consist of alphanumeric characters or '-', must "
            "start and end with an alphanumeric character and cannot have '--'. "
            "The length must be between 2 and 60 characters inclusive.",
        )


def default_domain(id_: ResourceId, location: str) -> str:
    """Return the environment's domain: shaped as Azure's, under .localhost, which resolves to this machine."""
    digest = hashlib.sha256(id_.key.encode()).digest()
    words = _ADJECTIVES[digest[0] % len(_ADJECTIVES)] + _NOUNS[digest[1] % len(_NOUNS)]
    return f"{words}-{digest[2:6].hex()}.{location_name(location)}.azurecontainerapps.localhost"


def verification_id(subscription: str) -> str:
    """Return the domain verification id of a subscription: 64 hexadecimal digits."""
    return hashlib.sha256(f"custom domains of {subscription}".encode()).hexdigest().upper()


def settled_properties(id_: ResourceId, location: str, asked: Document, kept: Document, now: datetime) -> Document:
    """Return an environment's properties with every field Azure answers, given those asked for without nulls.

    `kept` are those that stood there.

    Raises `AzureError` 400 for a member of another type than the API describes, or a workload profile that cannot be.
    """
    asked = shaped(asked, ENVIRONMENT, "properties")
    vnet = member(asked.get("vnetConfiguration"), "properties.vnetConfiguration")
    vnet = vnet if any(vnet.values()) else {}  # `internal: false` alone is none (recorded by the PowerShell suite)
    return {
        "provisioningState": "Waiting",
        "daprAIInstrumentationKey": None,
        "daprAIConnectionString": None,
        "vnetConfiguration": {
            "internal": bool(truth(vnet.get("internal"), "properties.vnetConfiguration.internal")),
            "infrastructureSubnetId": vnet.get("infrastructureSubnetId"),
            "dockerBridgeCidr": vnet.get("dockerBridgeCidr"),
            "platformReservedCidr": vnet.get("platformReservedCidr"),
            "platformReservedDnsIP": vnet.get("platformReservedDnsIP"),
        }
        if vnet
        else None,
        "defaultDomain": default_domain(id_, location),
        "staticIp": "127.0.0.1",
        "appLogsConfiguration": _logs(member(asked.get("appLogsConfiguration"), "properties.appLogsConfiguration")),
        "openTelemetryConfiguration": open_telemetry(
            member(asked.get("openTelemetryConfiguration"), "properties.openTelemetryConfiguration")
        ),
        "zoneRedundant": bool(truth(asked.get("zoneRedundant"), "properties.zoneRedundant")),
        "availabilityZones": asked.get("availabilityZones"),
        "kedaConfiguration": {"version": "2.16.1"},
        "daprConfiguration": {"version": "1.13.6-msft.2"},
        "ingressConfiguration": asked.get("ingressConfiguration"),
        "customDomainConfiguration": custom_domain(
            member(asked.get("customDomainConfiguration"), "properties.customDomainConfiguration"),
            kept.get("customDomainConfiguration") or {}, verification_id(id_.subscription), now,
        ),
        "firstPartyConfiguration": None,
        "workloadProfiles": settled_profiles(asked.get("workloadProfiles")),
        "appInsightsConfiguration": application_insights(
            member(asked.get("appInsightsConfiguration"), "properties.appInsightsConfiguration")
        ),
        "infrastructureResourceGroup": _infrastructure_group(id_, location, asked, vnet),
        "peerAuthentication": asked.get("peerAuthentication") or {"mtls": {"enabled": False}},
        "peerTrafficConfiguration": asked.get("peerTrafficConfiguration") or {"encryption": {"enabled": False}},
        "publicNetworkAccess": asked.get("publicNetworkAccess") or ("Disabled" if vnet.get("internal") else "Enabled"),
        "diskEncryptionConfiguration": asked.get("diskEncryptionConfiguration"),
        "environmentMode": "WorkloadProfiles" if asked.get("workloadProfiles") else "ConsumptionOnly",
    }  # fmt: skip


def settled_profiles(asked: Any) -> list[Document] | None:
    """Return workload profiles in Azure's spelling, or None for an environment of the kind that has none.

    Raises `AzureError` 400 for a type that does not exist, a name too long or used twice, or counts that cannot be.
    """
    profiles = [_profile(each) for each in items(asked, "properties.workloadProfiles")]
    names = [profile["name"] for profile in profiles]
    if len(set(names)) != len(names):
        raise invalid("WorkloadProfileDuplicateName", "Two workload profiles of an environment have the same name.")
    return profiles or None


def check_profiles_change(before: list[Document] | None, after: list[Document] | None, used: set[str]) -> None:
    """Refuse to take away a profile that apps use, or Consumption; `used` holds the names apps are on."""
    kept = {profile["name"] for profile in after or ()}
    for profile in before or ():
        name = profile["name"]
        if name in kept:
            continue
        if profile["workloadProfileType"] == CONSUMPTION.name:
            raise invalid(
                "WorkloadProfileCannotRemoveConsumption", "The Consumption workload profile cannot be removed."
            )
        if name in used:
            raise invalid(
                "WorkloadProfileInUse", f"Workload profile '{name}' cannot be removed while container apps run on it."
            )
    if after and not before:
        raise invalid(
            "ManagedEnvironmentCannotAddWorkloadProfiles",
            "Workload profiles cannot be added to an environment that was created without them.",
        )


def _profile(asked: Document) -> Document:
    wanted = text(asked.get("workloadProfileType"), "properties.workloadProfiles.workloadProfileType")
    found = find_profile_type(wanted)
    if found is None:
        raise invalid(
            "WorkloadProfileTypeNotSupported", f"Workload profile type '{wanted}' is not supported in this location."
        )
    name = text(asked.get("name"), "properties.workloadProfiles.name") or found.name
    if len(name) > _LONGEST_PROFILE_NAME:
        raise invalid(
            "WorkloadProfileInvalidNameTooLong",
            f"Workload profile name '{name}' is too long: it may have {_LONGEST_PROFILE_NAME} characters.",
        )
    shown: Document = {
        "workloadProfileType": found.name,
        "name": name,
        "enableFips": bool(truth(asked.get("enableFips"), "properties.workloadProfiles.enableFips")),
    }
    return shown | _counts(asked, found, name)


def _counts(asked: Document, found: WorkloadProfileType, name: str) -> Document:
    counts = {
        field: whole(asked[field], f"properties.workloadProfiles.{field}")
        for field in ("minimumCount", "maximumCount")
        if asked.get(field) is not None
    }
    if found.serverless:
        for field in counts:
            raise invalid(
                "WorkloadProfilePropertyNotSupported",
                f"Workload Profile property '{field[0].upper()}{field[1:]}' is not supported for "
                f"{found.name.replace('-', '_')}",
            )
        return {}
    low, high = counts.get("minimumCount") or 0, counts.get("maximumCount")
    if low < 0 or (high is not None and high < low):
        raise invalid("WorkloadProfileInvalidCounts", f"Workload profile '{name}' minimum is more than the maximum.")
    return counts


def _logs(asked: Document) -> Document:
    destination = asked.get("destination")
    if destination in {"none", ""}:
        destination = None
    analytics = member(asked.get("logAnalyticsConfiguration"), "properties.appLogsConfiguration")
    shown = {
        "customerId": analytics.get("customerId"),
        "sharedKey": None,  # written, never answered
        "dynamicJsonColumns": bool(analytics.get("dynamicJsonColumns")),
    }
    return {"destination": destination, "logAnalyticsConfiguration": shown if analytics else None}


def _infrastructure_group(id_: ResourceId, location: str, asked: Document, vnet: Document) -> str | None:
    if asked.get("infrastructureResourceGroup"):
        return str(asked["infrastructureResourceGroup"])
    return f"ME_{id_.name}_{id_.resource_group}_{location_name(location)}" if vnet else None

"""What Azure refuses in an app, each with its code and sentence (facts §13). Pure."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.arm.app_defaults import REVISIONS_MODES, TRANSPORTS
from aca_notebook.emulator.arm.faults import invalid
from aca_notebook.model.gpu import CONSUMPTION, WorkloadProfileType, find_profile_type
from aca_notebook.model.quantities import GIB, parse_memory, plain

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

Document = dict[str, Any]

_APP_NAME = re.compile(r"(?!.*--)[a-z]([-a-z0-9]*[a-z0-9])?")
_SUFFIX = re.compile(r"[a-z0-9](?!.*-{2})([-a-z0-9]*[a-z0-9])?")
_SECRET_NAME = re.compile(r"[a-z0-9]([-.a-z0-9]*[a-z0-9])?")
_MOST_REPLICAS = 1000
_LONGEST_REVISION_NAME = 54
_HTTP_PORTS = frozenset({80, 443})
_MOST_PORT_MAPPINGS = 5
_LEGACY_CORES = 2  # an environment without workload profiles gives a replica no more


def check_name(name: str) -> None:
    """Refuse an app name Azure would refuse."""
    if not 2 <= len(name) <= 32 or _APP_NAME.fullmatch(name) is None:
        raise invalid(
            "ContainerAppInvalidName",
            f"Invalid ContainerApp name '{name}'. A name must consist of lower case alphanumeric characters or '-', "
            "start with an alphabetic character, and end with an alphanumeric character and cannot have '--'. "
            "The length must be between 2 and 32 characters inclusive.",
        )


def check_app(
    name: str, settled: Document, profile: WorkloadProfileType | None, known_secrets: Collection[str]
) -> None:
    """Refuse what Azure would refuse in a settled app; `profile` None is an environment without workload profiles.

    `known_secrets` are the names that have a value, or come from a key vault.
    """
    properties = settled["properties"]
    configuration, template = properties["configuration"], properties["template"]
    _check_secrets(configuration["secrets"] or [], known_secrets)
    names = {secret["name"] for secret in configuration["secrets"] or []}
    _check_registries(configuration["registries"] or [], names)
    _check_containers(template, names)
    _check_volumes(template, names)
    check_resources(template["containers"], profile)
    _check_scale(name, template["scale"])
    _check_suffix(name, template["revisionSuffix"])
    _check_mode(configuration["activeRevisionsMode"])
    _check_service(configuration["service"])
    if configuration["ingress"]:
        _check_ingress(configuration["ingress"], configuration["activeRevisionsMode"])


def check_tcp(settled: Document, environment: Document) -> None:
    """Refuse a TCP app what only HTTP has, and the outside without a network of its own (recorded: tcp_ingress)."""
    ingress = settled["properties"]["configuration"]["ingress"]
    if not ingress or ingress["transport"] != "Tcp":
        return
    if ingress["external"] and not environment["properties"].get("vnetConfiguration"):
        raise invalid(
            "ContainerAppTcpRequiresVnet",
            "Applications with external TCP ingress can only be deployed to Container App Environments that have a "
            "custom VNET. Set ingress traffic to 'Internal' (or) use a Container App Environment with a custom VNET.",
        )
    if ingress["corsPolicy"]:
        raise invalid("ContainerAppInvalidIngressCORSPolicyForTcpApp", "A TCP app cannot have a CORS policy.")
    if ingress["customDomains"]:
        raise invalid("ContainerAppInvalidIngressCustomDomainForTcpApp", "A TCP app cannot have custom domains.")


def exposed_ports(settled: Document) -> set[int]:
    """The ports of its environment that a settled app takes for itself; those of HTTP are everybody's."""
    ingress = settled["properties"]["configuration"].get("ingress") or {}
    entries = [each for each in ingress.get("additionalPortMappings") or () if each.get("external")]
    if str(ingress.get("transport")).lower() == "tcp":
        entries.append(ingress)
    return {int(each.get("exposedPort") or each.get("targetPort") or 0) for each in entries} - {0}


def check_exposed_ports(settled: Document, others: Iterable[Document]) -> None:
    """Refuse a port that HTTP has, or one of the other apps of the environment.

    The sentence is one that users of Azure report; the code is unconfirmed.
    """
    asked = exposed_ports(settled)
    if not asked:
        return
    for port in sorted(asked & _HTTP_PORTS.union(*(exposed_ports(other) for other in others))):
        raise invalid("ContainerAppInvalidExposedPort", f"Invalid value: {port}: exposedPort already in use")


def profile_of(name: str, environment: Document) -> WorkloadProfileType | None:
    """Return the type of the profile an app names, None in an environment without profiles.

    Raises `AzureError` 400 WorkloadProfileNotFound when the environment has none of that name.
    """
    profiles = environment["properties"].get("workloadProfiles")
    if not profiles:
        if name:
            raise _no_such_profile(name, environment)
        return None
    for profile in profiles:
        if profile["name"] == name:
            return find_profile_type(profile["workloadProfileType"]) or CONSUMPTION
    raise _no_such_profile(name, environment)


def check_resources(containers: Iterable[Document], profile: WorkloadProfileType | None) -> None:
    """Refuse a total of cores and memory that the profile does not offer."""
    cores = sum((Decimal(str(each["resources"]["cpu"])) for each in containers), Decimal(0))
    memory_bytes = sum(parse_memory(each["resources"]["memory"]) for each in containers)
    gib = round(Decimal(memory_bytes) / GIB, 4)
    if profile is None or profile is CONSUMPTION:
        most = CONSUMPTION.cores if profile else _LEGACY_CORES
        steps = [Decimal(step) / 4 for step in range(1, most * 4 + 1)]
        if cores not in steps or gib != cores * 2:
            pairs = "; ".join(f"[cpu: {plain(step)}, memory: {plain(step * 2)}Gi]" for step in steps)
            raise invalid(
                "ContainerAppInvalidResourceTotal",
                f"The total requested CPU and memory resources for this application (CPU: {plain(cores)}, "
                f"memory: {plain(gib)}) is invalid. Total CPU and memory for all containers defined in a "
                f"Container App must add up to one of the following CPU - Memory combinations: {pairs}.",
            )
        return
    if cores > profile.cores or gib > profile.memory_gib:
        raise invalid(
            "ContainerAppInvalidResourceTotal",
            f"The total requested CPU and memory resources for this application (CPU: {plain(cores)}, memory: "
            f"{plain(gib)}) is invalid. Workload profile type '{profile.name}' offers at most {profile.cores} "
            f"cores and {profile.memory_gib}Gi to a replica.",
        )


def _check_secrets(secrets: list[Document], known: Collection[str]) -> None:
    for secret in secrets:
        name = secret["name"]
        if not isinstance(name, str) or len(name) > 253 or _SECRET_NAME.fullmatch(name) is None:
            raise invalid(
                "ContainerAppInvalidSecretName",
                f"Invalid Container App secret name '{name}'. A name must consist of lower case alphanumeric "
                "characters, '-' or '.', and must start and end with an alphanumeric character. "
                "The length must not be more than 253 characters.",
            )
    _refuse_twice((secret["name"] for secret in secrets), "ContainerAppDuplicateSecretName", "secret")
    missing = [
        secret["name"]
        for secret in secrets
        if not (secret.get("keyVaultUrl") and secret.get("identity")) and secret["name"] not in known
    ]
    if missing:
        raise invalid(
            "ContainerAppSecretInvalid",
            f"Invalid Request: Container app secret(s) with name(s) '{', '.join(missing)}' are invalid: value or "
            "keyVaultUrl and identity should be provided.",
        )


def _check_registries(registries: list[Document], secrets: Collection[str]) -> None:
    for registry in registries:
        reference = registry["passwordSecretRef"]
        if reference and reference not in secrets:
            raise invalid(
                "ContainerAppRegistriesPasswordSecretRefNotFound",
                f"PasswordSecretRef '{reference}' defined for registry server '{registry['server']}' not found.",
            )


def _check_containers(template: Document, secrets: Collection[str]) -> None:
    if not template["containers"]:
        raise invalid(
            "ContainerAppCreateMustContainContainer",
            "A container app must have at least one container in its template.",
        )
    everyone = [*template["containers"], *(template["initContainers"] or [])]
    for container in everyone:
        name = container["name"]
        if not name:
            raise invalid("ContainerAppContainerNameRequired", "A container must have a 'Name' property specified.")
        if not container["image"]:
            raise invalid(
                "ContainerAppImageRequired", f"Container with name '{name}' must have an 'Image' property specified."
            )
        for variable in container.get("env", ()):
            if not isinstance(variable.get("name"), str) or not variable["name"]:
                raise invalid(
                    "ContainerAppEnvironmentVariableNameRequired",
                    f"Every environment variable of container '{name}' must have a 'Name' property specified.",
                )
            reference = variable.get("secretRef")
            if reference and reference not in secrets:
                raise invalid(
                    "ContainerAppSecretRefNotFound",
                    f"SecretRef '{reference}' defined for container '{name}' not found.",
                )
    _refuse_twice((each["name"] for each in everyone), "ContainerAppDuplicateContainerName", "container")


def _check_volumes(template: Document, secrets: Collection[str]) -> None:
    """Refuse volumes of secrets that are not there, and mounts of volumes that are not; unconfirmed sentences."""
    volumes = template["volumes"] or []
    for volume in volumes:
        for entry in volume.get("secrets") or ():
            if entry.get("secretRef") not in secrets:
                raise invalid(
                    "ContainerAppSecretRefNotFound",
                    f"SecretRef '{entry.get('secretRef')}' defined for volume '{volume.get('name')}' not found.",
                )
    known = {volume.get("name") for volume in volumes}
    for container in [*template["containers"], *(template["initContainers"] or [])]:
        for mount in container.get("volumeMounts") or ():
            if mount.get("volumeName") not in known:
                raise invalid(
                    "InvalidParameterValueInContainerTemplate",
                    f"The following field(s) are either invalid or missing. Field 'template.containers."
                    f"{container['name']}.volumeMounts' is invalid with details: 'Invalid value: "
                    f'"{mount.get("volumeName")}": volume not found\'.',
                )


def _check_scale(name: str, scale: Document) -> None:
    low, high = scale["minReplicas"] or 0, scale["maxReplicas"]
    if not (0 <= low <= high and 1 <= high <= _MOST_REPLICAS):
        raise invalid(
            "ContainerAppInvalidScaleOptions",
            f"The scale options provided for Container App '{name}' is incorrect. The values must be positive, "
            "maxReplicas must not be less than minReplicas. The maxReplicas must not be bigger than "
            f"{_MOST_REPLICAS}.",
        )


def _check_suffix(name: str, suffix: str) -> None:
    if suffix and (_SUFFIX.fullmatch(suffix) is None or len(f"{name}--{suffix}") > _LONGEST_REVISION_NAME):
        raise invalid(
            "ContainerAppInvalidRevisionName",
            f"Invalid revision suffix '{suffix}'. A suffix must consist of lower case alphanumeric characters or '-', "
            "must start and end with an alphanumeric character and cannot have '--'. The name of the revision must "
            f"not be longer than {_LONGEST_REVISION_NAME} characters.",
        )


def _check_mode(mode: str) -> None:
    if mode not in REVISIONS_MODES:
        raise invalid(
            "InvalidRequestContent", f"'{mode}' is no value of activeRevisionsMode; Single, Multiple and Labels are."
        )


def _check_service(service: Any) -> None:
    # Azure made up the whole app behind such a word (recorded: dapr_components); an app that is none would be a lie.
    if service:
        raise invalid(
            "ContainerAppServiceNotSupported",
            "The add-ons that configuration.service names are not offered by this emulator: deploy the service's "
            "image as an app of its own.",
        )


def _check_ingress(ingress: Document, mode: str) -> None:
    if not 0 <= ingress["targetPort"] <= 65535:
        raise invalid("ContainerAppInvalidTargetPort", f"The target port {ingress['targetPort']} is not in 1-65535.")
    if ingress["transport"] not in TRANSPORTS:
        raise invalid(
            "InvalidRequestContent", f"'{ingress['transport']}' is no transport; Auto, Http, Http2 and Tcp are."
        )
    sticky = (ingress["stickySessions"] or {}).get("affinity", "none")
    if str(sticky).lower() == "sticky" and mode != "Single":
        raise invalid(
            "ContainerAppInvalidIngressStickySessionRevisionMode",
            "Sticky sessions are supported in Single revision mode only.",
        )
    _check_addresses(ingress["ipSecurityRestrictions"] or [])
    mappings = ingress["additionalPortMappings"] or []
    if len(mappings) > _MOST_PORT_MAPPINGS:
        raise invalid(
            "ContainerAppInvalidIngressAdditionalPortMappings",
            f"There may be at most {_MOST_PORT_MAPPINGS} additional port mappings; these are {len(mappings)}.",
        )
    for mapping in mappings:
        if mapping.get("external") and not ingress["external"]:
            raise invalid(
                "ContainerAppInvalidIngressAdditionalPortMappings",
                "An additional port mapping cannot be external when the ingress is internal.",
            )
    _check_traffic(ingress["traffic"])


def _check_addresses(restrictions: list[Document]) -> None:
    # Documented: rules allow or they deny, all of them; the codes are unconfirmed.
    for rule in restrictions:
        try:
            ipaddress.ip_network(str(rule["ipAddressRange"]).strip(), strict=False)
        except ValueError:
            raise invalid(
                "ContainerAppInvalidIpSecurityRestrictions",
                f"The IP address range '{rule['ipAddressRange']}' of rule '{rule['name']}' is no address and no range "
                "in CIDR notation.",
            ) from None
    actions = {str(rule["action"]).lower() for rule in restrictions}
    if not actions <= {"allow", "deny"} or len(actions) > 1:
        raise invalid(
            "ContainerAppInvalidIpSecurityRestrictions",
            "The rules of ipSecurityRestrictions must all have the action 'Allow', or all 'Deny'.",
        )


def _check_traffic(traffic: list[Document]) -> None:
    for entry in traffic:
        if bool(entry.get("revisionName")) == bool(entry.get("latestRevision")):
            raise invalid(
                "ContainerAppInvalidTrafficWeight",
                "Each traffic entry must name a revision or be for the latest revision, and not both.",
            )
    total = sum(entry["weight"] for entry in traffic)
    if total != 100 or any(not 0 <= entry["weight"] <= 100 for entry in traffic):
        raise invalid("ContainerAppInvalidTrafficWeight", f"Traffic weights must add up to 100; these make {total}.")
    labels = (entry["label"] for entry in traffic if entry.get("label"))
    _refuse_twice(labels, "ContainerAppInvalidTrafficLabel", "traffic label")


def _refuse_twice(names: Iterable[str], code: str, what: str) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise invalid(code, f"The {what} name '{twice[0]}' is used more than once.")


def _no_such_profile(name: str, environment: Document) -> Exception:
    return invalid(
        "WorkloadProfileNotFound",
        f"Workload profile with name '{name}' was not found in managed environment '{environment['name']}'.",
    )

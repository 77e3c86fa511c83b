"""What a body is made of: every member's type, read once at the edge (facts §3.2, §2.2).

Clients write numbers and booleans as texts (facts §0.3): those are read as what they mean. Anything else that is not
what the API describes is refused, with the place. Members that no table names pass as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aca_notebook.emulator.arm.values import text, truth, unreadable, whole
from aca_notebook.emulator.wire import AzureError

Read = Callable[[Any, str], Any]


@dataclass(frozen=True, slots=True)
class MapOf:
    """An object whose names are the caller's own."""

    each: Shape


#: How a single value is read, or a list of one shape, or an object by its members; `!` marks those that must be there.
Shape = Read | MapOf | Sequence["Shape"] | Mapping[str, "Shape"]


def any_cores(value: Any, path: str) -> Any:
    """Return a number of cores as it was written.

    Raises `AzureError` 400 for what is neither number nor text.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise unreadable(value, path, "number")
    return value  # what a text means is for the rules on cores


_ENABLED: Shape = {"enabled": truth}
_AUTH: Shape = [{"secretRef": text, "triggerParameter": text}]
_BY_METADATA: dict[str, Shape] = {"metadata": MapOf(text), "auth": _AUTH, "identity": text}
_BASE_CONTAINER: dict[str, Shape] = {
    "image": text, "name": text, "command": [text], "args": [text],
    "env": [{"name": text, "value": text, "secretRef": text}],
    "resources": {"cpu": any_cores, "memory": text},
    "volumeMounts": [{"volumeName": text, "mountPath": text, "subPath": text}],
}  # fmt: skip
_PROBE: Shape = {
    "type": text, "failureThreshold": whole, "initialDelaySeconds": whole, "periodSeconds": whole,
    "successThreshold": whole, "timeoutSeconds": whole, "terminationGracePeriodSeconds": whole,
    "httpGet": {
        "host": text, "path": text, "port!": whole, "scheme": text, "httpHeaders": [{"name!": text, "value!": text}],
    },
    "tcpSocket": {"host": text, "port!": whole},
}  # fmt: skip
CONTAINER: dict[str, Shape] = _BASE_CONTAINER | {"probes": [_PROBE]}
APP_TEMPLATE: dict[str, Shape] = {
    "revisionSuffix": text,
    "terminationGracePeriodSeconds": whole,
    "initContainers": [_BASE_CONTAINER],
    "containers": [CONTAINER],
    "scale": {
        "minReplicas": whole, "maxReplicas": whole, "cooldownPeriod": whole, "pollingInterval": whole,
        "rules": [{
            "name": text,
            "azureQueue": {
                "accountName": text, "queueName": text, "queueLength": whole, "auth": _AUTH, "identity": text,
            },
            "custom": {"type": text, **_BY_METADATA},
            "http": _BY_METADATA,
            "tcp": _BY_METADATA,
        }],
    },
    "volumes": [{
        "name": text, "storageType": text, "storageName": text, "mountOptions": text,
        "secrets": [{"secretRef": text, "path": text}],
    }],
    "serviceBinds": [{"serviceId": text, "name": text}],
}  # fmt: skip
INGRESS: dict[str, Shape] = {
    "external": truth, "targetPort": whole, "exposedPort": whole, "transport": text, "allowInsecure": truth,
    "fqdn": text, "clientCertificateMode": text, "stickySessions": {"affinity": text},
    "traffic": [{"revisionName": text, "weight": whole, "latestRevision": truth, "label": text}],
    "customDomains": [{"name!": text, "bindingType": text, "certificateId": text}],
    "ipSecurityRestrictions": [{"name!": text, "description": text, "ipAddressRange!": text, "action!": text}],
    "corsPolicy": {
        "allowedOrigins!": [text], "allowedMethods": [text], "allowedHeaders": [text], "exposeHeaders": [text],
        "maxAge": whole, "allowCredentials": truth,
    },
    "additionalPortMappings": [{"external!": truth, "targetPort!": whole, "exposedPort": whole}],
}  # fmt: skip
APP_CONFIGURATION: dict[str, Shape] = {
    "secrets": [{"name": text, "value": text, "identity": text, "keyVaultUrl": text}],
    "activeRevisionsMode": text,
    "targetLabel": text,
    "ingress": INGRESS,
    "registries": [{"server": text, "username": text, "passwordSecretRef": text, "identity": text}],
    "dapr": {
        "enabled": truth, "appId": text, "appProtocol": text, "appPort": whole, "httpReadBufferSize": whole,
        "httpMaxRequestSize": whole, "logLevel": text, "enableApiLogging": truth,
    },
    "runtime": {"java": {"enableMetrics": truth}},
    "maxInactiveRevisions": whole,
    "service": {"type!": text},
    "identitySettings": [{"identity!": text, "lifecycle": text}],
}  # fmt: skip
ENVIRONMENT: dict[str, Shape] = {
    "vnetConfiguration": {
        "internal": truth, "infrastructureSubnetId": text, "dockerBridgeCidr": text, "platformReservedCidr": text,
        "platformReservedDnsIP": text,
    },
    "appLogsConfiguration": {
        "destination": text,
        "logAnalyticsConfiguration": {"customerId": text, "sharedKey": text, "dynamicJsonColumns": truth},
    },
    "zoneRedundant": truth,
    "workloadProfiles": [
        {"name!": text, "workloadProfileType!": text, "minimumCount": whole, "maximumCount": whole, "enableFips": truth}
    ],
    "infrastructureResourceGroup": text,
    "peerAuthentication": {"mtls": _ENABLED},
    "peerTrafficConfiguration": {"encryption": _ENABLED},
    "publicNetworkAccess": text,
}  # fmt: skip
#: What is the same at the top of every resource's body.
RESOURCE: dict[str, Shape] = {
    "location": text,
    "kind": text,
    "tags": MapOf(text),
    "properties": {},
    "identity": {"type": text},
}


def shaped(value: Any, shape: Shape, path: str) -> Any:
    """Return a value, without nulls, as its shape reads it.

    Raises `AzureError` 400 that names the place of what is not so.
    """
    if isinstance(shape, Sequence):
        if not isinstance(value, list):
            raise unreadable(value, path, "array")
        return [shaped(each, shape[0], f"{path}[{place}]") for place, each in enumerate(value)]
    if isinstance(shape, (Mapping, MapOf)):
        if not isinstance(value, dict):
            raise unreadable(value, path, "object")
        if isinstance(shape, MapOf):
            return {name: shaped(each, shape.each, f"{path}.{name}") for name, each in value.items()}
        return _object(value, shape, path)
    if value is None or isinstance(value, (dict, list)):
        raise unreadable(value, path, "value")
    return shape(value, path)


def _object(value: Mapping[str, Any], shape: Mapping[str, Shape], path: str) -> dict[str, Any]:
    members = {name.removesuffix("!"): each for name, each in shape.items()}
    for name in shape:
        if name.endswith("!") and name[:-1] not in value:
            raise AzureError(
                400,
                "InvalidRequestContent",
                f"The request content was invalid and could not be deserialized: required property '{name[:-1]}' not "
                f"found. Path '{path}'.",
            )
    return {
        name: shaped(each, members[name], f"{path}.{name}" if path else name) if name in members else each
        for name, each in value.items()
    }

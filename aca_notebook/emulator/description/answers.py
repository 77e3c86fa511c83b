"""What operations answer, by status: shapes in the words of `arm.shapes`, `!` for what is always there and not null.

These are promises, so they are written down apart from the code that answers, and a test holds the two together. An
operation that is not here answers a JSON document of its own, or nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aca_notebook.emulator.arm.dapr_components import COMPONENT
from aca_notebook.emulator.arm.http_routes import RULES
from aca_notebook.emulator.arm.maintenance import ENTRIES
from aca_notebook.emulator.arm.resiliency import APP_POLICY, COMPONENT_POLICY
from aca_notebook.emulator.arm.session_pool_rules import POOL
from aca_notebook.emulator.arm.shapes import (
    APP_CONFIGURATION,
    APP_TEMPLATE,
    CONTAINER,
    ENVIRONMENT,
    INGRESS,
    MapOf,
    Shape,
)
from aca_notebook.emulator.arm.stored import OneOf
from aca_notebook.emulator.arm.values import member, text, truth, whole
from aca_notebook.emulator.description.schemas import anything, number
from aca_notebook.model.states import (
    ContainerRunningState,
    ExecutionStatus,
    OperationStatus,
    ReplicaRunningState,
    RevisionHealthState,
    RevisionProvisioningState,
    RevisionRunningState,
)

if TYPE_CHECKING:
    from enum import StrEnum

_Table = Mapping[str, Shape]
_LONG = ("containerapp", "containerappsjob", "managedEnvironment", "sessionPools")
_STATUS_URL, _RESULT_URL = "Azure-AsyncOperation", "Location"


@dataclass(frozen=True, slots=True)
class Answer:
    """One status: its body, None where there is none, and the headers that are always there."""

    body: Shape | None = None
    headers: tuple[str, ...] = ()


Answers = dict[int, Answer]
GONE: Answers = {204: Answer()}
EMPTY: Answers = {200: Answer()}


REFUSAL = Answer({"error!": {"code!": text, "message!": text, "details": [member]}})
TOKENS: Answers = {
    200: Answer({"token_type!": text, "expires_in!": whole, "access_token!": text}),
    **{status: Answer({"error!": anything, "error_description": text}) for status in (400, 401)},
}


def words(enum: type[StrEnum]) -> OneOf:
    """Return the shape of an enumeration's value."""
    return OneOf(tuple(str(each) for each in enum))


def _one(shape: Shape) -> Answers:
    return {200: Answer(shape)}


def _all(shape: Shape) -> Answers:
    return {200: Answer({"value!": [shape], "nextLink": text})}


def _followed(*, status: bool = False) -> Answers:
    return {202: Answer(None, (_STATUS_URL,) if status else (_RESULT_URL,))}


def _kept(
    name: str, shape: Shape, *, made: int = 200, removed: int = 200, listed: str = "List", patched: bool = False
) -> dict[str, Answers]:
    """A noun that is only kept: written, read, listed and removed."""
    return {
        f"{name}_CreateOrUpdate": {status: Answer(shape) for status in sorted({200, made})},
        f"{name}_Get": _one(shape),
        f"{name}_Delete": {status: Answer() for status in sorted({removed, 204})},
        f"{name}_{listed}": _all(shape),
    } | ({f"{name}_Update": _one(shape)} if patched else {})


SYSTEM_DATA: Shape = {
    f"{when}{what}": text for when in ("created", "lastModified") for what in ("By", "ByType", "At")
}  # fmt: skip
RESOURCE: _Table = {"id!": text, "name!": text, "type!": text, "systemData": SYSTEM_DATA}
TRACKED: _Table = {**RESOURCE, "location!": text, "tags": MapOf(text)}
IDENTITY: Shape = {
    "type!": text, "principalId": text, "tenantId": text,
    "userAssignedIdentities": MapOf({"principalId!": text, "clientId!": text}),
}  # fmt: skip

_SECRETS: Shape = [{"name!": text, "keyVaultUrl": text, "identity": text}]
_SECRET_VALUES: Shape = {"value!": [{"name!": text, "value": text, "keyVaultUrl": text, "identity": text}]}
_CONTAINER: _Table = {
    **CONTAINER, "imageType": text,
    "resources": {"cpu": number, "memory": text, "ephemeralStorage": text},
}  # fmt: skip
_TEMPLATE: _Table = {**APP_TEMPLATE, "containers": [_CONTAINER], "initContainers": [_CONTAINER]}
_INGRESS: _Table = {**INGRESS, "targetPortHttpScheme": text}
_STATE = {"provisioningState!": text}
APP: Shape = {**TRACKED, "kind": text,
    "identity": IDENTITY,
    "properties!": {
        **_STATE, "runningStatus": text, "managedEnvironmentId!": text, "environmentId!": text,
        "workloadProfileName": text, "patchingMode": text, "outboundIpAddresses": [text],
        "latestRevisionName": text, "latestReadyRevisionName": text, "latestRevisionFqdn": text,
        "customDomainVerificationId!": text, "eventStreamEndpoint": text, "delegatedIdentities": [member],
        "deploymentErrors": text,
        "configuration!": {
            **APP_CONFIGURATION, "secrets": _SECRETS, "ingress": _INGRESS, "revisionTransitionThreshold": anything,
        },
        "template!": _TEMPLATE,
    },
}  # fmt: skip
REVISION: Shape = {**RESOURCE, "properties!": {
        "createdTime!": text, "lastActiveTime": text, "fqdn": text, "template!": _TEMPLATE, "active!": truth,
        "replicas!": whole, "trafficWeight": whole, "labels": [text], "provisioningError": text,
        "healthState!": words(RevisionHealthState), "provisioningState!": words(RevisionProvisioningState),
        "runningState!": words(RevisionRunningState), "runningStateDetails": text,
    },
}  # fmt: skip
_REPLICA_CONTAINER: Shape = {
    "name!": text, "containerId": text, "ready!": truth, "started!": truth, "restartCount!": whole,
    "runningState!": words(ContainerRunningState), "runningStateDetails": text, "logStreamEndpoint!": text,
    "execEndpoint!": text, "debugEndpoint": text,
}  # fmt: skip
REPLICA: Shape = {**RESOURCE, "properties!": {
        "createdTime!": text, "runningState!": words(ReplicaRunningState), "runningStateDetails": text,
        "containers!": [_REPLICA_CONTAINER], "initContainers!": [_REPLICA_CONTAINER],
    },
}  # fmt: skip
_RUNS: _Table = {"replicaCompletionCount": whole, "parallelism": whole}
_RULES: Shape = [{"name": text, "type": text, "metadata": MapOf(text), "identity": text, "auth": [
    {"secretRef": text, "triggerParameter": text}
]}]  # fmt: skip
JOB: Shape = {**TRACKED, "identity": IDENTITY,
    "properties!": {
        **_STATE, "runningStatus": text, "runningState": text, "environmentId!": text, "workloadProfileName": text,
        "eventStreamEndpoint": text,
        "configuration!": {
            "secrets": _SECRETS, "triggerType!": text, "replicaTimeout!": whole, "replicaRetryLimit!": whole,
            "manualTriggerConfig": _RUNS, "scheduleTriggerConfig": {**_RUNS, "cronExpression!": text},
            "eventTriggerConfig": {**_RUNS, "scale!": {
                "minExecutions": whole, "maxExecutions": whole, "pollingInterval": whole, "rules": _RULES,
            }},
            "registries": APP_CONFIGURATION["registries"], "identitySettings": APP_CONFIGURATION["identitySettings"],
            "dapr": member,
        },
        "template!": {"containers": [_CONTAINER], "initContainers": [_CONTAINER], "volumes": _TEMPLATE["volumes"]},
    },
}  # fmt: skip
EXECUTION: Shape = {**RESOURCE, "properties!": {
        "status!": words(ExecutionStatus), "startTime!": text, "endTime": text, "reason": text, "message": text,
        "template": {"containers": [_CONTAINER], "initContainers": [_CONTAINER]},
        "detailedStatus": {"replicas": [{"name!": text, "containers": [
            {"name!": text, "code": whole, "additionalInformation": text, "status": text}
        ]}]},
    },
}  # fmt: skip
STARTED: Shape = {"id!": text, "name!": text}
ENVIRONMENT_RESOURCE: Shape = {**TRACKED, "identity": IDENTITY,
    "properties!": {
        **ENVIRONMENT, **_STATE, "defaultDomain!": text, "staticIp": text, "eventStreamEndpoint": text,
        "daprAIInstrumentationKey": text, "daprAIConnectionString": text, "availabilityZones": anything,
        "kedaConfiguration": {"version": text}, "daprConfiguration": {"version": text},
        "customDomainConfiguration": {
            "customDomainVerificationId": text, "dnsSuffix": text, "certificateKeyVaultProperties": member,
            "certificateValue": text, "certificatePassword": text, "thumbprint": text, "subjectName": text,
            "expirationDate": text,
        },
        "workloadProfiles": [{
            "name!": text, "workloadProfileType!": text, "minimumCount": whole, "maximumCount": whole,
            "enableFips": truth,
        }],
        "environmentMode": text, "openTelemetryConfiguration": anything, "ingressConfiguration": anything,
        "appInsightsConfiguration": anything, "diskEncryptionConfiguration": anything,
    },
}  # fmt: skip
TOKEN: Shape = {**TRACKED, "properties!": {"token!": text, "expires!": text}}
PROFILE_STATE: Shape = {**RESOURCE, "properties!": {
        "name": text, "workloadProfileType": text, "currentCount": whole, "minimumCount": whole,
        "maximumCount": whole, "enableFips": truth,
    },
}  # fmt: skip
USAGE: Shape = {
    "name!": {"value!": text, "localizedValue": text}, "currentValue!": number, "limit!": number,
    "unit": text, "usage": number,
}  # fmt: skip
OPERATION: Shape = {
    "id": text, "name": text, "status!": words(OperationStatus), "startTime": text, "endTime": text,
    "error": {"code!": text, "message!": text}, "properties": member,
}  # fmt: skip
SESSION_POOL: Shape = {**TRACKED, "identity": IDENTITY,
    "properties!": {
        **_STATE, "environmentId": text, "poolManagementType!": text, "containerType!": text,
        "poolManagementEndpoint!": text, "nodeCount": whole, "secrets": [{"name!": text}],
        "scaleConfiguration!": {"maxConcurrentSessions!": whole, "readySessionInstances": whole},
        "dynamicPoolConfiguration": POOL["dynamicPoolConfiguration"],
        "customContainerTemplate": {
            "registryCredentials": member, "containers!": [CONTAINER], "ingress": {"targetPort": whole},
        },
        "sessionNetworkConfiguration!": {"status!": text}, "managedIdentitySettings": [member],
        "templateUpdateStatus": member, "mcpServerSettings": member,
    },
}  # fmt: skip
DAPR: Shape = {**RESOURCE, "properties!": {**COMPONENT, "secrets": _SECRETS, "metadata": [
    {"name": text, "value": text, "secretRef": text}
]}}  # fmt: skip
STORAGE: Shape = {**RESOURCE, "properties!": {
    "azureFile": {"accountName!": text, "accessMode!": text, "shareName!": text, "accountKeyVaultProperties": member},
    "nfsAzureFile": {"server!": text, "accessMode!": text, "shareName!": text},
}}  # fmt: skip
CERTIFICATE: Shape = {**TRACKED, "properties!": {
    **_STATE, "subjectName": text, "issuer": text, "thumbprint": text, "issueDate": text, "expirationDate": text,
    "publicKeyHash": text, "subjectAlternativeNames": [text], "valid": truth, "certificateKeyVaultProperties": member,
}}  # fmt: skip
HTTP_ROUTE: Shape = {**RESOURCE, "properties!": {**RULES, **_STATE, "provisioningErrors": [member], "fqdn": text,
}}  # fmt: skip
AVAILABLE: Shape = {"nameAvailable!": truth, "reason": text, "message": text}
#: A resource that is kept as it came: what stands in it is the caller's.
KEPT: Shape = {**RESOURCE, "location": text, "tags": MapOf(text), "properties!": {}}

#: By operation id.
ANSWERED: Mapping[str, Answers] = {
    "ContainerApps_CreateOrUpdate": {201: Answer(APP, (_STATUS_URL,))},
    "ContainerApps_Update": _followed(),
    "ContainerApps_Get": _one(APP),
    "ContainerApps_Delete": _followed() | GONE,
    "ContainerApps_ListByResourceGroup": _all(APP),
    "ContainerApps_ListBySubscription": _all(APP),
    "ContainerApps_Start": _followed(),
    "ContainerApps_Stop": _followed(),
    "ContainerApps_ListSecrets": _one(_SECRET_VALUES),
    "ContainerApps_GetAuthToken": _one(TOKEN),
    "ContainerAppsRevisions_ListRevisions": _all(REVISION),
    "ContainerAppsRevisions_GetRevision": _one(REVISION),
    "ContainerAppsRevisions_ActivateRevision": _one(text),
    "ContainerAppsRevisions_DeactivateRevision": _one(text),
    "ContainerAppsRevisions_RestartRevision": _one(text),
    "ContainerAppsRevisionReplicas_ListReplicas": {200: Answer({"value!": [REPLICA]})},
    "ContainerAppsRevisionReplicas_GetReplica": _one(REPLICA),
    "Jobs_CreateOrUpdate": {201: Answer(JOB, (_STATUS_URL,))},
    "Jobs_Update": _followed(),
    "Jobs_Get": _one(JOB),
    "Jobs_Delete": _followed() | GONE,
    "Jobs_ListByResourceGroup": _all(JOB),
    "Jobs_ListBySubscription": _all(JOB),
    "Jobs_ListSecrets": _one(_SECRET_VALUES),
    "Jobs_GetAuthToken": _one(TOKEN),
    "Jobs_Start": _one(STARTED),
    "JobsExecutions_List": _all(EXECUTION),
    "JobExecution": _one(EXECUTION),
    "ManagedEnvironments_CreateOrUpdate": {201: Answer(ENVIRONMENT_RESOURCE, (_STATUS_URL,))},
    "ManagedEnvironments_Update": _one(ENVIRONMENT_RESOURCE) | _followed(),
    "ManagedEnvironments_Get": _one(ENVIRONMENT_RESOURCE),
    "ManagedEnvironments_Delete": _followed() | GONE,
    "ManagedEnvironments_ListByResourceGroup": _all(ENVIRONMENT_RESOURCE),
    "ManagedEnvironments_ListBySubscription": _all(ENVIRONMENT_RESOURCE),
    "ManagedEnvironments_GetAuthToken": _one(TOKEN),
    "ManagedEnvironments_ListWorkloadProfileStates": _all(PROFILE_STATE),
    "ManagedEnvironmentUsages_List": _all(USAGE),
    "Usages_List": _all(USAGE),
    "Namespaces_CheckNameAvailability": _one(AVAILABLE),
    "GetCustomDomainVerificationId": _one(text),
    "ContainerAppsSessionPools_CreateOrUpdate": {
        200: Answer(SESSION_POOL), 201: Answer(SESSION_POOL, (_STATUS_URL,)), 501: REFUSAL,
    },
    "ContainerAppsSessionPools_Update": _followed() | {501: REFUSAL},
    "ContainerAppsSessionPools_Get": _one(SESSION_POOL),
    "ContainerAppsSessionPools_Delete": _followed() | GONE | EMPTY,
    "ContainerAppsSessionPools_ListByResourceGroup": _all(SESSION_POOL),
    "ContainerAppsSessionPools_ListBySubscription": _all(SESSION_POOL),
    **_kept("DaprComponents", DAPR, removed=204),
    "DaprComponents_ListSecrets": _one(_SECRET_VALUES),
    **_kept("DaprComponentResiliencyPolicies", {**RESOURCE, "properties!": COMPONENT_POLICY}, made=201, removed=204),
    **_kept("AppResiliency", {**RESOURCE, "properties!": APP_POLICY}, removed=204, patched=True),
    **_kept("ManagedEnvironmentsStorages", STORAGE),
    **_kept("Certificates", CERTIFICATE),
    **_kept("HttpRouteConfig", HTTP_ROUTE, made=201, removed=204, patched=True),
    **_kept("MaintenanceConfigurations", {**RESOURCE, "properties!": ENTRIES}, made=201),
    **_kept("ContainerAppsAuthConfigs", {**RESOURCE, "properties!": {}}, listed="ListByContainerApp"),
    **{f"{kind}_OperationStatus": _one(OPERATION) for kind in _LONG},
    **{f"{kind}_OperationResult": {200: Answer(member), 202: Answer(None, (_RESULT_URL,)), **GONE} for kind in _LONG},
    **_kept("MetricAlerts", KEPT, listed="ListByResourceGroup", patched=True),
    **_kept("ActionGroups", KEPT, made=201, listed="ListByResourceGroup", patched=True),
    **_kept("UserAssignedIdentities", KEPT, made=201, listed="ListByResourceGroup", patched=True),
    "MetricAlerts_ListBySubscription": _all(KEPT),
    "ActionGroups_ListBySubscriptionId": _all(KEPT),
    "UserAssignedIdentities_ListBySubscription": _all(KEPT),
    "ResourceGroups_CreateOrUpdate": {200: Answer(KEPT), 201: Answer(KEPT)},
    "ResourceGroups_Update": _one(KEPT),
    "ResourceGroups_Get": _one(KEPT),
    "ResourceGroups_List": _all(KEPT),
    "ResourceGroups_CheckExistence": GONE,
    "ResourceGroups_Delete": _followed(),
    "ResourceGroups_DeleteResult": EMPTY | _followed(),
    "Tenants_List": _all({"id!": text, "tenantId!": text}),
    "Subscriptions_List": {200: Answer({"value!": [{"id!": text, "subscriptionId!": text, "tenantId!": text}]})},
    "Emulator_Status": _one({"pid!": whole, "version!": text, "url!": text, "http_url!": text, "data_dir!": text}),
    "Emulator_Environment": _one(MapOf(text)),
    "Emulator_Stop": {202: Answer()},
    "Oidc_Keys": _one({"keys!": [{"kty!": text, "kid!": text, "n!": text, "e!": text}]}),
    "Token_Issue": TOKENS, "Token_Issue_V1": TOKENS,
    "ManagedIdentity_Token": {
        200: Answer({"access_token!": text, "expires_on!": text, "resource!": text, "token_type!": text}),
        400: Answer({"statusCode!": whole, "message!": text}),
    },
}  # fmt: skip

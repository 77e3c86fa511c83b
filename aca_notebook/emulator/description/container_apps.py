"""What the operations of Microsoft.App answer, by operation and status.

These are promises, so they are written down apart from the code that answers, and tests hold the two together; `!`
marks what is always there and not null.
"""

from __future__ import annotations

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
from aca_notebook.emulator.arm.values import member, text, truth, whole
from aca_notebook.emulator.description.promises import (
    AVAILABLE,
    EMPTY,
    GONE,
    IDENTITY,
    RESOURCE,
    RESULT_URL,
    STATUS_URL,
    TRACKED,
    Answer,
    Answers,
    Table,
    followed,
    kept,
    listed,
    one,
    words,
)
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
    from collections.abc import Mapping

_LONG = ("containerapp", "containerappsjob", "managedEnvironment", "sessionPools", "managedCertificate")
_SECRETS: Shape = [{"name!": text, "keyVaultUrl": text, "identity": text}]
_SECRET_VALUES: Shape = {"value!": [{"name!": text, "value": text, "keyVaultUrl": text, "identity": text}]}
_CONTAINER: Table = {
    **CONTAINER, "imageType": text,
    "resources": {"cpu": number, "memory": text, "ephemeralStorage": text},
}  # fmt: skip
_TEMPLATE: Table = {**APP_TEMPLATE, "containers": [_CONTAINER], "initContainers": [_CONTAINER]}
_INGRESS: Table = {**INGRESS, "targetPortHttpScheme": text}
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
_RUNS: Table = {"replicaCompletionCount": whole, "parallelism": whole}
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
MANAGED_CERTIFICATE: Shape = {
    **TRACKED,
    "properties!": {
        **_STATE, "subjectName!": text, "domainControlValidation": text, "validationToken": text, "error": text,
    },
}  # fmt: skip
HTTP_ROUTE: Shape = {**RESOURCE, "properties!": {**RULES, **_STATE, "provisioningErrors": [member], "fqdn": text,
}}  # fmt: skip

HOST_NAME: Shape = {
    "hostName": text, "isHostnameAlreadyVerified!": truth, "customDomainVerificationTest!": text,
    "customDomainVerificationFailureInfo": member, "hasConflictOnManagedEnvironment!": truth,
    "conflictWithEnvironmentCustomDomain": truth, "conflictingContainerAppResourceId": text, "cNameRecords": [text],
    "txtRecords": [text], "aRecords": [text], "alternateCNameRecords": [text], "alternateTxtRecords": [text],
}  # fmt: skip
OFFERED: Shape = {"id!": text, "name!": text, "type!": text, "location": text, "properties!": {}}
#: Nouns of which there are none here: their lists are empty, and each is refused with 404.
_NOTHING: Answers = {200: Answer({"value!": [member], "nextLink": text})}
_NONE: Answers = {}
_LINKED = ("ContainerApp", "ManagedEnvironment")
_LINKS = ("PrivateEndpointConnections", "PrivateLinkResources")

#: By operation id.
CONTAINER_APPS: Mapping[str, Answers] = {
    "ContainerApps_CreateOrUpdate": {201: Answer(APP, (STATUS_URL,))},
    "ContainerApps_Update": followed(),
    "ContainerApps_Get": one(APP),
    "ContainerApps_Delete": followed() | GONE,
    "ContainerApps_ListByResourceGroup": listed(APP),
    "ContainerApps_ListBySubscription": listed(APP),
    "ContainerApps_Start": followed(),
    "ContainerApps_Stop": followed(),
    "ContainerApps_ListSecrets": one(_SECRET_VALUES),
    "ContainerApps_GetAuthToken": one(TOKEN),
    "ContainerAppsRevisions_ListRevisions": listed(REVISION),
    "ContainerAppsRevisions_GetRevision": one(REVISION),
    "ContainerAppsRevisions_ActivateRevision": one(text),
    "ContainerAppsRevisions_DeactivateRevision": one(text),
    "ContainerAppsRevisions_RestartRevision": one(text),
    "ContainerAppsRevisionReplicas_ListReplicas": {200: Answer({"value!": [REPLICA]})},
    "ContainerAppsRevisionReplicas_GetReplica": one(REPLICA),
    "Jobs_CreateOrUpdate": {201: Answer(JOB, (STATUS_URL,))},
    "Jobs_Update": followed(),
    "Jobs_Get": one(JOB),
    "Jobs_Delete": followed() | GONE,
    "Jobs_ListByResourceGroup": listed(JOB),
    "Jobs_ListBySubscription": listed(JOB),
    "Jobs_ListSecrets": one(_SECRET_VALUES),
    "Jobs_GetAuthToken": one(TOKEN),
    "Jobs_Start": one(STARTED),
    "Jobs_StopExecution": EMPTY | followed(),
    "Jobs_StopExecutionByName": EMPTY | followed(),
    "Jobs_StopMultipleExecutions": listed(EXECUTION) | followed(),
    "Jobs_Suspend": followed() | EMPTY,
    "Jobs_Resume": followed() | EMPTY,
    "Jobs_ProxyGet": one(JOB),
    "Jobs_ListDetectors": _NOTHING,
    "Jobs_GetDetector": _NONE,
    "JobsExecutions_ListReplicas": {200: Answer({"value!": [REPLICA]})},
    "JobsExecutions_GetReplica": one(REPLICA),
    "JobsExecutions_List": listed(EXECUTION),
    "JobExecution": one(EXECUTION),
    "ManagedEnvironments_CreateOrUpdate": {201: Answer(ENVIRONMENT_RESOURCE, (STATUS_URL,))},
    "ManagedEnvironments_Update": one(ENVIRONMENT_RESOURCE) | followed(),
    "ManagedEnvironments_Get": one(ENVIRONMENT_RESOURCE),
    "ManagedEnvironments_Delete": followed() | GONE,
    "ManagedEnvironments_ListByResourceGroup": listed(ENVIRONMENT_RESOURCE),
    "ManagedEnvironments_ListBySubscription": listed(ENVIRONMENT_RESOURCE),
    "ManagedEnvironments_GetAuthToken": one(TOKEN),
    "ManagedEnvironments_ListWorkloadProfileStates": listed(PROFILE_STATE),
    "ManagedEnvironments_CheckMigrationEligibility": one({
        "isEligible!": truth, "environmentName!": text, "currentMode": text, "targetMode": text,
        "failureReasons": [anything],
    }),
    "ManagedEnvironmentsDiagnostics_GetRoot": one(ENVIRONMENT_RESOURCE),
    "ManagedEnvironmentDiagnostics_ListDetectors": _NOTHING,
    "ManagedEnvironmentDiagnostics_GetDetector": _NONE,
    "ContainerAppsDiagnostics_GetRoot": one(APP),
    "ContainerAppsDiagnostics_ListRevisions": listed(REVISION),
    "ContainerAppsDiagnostics_GetRevision": one(REVISION),
    "ContainerAppsDiagnostics_ListDetectors": _NOTHING,
    "ContainerAppsDiagnostics_GetDetector": _NONE,
    "ContainerApps_ListCustomHostNameAnalysis": one(HOST_NAME),
    "ContainerAppsLabelHistory_ListLabelHistory": _NOTHING,
    "ContainerAppsLabelHistory_GetLabelHistory": _NONE,
    "ContainerAppsLabelHistory_DeleteLabelHistory": GONE | EMPTY,
    "ContainerAppsSourceControls_ListByContainerApp": _NOTHING,
    "ContainerAppsSourceControls_Get": _NONE,
    "ContainerAppsSourceControls_Delete": GONE | EMPTY,
    "ContainerAppsFunctions_List": _NOTHING,
    "ContainerAppsFunctions_Get": _NONE,
    "ContainerAppsRevisionFunctions_List": _NOTHING,
    "ContainerAppsRevisionFunctions_Get": _NONE,
    **{f"{noun}{what}_List": _NOTHING for noun in _LINKED for what in _LINKS},
    **{f"{noun}{what}_Get": _NONE for noun in _LINKED for what in _LINKS},
    **{f"{noun}PrivateEndpointConnections_Delete": GONE | EMPTY for noun in _LINKED},
    "ConnectedEnvironments_ListByResourceGroup": _NOTHING,
    "Operations_List": listed({"name!": text, "isDataAction": truth, "display": member, "origin": text}),
    "AvailableEnvironmentModes_List": listed(OFFERED),
    "AvailableWorkloadProfiles_Get": listed(OFFERED),
    "BillingMeters_Get": listed(OFFERED),
    "ManagedEnvironmentUsages_List": listed(USAGE),
    "Usages_List": listed(USAGE),
    "Namespaces_CheckNameAvailability": one(AVAILABLE),
    "GetCustomDomainVerificationId": one(text),
    "ContainerAppsSessionPools_CreateOrUpdate": {
        200: Answer(SESSION_POOL), 201: Answer(SESSION_POOL, (STATUS_URL,)),
    },
    "ContainerAppsSessionPools_Update": followed(),
    "ContainerAppsSessionPools_FetchMCPServerCredentials": one({"apiKey!": text}),
    "ContainerAppsSessionPools_RotateMCPServerCredentials": one({"apiKey!": text}),
    "ContainerAppsSessionPools_RegenerateCredentials": one({"apiKey!": text}),
    "ContainerAppsSessionPools_Get": one(SESSION_POOL),
    "ContainerAppsSessionPools_Delete": followed() | GONE | EMPTY,
    "ContainerAppsSessionPools_ListByResourceGroup": listed(SESSION_POOL),
    "ContainerAppsSessionPools_ListBySubscription": listed(SESSION_POOL),
    **kept("DaprComponents", DAPR, removed=204),
    "DaprComponents_ListSecrets": one(_SECRET_VALUES),
    **kept("DaprComponentResiliencyPolicies", {**RESOURCE, "properties!": COMPONENT_POLICY}, made=201, removed=204),
    **kept("AppResiliency", {**RESOURCE, "properties!": APP_POLICY}, removed=204, patched=True),
    **kept("ManagedEnvironmentsStorages", STORAGE),
    **kept("Certificates", CERTIFICATE, patched=True),
    **kept("ManagedCertificates", MANAGED_CERTIFICATE, made=201, patched=True),
    **kept("HttpRouteConfig", HTTP_ROUTE, made=201, removed=204, patched=True),
    **kept("MaintenanceConfigurations", {**RESOURCE, "properties!": ENTRIES}, made=201),
    **kept("ContainerAppsAuthConfigs", {**RESOURCE, "properties!": {}}, listing="ListByContainerApp"),
    **{f"{kind}_OperationStatus": one(OPERATION) for kind in _LONG},
    **{f"{kind}_OperationResult": {200: Answer(member), 202: Answer(None, (RESULT_URL,)), **GONE} for kind in _LONG},
}  # fmt: skip

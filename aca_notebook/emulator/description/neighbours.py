"""What the neighbours of Microsoft.App answer, by operation and status: the envelope, and what clients look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.emulator.arm.shapes import MapOf, Shape
from aca_notebook.emulator.arm.values import member, text, whole
from aca_notebook.emulator.description.promises import (
    AVAILABLE,
    EMPTY,
    GONE,
    KEPT,
    STATUS_URL,
    Answer,
    Answers,
    followed,
    kept,
    listed,
    one,
)
from aca_notebook.emulator.description.schemas import anything

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAMED: Shape = {"id!": text, "name!": text, "type!": text, "properties!": {}}
_ROLE: Shape = {"id!": text, "name!": text, "type!": text, "properties!": {
    "roleName!": text, "type!": text, "permissions!": [member], "assignableScopes!": [text],
}}  # fmt: skip
_ASSIGNMENT: Shape = {"id!": text, "name!": text, "type!": text, "properties!": {
    "roleDefinitionId!": text, "principalId!": text, "principalType": text, "scope!": text,
}}  # fmt: skip
_PROVIDER: Shape = {"id!": text, "namespace!": text, "registrationState!": text, "resourceTypes!": [
    {"resourceType!": text, "locations!": [text], "apiVersions!": [text]}
]}  # fmt: skip
_SUBSCRIPTION: Shape = {"id!": text, "subscriptionId!": text, "tenantId!": text, "displayName!": text, "state!": text}
_LISTED_RESOURCE: Shape = {"id!": text, "name!": text, "type!": text, "location": text, "tags": MapOf(text)}
_RUN: Shape = {"id!": text, "name!": text, "type!": text, "properties!": {"runId!": text, "status!": text}}
_PRINCIPAL: Shape = {"displayName!": text, "appId!": text, "objectId!": text, "tenant!": text, "password": text}
_TAGS: Shape = {"id!": text, "name!": text, "type!": text, "properties!": {"tags!": MapOf(text)}}
_DISCOVERY: Shape = {"issuer!": text, "token_endpoint!": text, "authorization_endpoint!": text, "jwks_uri!": text}
_TAKEN_IN: Shape = {"itemsReceived!": whole, "itemsAccepted!": whole, "errors!": [
    {"index!": whole, "statusCode!": whole, "message!": text}
]}  # fmt: skip
_TRACKED: Answers = {status: Answer(_TAKEN_IN) for status in (200, 206, 400)}
_IMAGE: Shape = {"image!": text, "command!": [text], "folder!": text}
_COSTS: Shape = {"id!": text, "name!": text, "type!": text, "tags!": MapOf(text), "properties!": {
    "columns!": [{"name!": text, "type!": text}], "rows!": [anything], "nextLink": text,
}}  # fmt: skip
TOKENS: Answers = {
    200: Answer({"token_type!": text, "expires_in!": whole, "access_token!": text}),
    **{status: Answer({"error!": anything, "error_description": text}) for status in (400, 401)},
}

#: By operation id.
NEIGHBOURS: Mapping[str, Answers] = {
    **kept("MetricAlerts", KEPT, listing="ListByResourceGroup", patched=True),
    **kept("ActionGroups", KEPT, made=201, listing="ListByResourceGroup", patched=True),
    **kept("UserAssignedIdentities", KEPT, made=201, listing="ListByResourceGroup", patched=True),
    **kept("Components", KEPT, listing="ListByResourceGroup"),
    "Components_UpdateTags": one(KEPT),
    "Components_List": listed(KEPT),
    "Ingestion_Track": _TRACKED, "Ingestion_TrackV2": _TRACKED,
    "Ingestion_AppId": {200: Answer(), 404: Answer()},
    "LiveMetrics_Ping": EMPTY, "LiveMetrics_Post": EMPTY,
    **kept("Budgets", _NAMED, made=201),
    "CostQuery_Usage": {200: Answer(_COSTS), **GONE},
    "RetailPrices_List": one({
        "BillingCurrency!": text, "Items!": [{"meterName!": text, "armRegionName!": text, "unitOfMeasure!": text}],
        "NextPageLink": text, "Count!": whole,
    }),
    "MetricAlerts_Status": {200: Answer({"value!": [_NAMED]})},
    "MetricAlerts_ListBySubscription": listed(KEPT),
    "ActionGroups_ListBySubscriptionId": listed(KEPT),
    "UserAssignedIdentities_ListBySubscription": listed(KEPT),
    "ResourceGroups_CreateOrUpdate": {200: Answer(KEPT), 201: Answer(KEPT)},
    "ResourceGroups_Update": one(KEPT),
    "ResourceGroups_Get": one(KEPT),
    "ResourceGroups_List": listed(KEPT),
    "ResourceGroups_CheckExistence": GONE,
    "ResourceGroups_Delete": followed(),
    "OperationResults_Get": {200: Answer(anything), **followed(), **GONE},
    "Tenants_List": listed({"id!": text, "tenantId!": text}),
    "Subscriptions_List": listed(_SUBSCRIPTION),
    "Subscriptions_Get": one(_SUBSCRIPTION),
    "Subscriptions_ListLocations": listed({"id!": text, "name!": text, "displayName!": text}),
    "Providers_List": listed(_PROVIDER),
    "Providers_Get": one(_PROVIDER),
    "Providers_Register": one(_PROVIDER),
    "Resources_List": listed(_LISTED_RESOURCE),
    "Resources_ListByResourceGroup": listed(_LISTED_RESOURCE),
    "Emulator_Status": one({"pid!": whole, "version!": text, "url!": text, "http_url!": text, "data_dir!": text}),
    "Emulator_Environment": one(MapOf(text)),
    "RoleDefinitions_List": listed(_ROLE),
    "RoleDefinitions_Get": one(_ROLE),
    "RoleAssignments_Create": {200: Answer(_ASSIGNMENT), 201: Answer(_ASSIGNMENT)},
    "RoleAssignments_Get": one(_ASSIGNMENT),
    "RoleAssignments_Delete": one(_ASSIGNMENT) | GONE,
    "RoleAssignments_ListForScope": listed(_ASSIGNMENT),
    "Tags_GetAtScope": one(_TAGS),
    "Tags_CreateOrUpdateAtScope": one(_TAGS),
    "Tags_UpdateAtScope": one(_TAGS),
    "Tags_DeleteAtScope": EMPTY,
    "Registries_Get": one(KEPT),
    "Registries_List": listed(KEPT),
    "Registries_ListByResourceGroup": listed(KEPT),
    "Registries_ListCredentials": one({"username!": text, "passwords!": [{"name!": text, "value!": text}]}),
    "Registries_RegenerateCredential": one({"username!": text, "passwords!": [{"name!": text, "value!": text}]}),
    "Registries_CheckNameAvailability": one(AVAILABLE),
    "Registries_GetBuildSourceUploadUrl": one({"uploadUrl!": text, "relativePath!": text}),
    "Registries_ScheduleRun": one(_RUN),
    "Runs_List": listed(_RUN),
    "Runs_Get": one(_RUN),
    "Runs_GetLogSasUrl": one({"logLink!": text}),
    "Runs_Cancel": EMPTY,
    "Workspaces_Get": one(KEPT),
    "Workspaces_List": listed(KEPT),
    "Workspaces_ListByResourceGroup": listed(KEPT),
    "SharedKeys_GetSharedKeys": one({"primarySharedKey!": text, "secondarySharedKey!": text}),
    "StorageAccounts_Create": {200: Answer(KEPT), **followed()},
    "StorageAccounts_Get": one(KEPT),
    "StorageAccounts_List": listed(KEPT),
    "StorageAccounts_ListByResourceGroup": listed(KEPT),
    "StorageAccounts_ListKeys": one({"keys!": [{"keyName!": text, "value!": text, "permissions!": text}]}),
    "StorageAccounts_CheckNameAvailability": one(AVAILABLE),
    "VirtualNetworks_CreateOrUpdate": {status: Answer(KEPT, (STATUS_URL,)) for status in (200, 201)},
    "VirtualNetworks_Get": one(KEPT),
    "VirtualNetworks_List": listed(KEPT),
    "VirtualNetworks_ListAll": listed(KEPT),
    "Subnets_CreateOrUpdate": {status: Answer(_NAMED, (STATUS_URL,)) for status in (200, 201)},
    "Subnets_Get": one(_NAMED),
    "Subnets_List": listed(_NAMED),
    "MetricNamespaces_List": {200: Answer({"value!": [_NAMED]})},
    "Oidc_Discovery": one(_DISCOVERY),
    "Oidc_Discovery_V1": one(_DISCOVERY),
    "Emulator_ListPrincipals": listed(_PRINCIPAL),
    "Emulator_AddPrincipal": {201: Answer(_PRINCIPAL)},
    "Emulator_ListImages": listed(_IMAGE),
    "Emulator_RegisterImage": one(_IMAGE),
    "Emulator_Address": one({"address!": text}),
    "Emulator_Stop": {202: Answer()},
    "Oidc_Keys": one({"keys!": [{"kty!": text, "kid!": text, "n!": text, "e!": text}]}),
    "Token_Issue": TOKENS, "Token_Issue_V1": TOKENS,
    "DeviceCode_Begin": {
        200: Answer({
            "user_code!": text, "device_code!": text, "verification_uri!": text, "expires_in!": whole,
            "interval!": whole, "message!": text,
        }),
        400: Answer({"error!": anything, "error_description": text}),
    },
    "ManagedIdentity_Token": {
        200: Answer({"access_token!": text, "expires_on!": text, "resource!": text, "token_type!": text}),
        400: Answer({"statusCode!": whole, "message!": text}),
    },
}  # fmt: skip

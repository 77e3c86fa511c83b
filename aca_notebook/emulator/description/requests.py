"""What operations take: the tables that their nouns read bodies with, put where in the body they stand.

No rule is written twice: what a table refuses the noun refuses, and what only the rules know (a name that is taken,
a total of cores) is no schema's matter. An operation that is not here takes no body, or reads it by hand.
"""

from __future__ import annotations

from collections.abc import Mapping

from aca_notebook.emulator.arm.alerts import ALERT_FIELDS, GROUP_FIELDS
from aca_notebook.emulator.arm.app_insights import COMPONENT_FIELDS
from aca_notebook.emulator.arm.budget_rules import BUDGET_FIELDS
from aca_notebook.emulator.arm.builds import RUN_REQUEST
from aca_notebook.emulator.arm.dapr_components import COMPONENT
from aca_notebook.emulator.arm.environment_storages import SHARES
from aca_notebook.emulator.arm.http_routes import RULES
from aca_notebook.emulator.arm.maintenance import ENTRIES
from aca_notebook.emulator.arm.resiliency import APP_POLICY, COMPONENT_POLICY
from aca_notebook.emulator.arm.session_pool_rules import POOL
from aca_notebook.emulator.arm.shapes import APP_CONFIGURATION, APP_TEMPLATE, ENVIRONMENT, RESOURCE, MapOf, Shape
from aca_notebook.emulator.arm.values import items, member, text, truth, whole

_Table = Mapping[str, Shape]


def _resource(properties: _Table, **beside: Shape) -> _Table:
    """A resource's body. Where it is must be said once: a later write may leave it out."""
    return {**RESOURCE, **beside, "properties": properties}


_IDENTITY: Shape = {"type": text, "userAssignedIdentities": MapOf(member)}
_CONTAINERS = {name: APP_TEMPLATE[name] for name in ("containers", "initContainers", "volumes")}
_APP: _Table = {
    "environmentId": text, "managedEnvironmentId": text, "workloadProfileName": text,
    "configuration": APP_CONFIGURATION, "template": APP_TEMPLATE,
}  # fmt: skip
_RULE: _Table = {
    "name": text, "type": text, "metadata": MapOf(text), "identity": text,
    "auth": [{"secretRef": text, "triggerParameter": text}],
}  # fmt: skip
_RUNS: _Table = {"replicaCompletionCount": whole, "parallelism": whole}
_JOB: _Table = {
    "environmentId": text, "workloadProfileName": text,
    "configuration": {
        "secrets": APP_CONFIGURATION["secrets"], "registries": APP_CONFIGURATION["registries"],
        "identitySettings": APP_CONFIGURATION["identitySettings"],
        "triggerType": text, "replicaTimeout": whole, "replicaRetryLimit": whole,
        "manualTriggerConfig": _RUNS, "scheduleTriggerConfig": {**_RUNS, "cronExpression": text},
        "eventTriggerConfig": {**_RUNS, "scale": {
            "minExecutions": whole, "maxExecutions": whole, "pollingInterval": whole, "rules": [_RULE],
        }},
    },
    "template": _CONTAINERS,
}  # fmt: skip
_TAGGED: _Table = {"tags": MapOf(text)}
_TAGS: _Table = {"properties": {"tags": MapOf(text)}}
_NAME: Shape = {"name": text}

#: Operations that take `null` for no body, as clients send it.
NULL_TOO = frozenset({"Jobs_Start"})
#: By operation id.
TAKEN: Mapping[str, Shape] = {
    "ContainerApps_CreateOrUpdate": _resource(_APP, identity=_IDENTITY),
    "ContainerApps_Update": _resource(_APP, identity=_IDENTITY),
    "Jobs_CreateOrUpdate": _resource(_JOB, identity=_IDENTITY),
    "Jobs_Update": _resource(_JOB, identity=_IDENTITY),
    "Jobs_Start": {name: _CONTAINERS[name] for name in ("containers", "initContainers")},
    "ManagedEnvironments_CreateOrUpdate": _resource(ENVIRONMENT, identity=_IDENTITY),
    "ManagedEnvironments_Update": _resource(ENVIRONMENT, identity=_IDENTITY),
    "ContainerAppsSessionPools_CreateOrUpdate": _resource(POOL, identity=_IDENTITY),
    "ContainerAppsSessionPools_Update": _resource(POOL, identity=_IDENTITY),
    "DaprComponents_CreateOrUpdate": {"properties": {**COMPONENT, "secrets": items, "metadata": items}},
    "DaprComponentResiliencyPolicies_CreateOrUpdate": {"properties": COMPONENT_POLICY},
    "AppResiliency_CreateOrUpdate": {"properties": APP_POLICY},
    "AppResiliency_Update": {"properties": APP_POLICY},
    "ManagedEnvironmentsStorages_CreateOrUpdate": {"properties!": SHARES},
    "Certificates_CreateOrUpdate": _resource(
        {"value": text, "password": text, "certificateKeyVaultProperties": member}
    ),
    "HttpRouteConfig_CreateOrUpdate": {"properties": RULES},
    "HttpRouteConfig_Update": {"properties": RULES},
    "MaintenanceConfigurations_CreateOrUpdate": {"properties!": ENTRIES},
    "ContainerAppsAuthConfigs_CreateOrUpdate": {"properties": dict.fromkeys(
        ("platform", "globalValidation", "identityProviders", "login", "httpSettings", "encryptionSettings"), member
    )},
    "Namespaces_CheckNameAvailability": _NAME,
    "Components_CreateOrUpdate": _resource(COMPONENT_FIELDS, kind=text),
    "MetricAlerts_CreateOrUpdate": _resource(ALERT_FIELDS),
    "ActionGroups_CreateOrUpdate": _resource(GROUP_FIELDS),
    "Budgets_CreateOrUpdate": {"properties!": BUDGET_FIELDS},
    "CostQuery_Usage": {
        "type!": text, "timeframe!": text, "timePeriod": {"from!": text, "to!": text},
        "dataset!": {"granularity": text, "aggregation": member, "grouping": items, "filter": member},
    },
    "ResourceGroups_CreateOrUpdate": {"location!": text, **_TAGGED},
    "ResourceGroups_Update": _TAGGED,
    "Tags_CreateOrUpdateAtScope": _TAGS,
    "Tags_UpdateAtScope": {"operation!": text, **_TAGS},
    "UserAssignedIdentities_CreateOrUpdate": _resource({}),
    "UserAssignedIdentities_Update": _resource({}),
    "RoleAssignments_Create": {"properties!": {
        "roleDefinitionId!": text, "principalId!": text, "principalType": text,
    }},
    "Workspaces_CreateOrUpdate": _resource({"sku": {"name": text}, "retentionInDays": whole}),
    "StorageAccounts_CheckNameAvailability": _NAME,
    "StorageAccounts_Create": _resource({"allowBlobPublicAccess": truth}, sku={"name": text}),
    "VirtualNetworks_CreateOrUpdate": _resource(
        {"addressSpace": {"addressPrefixes": [text]}, "enableDdosProtection": truth, "subnets": items}
    ),
    "Subnets_CreateOrUpdate": {"properties!": {"addressPrefix!": text, "delegations": items}},
    "Registries_Create": _resource({"adminUserEnabled": truth, "anonymousPullEnabled": truth},
                                   sku={"name": text}),
    "Registries_CheckNameAvailability": _NAME,
    "Registries_RegenerateCredential": {"name": text},
    "Registries_ScheduleRun": RUN_REQUEST,
    "Emulator_RegisterInterpreter": {"path!": text, "requirements": text},
    "Emulator_RegisterImage": {"image!": text, "command!": [text], "folder": text},
    "Emulator_AdvanceClock": {"advance_seconds!": whole},
}  # fmt: skip

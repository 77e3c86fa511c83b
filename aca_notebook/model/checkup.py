"""What a deployment needs of its target, thing by thing: pure judgements of documents, in the order of their causes.

Shapes: facts §2.3 (profile types of a region), §2.6 (usages), §3.2 (environments), §11 (registries, AcrPull).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from aca_notebook.model.gpu import WorkloadProfileType, find_profile_type, profile_name
from aca_notebook.model.ids import parse_id
from aca_notebook.model.roles import ACR_PULL, settles_in

Document = Mapping[str, Any]

#: What makes whatever a target lacks.
SET_UP = "%aca setup"
PROVIDERS = ("Microsoft.App", "Microsoft.OperationalInsights", "Microsoft.ContainerRegistry")
#: The quota that a replica on a serverless GPU counts against (recorded: env_usages), by profile type.
GPU_QUOTAS = {
    "Consumption-GPU-NC8as-T4": "SubscriptionConsumptionT4Gpus",
    "Consumption-GPU-NC24-A100": "SubscriptionConsumptionNCA100Gpus",
}


class Outcome(StrEnum):
    """How a thing was found."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Mend(StrEnum):
    """What can be mended without a price: `--fix` does it."""

    REGISTER = "register"
    GROUP = "group"
    PROFILE = "profile"
    ROLE = "role"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of a check-up: what was looked at, how it is, the command that mends it, the seconds it took.

    `about` is what `mend` needs to know: the provider's namespace, the principal's id.
    """

    name: str
    outcome: Outcome
    said: str
    command: str = ""
    mend: Mend | None = None
    about: str = ""
    seconds: float = 0.0


def judge_provider(namespace: str, state: str) -> Check:
    """Judge whether a subscription may use a resource provider; registration takes a minute."""
    name = f"provider {namespace}"
    if state.lower() == "registered":
        return Check(name, Outcome.OK, "registered")
    outcome = Outcome.WARN if state.lower() == "registering" else Outcome.FAIL
    return Check(
        name, outcome, state or "not registered", f"!az provider register -n {namespace} --wait", Mend.REGISTER,
        namespace,
    )  # fmt: skip


def judge_group(name: str, location: str, *, exists: bool) -> Check:
    """Judge whether the resource group is there."""
    if exists:
        return Check("resource group", Outcome.OK, name)
    return Check(
        "resource group", Outcome.FAIL, f"there is no group {name!r}", f"!az group create -n {name} -l {location}",
        Mend.GROUP,
    )  # fmt: skip


def judge_environment(document: Document, location: str) -> list[Check]:
    """Judge the environment itself, and where its logs go."""
    properties = document.get("properties") or {}
    state = properties.get("provisioningState") or "unknown"
    there = document.get("location") or ""
    said = f"{document.get('name')} in {there or location}: {state}"
    checks = [Check("environment", Outcome.OK if state == "Succeeded" else Outcome.FAIL, said)]
    if _folded(there) and _folded(location) and _folded(there) != _folded(location):
        checks.append(
            Check("region", Outcome.WARN, f"prices are those of {location}, the environment is in {there}",
                  f"%aca target azure -l {_folded(there)}")
        )  # fmt: skip
    logs = (properties.get("appLogsConfiguration") or {}).get("destination") or ""
    checks.append(
        Check("logs", Outcome.OK, f"kept in {logs}") if logs and logs != "none"
        else Check("logs", Outcome.WARN, "the environment keeps no logs: `%aca query` has nothing to ask",
                   f"!az containerapp env update -n {document.get('name')} -g {_group(document)} "
                   "--logs-destination log-analytics --logs-workspace-id ID --logs-workspace-key KEY")
    )  # fmt: skip
    return checks


def judge_gpu(
    wanted: WorkloadProfileType, environment: Document, region: Sequence[Document], usages: Sequence[Document]
) -> list[Check]:
    """Judge whether a GPU can be had: the region sells it, the subscription may, the environment has its profile."""
    sold = {str(each.get("name") or "").lower() for each in region}
    where = environment.get("location") or "the region"
    checks = [
        Check("region", Outcome.OK, f"offers {wanted.name}") if wanted.name.lower() in sold
        else Check("region", Outcome.FAIL, f"{where} does not offer {wanted.name}", "%aca gpu")
    ]  # fmt: skip
    checks += _quota(wanted, usages)
    properties = environment.get("properties") or {}
    present = [find_profile_type(str(each.get("workloadProfileType") or "")) for each in _profiles(properties)]
    if wanted in present:
        checks.append(Check("GPU profile", Outcome.OK, f"the environment has {wanted.name}"))
    elif not present:
        checks.append(
            Check("GPU profile", Outcome.FAIL, "the environment has no workload profiles and can never have a GPU",
                  "!az containerapp env create --enable-workload-profiles …")
        )  # fmt: skip
    else:
        command = (
            f"!az containerapp env workload-profile add -n {environment.get('name')} -g {_group(environment)} "
            f"--workload-profile-name {profile_name(wanted)} --workload-profile-type {wanted.name}"
        )
        said = "the first deploy adds it; an unused one costs nothing"
        checks.append(Check("GPU profile", Outcome.WARN, said, command, Mend.PROFILE))
    return checks


def _group(document: Document) -> str:
    """The resource group of a document; a placeholder where its id tells none."""
    try:
        return parse_id(str(document.get("id") or "")).resource_group or "GROUP"
    except ValueError:
        return "GROUP"


def judge_registry(document: Document, server: str) -> Check:
    """Judge the registry that builds and keeps images."""
    properties = document.get("properties") or {}
    state = properties.get("provisioningState") or "unknown"
    found = properties.get("loginServer") or server
    tier = (document.get("sku") or {}).get("name") or ""
    said = f"{found}{f' ({tier})' if tier else ''}: {state}"
    return Check("registry", Outcome.OK if state == "Succeeded" else Outcome.FAIL, said)


def judge_pull(
    principal: str, assignments: Sequence[Document], registry_id: str, now: datetime | None = None
) -> Check:  # fmt: skip
    """Judge whether the environment's identity may pull; `assignments` are those of the registry's scope and above.

    With `now`, one that was made just before is told with the seconds it may still take to be in effect.
    """
    name = "AcrPull"
    if not principal:
        return Check(name, Outcome.FAIL, "the environment has nobody to pull images with", SET_UP)
    for each in assignments:
        properties = each.get("properties") or each
        role = str(properties.get("roleDefinitionId") or "").rpartition("/")[2].lower()
        holder = str(properties.get("principalId") or "").lower()
        if role == ACR_PULL and holder == principal.lower():
            return _in_effect(properties, now)
    command = f"!az role assignment create --role AcrPull --assignee {principal} --scope {registry_id}"
    said = "the environment's identity may not pull from the registry"
    return Check(name, Outcome.FAIL, said, command, Mend.ROLE, principal)


def _in_effect(assignment: Document, now: datetime | None) -> Check:
    said = "the environment's identity may pull from the registry"
    made = assignment.get("createdOn")
    left = settles_in(made, now) if now is not None and isinstance(made, datetime) else 0.0
    if not left or now is None or not isinstance(made, datetime):
        return Check("AcrPull", Outcome.OK, said)
    age = (now - made).total_seconds()
    return Check(
        "AcrPull", Outcome.WARN,
        f"assigned {age:.0f} s ago: Azure may take {left:.0f} s more to put it in effect; a deploy waits for it",
        "%aca doctor  # looks again",
    )  # fmt: skip


def judge_name(name: str, *, valid: str, there: bool, ours: bool) -> Check:
    """Judge whether an app may be called so; `valid` is what is wrong with the name, empty when nothing is."""
    if valid:
        return Check("name", Outcome.FAIL, valid)
    if not there:
        return Check("name", Outcome.OK, f"{name!r} is free")
    if ours:
        return Check("name", Outcome.OK, f"{name!r} is yours: a deploy makes a new revision of it")
    said = f"an app {name!r} is there that no notebook of yours deployed: a deploy would change it"
    return Check("name", Outcome.WARN, said, f"%aca show {name}")


def judge_price(hourly_usd: float, gpu: str, region: str, *, charges: bool) -> Check:
    """Say what a replica costs, for it should be known before."""
    what = f"a replica with a {gpu}" if gpu else "a replica"
    said = f"{what} is ${hourly_usd:.2f} an hour (list prices of {region}), nothing at zero replicas"
    return Check("price", Outcome.OK, said if charges else f"{said}; nobody is billed on this target")


def judge_budget(limits: Sequence[str], *, charges: bool) -> Check:
    """Judge whether anything stops what is spent."""
    if limits or not charges:
        return Check("budget", Outcome.OK, ", ".join(limits) or "none, and nobody is billed on this target")
    return Check("budget", Outcome.WARN, "nothing limits what is spent here", "%aca budget 5USD/day --stop")


def _quota(wanted: WorkloadProfileType, usages: Sequence[Document]) -> list[Check]:
    name = GPU_QUOTAS.get(wanted.name, "")
    found = next((each for each in usages if (each.get("name") or {}).get("value") == name), None)
    if found is None:
        return []
    used, limit = float(found.get("currentValue") or 0), float(found.get("limit") or 0)
    said = f"{used:.0f} of {limit:.0f} GPUs in use ({name})"
    if used < limit:
        return [Check("quota", Outcome.OK, said)]
    where = "https://learn.microsoft.com/azure/container-apps/quotas"
    return [Check("quota", Outcome.FAIL, said, f"ask for more: {where}")]


def _profiles(properties: Document) -> Sequence[Document]:
    return properties.get("workloadProfiles") or ()


def _folded(region: str) -> str:
    return region.lower().replace(" ", "")

"""What cannot be said together of how an app is hosted, each with what to write instead. Pure.

Said before anything is spent. What a scale rule needs is what its scaler in KEDA 2 needs (documented); scalers that are
not known here are left to the platform.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aca_notebook.model.clouds import is_registry
from aca_notebook.model.hosting import CONCURRENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_notebook.model.hosting import Hosting, ScaleRule

#: What each scaler cannot do without; alternatives are sets of their own (KEDA's documentation of 2.x).
_NEEDED: Mapping[str, tuple[frozenset[str], ...]] = {
    "azure-servicebus": (frozenset({"queueName"}), frozenset({"topicName", "subscriptionName"})),
    "azure-queue": (frozenset({"queueName"}),),
    "azure-eventhub": (frozenset({"consumerGroup"}),),
    "prometheus": (frozenset({"serverAddress", "query", "threshold"}),),
    "cpu": (frozenset({"value"}),),
    "memory": (frozenset({"value"}),),
    "cron": (frozenset({"timezone", "start", "end", "desiredReplicas"}),),
    "redis": (frozenset({"listName"}),),
    "rabbitmq": (frozenset({"queueName"}),),
    "kafka": (frozenset({"bootstrapServers", "consumerGroup"}),),
}
_UNAIDED = {"cpu", "memory", "cron", "prometheus", "http", "tcp", "kafka"}  #: those that need no secret to look


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something cannot be: what, Azure's code or ours, what is so, and what to write instead."""

    message: str
    code: str
    hint: str
    detail: str = ""


def problem(hosting: Hosting, *, public: bool, minimum: int = 0) -> Problem | None:
    """Return the first thing that keeps this from being, or None. It is said before anything is spent."""
    if not public and (open_door := _of_door(hosting)):
        return open_door
    checks = (_of_cell, _of_ingress, _of_registry, _of_dapr, _of_identity)
    first = next((found for check in checks if (found := check(hosting)) is not None), None)
    return first or (rule_problem(hosting.scale_rule) if hosting.scale_rule else None) or _of_floor(hosting, minimum)


def change_problem(hosting: Hosting) -> Problem | None:
    """Return the first thing that cannot be of a change to an app that runs, whatever that has; None when all can."""
    first = next((found for check in (_of_registry, _of_identity) if (found := check(hosting)) is not None), None)
    if first is None and hosting.registry_server and not hosting.registry_identity:
        first = Problem("a registry is pulled from by an identity, and none is named", "RegistryIdentityMissing",
                        "add --registry-identity system, or an identity's id")  # fmt: skip
    return first or (rule_problem(hosting.scale_rule) if hosting.scale_rule else None)


def _of_cell(hosting: Hosting) -> Problem | None:
    """A cell's runner speaks HTTP 1 on a port of its own, from an image that the registry of the target builds."""
    if hosting.image:
        return None
    for flag, said in (("--command", hosting.command), ("--args", hosting.args)):
        if said:
            return Problem(f"a cell is started by its runner, so {flag} has no place", "NotOfACell",
                           f"leave {flag} out, or run an image: --image IMAGE")  # fmt: skip
    if hosting.registry_server or hosting.registry_identity:
        return Problem("a cell's image is built and pulled by the target's own registry", "NotOfACell",
                       "leave --registry-server and --registry-identity out, or run an --image")  # fmt: skip
    if hosting.transport in {"tcp", "http2"}:
        return Problem(f"a cell is served over HTTP 1, not {hosting.transport}", "NotOfACell",
                       "leave --transport out: clients may speak HTTP 2 to the ingress all the same")  # fmt: skip
    return None


def _of_door(hosting: Hosting) -> Problem | None:
    if hosting.image and hosting.ingress == "external":
        return Problem(
            "a foreign image has no key at its door, so anyone could call it", "ImageWithoutDoor",
            "say so with --public, or let only the environment in: --ingress internal",
        )  # fmt: skip
    return None


def _of_ingress(hosting: Hosting) -> Problem | None:
    open_ports = hosting.target_port or hosting.exposed_port or hosting.transport or hosting.allow_insecure
    if hosting.image and open_ports and not hosting.ingress:
        return Problem("without ingress an app has no port", "IngressMissing",
                       "add --ingress external or --ingress internal")  # fmt: skip
    if hosting.image and hosting.ingress and not hosting.target_port and hosting.transport == "tcp":
        return Problem("TCP needs to know the port the image listens at", "TargetPortMissing",
                       "add --target-port PORT")  # fmt: skip
    if hosting.ingress == "external" and hosting.transport == "tcp" and hosting.exposed_port in {80, 443}:
        return Problem(f"port {hosting.exposed_port} of the environment belongs to HTTP",
                       "ContainerAppInvalidExposedPort", "choose another --exposed-port")  # fmt: skip
    return None


def _of_registry(hosting: Hosting) -> Problem | None:
    if hosting.registry_identity and not hosting.registry_server:
        return Problem("an identity pulls from a registry, and none is named", "RegistryServerMissing",
                       "add --registry-server NAME.azurecr.io")  # fmt: skip
    if hosting.registry_identity and not is_registry(hosting.registry_server):
        return Problem(f"only Azure's registries take an identity, and {hosting.registry_server!r} is none",
                       "RegistryNotAzure", "name one like myregistry.azurecr.io")  # fmt: skip
    return None


def _of_dapr(hosting: Hosting) -> Problem | None:
    if hosting.dapr is not None and hosting.dapr.enabled and not hosting.dapr.app_id:
        return Problem("Dapr knows an app by its id, and none is given", "DaprAppIdMissing",
                       "add --enable-dapr --dapr-app-id NAME")  # fmt: skip
    return None


def _of_identity(hosting: Hosting) -> Problem | None:
    for each in hosting.user_assigned:
        if "/" in each and "/userassignedidentities/" not in each.lower():
            return Problem(f"{each!r} is no user-assigned identity", "IdentityNotFound",
                           "give its name or its resource id: az identity show --query id")  # fmt: skip
    return None


def _of_floor(hosting: Hosting, minimum: int) -> Problem | None:
    rule = hosting.scale_rule
    if rule is not None and rule.type in {"cpu", "memory"} and not minimum:
        return Problem(f"a {rule.type} rule measures running replicas, so it can start none from zero",
                       "ScaleRuleNeedsReplica", "add --min-replicas 1, or scale by requests")  # fmt: skip
    return None


def rule_problem(rule: ScaleRule) -> Problem | None:
    """Return what a scale rule lacks, or None; scalers that are not known here are left to the platform."""
    if rule.type == "custom":
        return Problem("'custom' is no scaler but a kind of rule", "ScaleRuleTypeUnknown",
                       "name the scaler itself: --scale-rule-type prometheus")  # fmt: skip
    if rule.type in CONCURRENT:
        return _concurrency_problem(rule)
    needed = _NEEDED.get(rule.type, (frozenset(),))
    if not any(each <= rule.metadata.keys() for each in needed):
        missing = sorted(needed[0] - rule.metadata.keys())
        return Problem(f"a rule of type {rule.type} also needs {', '.join(missing)}", "ScaleRuleIncomplete",
                       f"add --scale-rule-metadata {missing[0]}=VALUE")  # fmt: skip
    if rule.type in _NEEDED and rule.type not in _UNAIDED and not rule.auth:
        return Problem(f"a rule of type {rule.type} cannot look without a secret", "ScaleRuleIncomplete",
                       "add --scale-rule-auth connection=SECRET, and set it: %aca secret set SECRET")  # fmt: skip
    return None


def _concurrency_problem(rule: ScaleRule) -> Problem | None:
    name = CONCURRENT[rule.type]
    if not str(rule.metadata.get(name, "10")).isdigit() or rule.metadata.get(name) == "0":
        return Problem(f"{name} is a whole number of at least 1", "ScaleRuleIncomplete",
                       "write it like --scale-rule-http-concurrency 10")  # fmt: skip
    return None

"""The resource a plan becomes: the document to PUT, its tags and its image's name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aca_notebook.api import hosting_document
from aca_notebook.api.plan import settings_digest
from aca_notebook.azure import documents
from aca_notebook.model.app import Tags
from aca_notebook.model.deploy import DeployPlan
from aca_notebook.model.quantities import format_memory

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_notebook.api.plan import DeployOptions
    from aca_notebook.azure.documents import Document
    from aca_notebook.azure.target import Target
    from aca_notebook.model.hosting import Hosting

KEY_SECRET = "aca-notebook-key"  # noqa: S105  # the secret's name
TRACES_SECRET = "applicationinsights-connection-string"  # noqa: S105  # as above
#: What a bundle that is traced takes along: Microsoft's exporter, and OpenTelemetry with it.
TRACES_PACKAGES = ("azure-monitor-opentelemetry-exporter",)
PORT = 8000
#: Requests at once that a replica takes where no rule says so (facts §3.8).
DEFAULT_CONCURRENCY = 10


def draft(app: str, options: DeployOptions, target: Target) -> DeployPlan:
    """What can be said of a deployment before its cell has been looked at."""
    return DeployPlan(
        app=app,
        target=target.name,
        resource_group=target.resource_group,
        environment=target.environment,
        location=target.location,
        gpu=options.gpu.upper(),
        min_replicas=options.min_replicas,
        max_replicas=options.max_replicas,
        public=options.public,
    )


def image_name(plan: DeployPlan) -> str:
    """Repository and tag of the plan's image: the tag is the bundle's digest, so equal code is an equal image."""
    return f"{plan.app}:{plan.digest.removeprefix('sha256:')[:16]}"


def tags(plan: DeployPlan, options: DeployOptions, owner: str, example: str) -> Tags:
    """What the Azure resource says of this deployment."""
    return Tags(
        owner=owner,
        notebook=options.notebook,
        cell=options.cell,
        digest=plan.digest,
        settings=settings_digest(plan, options),
        expires_at=plan.expires_at,
        functions=plan.functions,
        public=plan.public,
        example=example,
    )


def app_document(
    plan: DeployPlan, options: DeployOptions, target: Target, secrets: Mapping[str, str],
    resource_tags: Mapping[str, str],
) -> dict[str, Any]:  # fmt: skip
    """Write the resource to PUT (facts §3.2). It holds the values of its secrets: never log it."""
    hosting = options.hosting
    registries = hosting_document.registries(hosting, target)
    pulls_itself = any(each["identity"] == "system" for each in registries)
    identity = hosting_document.identity(hosting, target, system=pulls_itself)
    container: dict[str, Any] = {
        "name": hosting.container_name or plan.app,
        "image": hosting.image or f"{target.registry_server}/{image_name(plan)}",
        **({"command": list(hosting.command)} if hosting.command else {}),
        **({"args": list(hosting.args)} if hosting.args else {}),
        "env": _environment(plan, options, secrets),
        "resources": {"cpu": plan.cpu_cores, "memory": format_memory(plan.memory_bytes)},
        "probes": _probes(hosting),
    }
    configuration = {
        "activeRevisionsMode": hosting.revisions_mode.capitalize() or "Single",
        "secrets": [{"name": name, "value": value} for name, value in secrets.items()],
        "ingress": hosting_document.ingress(hosting, PORT, insecure=target.app_scheme == "http"),
        **({"registries": registries} if registries else {}),
        **({"dapr": hosting_document.dapr(hosting.dapr)} if hosting.dapr else {}),
    }
    ending = hosting.termination_grace_period
    return {
        "location": plan.location,
        "tags": {**hosting.tags, **resource_tags},
        **({"identity": identity} if identity else {}),
        "properties": {
            "environmentId": str(target.environment_id),
            "workloadProfileName": plan.workload_profile,
            "configuration": configuration,
            "template": {
                **({"revisionSuffix": hosting.revision_suffix} if hosting.revision_suffix else {}),
                **({"terminationGracePeriodSeconds": ending} if ending else {}),
                "containers": [container],
                "scale": {
                    "minReplicas": plan.min_replicas,
                    "maxReplicas": plan.max_replicas,
                    "cooldownPeriod": int(plan.cooldown_seconds),
                    "rules": _rules(plan, hosting),
                },
            },
        },
    }


def _environment(plan: DeployPlan, options: DeployOptions, secrets: Mapping[str, str]) -> list[dict[str, str]]:
    return [
        *([] if options.hosting.image else [{"name": "ACA_NOTEBOOK_KEY", "secretRef": KEY_SECRET}]),
        *([{"name": "ACA_NOTEBOOK_PUBLIC", "value": "1"}] if plan.public and not options.hosting.image else []),
        *(_traces() if TRACES_SECRET in secrets else []),
        *({"name": name, "value": value} for name, value in options.env.items()),
        *({"name": name, "secretRef": secret} for name, secret in options.secrets.items()),
    ]


def _rules(plan: DeployPlan, hosting: Hosting) -> list[Document]:
    """What was asked for; of a cell, and of an image that takes another number than Azure's ten, requests at once."""
    if hosting.scale_rule:
        return [hosting_document.rule(hosting.scale_rule)]
    if hosting.image and plan.concurrency == DEFAULT_CONCURRENCY:
        return []
    return [{"name": "http", "http": {"metadata": {"concurrentRequests": str(plan.concurrency)}}}]


def _traces() -> list[dict[str, str]]:
    return [
        {"name": "ACA_NOTEBOOK_TRACES", "value": "1"},
        {"name": "APPLICATIONINSIGHTS_CONNECTION_STRING", "secretRef": TRACES_SECRET},
    ]


def keeping(wanted: Document, present: Document | None, values: Mapping[str, str]) -> Document:
    """Return the document to PUT over an app that is there, with what others have set on it and we do not.

    Tags, identities, domains, address rules, revision mode, traffic, Dapr and secrets stay: a PUT without them takes
    them away (facts §3.2). `values` are the values of the app's secrets, which the document itself does not show.
    """
    if present is None:
        return wanted
    before = present["properties"].get("configuration") or {}
    ours = wanted["properties"]["configuration"]
    ingress = {"ingress": {**_set(before.get("ingress") or {}), **ours["ingress"]}} if ours["ingress"] else {}
    configuration = {**_set(before), **ours, **ingress}
    configuration["activeRevisionsMode"] = before.get("activeRevisionsMode") or ours["activeRevisionsMode"]
    named = {entry["name"] for entry in ours["secrets"]}
    others = [entry for entry in before.get("secrets") or [] if entry["name"] not in named]
    configuration["secrets"] = ours["secrets"] + [
        _set(entry) if entry.get("keyVaultUrl") else {"name": entry["name"], "value": values.get(entry["name"], "")}
        for entry in others
    ]
    configuration["registries"] = _registries(before, ours)
    kept = {"identity": _identity(present, wanted)} if present.get("identity") else {}
    tags = {name: value for name, value in (present.get("tags") or {}).items() if name not in documents.MARKS}
    return {
        **wanted, **kept, "tags": {**tags, **(wanted.get("tags") or {})},
        "properties": {**wanted["properties"], "configuration": configuration},
    }  # fmt: skip


def _registries(before: Document, ours: Document) -> list[Document]:
    """Ours, and those of other servers that somebody has added."""
    own = ours.get("registries") or []
    servers = {entry["server"].lower() for entry in own}
    return own + [_set(each) for each in before.get("registries") or [] if each["server"].lower() not in servers]


def _identity(present: Document, wanted: Document) -> Document:
    """The app's identities by what a PUT takes: the platform's own fields left out, ours added."""
    kinds = {
        kind.strip()
        for each in (present, wanted)
        for kind in str((each.get("identity") or {}).get("type") or "None").split(",")
    } - {"None"}
    users = {
        id_.lower(): id_
        for each in (wanted, present)
        for id_ in (each.get("identity") or {}).get("userAssignedIdentities") or {}
    }.values()
    return {
        "type": ",".join(sorted(kinds)) or "None",
        **({"userAssignedIdentities": {id_: {} for id_ in users}} if users else {}),
    }


def _set(part: Document) -> Document:
    return {name: value for name, value in part.items() if value is not None and name != "fqdn"}


def _probes(hosting: Hosting) -> list[dict[str, Any]]:
    """What was asked for; of a cell, those of its runner for the kinds that were not."""
    asked = hosting_document.probes(hosting.probes, hosting.target_port or (0 if hosting.image else PORT))
    kinds = {each["type"] for each in asked}
    return asked if hosting.image else [*(each for each in _runner_probes() if each["type"] not in kinds), *asked]


def _runner_probes() -> list[dict[str, Any]]:
    """Startup waits for the import and the `enter` hooks, as long as Azure's own default does: 240 tries."""

    def probe(kind: str, path: str, **timing: int) -> dict[str, Any]:
        return {"type": kind, "httpGet": {"path": f"/_aca/health/{path}", "port": PORT, "scheme": "HTTP"}, **timing}

    return [
        probe("Startup", "startup", periodSeconds=1, timeoutSeconds=3, failureThreshold=240),
        probe("Readiness", "ready", periodSeconds=5, timeoutSeconds=3, failureThreshold=3),
        probe("Liveness", "live", periodSeconds=10, timeoutSeconds=5, failureThreshold=3),
    ]


@dataclass(frozen=True, slots=True)
class Mark:
    """Whose deployment it is: `deployment` is how it knows its own."""

    owner: str
    deployment: str
    example: str = ""


def deployment_tags(plan: DeployPlan, options: DeployOptions, mark: Mark) -> dict[str, str]:
    """The tags as they are written."""
    written = documents.write_tags(tags(plan, options, mark.owner, mark.example))
    return {**written, documents.DEPLOYMENT: mark.deployment}

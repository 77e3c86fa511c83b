"""Resource Manager documents as our values. Open dictionaries end here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.clock import format_instant, parse_instant
from aca_notebook.model.app import AppState, Tags
from aca_notebook.model.gpu import find_profile_type
from aca_notebook.model.ids import parse_id
from aca_notebook.model.quantities import parse_memory
from aca_notebook.model.revision import ContainerState, ReplicaState, RevisionState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from aca_notebook.azure.target import Target
    from aca_notebook.model.gpu import WorkloadProfileType

Document = dict[str, Any]

#: What a tag's value may hold.
TAG_LENGTH = 256

#: Tag names on the Azure resource; they are the record, there is no other.
_MARK = "aca-notebook-"
OWNER, NOTEBOOK, CELL, DIGEST, SETTINGS = (_MARK + name for name in ("owner", "notebook", "cell", "digest", "settings"))
EXPIRES, FUNCTIONS, PUBLIC, EXAMPLE, DEPLOYMENT = (
    _MARK + name for name in ("expires", "functions", "public", "example", "deployment")
)
#: On what a set-up has made: the environment it was made for. And on an environment: the identity, in its group, that
#: pulls images for the apps in it.
SETUP, PULLER = _MARK + "setup", _MARK + "pull-identity"

MARKS = (OWNER, NOTEBOOK, CELL, DIGEST, SETTINGS, EXPIRES, FUNCTIONS, PUBLIC, EXAMPLE, DEPLOYMENT)
#: What the platform tells, and no write takes.
_READ_ONLY = frozenset({"imageType", "fqdn"})


def writable(part: Document) -> Document:
    """Return a part of a document that was read (a container, an ingress, a registry) as a write takes it."""
    return {name: value for name, value in part.items() if value is not None and name not in _READ_ONLY}


def read_app(document: Document, target: Target, profiles: Mapping[str, WorkloadProfileType]) -> AppState:
    """Read a container app; `profiles` are the environment's, by name."""
    properties = _part(document, "properties")
    template = _part(properties, "template")
    ingress = _part(_part(properties, "configuration"), "ingress")
    scale = _part(template, "scale")
    container = (template.get("containers") or [{}])[0]
    resources = _part(container, "resources")
    profile_name = properties.get("workloadProfileName") or ""
    profile = next((each for name, each in profiles.items() if name.lower() == profile_name.lower()), None)
    environment = properties.get("environmentId") or properties.get("managedEnvironmentId") or ""
    stamps = _part(document, "systemData")
    return AppState(
        id=parse_id(document["id"]),
        location=document.get("location") or "",
        url=target.app_url(ingress.get("fqdn") or ""),
        environment=parse_id(environment).name if environment else "",
        provisioning_state=properties.get("provisioningState") or "",
        running_status=properties.get("runningStatus") or "",
        latest_revision=properties.get("latestRevisionName") or "",
        latest_ready_revision=properties.get("latestReadyRevisionName") or "",
        image=container.get("image") or "",
        workload_profile=profile_name,
        gpu=profile.gpu_model if profile else "",
        gpus=profile.gpus if profile else 0,
        cpu_cores=float(resources.get("cpu") or 0.0),
        memory_bytes=parse_memory(resources["memory"]) if resources.get("memory") else 0,
        min_replicas=int(scale.get("minReplicas") or 0),
        max_replicas=int(scale.get("maxReplicas") or 0),
        cooldown_seconds=float(scale.get("cooldownPeriod") or 300),
        concurrency=_concurrency(scale),
        created_at=_moment(stamps.get("createdAt")),
        modified_at=_moment(stamps.get("lastModifiedAt")),
        tags=read_tags(document.get("tags") or {}),
        expiry_enforced=target.enforces_expiry,
        charges=target.charges,
    )


def read_tags(tags: Mapping[str, str]) -> Tags:
    """Read our tags; foreign ones are left alone."""
    return Tags(
        owner=tags.get(OWNER, ""),
        notebook=tags.get(NOTEBOOK, ""),
        cell=tags.get(CELL, ""),
        digest=tags.get(DIGEST, ""),
        settings=tags.get(SETTINGS, ""),
        expires_at=_moment(tags.get(EXPIRES)),
        functions=tuple(name for name in tags.get(FUNCTIONS, "").split(",") if name),
        public=tags.get(PUBLIC) == "true",
        example=tags.get(EXAMPLE, ""),
    )


def write_tags(tags: Tags) -> dict[str, str]:
    """Write our tags; empty ones are left out."""
    written = {
        OWNER: tags.owner,
        NOTEBOOK: tags.notebook,
        CELL: tags.cell,
        DIGEST: tags.digest,
        SETTINGS: tags.settings,
        EXPIRES: format_instant(tags.expires_at) if tags.expires_at else "",
        FUNCTIONS: _fitting(tags.functions),
        PUBLIC: "true" if tags.public else "",
        EXAMPLE: tags.example if len(tags.example) <= TAG_LENGTH else "",
    }
    return {name: value[:TAG_LENGTH] for name, value in written.items() if value}


def read_revision(document: Document) -> RevisionState:
    """Read one revision."""
    properties = _part(document, "properties")
    container = (_part(properties, "template").get("containers") or [{}])[0]
    resources = _part(container, "resources")
    return RevisionState(
        name=document.get("name") or "",
        created_at=_moment(properties.get("createdTime")),
        active=bool(properties.get("active")),
        traffic_percent=int(properties.get("trafficWeight") or 0),
        replicas=int(properties.get("replicas") or 0),
        provisioning_state=properties.get("provisioningState") or "",
        health_state=properties.get("healthState") or "",
        running_state=properties.get("runningState") or "",
        image=container.get("image") or "",
        fqdn=properties.get("fqdn") or "",
        cpu_cores=float(resources.get("cpu") or 0.0),
        memory_bytes=parse_memory(resources["memory"]) if resources.get("memory") else 0,
        min_replicas=int(_part(_part(properties, "template"), "scale").get("minReplicas") or 0),
    )


def read_replica(document: Document) -> ReplicaState:
    """Read one replica and its containers."""
    properties = _part(document, "properties")
    return ReplicaState(
        name=document.get("name") or "",
        created_at=_moment(properties.get("createdTime")),
        running_state=properties.get("runningState") or "",
        details=properties.get("runningStateDetails") or "",
        containers=tuple(_container(entry) for entry in properties.get("containers") or ()),
    )


def _container(entry: Document) -> ContainerState:
    return ContainerState(
        name=entry.get("name") or "",
        ready=bool(entry.get("ready")),
        started=bool(entry.get("started")),
        restart_count=int(entry.get("restartCount") or 0),
        running_state=entry.get("runningState") or "",
        details=entry.get("runningStateDetails") or "",
        log_stream_endpoint=entry.get("logStreamEndpoint") or "",
    )


def read_profiles(environment: Document) -> dict[str, WorkloadProfileType]:
    """Return an environment's workload profiles that the catalogue knows, by name."""
    found = {}
    for entry in _part(environment, "properties").get("workloadProfiles") or ():
        profile = find_profile_type(entry.get("workloadProfileType") or "")
        if profile is not None:
            found[str(entry.get("name") or profile.name)] = profile
    return found


def _concurrency(scale: Document) -> int:
    for rule in scale.get("rules") or ():
        metadata = _part(_part(rule, "http"), "metadata")
        if metadata.get("concurrentRequests"):
            return int(metadata["concurrentRequests"])
    return 10  # Azure's default rule (facts §3.8)


def _part(document: Document, name: str) -> Document:
    return document.get(name) or {}


def _moment(text: str | None) -> datetime | None:
    try:
        return parse_instant(text) if text else None
    except ValueError:
        return None


def _fitting(names: tuple[str, ...], limit: int = TAG_LENGTH) -> str:
    kept: list[str] = []
    for name in names:
        if len(",".join((*kept, name))) > limit:
            break
        kept.append(name)
    return ",".join(kept)

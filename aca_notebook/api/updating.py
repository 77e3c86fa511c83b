"""Changing an app that runs, as `az containerapp update` does: what is said changes, the rest stays."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from aca_notebook.api import hosting_document
from aca_notebook.api.placing import Place, placed
from aca_notebook.api.pull_rights import let_in
from aca_notebook.azure import documents
from aca_notebook.errors import UsageFailed
from aca_notebook.model.hosting import Hosting
from aca_notebook.model.hosting_rules import change_problem
from aca_notebook.model.quantities import GIB, format_memory

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aca_notebook.api.access import Access
    from aca_notebook.azure.documents import Document
    from aca_notebook.azure.target import Target
    from aca_notebook.model.gpu import WorkloadProfileType

_REFERENCE = "secretref:"


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to change; None, zero and empty stay as they are.

    `set_env` adds or changes variables, `replace_env` puts its own in the place of all, `remove_env` names those that
    go; a value `secretref:NAME` reads a secret. Of `hosting` everything that is said counts.
    """

    hosting: Hosting = field(default_factory=Hosting)
    gpu: str = ""
    gpu_count: int = 0
    cpu: float = 0.0
    memory: str = ""
    min_replicas: int | None = None
    max_replicas: int | None = None
    set_env: Mapping[str, str] = field(default_factory=dict)
    remove_env: tuple[str, ...] = ()
    replace_env: Mapping[str, str] | None = None


async def update(access: Access, name: str, changes: Changes) -> tuple[str, ...]:
    """Change an app; returns when the platform has taken it, with notes on what was meant.

    Raises `UsageFailed` before anything is sent for what cannot be, and the errors of `faults`.
    """
    document = await access.ask(lambda services: services.apps.document(name))
    profiles: Mapping[str, WorkloadProfileType] = {}
    if changes.gpu or changes.gpu_count or changes.hosting.workload_profile or changes.hosting.workload_profile_type:
        profiles = await access.ask(lambda services: services.environments.profiles())
    place = place_of(document, changes, profiles)
    body = patch(document, changes, access.target, place)
    if place is not None and place.added:
        await access.ask(lambda services: services.environments.add_profile(place.profile))
    if changes.hosting.registry_identity == "system":
        await _let_pull(access, name, body, document)
    await access.ask(lambda services: services.apps.patch(name, body))
    return place.notes if place else ()


async def _let_pull(access: Access, name: str, body: Document, document: Document) -> None:
    """Give the app an identity of its own, where it has none, and that the right to pull, before it is to use it."""

    async def identify() -> Document:
        await access.ask(lambda services: services.apps.patch(name, {"identity": body["identity"]}))
        return await access.ask(lambda services: services.apps.document(name))

    server = body["properties"]["configuration"]["registries"][-1]["server"]
    await let_in(access, server, document, identify)


def place_of(document: Document, changes: Changes, profiles: Mapping[str, WorkloadProfileType]) -> Place | None:
    """Where the app moves to; None when it stays. A number of GPUs alone is of the kind that it has."""
    if not profiles:
        return None
    name = str(document["properties"].get("workloadProfileName") or "").lower()
    present = next((profile for known, profile in profiles.items() if known.lower() == name), None)
    gpu = changes.gpu or (present.gpu_model if present is not None and changes.gpu_count else "")
    place = placed(gpu, changes.gpu_count, changes.hosting, profiles)
    return None if place.name.lower() == name else place


def patch(document: Document, changes: Changes, target: Target, place: Place | None = None) -> Document:
    """Return the body of the PATCH (JSON Merge Patch: arrays are replaced as a whole). Pure.

    Raises `UsageFailed` for changes that say nothing, and for what cannot be.
    """
    hosting = _with_server(document, changes.hosting)
    changes = replace(changes, hosting=hosting)
    _check(document, changes)
    parts = {"configuration": _configuration(document, hosting), "template": _template(document, changes, place)}
    properties: Document = {name: part for name, part in parts.items() if part}
    if place is not None:
        properties["workloadProfileName"] = place.name
    identity = _identity(document, hosting, target)
    if not (properties or identity or hosting.tags):
        raise UsageFailed("nothing was said to change", code="UsageError", hint="%aca update --help shows what can be")
    tags: dict[str, Any] = dict(hosting.tags)
    if documents.SETTINGS in (document.get("tags") or {}):
        tags[documents.SETTINGS] = None  # the cell's own settings are no longer what runs: a deploy is to send them
    return {
        **({"properties": properties} if properties else {}),
        **({"identity": identity} if identity else {}),
        **({"tags": tags} if tags else {}),
    }


def _template(document: Document, changes: Changes, place: Place | None) -> Document:
    hosting = changes.hosting
    containers, scale = _containers(document, changes, place), _scale(changes)
    ending = hosting.termination_grace_period
    said: Document = {
        **({"containers": containers} if containers else {}),
        **({"scale": scale} if scale else {}),
        **({"terminationGracePeriodSeconds": ending} if ending else {}),
    }
    # null: a suffix that stays would be the name of the revision that is there (source of az)
    return {**said, "revisionSuffix": hosting.revision_suffix or None} if said or hosting.revision_suffix else {}


def _check(document: Document, changes: Changes) -> None:
    found = change_problem(changes.hosting)
    if found is not None:
        raise UsageFailed(found.message, code=found.code, detail=found.detail, hint=found.hint)
    configuration = document["properties"].get("configuration") or {}
    there = {each["name"] for each in configuration.get("secrets") or ()}
    asked = (*(changes.replace_env or {}).values(), *changes.set_env.values())
    named = [value.removeprefix(_REFERENCE) for value in asked if value.startswith(_REFERENCE)]
    missing = sorted({*named, *changes.hosting.secret_names} - there)
    if missing:
        raise UsageFailed(
            f"{document['name']!r} has no secret {missing[0]!r}", code="ContainerAppSecretRefNotFound",
            hint=f"%aca secret set {missing[0]} --app {document['name']}",
        )  # fmt: skip


def _containers(document: Document, changes: Changes, place: Place | None) -> list[Document]:
    """Every container, the one that is meant changed; none when nothing about it was said."""
    hosting = changes.hosting
    touched = (
        hosting.image, hosting.command, hosting.args, hosting.probes, changes.cpu, changes.memory, changes.set_env,
        changes.remove_env, changes.replace_env is not None, place is not None and place.profile.gpus,
    )  # fmt: skip
    if not any(touched):
        return []
    present = document["properties"]["template"]["containers"]
    name = hosting.container_name or present[0]["name"]
    if len(present) > 1 and not hosting.container_name:
        raise UsageFailed(
            f"{document['name']!r} has {len(present)} containers", code="UsageError",
            detail=", ".join(each["name"] for each in present), hint="say which: --container-name NAME",
        )  # fmt: skip
    if all(each["name"] != name for each in present):
        raise UsageFailed(
            f"{document['name']!r} has no container {name!r}", code="UsageError",
            hint=f"it has {', '.join(each['name'] for each in present)}",
        )  # fmt: skip
    port = ((document["properties"].get("configuration") or {}).get("ingress") or {}).get("targetPort") or 0
    return [
        _container(part, changes, place, hosting.target_port or port) if part["name"] == name else part
        for part in map(documents.writable, present)
    ]


def _container(present: Document, changes: Changes, place: Place | None, port: int) -> Document:
    hosting = changes.hosting
    probes = hosting_document.probes(hosting.probes, port)
    kinds = {each["type"] for each in probes}
    kept = [each for each in present.get("probes") or () if each["type"] not in kinds]
    said: Document = {
        "image": hosting.image, "command": list(hosting.command), "args": list(hosting.args),
        "resources": _resources(present.get("resources") or {}, changes, place),
    }  # fmt: skip
    changed = {**present, **{name: value for name, value in said.items() if value}}
    if probes:
        changed["probes"] = [*kept, *probes]
    changed["env"] = variables(present.get("env") or (), changes)
    return changed


def _resources(present: Document, changes: Changes, place: Place | None) -> Document:
    """What was asked for; of a GPU's profile the whole machine, for that is what is paid."""
    machine: Document = {}
    if place is not None and place.profile.gpus:
        memory = format_memory(place.profile.memory_gib * GIB)
        machine = {"cpu": float(place.profile.cores), "memory": memory}
    kept = {name: value for name, value in present.items() if name in {"cpu", "memory"}}
    asked = {name: value for name, value in (("cpu", changes.cpu), ("memory", changes.memory)) if value}
    return {**kept, **machine, **asked}


def variables(present: Iterable[Document], changes: Changes) -> list[Document]:
    """Return an app's variables with the changes: those that stay keep their place, new ones come last."""
    kept = {} if changes.replace_env is not None else {each["name"]: _variable_of(each) for each in present}
    kept |= {name: _variable(name, value) for name, value in (changes.replace_env or {}).items()}
    kept |= {name: _variable(name, value) for name, value in changes.set_env.items()}
    return [value for name, value in kept.items() if name not in changes.remove_env]


def _variable(name: str, value: str) -> Document:
    if value.startswith(_REFERENCE):
        return {"name": name, "secretRef": value.removeprefix(_REFERENCE)}
    return {"name": name, "value": value}


def _variable_of(each: Document) -> Document:
    """A variable as it was read: an empty value is not answered by the platform, and must be written (source of az)."""
    return dict(each) if each.get("secretRef") else {"name": each["name"], "value": each.get("value") or ""}


def _scale(changes: Changes) -> Document:
    rule = changes.hosting.scale_rule
    return {
        **({"minReplicas": changes.min_replicas} if changes.min_replicas is not None else {}),
        **({"maxReplicas": changes.max_replicas} if changes.max_replicas is not None else {}),
        **({"rules": [hosting_document.rule(rule)]} if rule else {}),
    }


def _configuration(document: Document, hosting: Hosting) -> Document:
    present = document["properties"].get("configuration") or {}
    ingress: Document = {
        **({"external": hosting.ingress == "external"} if hosting.ingress else {}),
        **({"targetPort": hosting.target_port} if hosting.target_port else {}),
        **({"transport": hosting.transport} if hosting.transport else {}),
        **({"exposedPort": hosting.exposed_port} if hosting.exposed_port else {}),
        **({"allowInsecure": hosting.allow_insecure} if hosting.allow_insecure is not None else {}),
    }
    if ingress and not hosting.ingress and not present.get("ingress"):
        raise UsageFailed(
            f"{document['name']!r} has no ingress", code="IngressMissing", hint="add --ingress external or internal"
        )
    registry = {"server": hosting.registry_server, "identity": hosting.registry_identity}
    others = [
        documents.writable(each) for each in present.get("registries") or ()
        if each["server"].lower() != hosting.registry_server.lower()
    ]  # fmt: skip
    return {
        **({"ingress": ingress} if ingress else {}),
        **({"dapr": hosting_document.dapr(hosting.dapr)} if hosting.dapr else {}),
        **({"activeRevisionsMode": hosting.revisions_mode.capitalize()} if hosting.revisions_mode else {}),
        **({"registries": [*others, registry]} if hosting.registry_server else {}),
    }


def _with_server(document: Document, hosting: Hosting) -> Hosting:
    """An identity alone is for the registry that the app's image is in, or for the only one that the app has."""
    if hosting.registry_server or not hosting.registry_identity:
        return hosting
    properties = document["properties"]
    servers = [each["server"] for each in (properties.get("configuration") or {}).get("registries") or ()]
    image = hosting.image or str(properties["template"]["containers"][0].get("image") or "")
    of_image = [each for each in servers if image.lower().startswith(f"{each.lower()}/")]
    found = of_image or ([] if hosting.image else servers)
    return replace(hosting, registry_server=found[0]) if len(found) == 1 else hosting


def _identity(document: Document, hosting: Hosting, target: Target) -> Document | None:
    """The identities the app has and those that were asked for; nothing when none was."""
    asked = hosting_document.identity(hosting, target, system=False)
    if asked is None:
        return None
    present = document.get("identity") or {}
    kinds = {
        kind.strip() for each in (present, asked) for kind in str(each.get("type") or "None").split(",")
    } - {"None"}  # fmt: skip
    users: Document = {
        id_: {} for each in (present, asked) for id_ in each.get("userAssignedIdentities") or ()
    }  # fmt: skip
    return {"type": ",".join(sorted(kinds)), **({"userAssignedIdentities": users} if users else {})}

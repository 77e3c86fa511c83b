"""How a resource's states move, and when an app's write makes a revision: values in, values out."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any

from aca_notebook.clock import format_seconds
from aca_notebook.model.ids import ResourceId, parse_id
from aca_notebook.model.states import ProvisioningState, RevisionProvisioningState, RunningStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

Document = dict[str, Any]
DEFAULT_COOLDOWN_SECONDS = 300
DEFAULT_POLLING_SECONDS = 30


def with_state(document: Document, state: ProvisioningState) -> Document:
    """Return the document in another provisioning state."""
    changed = copy.deepcopy(document)
    changed["properties"]["provisioningState"] = str(state)
    return changed


def succeeded(document: Document) -> Document:
    """Return the document as it stands after its operation came to its end."""
    changed = with_state(document, ProvisioningState.SUCCEEDED)
    changed["properties"].pop("deploymentErrors", None)
    return changed


def failed(document: Document, message: str) -> Document:
    """Return the document as it stands after its operation failed; apps say why (recorded: app_failed_registry_msi)."""
    changed = with_state(document, ProvisioningState.FAILED)
    if "latestRevisionName" in changed["properties"]:
        changed["properties"]["deploymentErrors"] = message
    return changed


def with_running_status(document: Document, status: RunningStatus) -> Document:
    """Return an app's document with another running status."""
    changed = copy.deepcopy(document)
    changed["properties"]["runningStatus"] = str(status)
    return changed


def needs_revision(before: Document | None, after: Document, latest: Document | None) -> bool:
    """Tell whether a write to an app makes a new revision.

    Anything under `template` does, configuration does not (facts §3.5). A latest revision that failed is tried again
    as a new one: revisions do not change.
    """
    if before is None or latest is None:
        return True
    if before["properties"]["template"] != after["properties"]["template"]:
        return True
    return bool(latest["properties"]["provisioningState"] == RevisionProvisioningState.FAILED)


def revision_name(app: str, suffix: str, existing: Iterable[str], drawn: str) -> str:
    """Return the name of the next revision.

    With a suffix that; else for the first `drawn` (seven letters or digits), and then 0000001, 0000002 … (facts §3.4).
    """
    if suffix:
        return f"{app}--{suffix}"
    taken = [name.removeprefix(f"{app}--") for name in existing]
    if not taken:
        return f"{app}--{drawn}"
    numbers = [int(tail) for tail in taken if re.fullmatch(r"\d{7}", tail)]
    return f"{app}--{max(numbers, default=0) + 1:07d}"


def revision_document(app: ResourceId, name: str, template: Document, now: datetime) -> Document:
    """Return a new revision's document: active, and still to be proved."""
    return {
        "id": str(app.child("revisions", name)),
        "name": name,
        "type": "Microsoft.App/containerapps/revisions",
        "properties": {
            "createdTime": format_seconds(now),
            "template": _revision_template(template),
            "active": True,
            "provisioningState": str(RevisionProvisioningState.PROVISIONING),
        },
    }


def revision_ready(app: Document, revisions: Sequence[Document], name: str) -> tuple[Document, list[Document]]:
    """Return the app and those of its revisions that change when revision `name` has passed its probes.

    In Single mode the others are deactivated. In Labels mode a new one takes over the app's target label; what a label
    names is activated, what none does is deactivated (documented: deployment labels). Inactive ones beyond
    `maxInactiveRevisions` are not counted here.
    """
    ready_app = succeeded(app)
    ready_app["properties"]["latestReadyRevisionName"] = name
    wanted = _wanted(ready_app["properties"]["configuration"], revisions, name)
    changed = []
    for revision in revisions:
        active = wanted.get(revision["name"], revision["properties"]["active"])
        if revision["name"] == name:
            changed.append(with_revision(revision, state=RevisionProvisioningState.PROVISIONED))
        elif active != revision["properties"]["active"]:
            changed.append(with_revision(revision, active=active))
    return ready_app, changed


def _wanted(configuration: Document, revisions: Sequence[Document], name: str) -> dict[str, bool]:
    """Return which revisions are to be active, all or none of them, and move the target label."""
    mode, ingress = configuration["activeRevisionsMode"], configuration["ingress"]
    if mode == "Single":
        return {revision["name"]: False for revision in revisions}
    if mode != "Labels" or not ingress:
        return {}
    settled = RevisionProvisioningState.PROVISIONED
    if any(each["name"] == name and each["properties"]["provisioningState"] != settled for each in revisions):
        ingress = configuration["ingress"] = ingress | {
            "traffic": relabelled(ingress["traffic"], configuration["targetLabel"], name)
        }
    labelled = {each.get("revisionName") or name for each in ingress["traffic"] if each.get("label")}
    return {revision["name"]: revision["name"] in labelled for revision in revisions} if labelled else {}


def relabelled(traffic: Sequence[Document], label: str, revision: str) -> list[Document]:
    """Return traffic entries in which a label stands for a revision, with the share that it had; a new one has none.

    Without a label nothing changes. An entry for whatever is latest gets the label if no other has one.
    """
    if not label:
        return list(traffic)
    folded = label.lower()
    held = next((each for each in traffic if str(each.get("label", "")).lower() == folded), None)
    if held is None and not any(each.get("label") for each in traffic):
        held = next((each for each in traffic if each.get("latestRevision")), None)
    entry = {"revisionName": revision, "weight": held["weight"] if held else 0, "label": label}
    return [entry if each is held else each for each in traffic] + ([] if held else [entry])


def with_revision(
    revision: Document, *, active: bool | None = None, state: RevisionProvisioningState | None = None
) -> Document:
    """Return a revision's document with another activity or provisioning state."""
    changed = copy.deepcopy(revision)
    if active is not None:
        changed["properties"]["active"] = active
    if state is not None:
        changed["properties"]["provisioningState"] = str(state)
    return changed


def surplus_revisions(app: Document, revisions: Sequence[Document]) -> list[Document]:
    """Return the oldest inactive revisions beyond `maxInactiveRevisions` (100 unless the app says otherwise)."""
    limit = app["properties"]["configuration"].get("maxInactiveRevisions")
    inactive = [each for each in in_order(revisions) if not each["properties"]["active"]]
    inactive = [each for each in inactive if each["name"] != app["properties"]["latestRevisionName"]]
    return inactive[: max(0, len(inactive) - (100 if limit is None else limit))]


def in_order(revisions: Iterable[Document]) -> list[Document]:
    """Return revisions oldest first; those of one second in the order of their numbers."""
    return sorted(revisions, key=lambda each: (each["properties"]["createdTime"], _number(each["name"])))


def traffic_of(app: Document, revision: str) -> int:
    """Return the percent of traffic a revision is given by name or as the latest that is ready."""
    properties = app["properties"]
    ingress = properties["configuration"].get("ingress") or {}
    latest = properties.get("latestReadyRevisionName") or properties.get("latestRevisionName")
    return sum(
        int(entry.get("weight") or 0)
        for entry in ingress.get("traffic") or ()
        if entry.get("revisionName") == revision or (entry.get("latestRevision") and revision == latest)
    )


def app_id_of(document: Document) -> ResourceId:
    """Return an app's id: Azure spells the type in lower case in the body (facts §0.1)."""
    return parse_id(document["id"])


def _number(name: str) -> int:
    tail = name.rpartition("--")[2]
    return int(tail) if re.fullmatch(r"\d{7}", tail) else 0


def _revision_template(template: Document) -> Document:
    """Return a template as revisions show it: only what was asked for, and always a list of a container's probes."""
    shown = copy.deepcopy(template)
    shown["revisionSuffix"] = shown.get("revisionSuffix") or None
    for container in (*(shown.get("containers") or ()), *(shown.get("initContainers") or ())):
        container.pop("imageType", None)
        container["resources"].pop("ephemeralStorage", None)
    for container in shown.get("containers") or ():
        container.setdefault("probes", [])  # those that run first and end have none in the API's description
    scale = shown["scale"]
    for field, default in (
        ("cooldownPeriod", DEFAULT_COOLDOWN_SECONDS), ("pollingInterval", DEFAULT_POLLING_SECONDS),
    ):  # fmt: skip
        scale[field] = None if scale[field] == default else scale[field]
    return shown

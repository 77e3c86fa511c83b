"""Calls of Resource Manager as the lines of `az` that do the same. Pure.

Made from the calls themselves, so that a line cannot say another thing than what is sent: a noun that has a command of
`az` gets it, everything else is `az rest`, which says exactly the call. Values of secrets are variables of the shell.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from aca_notebook.model.app_export import writable
from aca_notebook.model.az_create import (
    create_lines,
    dapr_flags,
    marked,
    quoted,
    rule_flags,
    shell_word,
    with_variables,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aca_notebook.model.wire_call import WireCall

Document = dict[str, Any]
_GROUP = r"/subscriptions/(?P<subscription>[^/]+)/resource[gG]roups/(?P<group>[^/]+)"
_APP = rf"{_GROUP}/providers/Microsoft\.App/containerApps/(?P<app>[^/]+)"


@dataclass(frozen=True, slots=True)
class _Asked:
    """One write, with the names in its path and the resource as it was read before it."""

    call: WireCall
    names: Mapping[str, str]
    before: Document

    @property
    def on(self) -> list[str]:
        """Which app, in flags."""
        return ["-n", self.names["app"], "-g", self.names["group"]]


def az_lines(calls: Sequence[WireCall]) -> list[str]:
    """Return the lines for every write among the calls, in order; reads say what was there before."""
    return [line for index, call in enumerate(calls) if call.writes for line in _lines(call, calls[:index])]


def _lines(call: WireCall, earlier: Sequence[WireCall]) -> list[str]:
    for method, pattern, write in _TABLE:
        found = re.fullmatch(pattern, call.path, re.IGNORECASE) if method == call.method else None
        if found is None:
            continue
        lines = write(_Asked(call, found.groupdict(), _before(call.path, earlier)))
        if lines is not None:
            return lines
    return [_rest(call)]


def _before(path: str, earlier: Sequence[WireCall]) -> Document:
    """The resource as it was last read, with the values of its secrets where those were read too."""
    reads = [call for call in earlier if not call.writes and isinstance(call.answer, dict)]
    found: Document = next((call.answer for call in reversed(reads) if call.path.lower() == path.lower()), {})
    values: Document = next(
        (call.answer for call in reversed(reads) if call.path.lower() == f"{path}/listSecrets".lower()), {}
    )
    return {**found, "secret values": {each["name"]: each.get("value") for each in values.get("value") or ()}}


def _rest(call: WireCall) -> str:
    words = ["az", "rest", "--method", call.method.lower(), "--url", f"{call.path}?api-version={call.api_version}"]
    if call.body is not None:
        words += ["--body", marked(json.dumps(with_variables(call.body, shell_word)))]
    return _line(words)


def _line(words: Sequence[object]) -> str:
    return " ".join(quoted(word) for word in words)


def _put_app(asked: _Asked) -> list[str]:
    named = {**asked.call.body, "name": asked.names["app"], "id": asked.call.path}
    return create_lines(named, writable(named))


def _delete_app(asked: _Asked) -> list[str]:
    return [_line(["az", "containerapp", "delete", *asked.on, "--yes"])]


def _revision(asked: _Asked) -> list[str]:
    action, revision = asked.names["action"].lower(), asked.names["revision"]
    return [_line(["az", "containerapp", "revision", action, *asked.on, "--revision", revision])]


def _patch_app(asked: _Asked) -> list[str] | None:
    """What `az` has commands for, by what is in the body; tags that go have none, and are said by themselves."""
    body = {name: part for name, part in asked.call.body.items() if part}
    tags = body.pop("tags", {})
    properties, identity = body.pop("properties", {}), body.pop("identity", {})
    if body:
        return None
    changed = _patch_properties(asked, properties) if properties else []
    return None if changed is None else [*_identities(asked, identity), *changed, *_tags(asked, tags)]


def _identities(asked: _Asked, wanted: Document) -> list[str]:
    """The identities that an app is given and had not."""
    had = asked.before.get("identity") or {}
    own = "SystemAssigned" in str(wanted.get("type")) and "SystemAssigned" not in str(had.get("type"))
    known = {each.lower() for each in had.get("userAssignedIdentities") or ()}
    users = [each for each in wanted.get("userAssignedIdentities") or () if each.lower() not in known]
    flags = ["--system-assigned"] * own + (["--user-assigned", *users] if users else [])
    return [_line(["az", "containerapp", "identity", "assign", *asked.on, *flags])] if flags else []


def _tags(asked: _Asked, tags: Mapping[str, str | None]) -> list[str]:
    gone = {name: None for name, value in tags.items() if value is None}
    kept = [f"{name}={value}" for name, value in tags.items() if value is not None]
    lines = [_line(["az", "containerapp", "update", *asked.on, "--tags", *kept])] if kept else []
    return [*lines, _rest(replace(asked.call, body={"tags": gone}))] if gone else lines


def _patch_properties(asked: _Asked, properties: Document) -> list[str] | None:
    """The lines for one part of an app, or for its template on another profile; None where flags cannot say it."""
    known = dict(properties)
    template, profile = known.pop("template", None), known.pop("workloadProfileName", None)
    configuration = known.pop("configuration", None)
    if known:
        return None
    lines = _patch_configuration(asked, configuration) if configuration else []
    if lines is None or not (template or profile):
        return lines
    moved = _patch_template(asked, template or {}, ["--workload-profile-name", profile] if profile else [])
    return None if moved is None else [*lines, *moved]


def _patch_configuration(asked: _Asked, configuration: Document) -> list[str] | None:
    if set(configuration) == {"secrets"}:
        return _secrets(asked, configuration["secrets"])
    if set(configuration) == {"activeRevisionsMode"}:
        mode = configuration["activeRevisionsMode"].lower()
        return [_line(["az", "containerapp", "revision", "set-mode", *asked.on, "--mode", mode])]
    if set(configuration) == {"dapr"} and configuration["dapr"].get("enabled"):
        return [_line(["az", "containerapp", "dapr", "enable", *asked.on, *dapr_flags(configuration["dapr"])])]
    if set(configuration) == {"ingress"} and set(configuration["ingress"]) == {"traffic"}:
        weights = [_weight(each) for each in configuration["ingress"]["traffic"]]
        if None not in weights:
            return [
                _line(["az", "containerapp", "ingress", "traffic", "set", *asked.on, "--revision-weight", *weights])
            ]
    return None


def _weight(entry: Document) -> str | None:
    if entry.get("label"):
        return None
    name = "latest" if entry.get("latestRevision") else entry["revisionName"]
    return f"{name}={entry.get('weight', 0)}"


def _secrets(asked: _Asked, wanted: Sequence[Document]) -> list[str] | None:
    """Set what is new or other than before, remove what is missing."""
    properties = asked.before.get("properties") or {}
    present = [each["name"] for each in (properties.get("configuration") or {}).get("secrets") or ()]
    values = asked.before["secret values"]
    gone = [name for name in present if name not in {each["name"] for each in wanted}]
    changed = [
        each for each in wanted
        if each["name"] not in present or ("value" in each and values.get(each["name"]) != each["value"])
        or (each.get("keyVaultUrl") and each["name"] in present and each["name"] in values)
    ]  # fmt: skip
    lines = []
    if changed:
        said = [_secret(each) for each in changed]
        lines.append(_line(["az", "containerapp", "secret", "set", *asked.on, "--secrets", *said]))
    if gone:
        lines.append(_line(["az", "containerapp", "secret", "remove", *asked.on, "--secret-names", *gone]))
    return lines or None


def _secret(each: Document) -> str:
    if each.get("keyVaultUrl"):
        return f"{each['name']}=keyvaultref:{each['keyVaultUrl']},identityref:{each.get('identity') or 'system'}"
    return f"{each['name']}={shell_word(each['name'])}"


def _patch_template(asked: _Asked, template: Document, flags: Sequence[str] = ()) -> list[str] | None:
    """One `update`: image, size, variables, bounds of replicas, one rule, the suffix."""
    if not set(template) <= {"scale", "containers", "revisionSuffix", "terminationGracePeriodSeconds"}:
        return None
    scale = template.get("scale") or {}
    container = _container_flags(asked, template["containers"]) if template.get("containers") else []
    rules = scale.get("rules") or ()
    if container is None or len(rules) > 1 or not set(scale) <= {"minReplicas", "maxReplicas", "rules"}:
        return None
    words = ["az", "containerapp", "update", *asked.on, *flags, *container]
    for value, flag in (
        (scale.get("minReplicas"), "--min-replicas"), (scale.get("maxReplicas"), "--max-replicas"),
        (template.get("revisionSuffix"), "--revision-suffix"),
        (template.get("terminationGracePeriodSeconds"), "--termination-grace-period"),
    ):  # fmt: skip
        words += [flag, str(value)] if value is not None else []
    return [_line([*words, *(rule_flags(rules[0]) if rules else [])])]


def _container_flags(asked: _Asked, wanted: Sequence[Document]) -> list[str] | None:
    """How the one container differs from what it was; None where there are several, or flags cannot say it."""
    template = (asked.before.get("properties") or {}).get("template") or {}
    present: list[Document] = template.get("containers") or []
    if len(wanted) != 1 or len(present) != 1 or wanted[0]["name"] != present[0]["name"]:
        return None
    now, then = _said(wanted[0]), _said(present[0])
    differing = {name for name in {*now, *then} - {"imageType"} if now.get(name) != then.get(name)}
    if not differing <= {"image", "resources", "env", "command", "args"}:
        return None
    flags = ["--image", now["image"]] if "image" in differing else []
    if "resources" in differing:
        sizes, had = now["resources"], then.get("resources") or {}
        changed = [name for name in ("cpu", "memory") if name in sizes and sizes[name] != had.get(name)]
        flags += [word for name in changed for word in (f"--{name}", str(sizes[name]))]
    flags += _variable_flags(now.get("env") or (), then.get("env") or ()) if "env" in differing else []
    for name in ("command", "args"):
        flags += [f"--{name}", *now.get(name, [])] if name in differing else []
    return flags


def _said(container: Document) -> Document:
    return {name: part for name, part in container.items() if part}


def _variable_flags(now: Sequence[Document], then: Sequence[Document]) -> list[str]:
    before = {each["name"]: _variable(each) for each in then}
    after = {each["name"]: _variable(each) for each in now}
    said = [f"{name}={value}" for name, value in after.items() if before.get(name) != value]
    gone = [name for name in before if name not in after]
    flags = ["--set-env-vars", *said] if said else []
    return flags + (["--remove-env-vars", *gone] if gone else [])


def _variable(each: Document) -> str:
    return f"secretref:{each['secretRef']}" if each.get("secretRef") else each.get("value") or ""


def _profiles(asked: _Asked) -> list[str] | None:
    """The profiles that an environment is given and had not."""
    wanted = (asked.call.body.get("properties") or {}).get("workloadProfiles")
    if wanted is None or set(asked.call.body) != {"properties"} or not asked.before.get("properties"):
        return None
    had = {each["name"] for each in asked.before["properties"].get("workloadProfiles") or ()}
    on = ["-n", asked.names["environment"], "-g", asked.names["group"]]
    return [
        _line([
            "az", "containerapp", "env", "workload-profile", "add", *on, "--workload-profile-name", each["name"],
            "--workload-profile-type", each["workloadProfileType"],
            *(("--min-nodes", each["minimumCount"]) if each.get("minimumCount") is not None else ()),
            *(("--max-nodes", each["maximumCount"]) if each.get("maximumCount") is not None else ()),
        ])
        for each in wanted if each["name"] not in had
    ] or None  # fmt: skip


def _build(asked: _Asked) -> list[str] | None:
    """A build of a context that lies in a folder: what `%aca export --to dockerfile` writes."""
    images = asked.call.body.get("imageNames") or ()
    if asked.call.body.get("type") != "DockerBuildRequest" or not images:
        return None
    words = ["az", "acr", "build", "-r", asked.names["registry"], "-g", asked.names["group"]]
    return [_line([*words, *(word for each in images for word in ("-t", each)), images[0].partition(":")[0]])]


def _group(asked: _Asked) -> list[str]:
    return [_line(["az", "group", "create", "-n", asked.names["group"], "-l", asked.call.body["location"]])]


def _identity(asked: _Asked) -> list[str]:
    words = ["az", "identity", "create", "-n", asked.names["name"], "-g", asked.names["group"]]
    return [_line([*words, "-l", asked.call.body["location"]])]


def _role(asked: _Asked) -> list[str] | None:
    properties = asked.call.body["properties"]
    if not properties.get("principalType"):
        return None
    return [
        _line([
            "az", "role", "assignment", "create", "--assignee-object-id", properties["principalId"],
            "--assignee-principal-type", properties["principalType"], "--role",
            properties["roleDefinitionId"].rpartition("/")[2], "--scope", asked.names["scope"],
        ])
    ]  # fmt: skip


#: The nouns that have a command of their own, by method and path; the first whose command says the whole call is taken.
_TABLE: tuple[tuple[str, str, Callable[[_Asked], list[str] | None]], ...] = (
    ("PUT", _APP, _put_app),
    ("PATCH", _APP, _patch_app),
    ("DELETE", _APP, _delete_app),
    ("POST", rf"{_APP}/revisions/(?P<revision>[^/]+)/(?P<action>activate|deactivate|restart)", _revision),
    ("PATCH", rf"{_GROUP}/providers/Microsoft\.App/managedEnvironments/(?P<environment>[^/]+)", _profiles),
    ("POST", rf"{_GROUP}/providers/Microsoft\.ContainerRegistry/registries/(?P<registry>[^/]+)/scheduleRun", _build),
    ("PUT", _GROUP, _group),
    ("PUT", rf"{_GROUP}/providers/Microsoft\.ManagedIdentity/userAssignedIdentities/(?P<name>[^/]+)", _identity),
    ("PUT", r"(?P<scope>/.+)/providers/Microsoft\.Authorization/roleAssignments/[^/]+", _role),
)

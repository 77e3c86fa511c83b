"""An app as something to keep in a repository: an ARM template, Bicep, or lines of `az`. Pure.

No secret's value is in any of it: each becomes a parameter, or a variable of the shell.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from aca_notebook.model import az_create, workflow_export

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Document = dict[str, Any]

API_VERSION = "2025-07-01"
TYPE = "Microsoft.App/containerApps"
FORMS = ("arm", "bicep", "az", "github")
_SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
#: What the platform says of itself, and what it fills in by its own rules.
_READ_ONLY = {"fqdn", "ephemeralStorage", "imageType", "pollingInterval"}
_WRITABLE = ("environmentId", "workloadProfileName", "configuration", "template")


def exported(document: Mapping[str, Any], form: str) -> str:
    """Return an app in one of `FORMS`. Raises `ValueError` for another."""
    if form == "arm":
        return json.dumps(arm_template(document), indent=2) + "\n"
    if form == "bicep":
        return bicep(document)
    if form == "az":
        return "\n".join(az_create.create_lines(document, writable(document))) + "\n"
    if form == "github":
        return workflow_export.workflow(document, writable(document))
    raise ValueError(f"{form!r} is no form of export; there are {', '.join(FORMS)}")


def writable(document: Mapping[str, Any]) -> Document:
    """Return what a PUT of the app would say: no read-only members, nothing unset, secrets by name alone."""
    properties = {name: document["properties"].get(name) for name in _WRITABLE}
    wanted = {
        "location": document.get("location"), "tags": document.get("tags"),
        "identity": _identity(document.get("identity") or {}), "properties": properties,
    }  # fmt: skip
    plain: Document = _plain(wanted)
    return plain


def arm_template(document: Mapping[str, Any]) -> Document:
    """Return a template that makes the same app; its secrets are parameters of type securestring."""
    app = writable(document)
    values = _value_secrets(app)
    parameters: Document = {
        "location": {"type": "string", "defaultValue": app["location"]},
        "environmentId": {"type": "string", "defaultValue": app["properties"]["environmentId"]},
        **{parameter(each["name"]): {"type": "securestring"} for each in values},
    }
    resource = _escaped({name: part for name, part in app.items() if name != "location"})
    resource["properties"]["environmentId"] = "[parameters('environmentId')]"
    for each in _value_secrets(resource):
        each["value"] = f"[parameters('{parameter(each['name'])}')]"
    made = {"type": TYPE, "apiVersion": API_VERSION, "name": document["name"], "location": "[parameters('location')]"}
    return {
        "$schema": _SCHEMA, "contentVersion": "1.0.0.0", "parameters": parameters, "resources": [{**made, **resource}],
    }  # fmt: skip


def bicep(document: Mapping[str, Any]) -> str:
    """Return the same as Bicep."""
    app = writable(document)
    environment = app["properties"].pop("environmentId")
    values = _value_secrets(app)
    for each in values:
        each["value"] = _Expression(parameter(each["name"]))
    body: Document = {"name": document["name"], "location": _Expression("location")}
    body |= {name: part for name, part in app.items() if name not in {"location", "properties"}}
    body["properties"] = {"environmentId": _Expression("environmentId"), **app["properties"]}
    return "\n".join([
        f"param location string = {_bicep_text(app['location'])}",
        f"param environmentId string = {_bicep_text(environment)}",
        *(line for each in values for line in ("", "@secure()", f"param {parameter(each['name'])} string")),
        "",
        f"resource app '{TYPE}@{API_VERSION}' = {_bicep(body, 0)}",
        "",
    ])  # fmt: skip


def parameter(secret: str) -> str:
    """Return the name of the parameter that has a secret's value."""
    head, *rest = re.split(r"[^a-z0-9]+", secret)
    name = head + "".join(part.capitalize() for part in rest)
    return name if name[:1].isalpha() else f"secret{name.capitalize()}"


def _identity(identity: Mapping[str, Any]) -> Document | None:
    if not identity or identity.get("type") in {None, "None"}:
        return None
    users: Document = {id_: {} for id_ in identity.get("userAssignedIdentities") or ()}
    return {"type": identity["type"], **({"userAssignedIdentities": users} if users else {})}


def _secrets(app: Mapping[str, Any]) -> list[Document]:
    found: list[Document] = (app["properties"].get("configuration") or {}).get("secrets") or []
    return found


def _value_secrets(app: Mapping[str, Any]) -> list[Document]:
    return [each for each in _secrets(app) if not each.get("keyVaultUrl")]


def _plain(part: Any) -> Any:
    """Without what is unset or the platform's own; `{}` stays where it is an identity's value."""
    if isinstance(part, dict):
        # az writes an empty value beside a reference when it updates an app
        unsaid = {*_READ_ONLY, *(["value"] if part.get("secretRef") and part.get("value") == "" else [])}
        return {
            name: kept for name, value in part.items()
            if name not in unsaid and (kept := _plain(value)) is not None and (kept not in ([], {}) or value == {})
        }  # fmt: skip
    if isinstance(part, list):
        return [_plain(each) for each in part]
    return part


def _escaped(part: Any) -> Any:
    """Text that begins like an expression of the template language is said to be none."""
    if isinstance(part, dict):
        return {name: _escaped(value) for name, value in part.items()}
    if isinstance(part, list):
        return [_escaped(each) for each in part]
    return f"[{part}" if isinstance(part, str) and part.startswith("[") else part


class _Expression(str):
    """A name in Bicep, not text."""

    __slots__ = ()


def _bicep(part: Any, depth: int) -> str:
    if isinstance(part, dict):
        entries = [f"{_bicep_name(name)}: {_bicep(value, depth + 1)}" for name, value in part.items()]
        return _block("{}", entries, depth)
    if isinstance(part, list):
        return _block("[]", [_bicep(value, depth + 1) for value in part], depth)
    return str(part) if isinstance(part, _Expression) else _bicep_value(part)


def _block(marks: str, entries: Sequence[str], depth: int) -> str:
    inner, end = "\n" + "  " * (depth + 1), "\n" + "  " * depth
    return f"{marks[0]}{inner}{inner.join(entries)}{end}{marks[1]}" if entries else marks


def _bicep_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not value.is_integer():
        return f"json('{value:g}')"  # Bicep has no fractions
    return str(int(value)) if isinstance(value, int | float) else _bicep_text(value)


def _bicep_name(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) else _bicep_text(name)


def _bicep_text(text: Any) -> str:
    escaped = str(text).replace("\\", "\\\\").replace("'", "\\'").replace("${", "\\${")
    return "'" + escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + "'"

"""`exportTemplate` of a group: what is in it as a template that would make it again (SDK: ResourceGroups)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.bodies import json_body
from aca_notebook.emulator.arm.inventory import resources_in
from aca_notebook.emulator.arm.providers import default_version
from aca_notebook.emulator.arm.scope import GROUP, Scope
from aca_notebook.emulator.arm.templates.what_if import snapshot
from aca_notebook.emulator.arm.values import text, texts
from aca_notebook.emulator.wire import Check, Door, Route
from aca_notebook.model.ids import parse_id

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.emulator.arm.store import Store

Document = dict[str, Any]
_SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
_KEPT_NAMES = "skipresourcenameparameterization"
_KEPT_ALL = "skipallparameterization"


class GroupExports:
    """One route."""

    def __init__(self, scope: Scope, store: Store) -> None:
        self._scope = scope
        self._store = store

    def routes(self) -> list[Route]:
        """A template is made at once; on Azure a large one takes a while."""
        path = f"{GROUP}/exportTemplate"
        return [Route("POST", path, Door.ARM, "ResourceGroups_ExportTemplate", self._export, checked=Check.SDK)]

    async def _export(self, request: Request) -> Response:
        group = self._scope.group(request)
        body = await json_body(request)
        wanted = {each.lower() for each in texts(body.get("resources") or ["*"], "resources")}
        options = text(body.get("options"), "options").lower()
        found = [
            each
            for each in resources_in(self._store, group.subscription, group.resource_group)
            if "*" in wanted or parse_id(each["id"]).key in wanted
        ]
        named = not (_KEPT_NAMES in options or _KEPT_ALL in options)
        return JSONResponse({"template": exported(found, named=named)})


def exported(documents: list[Document], *, named: bool) -> Document:
    """Return a template of some resources; `named` makes their names parameters. Ids of others become expressions."""
    parameters: Document = {}
    names: dict[str, str] = {}
    for each in documents:
        parameter = re.sub(r"\W", "_", f"{each['type'].rpartition('/')[2]}_{each['name']}_name")
        parameters[parameter] = {"defaultValue": each["name"], "type": "String"}
        names[parse_id(each["id"]).key] = f"parameters('{parameter}')" if named else f"'{each['name']}'"
    return {
        "$schema": _SCHEMA,
        "contentVersion": "1.0.0.0",
        "parameters": parameters if named else {},
        "variables": {},
        "resources": [_resource(each, names) for each in documents],
    }


def _resource(document: Document, names: dict[str, str]) -> Document:
    found = snapshot(document, default_version(document["type"]))
    name = names[parse_id(found.pop("id")).key]
    needed: list[str] = []
    settled: Document = _linked(found, names, needed)
    settled |= {"name": f"[{name}]" if name.startswith("parameters") else document["name"]}
    return settled | ({"dependsOn": sorted(set(needed))} if needed else {})


def _linked(value: Any, names: dict[str, str], needed: list[str]) -> Any:
    """Return a value with the ids of exported resources as `resourceId(…)`."""
    if isinstance(value, dict):
        return {key: _linked(each, names, needed) for key, each in value.items()}
    if isinstance(value, list):
        return [_linked(each, names, needed) for each in value]
    if not isinstance(value, str):
        return value
    if value.lower() in names:
        expression = f"[resourceId('{parse_id(value).type}', {names[value.lower()]})]"
        needed.append(expression)
        return expression
    return f"[{value}" if value.startswith("[") else value

"""Dapr components of an environment and their resiliency policies: stored, no sidecar runs (facts §7.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.faults import invalid
from aca_notebook.emulator.arm.resiliency import COMPONENT_POLICY
from aca_notebook.emulator.arm.scope import ENVIRONMENT
from aca_notebook.emulator.arm.shapes import MapOf, shaped
from aca_notebook.emulator.arm.stored import Document, Keeping, Kind, Stored, Write
from aca_notebook.emulator.arm.values import items, text, truth
from aca_notebook.emulator.wire import AzureError

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.emulator.arm.shapes import Shape
    from aca_notebook.emulator.wire import Route
    from aca_notebook.model.ids import ResourceId

_TYPE = "Microsoft.App/managedEnvironments/daprComponents"
_PATH = f"{ENVIRONMENT}/daprComponents"
COMPONENT: dict[str, Shape] = {
    "componentType": text, "version": text, "ignoreErrors": truth, "initTimeout": text, "secretStoreComponent": text,
    "scopes": [text], "serviceComponentBind": {"name": text, "serviceId": text, "metadata": MapOf(text)},
}  # fmt: skip
_METADATA = ("name", "value", "secretRef")


class DaprComponents:
    """`daprComponents` of an environment and the `resiliencyPolicies` of one."""

    def __init__(self, keeping: Keeping) -> None:
        component = Kind(
            path=f"{_PATH}/{{name}}", operations="DaprComponents", type=_TYPE, settle=_component, secrets=_secrets,
            missing=_component_missing, system_data=True, recorded=("CreateOrUpdate", "Delete", "Get", "List"),
            read_by_sdk=("CreateOrUpdate", "Delete", "List", "ListSecrets"), described=("List",),
        )  # fmt: skip
        policy = Kind(
            path=f"{_PATH}/{{component}}/resiliencyPolicies/{{name}}", operations="DaprComponentResiliencyPolicies",
            type=f"{_TYPE}/resiliencyPolicies", settle=_policy, missing=_policy_missing,
            orphaned=_component_missing, created_status=201, read_by_sdk=("CreateOrUpdate", "Get"),
        )  # fmt: skip
        self._components, self._policies = Stored(component, keeping), Stored(policy, keeping)

    def routes(self) -> list[Route]:
        """Both; a component's secrets are asked for by themselves."""
        components = self._components
        secrets = components.route("POST", f"{components.kind.path}/listSecrets", "ListSecrets", self._list_secrets)
        return [*components.routes(), secrets, *self._policies.routes()]

    async def _list_secrets(self, request: Request) -> Response:
        keeping = self._components.keeping
        id_ = self._components.locate(request, "read")
        properties = self._components.found(id_)["properties"]
        return JSONResponse({"value": [
            each | ({"value": keeping.secrets.get(id_.key, each["name"])} if keeping.secrets.has(id_.key, each["name"])
                    else {})
            for each in properties.get("secrets", [])
        ]})  # fmt: skip


def _component(write: Write) -> Document:
    asked = write.properties
    properties: Document = shaped({name: asked[name] for name in COMPONENT if name in asked}, COMPONENT, "properties")
    secrets = [
        {name: secret[name] for name in ("name", "keyVaultUrl", "identity") if secret.get(name)}
        for secret in items(asked.get("secrets"), "properties.secrets")
    ]
    metadata = [
        {name: text(each[name], f"properties.metadata.{name}") for name in _METADATA if name in each}
        for each in items(asked.get("metadata"), "properties.metadata")
    ]
    if not properties.get("componentType"):
        raise invalid("DaprComponentInvalid", f"Dapr Component '{write.id.name}' must have a component type.")
    if not all(secret.get("name") for secret in secrets):  # unconfirmed: the code and the sentence
        raise invalid("DaprComponentInvalid", f"Each secret of Dapr Component '{write.id.name}' must have a name.")
    named = {secret.get("name") for secret in secrets}
    for each in metadata:
        if each.get("secretRef") and each["secretRef"] not in named and not properties.get("secretStoreComponent"):
            raise invalid(
                "DaprComponentSecretRefNotFound",
                f"SecretRef '{each['secretRef']}' defined for metadata '{each.get('name')}' of Dapr Component "
                f"'{write.id.name}' not found.",
            )
    lists = {"secrets": secrets, "metadata": metadata}
    return {"ignoreErrors": False} | properties | {name: found for name, found in lists.items() if name in asked}


def _secrets(write: Write) -> dict[str, str | None]:
    return {
        text(secret.get("name"), "properties.secrets.name"): secret.get("value")
        for secret in items(write.properties.get("secrets"), "properties.secrets")
        if not secret.get("keyVaultUrl")
    }


def _policy(write: Write) -> Document:
    given: Document = shaped(write.properties, COMPONENT_POLICY, "properties")
    return {name: given.get(name) for name in ("inboundPolicy", "outboundPolicy")}


def _component_missing(id_: ResourceId) -> AzureError:
    return AzureError(404, "DaprComponentNotFound", f"Dapr Component with name '{id_.name}' was not found.")


def _policy_missing(id_: ResourceId) -> AzureError:
    message = f"Dapr Component Resiliency with name '{id_.name}' was not found."
    return AzureError(404, "DaprComponentResiliencyNotFound", message)

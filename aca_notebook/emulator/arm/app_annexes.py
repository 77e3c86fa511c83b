"""What hangs on an app or an environment and is empty or derived here: detectors, label histories, source controls."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.refusals import refused
from aca_notebook.emulator.arm.scope import APP, APP_PROVIDER, ENVIRONMENT
from aca_notebook.emulator.wire import AzureError, Check, Door, Offer, Route

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.emulator.arm.stored import Document, Keeping
    from aca_notebook.model.ids import ResourceId

_HISTORY = "Microsoft.App/containerApps/labelHistories"
_SDK = Check.SDK


#: What is under what, is asked for and is nowhere here: path, what its operations are called, the code when one is
#: asked for by name.
_EMPTY = (
    (f"{APP}/sourcecontrols", "ContainerAppsSourceControls", "ListByContainerApp", "SourceControlNotFound"),
    (f"{APP}/functions", "ContainerAppsFunctions", "List", "FunctionNotFound"),
    (f"{APP}/revisions/{{revision}}/functions", "ContainerAppsRevisionFunctions", "List", "FunctionNotFound"),
    (f"{APP}/privateEndpointConnections", "ContainerAppPrivateEndpointConnections", "List", "ResourceNotFound"),
    (f"{APP}/privateLinkResources", "ContainerAppPrivateLinkResources", "List", "ResourceNotFound"),
    (f"{ENVIRONMENT}/privateEndpointConnections", "ManagedEnvironmentPrivateEndpointConnections", "List",
     "ResourceNotFound"),
    (f"{ENVIRONMENT}/privateLinkResources", "ManagedEnvironmentPrivateLinkResources", "List", "ResourceNotFound"),
)  # fmt: skip
#: Of those, what could be made and is refused, and removing what is not there.
_REFUSED = (
    (f"{APP}/sourcecontrols/{{name}}", "ContainerAppsSourceControls", "deployments from a repository"),
    (f"{APP}/privateEndpointConnections/{{name}}", "ContainerAppPrivateEndpointConnections", "private endpoints"),
    (f"{ENVIRONMENT}/privateEndpointConnections/{{name}}", "ManagedEnvironmentPrivateEndpointConnections",
     "private endpoints"),
)  # fmt: skip
_DETECTED = (
    (APP, "ContainerAppsDiagnostics"),
    (ENVIRONMENT, "ManagedEnvironmentDiagnostics"),
    (f"{APP_PROVIDER}/jobs/{{job}}", "Jobs"),
)


class AppAnnexes:
    """Read-only: no detector runs here, no repository deploys, and a label's history is who has it now."""

    def __init__(self, keeping: Keeping) -> None:
        self._keeping = keeping

    def routes(self) -> list[Route]:
        """Lists and look-ups."""
        arm, histories, history = Door.ARM, f"{APP}/labelHistories", "ContainerAppsLabelHistory"
        one = f"{histories}/{{name}}"
        invoke = f"{APP}/revisions/{{revision}}/providers/Microsoft.App/functions/{{function}}/invoke"
        made = [
            Route("GET", histories, arm, f"{history}_ListLabelHistory", self._histories, checked=_SDK),
            Route("GET", one, arm, f"{history}_GetLabelHistory", self._history),
            Route("DELETE", one, arm, f"{history}_DeleteLabelHistory", self._forget),
            Route("POST", invoke, arm, "FunctionsExtension_InvokeFunctionsHost", refused("calls to a functions host"),
                  Offer.REFUSED),
        ]  # fmt: skip
        detectors = tuple(
            (f"{owner}/detectors", name, "ListDetectors", "DetectorNotFound") for owner, name in _DETECTED
        )
        for path, name, listed, code in (*_EMPTY, *detectors):
            get = "GetDetector" if listed == "ListDetectors" else "Get"
            look = partial(self._missing, f"{path}/{{name}}", code)
            made += [
                Route("GET", path, arm, f"{name}_{listed}", partial(self._none, path), checked=_SDK),
                Route("GET", f"{path}/{{name}}", arm, f"{name}_{get}", look),
            ]
        for path, name, noun in _REFUSED:
            made += [
                Route("PUT", path, arm, f"{name}_CreateOrUpdate", refused(noun), Offer.REFUSED),
                Route("DELETE", path, arm, f"{name}_Delete", partial(self._gone, path)),
            ]
        return made

    async def _gone(self, path: str, request: Request) -> Response:
        self._keeping.locate(request, path, "delete")
        return Response(status_code=204)

    async def _forget(self, request: Request) -> Response:
        """A label that an app has goes on having its present; there is no past of it to forget."""
        id_ = self._keeping.locate(request, f"{APP}/labelHistories/{{name}}", "delete")
        there = any(each["name"].lower() == id_.name.lower() for each in self._labels(id_.parent))
        return Response(status_code=200 if there else 204)

    async def _none(self, path: str, request: Request) -> Response:
        self._keeping.locate(request, f"{path}/-", "read")
        return JSONResponse({"value": []})

    async def _missing(self, path: str, code: str, request: Request) -> Response:
        id_ = self._keeping.locate(request, path, "read")
        raise AzureError(404, code, f"'{id_.name}' was not found under '{id_.parent.name}'.")

    async def _histories(self, request: Request) -> Response:
        app = self._keeping.locate(request, f"{APP}/labelHistories/-", "read").parent
        return JSONResponse({"value": self._labels(app)})

    async def _history(self, request: Request) -> Response:
        id_ = self._keeping.locate(request, f"{APP}/labelHistories/{{name}}", "read")
        for each in self._labels(id_.parent):
            if each["name"].lower() == id_.name.lower():
                return JSONResponse(each)
        raise AzureError(404, "LabelHistoryNotFound", f"Label '{id_.name}' was not found.")

    def _labels(self, app: ResourceId) -> list[Document]:
        document = self._keeping.store.get(app) or {}
        properties, changed = document["properties"], document["systemData"]["lastModifiedAt"]
        ingress = (properties.get("configuration") or {}).get("ingress") or {}
        return [
            {
                "id": str(app.child("labelHistories", weight["label"])),
                "name": weight["label"],
                "type": _HISTORY,
                "properties": {
                    "records": [
                        {
                            "revision": weight.get("revisionName") or properties.get("latestRevisionName"),
                            "start": changed,
                            "status": "Succeeded",
                        }
                    ]
                },
            }
            for weight in ingress.get("traffic") or ()
            if weight.get("label")
        ]

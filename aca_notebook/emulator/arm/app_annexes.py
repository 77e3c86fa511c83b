"""What hangs on an app or an environment and is empty or derived here: detectors, label histories, source controls."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.refusals import refused
from aca_notebook.emulator.arm.scope import APP, ENVIRONMENT
from aca_notebook.emulator.wire import AzureError, Check, Door, Offer, Route

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.emulator.arm.stored import Document, Keeping
    from aca_notebook.model.ids import ResourceId

_HISTORY = "Microsoft.App/containerApps/labelHistories"
_SDK = Check.SDK


class AppAnnexes:
    """Read-only: no detector runs here, no repository deploys, and a label's history is who has it now."""

    def __init__(self, keeping: Keeping) -> None:
        self._keeping = keeping

    def routes(self) -> list[Route]:
        """Lists and look-ups."""
        arm, controls, histories = Door.ARM, f"{APP}/sourcecontrols", f"{APP}/labelHistories"
        control, source = f"{controls}/{{name}}", "ContainerAppsSourceControls"
        history = "ContainerAppsLabelHistory"
        made = [
            Route("GET", controls, arm, f"{source}_ListByContainerApp", partial(self._none, controls), checked=_SDK),
            Route("GET", control, arm, f"{source}_Get", partial(self._missing, control, "SourceControlNotFound")),
            Route("PUT", control, arm, f"{source}_CreateOrUpdate", refused("deployments from a repository"),
                  Offer.REFUSED),
            Route("GET", histories, arm, f"{history}_ListLabelHistory", self._histories, checked=_SDK),
            Route("GET", f"{histories}/{{name}}", arm, f"{history}_GetLabelHistory", self._history),
        ]  # fmt: skip
        for owner, name in ((APP, "ContainerAppsDiagnostics"), (ENVIRONMENT, "ManagedEnvironmentDiagnostics")):
            listed = f"{owner}/detectors"
            one = partial(self._missing, f"{listed}/{{name}}", "DetectorNotFound")
            made += [
                Route("GET", listed, arm, f"{name}_ListDetectors", partial(self._none, listed), checked=_SDK),
                Route("GET", f"{listed}/{{name}}", arm, f"{name}_GetDetector", one),
            ]
        return made

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

"""The host names that apps are given besides their own, and what they hold on to (facts §3.9, §13.2)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.faults import invalid, resource_not_found
from aca_notebook.emulator.arm.scope import APP
from aca_notebook.emulator.wire import Check, Door, Route, query
from aca_notebook.model.ids import ResourceId, parse_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

    from aca_notebook.emulator.arm.stored import Document, Keeping

_APP_TYPE = "Microsoft.App/containerApps"
_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_HOST_NAME = re.compile(rf"(?=.{{1,253}}$)({_LABEL}\.)+{_LABEL}", re.IGNORECASE)


class HostNames:
    """Tells what binding a host name to an app would meet."""

    def __init__(self, keeping: Keeping) -> None:
        self._keeping = keeping

    def routes(self) -> list[Route]:
        """One question."""
        return [
            Route("POST", f"{APP}/listCustomHostNameAnalysis", Door.ARM, "ContainerApps_ListCustomHostNameAnalysis",
                  self._analyse, checked=Check.SDK)
        ]  # fmt: skip

    async def _analyse(self, request: Request) -> Response:
        """Every well-formed name counts as the caller's own: nothing here asks the DNS."""
        id_ = self._keeping.locate(request, f"{APP}/listCustomHostNameAnalysis/-", "read").parent
        if self._keeping.store.get(id_) is None:
            raise resource_not_found(id_)
        name = query(request, "customHostname")
        bound = bindings(self._keeping, id_.subscription)
        holders = [owner for owner, domain in bound if str(domain.get("name", "")).lower() == name.lower()]
        others = [owner for owner in holders if owner.key != id_.key]
        valid = _HOST_NAME.fullmatch(name) is not None
        answer: Document = {"hostName": name} if name else {}
        answer |= {
            "isHostnameAlreadyVerified": bool(holders),
            "customDomainVerificationTest": "Passed" if valid else "Failed",
        }
        if not valid:
            answer["customDomainVerificationFailureInfo"] = {
                "code": "InvalidHostName",
                "message": f"Invalid host name '{name}'.",
            }
        answer |= {"hasConflictOnManagedEnvironment": bool(others), "conflictWithEnvironmentCustomDomain": False}
        if others:
            answer["conflictingContainerAppResourceId"] = str(others[0])
        return JSONResponse(answer)


def bindings(keeping: Keeping, subscription: str) -> Iterator[tuple[ResourceId, dict[str, Any]]]:
    """Every custom domain of every app, each with the app's id."""
    for app in keeping.store.list(_APP_TYPE, subscription):
        ingress = (app["properties"].get("configuration") or {}).get("ingress") or {}
        for domain in ingress.get("customDomains") or ():
            yield parse_id(app["id"]), domain


def check_unbound(keeping: Keeping, certificate: ResourceId) -> None:
    """Refuse to let go of a certificate that some host name is served with (recorded: errors of env certificates).

    Raises `AzureError` 400 CertificateInUse.
    """
    for _, domain in bindings(keeping, certificate.subscription):
        if str(domain.get("certificateId", "")).lower() == certificate.key:
            raise invalid("CertificateInUse", f"Certificate '{certificate.name}' is used by existing custom domains.")

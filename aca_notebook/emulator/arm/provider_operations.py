"""What may be done with Microsoft.App, as its provider tells it (recorded by Microsoft's Python suite: the form)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.wire import Check, Door, Route

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

    from aca_notebook.emulator.arm.stored import Document

_PROVIDER = "Microsoft Apps"
_VERBS = {"read": "Get", "write": "Create or Update", "delete": "Delete"}
#: A type in words, and what can be asked of one besides.
_TYPES = {
    "managedenvironments": ("Managed Environment", ("getauthtoken", "checknameavailability")),
    "managedenvironments/certificates": ("Managed Environment Certificate", ()),
    "managedenvironments/managedcertificates": ("Managed Certificate", ()),
    "managedenvironments/storages": ("Managed Environment Storage", ()),
    "managedenvironments/daprcomponents": ("Dapr Component", ("listsecrets",)),
    "managedenvironments/httprouteconfigs": ("Http Route Config", ()),
    "managedenvironments/maintenanceconfigurations": ("Maintenance Configuration", ()),
    "containerapps": ("Container App", ("listsecrets", "getauthtoken", "start", "stop", "listcustomhostnameanalysis")),
    "containerapps/authconfigs": ("Container App Auth Config", ()),
    "jobs": ("Container Apps Job", ("start", "stop", "listsecrets", "getauthtoken", "suspend", "resume")),
    "sessionpools": ("Session Pool", ()),
}  # fmt: skip
_READ_ONLY = {
    "containerapps/revisions": ("Container App Revision", ("activate", "deactivate", "restart")),
    "containerapps/revisions/replicas": ("Container App Revision Replica", ()),
    "jobs/executions": ("Container Apps Job Execution", ()),
}


class ProviderOperations:
    """The list that role editors are made from."""

    def routes(self) -> list[Route]:
        """One list, of no subscription."""
        path = "/providers/Microsoft.App/operations"
        return [Route("GET", path, Door.ARM, "Operations_List", self._list, checked=Check.SDK)]

    async def _list(self, _: Request) -> Response:
        found = [each for type_, (words, actions) in _TYPES.items() for each in _of(type_, words, _VERBS, actions)]
        found += [
            each
            for type_, (words, actions) in _READ_ONLY.items()
            for each in _of(type_, words, {"read": "Get"}, actions)
        ]
        return JSONResponse({"value": found})


def _of(type_: str, words: str, verbs: dict[str, str], actions: tuple[str, ...]) -> Iterator[Document]:
    for verb, said in verbs.items():
        yield _operation(f"microsoft.app/{type_}/{verb}", words, f"{said} {words}")
    for action in actions:
        yield _operation(f"microsoft.app/{type_}/{action}/action", words, f"{action.capitalize()} of a {words}")


def _operation(name: str, resource: str, said: str) -> Document:
    display = {"provider": _PROVIDER, "resource": resource, "operation": said, "description": said}
    return {"name": name, "isDataAction": False, "display": display}

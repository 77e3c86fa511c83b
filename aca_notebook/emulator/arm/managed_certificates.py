"""Certificates that the platform would have issued for a host name: kept, and none is issued (facts §13.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.bodies import json_body
from aca_notebook.emulator.arm.faults import invalid
from aca_notebook.emulator.arm.host_names import bindings, check_unbound
from aca_notebook.emulator.arm.locations import display_name
from aca_notebook.emulator.arm.provisioning import succeeded
from aca_notebook.emulator.arm.scope import ENVIRONMENT
from aca_notebook.emulator.arm.stored import Document, Keeping, Kind, Stored, Write, one_of
from aca_notebook.emulator.arm.values import text
from aca_notebook.model.ids import parse_id

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.emulator.arm.operations import Operation, Operations
    from aca_notebook.emulator.wire import Route

_TYPE = "Microsoft.App/managedEnvironments/managedCertificates"
_KIND = "managedCertificate"
_VALIDATION = one_of("CNAME", "HTTP", "TXT")


class ManagedCertificates:
    """`managedCertificates` of an environment."""

    def __init__(self, keeping: Keeping, operations: Operations) -> None:
        kind = Kind(
            path=f"{ENVIRONMENT}/managedCertificates/{{name}}", operations="ManagedCertificates", type=_TYPE,
            settle=_certificate, location=lambda asked: display_name(asked, _TYPE), deleted_status=200, patched=True,
            system_data=True, read_by_sdk=("CreateOrUpdate", "Delete", "Get", "List", "Update"), described=("List",),
        )  # fmt: skip
        self._stored = Stored(kind, keeping)
        self._operations = operations
        operations.register(_KIND, {"provision": self._provision}, lambda _, document: document)

    def routes(self) -> list[Route]:
        """The resource and its list."""
        stored = self._stored
        path = stored.kind.path
        return [
            stored.route("PUT", path, "CreateOrUpdate", self._put),
            stored.route("DELETE", path, "Delete", self._delete),
            *stored.routes(without=("PUT", "DELETE")),
        ]

    async def _put(self, request: Request) -> Response:
        id_ = self._stored.locate(request, "write")
        asked = await json_body(request)
        name = text((asked.get("properties") or {}).get("subjectName"), "properties.subjectName")
        environment = id_.parent
        keeping = self._stored.keeping
        hosted = {
            str(domain.get("name", "")).lower()
            for owner, domain in bindings(keeping, id_.subscription)
            if _environment_of(keeping, str(owner)) == environment.key
        }
        if name.lower() not in hosted:
            raise invalid(
                "RequireCustomHostnameInEnvironment",
                f"Creating managed certificate requires hostname '{name}' added as a custom hostname to a container "
                f"app in environment '{environment.name}'",
            )
        before = keeping.store.get(id_)
        if before is not None:
            return await self._stored.put(request)
        document = await self._stored.write(id_, await self._stored.body(request), before, request)
        operation = self._operations.reserve(id_, _KIND, "provision", document["location"])
        await self._operations.launch(operation, {id_: document})
        headers = self._operations.status_headers(request, operation, timeout="PT15M")
        return JSONResponse(document, status_code=201, headers=headers)

    async def _delete(self, request: Request) -> Response:
        check_unbound(self._stored.keeping, self._stored.locate(request, "delete"))
        return await self._stored.delete(request)

    async def _provision(self, operation: Operation) -> None:
        document = self._stored.keeping.store.get(operation.id)
        await self._operations.finish(operation, {operation.id: succeeded(document)} if document else None)


def _certificate(write: Write) -> Document:
    asked = write.properties
    return {
        "provisioningState": write.kept.get("provisioningState", "Pending"),
        "subjectName": text(asked.get("subjectName"), "properties.subjectName"),
        "domainControlValidation": _VALIDATION(
            asked.get("domainControlValidation", "HTTP"), "properties.domainControlValidation"
        ),
    }


def _environment_of(keeping: Keeping, app: str) -> str:
    document = keeping.store.get(parse_id(app)) or {}
    return str(document.get("properties", {}).get("environmentId", "")).lower()

"""What a caller must show before a route's handler sees the request."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.identity.tokens import unauthorized
from aca_notebook.emulator.wire import AzureError, Door, origin

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.emulator.identity.client import Client
    from aca_notebook.emulator.identity.sas import Sas
    from aca_notebook.emulator.identity.tokens import Issuer

ARM_AUDIENCES = (
    "https://management.azure.com",
    "https://management.core.windows.net",
)
GRAPH_AUDIENCES = ("https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000")
#: Of the token that getAuthToken of an app hands out.
APP_AUDIENCE = "https://azurecontainerapps.dev"
DATA_PLANE_AUDIENCES = (
    APP_AUDIENCE,
    "https://dynamicsessions.io",
    "https://acasessions.io",
)


class Doors:
    """Checks each door; `claims` returns the caller's verified claims, empty where the door has none."""

    def __init__(self, issuer: Issuer, sas: Sas, client: Client, control_token: str) -> None:
        self._issuer = issuer
        self._sas = sas
        self._client = client
        self._control_token = control_token
        self._check = {
            Door.SAS: self._check_sas,
            Door.IDENTITY_HEADER: self._check_identity_header,
            Door.CONTROL: self._check_control,
        }

    def claims(self, door: Door, request: Request) -> dict[str, Any]:
        """Return the claims of a caller who may pass.

        Raises `AzureError` 401 or 403 for one who may not.
        """
        if door is Door.ARM:
            return self._issuer.verify(_bearer(request), (*ARM_AUDIENCES, *_own_audiences(request)))
        if door is Door.GRAPH:
            return self._issuer.verify(_bearer(request), (*GRAPH_AUDIENCES, *_own_audiences(request)))
        if door is Door.DATA_PLANE:
            return self._issuer.verify(_bearer(request), DATA_PLANE_AUDIENCES)
        if door is not Door.PUBLIC:
            self._check[door](request)
        return {}

    def _check_sas(self, request: Request) -> None:
        self._sas.verify(request, "r" if request.method in {"GET", "HEAD"} else "w")

    def _check_identity_header(self, request: Request) -> None:
        if not _same(request.headers.get("x-identity-header", ""), self._client.identity_header):
            raise AzureError(401, "Unauthorized", "The X-IDENTITY-HEADER header is missing or wrong.")

    def _check_control(self, request: Request) -> None:
        if not _same(_bearer(request), self._control_token):
            raise unauthorized("InvalidControlToken", "The control token is wrong.")


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise unauthorized(
            "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing or invalid."
        )
    return token.strip()


def _own_audiences(request: Request) -> tuple[str, str]:
    host = origin(request).partition("://")[2]
    return f"https://{host}", f"http://{host}"


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())

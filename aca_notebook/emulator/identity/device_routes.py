"""The doors of the device code: where a program begins, the page a person is sent to, and where a code is approved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse, JSONResponse, Response

from aca_notebook.emulator.arm.bodies import json_body
from aca_notebook.emulator.identity.device_codes import INTERVAL_SECONDS, LIFETIME_SECONDS, PUBLIC_CLIENTS
from aca_notebook.emulator.wire import AzureError, Check, Door, Route

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.emulator.identity.device_codes import DeviceCodes

_PAGE = """<!doctype html><meta charset="utf-8"><title>Sign in to the local emulator</title>
<body style="font-family:system-ui,sans-serif;max-width:34em;margin:4em auto;line-height:1.5">
<h1 style="font-size:1.3em">Sign in to the local emulator</h1>
<p>On Azure you would enter the code here. On this machine whoever can read the emulator's own files is the person, so
the code is approved in a terminal:</p>
<pre>aca-notebook emulator approve CODE</pre></body>"""


class DeviceRoutes:
    """Three doors: two that are public, for nobody has a token yet, and the one of this machine's own person."""

    def __init__(self, codes: DeviceCodes, tenant_id: str) -> None:
        self._codes = codes
        self._tenant_id = tenant_id

    def routes(self) -> list[Route]:
        """All of them."""
        public = Door.PUBLIC
        return [
            Route(
                "POST", "/{tenant}/oauth2/v2.0/devicecode", public, "DeviceCode_Begin", self._begin, checked=Check.SDK
            ),
            Route("GET", "/devicelogin", public, "DeviceCode_Page", self._page),
            Route("POST", "/_emulator/device-codes", Door.CONTROL, "Emulator_ApproveDeviceCode", self._approve),
        ]  # fmt: skip

    async def _begin(self, request: Request) -> Response:
        async with request.form() as form:
            client_id = str(form.get("client_id") or "").lower()
        tenant = request.path_params["tenant"]
        if tenant.lower() not in {self._tenant_id, "organizations", "common"}:
            return refusal("invalid_request", f"AADSTS90002: Tenant '{tenant}' not found.")
        if client_id not in PUBLIC_CLIENTS:
            sentence = f"AADSTS700016: Application with identifier '{client_id[:64]}' was not found in '{tenant}'."
            return refusal("unauthorized_client", sentence)
        begun = self._codes.begin(client_id)
        page = f"https://{request.headers.get('host', request.url.netloc)}/devicelogin"
        message = f"To sign in, use a web browser to open the page {page} and enter the code {begun.user_code} to "
        return JSONResponse({
            "user_code": begun.user_code,
            "device_code": begun.device_code,
            "verification_uri": page,
            "expires_in": LIFETIME_SECONDS,
            "interval": INTERVAL_SECONDS,
            "message": f"{message}authenticate.",
        })  # fmt: skip

    async def _page(self, _: Request) -> Response:
        return HTMLResponse(_PAGE)

    async def _approve(self, request: Request) -> Response:
        code = str((await json_body(request)).get("userCode") or "")
        if not self._codes.approve(code):
            raise AzureError(404, "DeviceCodeNotFound", f"No sign-in waits for the code '{code[:32]}'.")
        return Response(status_code=204)


def refusal(error: str, description: str, status: int = 400) -> Response:
    """Return a refusal in Entra's shape."""
    return JSONResponse({"error": error, "error_description": description}, status_code=status)

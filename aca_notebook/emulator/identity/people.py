"""Tokens for the person who signed in by a code, and for the same person later, without asking again."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.identity.device_codes import GRANT, PUBLIC_CLIENTS
from aca_notebook.emulator.identity.device_routes import refusal
from aca_notebook.emulator.wire import AzureError

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.emulator.identity.client import Client
    from aca_notebook.emulator.identity.device_codes import DeviceCodes
    from aca_notebook.emulator.identity.principals import Applications
    from aca_notebook.emulator.identity.tokens import Issuer

#: Who signs in here: there is one, and this machine's account names nobody in a directory.
_NAME = "person@localhost"
_REFRESH = "refresh_token"
#: Only a token that says so refreshes: any caller may have one for any audience.
_USE = {"use": "refresh"}
PEOPLES_GRANTS = (GRANT, _REFRESH)
#: Who a refresh token is for: this endpoint, and no door.
_REFRESH_AUDIENCE = "urn:aca-notebook:refresh"
_REFRESH_SECONDS = 90 * 24 * 3600  # documented: 90 days
#: What a client asks for besides the resource.
_ABOUT_THE_PERSON = frozenset({"openid", "profile", "offline_access", "email"})
#: Entra's sentences (documented: device authorization grant).
_SENTENCES = {
    "authorization_pending": "AADSTS70016: OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
    "expired_token": "AADSTS70020: The provided value for the input parameter 'device_code' is not valid. It expired.",
    "bad_verification_code": "AADSTS70018: Bad verification code.",
}


class People:
    """Answers the token endpoint for grants that are a person's."""

    def __init__(self, issuer: Issuer, client: Client, applications: Applications, codes: DeviceCodes) -> None:
        self._issuer = issuer
        self._client = client
        self._applications = applications
        self._codes = codes

    def token(self, request: Request, fields: dict[str, str]) -> Response:
        """Return access, refresh and id token; or why there are none, in Entra's words."""
        client_id = fields.get("client_id", "").lower()
        if client_id not in PUBLIC_CLIENTS:
            return refusal("unauthorized_client", f"AADSTS700016: Application '{client_id[:64]}' was not found.")
        refused = self._refused(fields, client_id)
        if refused is not None:
            return refused
        return self._granted(request, client_id, _resource(fields))

    def _refused(self, fields: dict[str, str], client_id: str) -> Response | None:
        if fields["grant_type"] == GRANT:
            found = self._codes.redeem(fields.get("device_code", ""), client_id)
            return refusal(found, _SENTENCES[found]) if isinstance(found, str) else None
        try:
            claims = self._issuer.verify(fields.get(_REFRESH, ""), (_REFRESH_AUDIENCE,))
        except AzureError:
            claims = {}
        if claims.get("use") == _USE["use"]:
            return None
        return refusal("invalid_grant", "AADSTS70008: The provided authorization code or refresh token has expired.")

    def _granted(self, request: Request, client_id: str, resource: str) -> Response:
        own, tenant = self._applications.own, self._client.tenant_id
        name = _NAME
        host = request.headers.get("host", request.url.netloc)
        seconds = self._issuer.lifetime_seconds
        person = {"appid": client_id, "upn": name, "unique_name": name, "scp": "user_impersonation"}
        about = {"preferred_username": name, "name": name}
        info = json.dumps({"uid": own.object_id, "utid": tenant}).encode()
        return JSONResponse({
            "token_type": "Bearer", "scope": f"{resource}/.default", "expires_in": seconds, "ext_expires_in": seconds,
            "access_token": self._issuer.issue(resource, subject=own.object_id, claims=person, kind="user"),
            "refresh_token": self._issuer.issue(
                _REFRESH_AUDIENCE, subject=own.object_id, lifetime_seconds=_REFRESH_SECONDS, claims=_USE, kind="user"
            ),
            "id_token": self._issuer.issue(
                client_id, subject=own.object_id, claims=about, kind="user", issuer=f"https://{host}/{tenant}/v2.0"
            ),
            "client_info": base64.urlsafe_b64encode(info).rstrip(b"=").decode(),
        })  # fmt: skip


def _resource(fields: dict[str, str]) -> str:
    """Return the audience asked for: the scope that is not about the person."""
    scopes = [each for each in fields.get("scope", "").split(" ") if each and each not in _ABOUT_THE_PERSON]
    return scopes[0].removesuffix("/.default") if scopes else "https://graph.microsoft.com"

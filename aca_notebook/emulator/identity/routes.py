"""Microsoft Entra's endpoints as azure-identity, MSAL and `az` use them (clients §1, facts §1.4)."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.identity.tokens import LIFETIME_SECONDS
from aca_notebook.emulator.wire import Check, Door, Route, query

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.identity.client import Client
    from aca_notebook.emulator.identity.tokens import Issuer


class IdentityRoutes:
    """Token endpoint, OIDC discovery, cloud metadata and the managed-identity endpoint."""

    def __init__(self, issuer: Issuer, client: Client, clock: Clock) -> None:
        self._issuer = issuer
        self._client = client
        self._clock = clock

    def routes(self) -> list[Route]:
        """Everything a client needs before it has a token, and so nothing that needs one."""
        public = Door.PUBLIC
        return [
            Route("GET", "/metadata/endpoints", public, "Metadata_Endpoints", self._metadata),
            Route("GET", "/{tenant}/.well-known/openid-configuration", public, "Oidc_Discovery_V1", self._discovery),
            Route(
                "GET",
                "/{tenant}/v2.0/.well-known/openid-configuration",
                public,
                "Oidc_Discovery",
                self._discovery,
                checked=Check.SDK,
            ),
            Route("GET", "/common/discovery/instance", public, "Oidc_Instance", self._instance),
            Route("GET", "/{tenant}/discovery/v2.0/keys", public, "Oidc_Keys", self._keys),
            Route("POST", "/{tenant}/oauth2/v2.0/token", public, "Token_Issue", self._token, checked=Check.SDK),
            Route("POST", "/{tenant}/oauth2/token", public, "Token_Issue_V1", self._token),
            Route(
                "GET",
                "/msi/token",
                Door.IDENTITY_HEADER,
                "ManagedIdentity_Token",
                self._managed_identity,
                checked=Check.SDK,
            ),
        ]

    async def _discovery(self, request: Request) -> Response:
        tenant = f"{_https_origin(request)}/{request.path_params['tenant']}"
        return JSONResponse({
            "issuer": f"{tenant}/v2.0",
            "token_endpoint": f"{tenant}/oauth2/v2.0/token",
            "authorization_endpoint": f"{tenant}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{tenant}/oauth2/v2.0/devicecode",
            "end_session_endpoint": f"{tenant}/oauth2/v2.0/logout",
            "jwks_uri": f"{tenant}/discovery/v2.0/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "response_types_supported": ["token"],
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid"],
            "tenant_region_scope": None,
        })  # fmt: skip

    async def _instance(self, request: Request) -> Response:
        host = _https_origin(request)
        return JSONResponse({
            "tenant_discovery_endpoint": f"{host}/{self._client.tenant_id}/v2.0/.well-known/openid-configuration",
            "api-version": "1.1",
            "metadata": [],
        })  # fmt: skip

    async def _keys(self, _: Request) -> Response:
        return JSONResponse(self._issuer.jwks())

    async def _metadata(self, request: Request) -> Response:
        cloud = _cloud(_https_origin(request), self._client.tenant_id)
        # 2019 and 2020 answer an array of clouds, 2022 one object (clients §1).
        return JSONResponse(cloud if query(request, "api-version") >= "2022" else [cloud])

    async def _token(self, request: Request) -> Response:
        async with request.form() as form:
            fields = {name: value for name, value in form.items() if isinstance(value, str)}
        refused = self._refuse(request, fields)
        if refused is not None:
            return refused
        resource = _resource(fields)
        if not resource:
            return _refusal(400, "invalid_request", "AADSTS900144: The request body must contain 'scope'.")
        answer = {"token_type": "Bearer", "expires_in": LIFETIME_SECONDS, "ext_expires_in": LIFETIME_SECONDS}
        return JSONResponse(answer | {"access_token": self._issue(resource)})

    def _refuse(self, request: Request, fields: dict[str, str]) -> Response | None:
        """Return Entra's refusal of who does not present our client's secret, in its own words and codes."""
        tenant = request.path_params["tenant"]
        if tenant.lower() not in {self._client.tenant_id, "organizations", "common"}:
            return _refusal(400, "invalid_request", f"AADSTS90002: Tenant '{tenant}' not found.")
        grant = fields.get("grant_type", "")
        if grant != "client_credentials":
            sentence = f"AADSTS70003: The app requested an unsupported grant type '{grant}'. "
            return _refusal(400, "unsupported_grant_type", sentence + "This emulator knows client_credentials only.")
        client_id, secret = _credentials(request, fields)
        if client_id.lower() != self._client.client_id:
            sentence = f"AADSTS700016: Application with identifier '{client_id}' was not found in '{tenant}'."
            return _refusal(400, "unauthorized_client", sentence)
        if not hmac.compare_digest(secret.encode(), self._client.client_secret.encode()):
            return _refusal(401, "invalid_client", "AADSTS7000215: Invalid client secret provided.")
        return None

    async def _managed_identity(self, request: Request) -> Response:
        asked = query(request, "client_id") or query(request, "object_id") or query(request, "principal_id")
        if asked and asked.lower() not in {self._client.client_id, self._client.object_id}:
            message = "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId."
            return JSONResponse({"statusCode": 400, "message": message}, status_code=400)
        resource = query(request, "resource")
        if not resource:
            return JSONResponse({"statusCode": 400, "message": "Parameter resource is missing."}, status_code=400)
        expires = int(self._clock.now().timestamp()) + LIFETIME_SECONDS
        return JSONResponse({
            "access_token": self._issue(resource),
            "expires_on": str(expires),
            "resource": resource,
            "token_type": "Bearer",
            "client_id": self._client.client_id,
        })  # fmt: skip

    def _issue(self, resource: str) -> str:
        return self._issuer.issue(resource, subject=self._client.object_id, claims={"appid": self._client.client_id})


def _credentials(request: Request, fields: dict[str, str]) -> tuple[str, str]:
    """Return client id and secret, from the form or, as OAuth also allows, from Basic authentication."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return fields.get("client_id", ""), fields.get("client_secret", "")
    try:
        user, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return unquote_plus(user), unquote_plus(secret)


def _resource(fields: dict[str, str]) -> str:
    """Return the audience asked for: `resource` in version 1, the first scope without `/.default` in version 2."""
    return fields.get("resource") or fields.get("scope", "").split(" ")[0].removesuffix("/.default")


def _refusal(status: int, error: str, description: str) -> Response:
    return JSONResponse({"error": error, "error_description": description}, status_code=status)


def _https_origin(request: Request) -> str:
    """MSAL refuses authorities that are not https, so links say https however they were asked for."""
    return f"https://{request.headers.get('host', request.url.netloc)}"


def _cloud(host: str, tenant_id: str) -> dict[str, Any]:
    port = host.rpartition(":")[2]
    return {
        "name": "AcaEmulator",
        "portal": host,
        "authentication": {
            "loginEndpoint": host,
            "audiences": ["https://management.core.windows.net/", "https://management.azure.com/", host],
            "tenant": tenant_id,
            "identityProvider": "AAD",
        },
        "resourceManager": f"{host}/",
        "media": host,
        "graph": host,
        "graphAudience": host,
        "batch": host,
        "gallery": host,
        "sqlManagement": host,
        "activeDirectoryDataLake": host,
        "microsoftGraphResourceId": f"{host}/",
        "logAnalyticsResourceId": host,
        "appInsightsResourceId": host,
        "vmImageAliasDoc": host,
        "suffixes": {
            "acrLoginServer": "azurecr.io",
            "keyVaultDns": f"vault.localhost:{port}",
            "storage": f"core.localhost:{port}",
            "sqlServerHostname": f"database.localhost:{port}",
        },
    }

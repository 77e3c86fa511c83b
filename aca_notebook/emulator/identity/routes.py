"""Microsoft Entra's endpoints as azure-identity, MSAL and `az` use them (clients §1, facts §1.4)."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from starlette.formparsers import MultiPartException
from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.identity.people import PEOPLES_GRANTS, People
from aca_notebook.emulator.wire import Check, Door, Route, query

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.identity.client import Client
    from aca_notebook.emulator.identity.device_codes import DeviceCodes
    from aca_notebook.emulator.identity.principals import Applications, Identities, Principal
    from aca_notebook.emulator.identity.replica_keys import Holder
    from aca_notebook.emulator.identity.tokens import Issuer


#: How an identity is named to the endpoint: by its application, its principal or its resource.
_ASKED_BY = ("client_id", "object_id", "principal_id", "mi_res_id", "msi_res_id", "resource_id")


class IdentityRoutes:
    """Token endpoint, OIDC discovery, cloud metadata and the managed-identity endpoint."""

    def __init__(
        self, issuer: Issuer, client: Client, applications: Applications, identities: Identities, clock: Clock,
        codes: DeviceCodes,
    ) -> None:  # fmt: skip
        self._people = People(issuer, client, applications, codes)
        self._issuer = issuer
        self._client = client
        self._applications = applications
        self._identities = identities
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
        try:
            async with request.form() as form:
                fields = {name: value for name, value in form.items() if isinstance(value, str)}
        except MultiPartException:
            return _refusal(400, "invalid_request", "AADSTS900144: The request body is no form.")
        if fields.get("grant_type") in PEOPLES_GRANTS:
            return self._people.token(request, fields)
        caller = self._caller(request, fields)
        if isinstance(caller, Response):
            return caller
        resource = _resource(fields)
        if not resource:
            return _refusal(400, "invalid_request", "AADSTS900144: The request body must contain 'scope'.")
        seconds = self._issuer.lifetime_seconds
        answer = {"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds}
        return JSONResponse(answer | {"access_token": self._issue(caller, resource)})

    def _caller(self, request: Request, fields: dict[str, str]) -> Principal | Response:
        """Return the application that presents its secret, or Entra's refusal, in its own words and codes."""
        tenant = request.path_params["tenant"]
        if tenant.lower() not in {self._client.tenant_id, "organizations", "common"}:
            return _refusal(400, "invalid_request", f"AADSTS90002: Tenant '{tenant}' not found.")
        grant = fields.get("grant_type", "")
        if grant != "client_credentials":
            sentence = f"AADSTS70003: The app requested an unsupported grant type '{grant}'. "
            known = f"This emulator knows client_credentials, {' and '.join(PEOPLES_GRANTS)}."
            return _refusal(400, "unsupported_grant_type", sentence + known)
        client_id, secret = _credentials(request, fields)
        application = self._applications.find(client_id)
        if application is None:
            sentence = f"AADSTS700016: Application with identifier '{client_id}' was not found in '{tenant}'."
            return _refusal(400, "unauthorized_client", sentence)
        if not self._applications.knows_secret(application, secret):
            return _refusal(401, "invalid_client", "AADSTS7000215: Invalid client secret provided.")
        return application

    async def _managed_identity(self, request: Request) -> Response:
        """Answer as App Service does, whose endpoint this is (SDK: azure-identity, AppServiceCredential)."""
        principal = self._identity(request)
        if isinstance(principal, Response):
            return principal
        resource = query(request, "resource")
        if not resource:
            return _msi_refusal("Parameter resource is missing.")
        expires = int(self._clock.now().timestamp()) + self._issuer.lifetime_seconds
        return JSONResponse({
            "access_token": self._issue(principal, resource),
            "expires_on": str(expires),
            "resource": resource,
            "token_type": "Bearer",
            "client_id": principal.client_id,
        })  # fmt: skip

    def _identity(self, request: Request) -> Principal | Response:
        """Return the identity that is asked for, out of those the caller has.

        A replica has its app's; a process of this machine has the emulator's own client, as a virtual machine has its
        identity, and every user-assigned one.
        """
        holder: Holder | None = request.state.claims.get("holder")
        if holder is None:
            default: Principal | None = self._applications.own
            found = [self._applications.own, *self._identities.user_assigned()]
        else:
            assigned = self._identities.of(holder.resource, starting=holder.starting)
            default, found = assigned.get("system"), list(assigned.values())
        wanted = next((query(request, name).lower() for name in _ASKED_BY if query(request, name)), "")
        if wanted:
            default = next((each for each in found if wanted in _names(each)), None)
        if default is not None:
            return default
        if wanted:
            return _msi_refusal(
                "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId."
            )
        return _msi_refusal("Unable to load the proper Managed Identity.")

    def _issue(self, principal: Principal, resource: str) -> str:
        return self._issuer.issue(resource, subject=principal.object_id, claims=principal.claims())


def _names(principal: Principal) -> set[str]:
    return {principal.client_id, principal.object_id, principal.resource.rstrip("/")} - {""}


def _msi_refusal(message: str) -> Response:
    return JSONResponse({"statusCode": 400, "message": message}, status_code=400)


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

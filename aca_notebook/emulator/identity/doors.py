"""What a caller must show before a route's handler sees the request."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.identity.tokens import unauthorized
from aca_notebook.emulator.wire import AzureError, Door, origin
from aca_notebook.model.ids import ResourceId

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from aca_notebook.emulator.identity.client import Client
    from aca_notebook.emulator.identity.replica_keys import ReplicaKeys
    from aca_notebook.emulator.identity.sas import Sas
    from aca_notebook.emulator.identity.secrets import Secrets
    from aca_notebook.emulator.identity.tokens import Issuer

ARM_AUDIENCES = (
    "https://management.azure.com",
    "https://management.core.windows.net",
)
GRAPH_AUDIENCES = ("https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000")
LOGS_AUDIENCES = ("https://api.loganalytics.io", "https://api.loganalytics.azure.com")
METRICS_AUDIENCES = ("https://metrics.monitor.azure.com",)
#: Of the token that getAuthToken of an app hands out.
APP_AUDIENCE = "https://azurecontainerapps.dev"
VAULT_AUDIENCES = ("https://vault.azure.net", "cfa8b339-82a2-471a-a3c9-0fc0be7a4093")
#: Host names of vaults end so where they resolve: `NAME.vault.localhost`.
VAULT_DOMAIN = "vault.localhost"
#: Of calls into session pools; clients ask for either (facts §5.2).
SESSION_AUDIENCES = ("https://dynamicsessions.io", "https://acasessions.io")
#: Among the secrets of a pool, its MCP server's; no secret of a template is called that.
POOL_KEY = "mcp-server:key"


class Doors:
    """Checks each door; `claims` returns the caller's verified claims, empty where the door has none."""

    def __init__(
        self, issuer: Issuer, sas: Sas, client: Client, control_token: str, replica_keys: ReplicaKeys, secrets: Secrets
    ) -> None:  # fmt: skip
        self._issuer = issuer
        self._replica_keys = replica_keys
        self._secrets = secrets
        self._sas = sas
        self._client = client
        self._control_token = control_token
        self._check: dict[Door, Callable[[Request], dict[str, Any]]] = {
            Door.ARM: lambda request: self._verify(request, (*ARM_AUDIENCES, *_own_audiences(request))),
            Door.GRAPH: lambda request: self._verify(request, (*GRAPH_AUDIENCES, *_own_audiences(request))),
            Door.LOGS: lambda request: self._verify(request, (*LOGS_AUDIENCES, *_own_audiences(request))),
            Door.METRICS: lambda request: self._verify(request, (*METRICS_AUDIENCES, *_own_audiences(request))),
            Door.DATA_PLANE: lambda request: self._verify(request, (APP_AUDIENCE,)),
            Door.SESSIONS: lambda request: self._verify(request, SESSION_AUDIENCES),
            Door.POOL_KEY: self._pool_claims,
            Door.VAULT: self._vault_claims,
            Door.SAS: self._check_sas,
            Door.IDENTITY_HEADER: self._identity_claims,
            Door.CONTROL: self._check_control,
            Door.INSTRUMENTATION_KEY: lambda _: {},  # in the body, item by item: the handler looks
            Door.PUBLIC: lambda _: {},
        }

    def claims(self, door: Door, request: Request) -> dict[str, Any]:
        """Return the claims of a caller who may pass.

        Raises `AzureError` 401 or 403 for one who may not.
        """
        return self._check[door](request)

    def _verify(self, request: Request, audiences: tuple[str, ...]) -> dict[str, Any]:
        return self._issuer.verify(_bearer(request), audiences)

    def _check_sas(self, request: Request) -> dict[str, Any]:
        self._sas.verify(request, "r" if request.method in {"GET", "HEAD"} else "w")
        return {}

    def _identity_claims(self, request: Request) -> dict[str, Any]:
        """Return the `holder` whose replica asks; none is in what this machine's own processes show."""
        header = request.headers.get("x-identity-header", "")
        if _same(header, self._client.identity_header):
            return {}
        holder = self._replica_keys.read(header)
        if holder is None:
            raise AzureError(401, "Unauthorized", "The X-IDENTITY-HEADER header is missing or wrong.")
        return {"holder": holder}

    def _pool_claims(self, request: Request) -> dict[str, Any]:
        """Return the `pool` whose key the caller shows; who shows none has to have a token for sessions."""
        given = request.headers.get("x-ms-apikey")
        if given is None:
            return self._verify(request, SESSION_AUDIENCES)
        named = request.path_params
        id_ = ResourceId(
            str(named["subscription"]), str(named["group"]), "Microsoft.App", ("sessionPools",), (str(named["name"]),)
        )  # fmt: skip
        if not self._secrets.has(id_.key, POOL_KEY) or not _same(given, self._secrets.get(id_.key, POOL_KEY)):
            raise AzureError(401, "Unauthorized", "The x-ms-apikey header is not the key of this pool's MCP server.")
        return {"pool": id_.key}

    def _vault_claims(self, request: Request) -> dict[str, Any]:
        """Return who asks a vault; a refusal says where to get the token it wants (documented; seen: both AKV)."""
        challenge = {"WWW-Authenticate": vault_challenge(request, self._client.tenant_id)}
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise AzureError(
                401, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.", headers=challenge
            )
        audiences = (*VAULT_AUDIENCES, vault_resource(request))
        try:
            return self._issuer.verify(token.strip(), audiences)
        except AzureError as refused:
            message = refused.message
            if refused.code == "InvalidAuthenticationTokenAudience":
                found = self._issuer.audience_of(token.strip())
                message = f"AKV10022: Invalid audience. Expected {VAULT_AUDIENCES[0]}, found: {found}."
            raise AzureError(401, "Unauthorized", message, headers=challenge) from refused

    def _check_control(self, request: Request) -> dict[str, Any]:
        if not _same(_bearer(request), self._control_token):
            raise unauthorized("InvalidControlToken", "The control token is wrong.")
        return {}


def vault_resource(request: Request) -> str:
    """Return what tokens for a vault are asked for by, as the host of the request lets a client believe it.

    The Key Vault clients trust a challenge only when the host they asked lies in the resource's domain. An address
    of numbers lies in none, and is told Azure's own: there a client is to be made with
    `verify_challenge_resource=False`.
    """
    name, _, port = request.headers.get("host", "").lower().partition(":")
    if not name.endswith(f".{VAULT_DOMAIN}"):
        return VAULT_AUDIENCES[0]
    return f"https://{VAULT_DOMAIN}:{port}" if port else f"https://{VAULT_DOMAIN}"


def vault_challenge(request: Request, tenant_id: str) -> str:
    """Return `WWW-Authenticate` of a vault (SDK: azure-keyvault-secrets, ChallengeAuthPolicy)."""
    authority = f"https://{request.headers.get('host', request.url.netloc)}/{tenant_id}"
    return f'Bearer authorization="{authority}", resource="{vault_resource(request)}"'


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

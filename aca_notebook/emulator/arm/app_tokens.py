"""getAuthToken: short-lived keys to the streams of one app, job or environment (recorded: app_logstream)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aca_notebook.clock import format_instant
from aca_notebook.emulator.identity.doors import APP_AUDIENCE
from aca_notebook.emulator.wire import AzureError

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.identity.tokens import Issuer
    from aca_notebook.model.ids import ResourceId


class AppTokens:
    """Issues them; the claim `app` holds the id they are good for, in lower case."""

    def __init__(self, issuer: Issuer, clock: Clock) -> None:
        self._issuer = issuer
        self._clock = clock

    def answer(self, id_: ResourceId, document: dict[str, Any], claims: dict[str, Any]) -> dict[str, Any]:
        """Return what getAuthToken answers to the caller with these claims."""
        token = self._issuer.issue(
            APP_AUDIENCE,
            subject=str(claims.get("oid", "")),
            claims={"app": id_.key},
        )
        expires = self._clock.now() + timedelta(seconds=self._issuer.lifetime_seconds)
        return {
            "location": document["location"],
            "properties": {"token": token, "expires": format_instant(expires)},
            "id": document["id"],
            "name": document["name"],
            # An environment's is of this type, whatever the resource is called (recorded: app_eventstream).
            "type": f"{document['type'].replace('managedEnvironments', 'environments')}/accesstoken",
        }


def check_token_is_for(request: Request, resource: ResourceId) -> None:
    """Refuse a caller whose token was handed out for something else.

    Raises `AzureError` 403.
    """
    claim = str(getattr(request.state, "claims", {}).get("app", ""))
    if claim.lower() != resource.key:
        raise AzureError(403, "AuthorizationFailed", f"The token was not issued for '{resource.name}'.")

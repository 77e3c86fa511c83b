"""Who we are to the platform: read from the token itself, which is shown to nobody."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aca_notebook.azure import faults

if TYPE_CHECKING:
    from aca_notebook.azure.connection import Connection
    from aca_notebook.clock import Clock


@dataclass(frozen=True, slots=True)
class Signed:
    """A person or a program that is signed in: its name, its kind, its tenant, until when, and how long that took.

    `kind` is `user`, `service principal` or `managed identity`; `object_id` is what roles are assigned to.
    """

    name: str
    kind: str
    tenant: str
    object_id: str
    expires_at: datetime
    seconds: float


class SignIn:
    """Gets a token for the Resource Manager. Raises `Unauthorized` when nobody is signed in."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    async def who(self) -> Signed:
        """Return who the target's credential signs in, with the seconds until there was a token."""
        started = self._clock.monotonic()
        with faults.translated("signing in"):
            token = await self._connection.credential.get_token(self._connection.target.scope)
        seconds = self._clock.monotonic() - started
        return read_token(token.token, token.expires_on, seconds)


def read_token(token: str, expires_on: int, seconds: float) -> Signed:
    """Read the claims of an access token (claims as in Microsoft's v1 tokens; facts §1.2).

    Whether it is valid is for those it is meant for to say. One that cannot be read (opaque) has no name.
    """
    claims = _claims(token)
    user = claims.get("upn") or claims.get("unique_name") or claims.get("preferred_username")
    managed = "xms_mirid" in claims
    kind = "user" if user else "managed identity" if managed else "service principal"
    name = user or claims.get("app_displayname") or claims.get("appid") or "unknown"
    return Signed(
        str(name), kind, str(claims.get("tid") or "unknown"), str(claims.get("oid") or ""),
        datetime.fromtimestamp(expires_on, UTC), seconds,
    )  # fmt: skip


def _claims(token: str) -> dict[str, Any]:
    middle = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}

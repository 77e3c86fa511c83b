"""Who tokens can be for: the emulator's own client, applications that a user added, managed identities."""

from __future__ import annotations

import hmac
import uuid
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Protocol

from aca_notebook.emulator.identity.passwords import new_password
from aca_notebook.emulator.journal.database import delete_document, put_document

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aca_notebook.emulator.identity.client import Client
    from aca_notebook.emulator.identity.secrets import Secrets
    from aca_notebook.emulator.journal.database import Database

_KIND = "principal"
_NAMED = "client"


@dataclass(frozen=True, slots=True)
class Principal:
    """One of the directory: `object_id` is what roles are given to, `client_id` what tokens are asked for by.

    `resource` is the id of the resource that is or has this managed identity, in lower case, and empty for an
    application.
    """

    object_id: str
    client_id: str
    name: str
    resource: str = ""

    def claims(self) -> dict[str, str]:
        """What its tokens say besides who it is."""
        named = {"appid": self.client_id}
        return named | {"xms_mirid": self.resource} if self.resource else named


class Identities(Protocol):
    """The managed identities there are: of resources, and resources themselves."""

    def user_assigned(self) -> Sequence[Principal]:
        """Every user-assigned identity."""
        ...

    def of(self, resource: str, *, starting: bool) -> Mapping[str, Principal]:
        """Return the identities that a resource's containers may use, by `system` or their own lower-case ids.

        `starting` asks for init containers, else for the others.
        """
        ...


class Applications:
    """The service principals that a user added: durable, each with one secret."""

    def __init__(self, database: Database, secrets: Secrets, client: Client) -> None:
        self._database = database
        self._secrets = secrets
        self._client = client
        self.own = Principal(client.object_id, client.client_id, "Local")
        self._added = {key: Principal(**body) for key, body in database.documents(_KIND).items()}

    def list(self) -> list[Principal]:
        """Return all, the emulator's own client first."""
        return [self.own, *(self._added[key] for key in sorted(self._added))]

    def find(self, client_id: str) -> Principal | None:
        """Return the application with a client id, or None."""
        wanted = client_id.lower()
        return self.own if wanted == self.own.client_id else self._added.get(wanted)

    def knows_secret(self, principal: Principal, secret: str) -> bool:
        """Tell whether a secret is this application's."""
        owner = _owner(principal.client_id)
        if principal is self.own:
            expected = self._client.client_secret
        elif self._secrets.has(owner, _NAMED):
            expected = self._secrets.get(owner, _NAMED)
        else:  # lost with a damaged file
            return False
        return hmac.compare_digest(secret.encode(), expected.encode())

    async def add(self, name: str) -> tuple[Principal, str]:
        """Make an application with a secret, which is told this once; both durable when it returns."""
        client_id = str(uuid.uuid4())
        principal = Principal(str(uuid.uuid5(uuid.UUID(client_id), "principal")), client_id, name)
        secret = new_password()
        await self._secrets.put(_owner(client_id), _NAMED, secret)
        await self._database.write(put_document(_KIND, client_id, asdict(principal)))
        self._added[client_id] = principal
        return principal, secret

    async def remove(self, client_id: str) -> bool:
        """Forget an application and its secret; False when there is none. Tokens it has stay good until they expire."""
        key = client_id.lower()
        if self._added.pop(key, None) is None:
            return False
        await self._database.write(delete_document(_KIND, key))
        await self._secrets.delete(_owner(key))
        return True


def _owner(client_id: str) -> str:
    return f"principal/{client_id}"

"""The one principal of this emulator's one tenant: who callers are when they present its secret."""

from __future__ import annotations

import json
import secrets
import uuid
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from aca_notebook.emulator.settings import write_private

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Client:
    """A service principal, which is also the machine's managed identity; ids are GUIDs."""

    tenant_id: str
    client_id: str
    subscription_id: str
    client_secret: str = field(repr=False)
    identity_header: str = field(repr=False)

    @property
    def object_id(self) -> str:
        """The principal's id in the directory."""
        return str(uuid.uuid5(uuid.UUID(self.client_id), "principal"))


def load_client(path: Path) -> Client:
    """Return the client kept in `path`; makes one the first time."""
    if path.exists():
        return Client(**json.loads(path.read_text()))
    client = Client(
        tenant_id=str(uuid.uuid4()),
        client_id=str(uuid.uuid4()),
        subscription_id=str(uuid.uuid4()),
        client_secret=secrets.token_urlsafe(32),
        identity_header=str(uuid.uuid4()),
    )
    write_private(path, json.dumps(asdict(client)))
    return client


def load_token(path: Path) -> str:
    """Return the random token kept in `path`; makes one the first time."""
    if not path.exists():
        write_private(path, secrets.token_urlsafe(32))
    return path.read_text().strip()

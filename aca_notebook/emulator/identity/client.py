"""The one principal of this emulator's one tenant: who callers are when they present its secret."""

from __future__ import annotations

import contextlib
import json
import secrets
import uuid
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from aca_notebook.emulator.identity.passwords import new_password
from aca_notebook.emulator.settings import write_private

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: The client's ids stand in the journal's file, too: a lost `client.json` must not make every resource a stranger's.
CLIENT_KIND = "client"


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

    def ids(self) -> dict[str, str]:
        """What of it is no secret."""
        return {
            "tenant_id": self.tenant_id, "client_id": self.client_id, "subscription_id": self.subscription_id,
        }  # fmt: skip


def load_client(path: Path, remembered: Mapping[str, str] | None = None) -> Client:
    """Return the client kept in `path`; makes one the first time, and when the file can no longer be read.

    That one keeps the `remembered` ids, which stand in every resource's id, and has new secrets.
    """
    with contextlib.suppress(OSError, ValueError, TypeError):
        return Client(**json.loads(path.read_text()))
    ids = remembered or {}
    client = Client(
        tenant_id=ids.get("tenant_id") or str(uuid.uuid4()),
        client_id=ids.get("client_id") or str(uuid.uuid4()),
        subscription_id=ids.get("subscription_id") or str(uuid.uuid4()),
        client_secret=new_password(),
        identity_header=str(uuid.uuid4()),
    )
    write_private(path, json.dumps(asdict(client)))
    return client


def load_token(path: Path) -> str:
    """Return the random token kept in `path`; makes one the first time, and where none is left in it."""
    if not path.exists() or not path.read_bytes().strip(b"\0\r\n\t "):
        write_private(path, secrets.token_urlsafe(32))
    return path.read_text().strip()

"""What a replica shows at the managed-identity endpoint: a header that says, signed, whose replica it is."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose replica asks, by the resource's lower-case id, and whether an init container of it does."""

    resource: str
    starting: bool = False


class ReplicaKeys:
    """Makes IDENTITY_HEADER for containers and reads it back; nothing is kept."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def issue(self, holder: Holder) -> str:
        """Return the header's value."""
        said = base64.urlsafe_b64encode(f"{'init' if holder.starting else 'main'} {holder.resource}".encode()).decode()
        return f"{said}.{self._signature(said)}"

    def read(self, header: str) -> Holder | None:
        """Return who shows a header, None when it is none of ours."""
        said, _, signature = header.partition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(said).encode()):
            return None
        try:
            phase, _, resource = base64.urlsafe_b64decode(said).decode().partition(" ")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return Holder(resource, phase == "init")

    def _signature(self, said: str) -> str:
        return hmac.new(self._key, said.encode(), hashlib.sha256).hexdigest()

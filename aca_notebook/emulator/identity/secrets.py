"""Secret values: encrypted on disk, in a file apart from documents and journal, which hold names only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.fernet import Fernet

from aca_notebook.emulator.journal.database import Database, delete_document, put_document
from aca_notebook.emulator.settings import write_private

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from aca_notebook.model.ids import ResourceId

_KIND = "secret"


class Secrets:
    """Values by owner (a resource's lower-case id) and name; durable when a write returns."""

    def __init__(self, path: Path, key_path: Path) -> None:
        if not key_path.exists():
            write_private(key_path, Fernet.generate_key())
        self._cipher = Fernet(key_path.read_bytes().strip())
        path.touch(mode=0o600)
        self._database = Database(path)
        self._values: dict[tuple[str, str], bytes] = {}
        for key, body in self._database.documents(_KIND).items():
            owner, _, name = key.rpartition("|")
            self._values[owner, name] = body.encode()

    def get(self, owner: str, name: str) -> str:
        """Return the value.

        Raises `KeyError` that names owner and name when there is none.
        """
        try:
            return self._cipher.decrypt(self._values[owner, name]).decode()
        except KeyError:
            raise KeyError(f"{owner} has no secret {name!r}") from None

    def has(self, owner: str, name: str) -> bool:
        """Tell whether there is a value."""
        return (owner, name) in self._values

    async def put(self, owner: str, name: str, value: str) -> None:
        """Store one value."""
        await self._write(owner, {name: value}, ())

    async def replace(self, owner: str, values: Mapping[str, str]) -> None:
        """Store these values and drop the owner's others, in one step."""
        dropped = [name for whose, name in self._values if whose == owner and name not in values]
        await self._write(owner, values, dropped)

    async def delete(self, owner: str, name: str = "") -> None:
        """Drop one value, or all of an owner's."""
        names = [each for whose, each in self._values if whose == owner and name in {"", each}]
        await self._write(owner, {}, names)

    async def forget(self, owners: Collection[ResourceId]) -> None:
        """Drop all values of resources that are gone."""
        keys = {owner.key for owner in owners}
        for owner in {whose for whose, _ in self._values} & keys:
            await self.delete(owner)

    def close(self) -> None:
        """Write what is queued and close the file."""
        self._database.close()

    async def _write(self, owner: str, values: Mapping[str, str], dropped: list[str] | tuple[()]) -> None:
        encrypted = {name: self._cipher.encrypt(value.encode()) for name, value in values.items()}
        await self._database.write(
            *(put_document(_KIND, f"{owner}|{name}", token.decode()) for name, token in encrypted.items()),
            *(delete_document(_KIND, f"{owner}|{name}") for name in dropped),
        )
        for name in dropped:
            self._values.pop((owner, name), None)
        self._values.update({(owner, name): token for name, token in encrypted.items()})

"""Secret values: encrypted on disk, in a file apart from documents and journal, which hold names only."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import uuid
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken

from aca_notebook.emulator.journal.database import Database, delete_document, put_document
from aca_notebook.emulator.journal.opening import damaged_place
from aca_notebook.emulator.settings import write_private
from aca_notebook.emulator.wire import AzureError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping
    from pathlib import Path

    from aca_notebook.emulator.journal.database import Statement
    from aca_notebook.model.ids import ResourceId

logger = logging.getLogger(__name__)

_KIND = "secret"
#: Documents of this kind stand in the journal's file: which generation of an owner's values counts.
GENERATION = "secret-generation"


class Secrets:
    """Values by owner (a resource's lower-case id) and name; durable when a write returns.

    Two files cannot be written in one transaction, so an owner's values come in generations: `replacing` writes a new
    one beside the old, and which of them counts is decided by one statement in the transaction of the document that
    names them. `generations` is what that file says at start; leftovers of a crash are dropped then.

    Where the key has gone or is damaged the values have gone with it: both are put aside, a new key is made, and
    `notices` says so, as it does of a damaged file of values.
    """

    def __init__(self, path: Path, key_path: Path, generations: Mapping[str, str] | None = None) -> None:
        path.touch(mode=0o600)
        self._database = Database(path)
        stored = self._database.documents(_KIND)
        self._cipher, trouble = _load_cipher(key_path)
        unreadable = {key for key, token in stored.items() if not _reads(self._cipher, token)}
        self.notices = self._database.notices
        if unreadable:
            place = _copy_aside(path, key_path)
            self.notices += (_told(len(unreadable), trouble or f"{key_path.name} does not fit them", place),)
        if trouble or len(unreadable) == len(stored) > 0:
            self._cipher = _new_cipher(key_path)
        self._generations = dict(generations or {})
        self._values: dict[tuple[str, str], bytes] = {}
        leftovers = []
        for key, body in stored.items():
            owner, generation, name = key.rsplit("|", 2) if key.count("|") == 2 else ("", "", "")
            if key not in unreadable and owner and generation == self._generations.get(owner, ""):
                self._values[owner, name] = body.encode()
            else:
                leftovers.append(key)
        if leftovers:
            self._database.write_blocking(*(delete_document(_KIND, key) for key in leftovers))
        for notice in self.notices[len(self._database.notices) :]:
            logger.warning("%s", notice)

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
        token = self._cipher.encrypt(value.encode())
        await self._write(put_document(_KIND, self._key(owner, name), token.decode()))
        self._values[owner, name] = token

    @asynccontextmanager
    async def replacing(self, owner: str, values: Mapping[str, str]) -> AsyncIterator[Statement]:
        """Let `values` be all that the owner has, once the block has ended well.

        The block must commit the statement it is given together with the document that names the values. When it
        raises, or the emulator dies, the old values stay.
        """
        generation = uuid.uuid4().hex
        tokens = {name: self._cipher.encrypt(value.encode()) for name, value in values.items()}
        written = {self._key(owner, name, generation): token for name, token in tokens.items()}
        await self._write(*(put_document(_KIND, key, token.decode()) for key, token in written.items()))
        try:
            yield put_document(GENERATION, owner, generation)
        except BaseException:
            await self._drop(*written)
            raise
        before = [name for whose, name in self._values if whose == owner]
        outdated = [self._key(owner, name) for name in before]
        self._generations[owner] = generation
        for name in before:
            del self._values[owner, name]
        self._values.update({(owner, name): token for name, token in tokens.items()})
        await self._drop(*outdated)

    async def delete(self, owner: str, name: str = "") -> None:
        """Drop one value, or all of an owner's."""
        names = [each for whose, each in self._values if whose == owner and name in {"", each}]
        await self._write(*(delete_document(_KIND, self._key(owner, each)) for each in names))
        for each in names:
            self._values.pop((owner, each), None)

    async def forget(self, owners: Collection[ResourceId]) -> None:
        """Drop all values of resources that are gone."""
        keys = {owner.key for owner in owners}
        for owner in {whose for whose, _ in self._values} & keys:
            await self.delete(owner)

    def close(self) -> None:
        """Write what is queued and close the file."""
        self._database.close()

    def _key(self, owner: str, name: str, generation: str | None = None) -> str:
        return f"{owner}|{self._generations.get(owner, '') if generation is None else generation}|{name}"

    async def _write(self, *statements: Statement) -> None:
        """Raise `AzureError` 507 when the disk is full, and then nothing has changed."""
        try:
            await self._database.write(*statements)
        except sqlite3.OperationalError as failure:
            message = f"The emulator could not write to its data folder: {failure}."
            raise AzureError(507, "InsufficientStorage", message) from failure

    async def _drop(self, *keys: str) -> None:
        """Remove values that no longer count; what the disk refuses goes at the next start."""
        try:
            await self._database.write(*(delete_document(_KIND, key) for key in keys))
        except sqlite3.Error as failure:
            logger.warning("outdated secret values stay until the next start: %s", failure)


def _load_cipher(key_path: Path) -> tuple[Fernet, str]:
    """Return the cipher of the key's file; one that reads nothing, and why, where that holds no key."""
    try:
        return Fernet(key_path.read_bytes().strip()), ""
    except FileNotFoundError:
        return Fernet(Fernet.generate_key()), f"{key_path.name} is missing"
    except ValueError:
        return Fernet(Fernet.generate_key()), f"{key_path.name} holds no key"


def _new_cipher(key_path: Path) -> Fernet:
    key = Fernet.generate_key()
    write_private(key_path, key)
    return Fernet(key)


def _reads(cipher: Fernet, token: str) -> bool:
    try:
        cipher.decrypt(token.encode())
    except InvalidToken:
        return False
    return True


def _copy_aside(path: Path, key_path: Path) -> Path:
    """Keep what cannot be read, and the key that does not: somebody may find the right one."""
    place = damaged_place(path.parent)
    with closing(sqlite3.connect(path)) as read, closing(sqlite3.connect(place / path.name)) as written:
        read.backup(written)
    if key_path.exists():
        shutil.copyfile(key_path, place / key_path.name)
    return place


def _told(count: int, trouble: str, place: Path) -> str:
    return (
        f"{count} secret values cannot be read any more and were dropped: {trouble}. Copies of the files are in {place}"
    )

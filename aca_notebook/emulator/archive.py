"""One file that holds an emulator's documents, and what it takes to run them again on another machine.

A zip of `manifest.json` (format, ids, the SHA-256 of each member), `documents.jsonl`, `bundles/DIGEST.tar` (the built
contexts), `blobs/…` (logs of builds) and, if asked for, `secrets.json`: values under a passphrase, by scrypt and
Fernet. What is read comes from a stranger: names, sizes, sums and versions are checked before anything is used.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from aca_notebook.emulator.settings import synchronise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

FORMAT = 1
DOCUMENTS, SECRETS, MANIFEST = "documents.jsonl", "secrets.json", "manifest.json"
MOST_BYTES = 2 * 2**30
MOST_MEMBERS = 20_000
_MOST_IN_MEMORY = 2**28
_SMALL, _MOST_SHRUNK = 2**24, 100  #: what is larger may not have shrunk by more than this
_NAME = re.compile(
    r"documents\.jsonl|secrets\.json|bundles/[0-9a-f]{64}\.tar|blobs/[a-z0-9]+/logs/[a-z0-9-]+/[a-z0-9][a-z0-9.-]*"
)
_SALT_BYTES = 16
#: What `zipfile` raises for damage, for passwords, and for ways to compress that it does not know.
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError, struct.error)


class ArchiveRefused(Exception):
    """The file is not one that can be taken in; `str` is a sentence that says why."""


@dataclass(frozen=True, slots=True)
class Document:
    """One row of the store."""

    kind: str
    key: str
    body: Any


class ArchiveWriter:
    """Writes `path`, over what was there, once `finish` is called; `abandon` leaves no trace."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._draft = path.with_name(f".{path.name}.new")
        self._draft.unlink(missing_ok=True)
        self._draft.touch(mode=0o600)
        self._zip = zipfile.ZipFile(self._draft, "w", zipfile.ZIP_DEFLATED)
        self._sums: dict[str, str] = {}

    def add(self, name: str, content: bytes) -> None:
        """Add a member."""
        self._zip.writestr(name, content)
        self._sums[name] = hashlib.sha256(content).hexdigest()

    def add_file(self, name: str, path: Path) -> None:
        """Add a member that is a file."""
        self._zip.write(path, name)
        with path.open("rb") as file:
            self._sums[name] = hashlib.file_digest(file, "sha256").hexdigest()

    def finish(self, facts: Mapping[str, Any]) -> None:
        """Write the manifest and put the file in its place."""
        manifest = {"format": FORMAT, **facts, "members": self._sums}
        self._zip.writestr(MANIFEST, json.dumps(manifest, indent=1))
        self._zip.close()
        synchronise(self._draft)
        self._draft.replace(self._path)

    def abandon(self) -> None:
        """Leave what was at the path as it was."""
        self._zip.close()
        self._draft.unlink(missing_ok=True)


class ArchiveReader:
    """Reads an archive; what it hands out has the sum that the manifest says.

    Raises `ArchiveRefused` for what is no archive, is damaged, too large, of a later format, or has members of other
    names than ours.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except _UNREADABLE as other:
            raise ArchiveRefused(f"{path} is no archive of an emulator: {other}") from other
        try:
            self.manifest = self._read_manifest()
            self._sums = self._checked_sums()
        except BaseException:
            self._zip.close()
            raise

    def close(self) -> None:
        """Give the file back."""
        self._zip.close()

    def names(self, prefix: str = "") -> list[str]:
        """Return the names of members, in order."""
        return sorted(name for name in self._sums if name.startswith(prefix))

    def read(self, name: str) -> bytes:
        """Return a member's content."""
        if self._zip.getinfo(name).file_size > _MOST_IN_MEMORY:
            raise ArchiveRefused(f"{name} is larger than {_MOST_IN_MEMORY >> 20} MiB")
        content = self._opened(name)
        if hashlib.sha256(content).hexdigest() != self._sums[name]:
            raise ArchiveRefused(f"{name} is not what the manifest says: the archive is damaged")
        return content

    def extract(self, name: str, to: Path) -> None:
        """Write a member's content to a file."""
        try:
            with self._zip.open(name) as source, to.open("w+b") as written:
                shutil.copyfileobj(source, written)
                written.seek(0)
                found = hashlib.file_digest(written, "sha256").hexdigest()
        except _UNREADABLE as damaged:
            raise ArchiveRefused(f"{name} cannot be read: {damaged}") from damaged
        if found != self._sums[name]:
            raise ArchiveRefused(f"{name} is not what the manifest says: the archive is damaged")

    def documents(self) -> Iterator[Document]:
        """Yield the documents."""
        for number, line in enumerate(self.read(DOCUMENTS).decode("utf-8", "replace").split("\n"), start=1):
            if not line:
                continue
            try:
                row = json.loads(line)
                document = Document(str(row["kind"]), str(row["key"]), row["body"])
            except (ValueError, KeyError, TypeError) as odd:
                raise ArchiveRefused(f"{DOCUMENTS}, line {number}, is no document: {odd}") from odd
            yield document

    def _read_manifest(self) -> dict[str, Any]:
        try:
            content = self._opened(MANIFEST) if self._zip.getinfo(MANIFEST).file_size <= _SMALL else b""
            manifest = json.loads(content)
            version = int(manifest["format"])
        except (KeyError, ValueError, TypeError) as other:
            raise ArchiveRefused(
                f"it has no manifest that can be read, so it is no archive of an emulator: {other}"
            ) from other
        if version > FORMAT:
            raise ArchiveRefused(
                f"a newer aca_notebook made it (format {version}, this one knows {FORMAT}): update aca_notebook"
            )
        return dict(manifest)

    def _checked_sums(self) -> dict[str, str]:
        sums = self.manifest.get("members")
        listed = {each.filename: each for each in self._zip.infolist()}
        if not isinstance(sums, dict) or set(sums) | {MANIFEST} != set(listed) or DOCUMENTS not in sums:
            raise ArchiveRefused("its members are not those that its manifest lists: the archive is damaged")
        if len(self._zip.infolist()) != len(listed) or len(listed) > MOST_MEMBERS:
            raise ArchiveRefused(f"it has more than {MOST_MEMBERS} members, or one of them twice")
        odd = [name for name in sums if _NAME.fullmatch(name) is None or ".." in name]
        if odd:
            raise ArchiveRefused(f"it has a member of a name that no emulator gives: {odd[0]!r}")
        if sum(each.file_size for each in listed.values()) > MOST_BYTES:
            raise ArchiveRefused(f"it holds more than {MOST_BYTES >> 30} GiB")
        for each in listed.values():
            if each.file_size > max(_SMALL, each.compress_size * _MOST_SHRUNK):
                raise ArchiveRefused(f"{each.filename} would grow to {each.file_size >> 20} MiB: that is no document")
        return {name: str(value) for name, value in sums.items()}

    def _opened(self, name: str) -> bytes:
        try:
            return self._zip.read(name)
        except _UNREADABLE as damaged:
            raise ArchiveRefused(f"{name} cannot be read: {damaged}") from damaged


def seal(values: Mapping[str, Mapping[str, str]], passphrase: str) -> bytes:
    """Return secret values, by owner and name, under a passphrase."""
    salt = os.urandom(_SALT_BYTES)
    token = _cipher(passphrase, salt).encrypt(json.dumps(values).encode())
    return json.dumps({"salt": base64.b64encode(salt).decode(), "token": token.decode()}).encode()


def unseal(content: bytes, passphrase: str) -> dict[str, dict[str, str]]:
    """Read what `seal` wrote.

    Raises `ArchiveRefused` when the passphrase is not the one.
    """
    try:
        sealed = json.loads(content)
        salt = base64.b64decode(sealed["salt"])
        values = json.loads(_cipher(passphrase, salt).decrypt(str(sealed["token"]).encode()))
    except InvalidToken as wrong:
        raise ArchiveRefused("the passphrase does not open the secret values of this archive") from wrong
    except (ValueError, KeyError, TypeError) as odd:
        raise ArchiveRefused(f"its secret values cannot be read: {odd}") from odd
    return {str(owner): {str(name): str(value) for name, value in named.items()} for owner, named in values.items()}


def _cipher(passphrase: str, salt: bytes) -> Fernet:
    # Interactive strength as RFC 7914 counts it, twice over: 64 MiB and about 0.1 s for each guess.
    derived = Scrypt(salt=salt, length=32, n=2**16, r=8, p=1).derive(passphrase.encode())
    return Fernet(base64.urlsafe_b64encode(derived))

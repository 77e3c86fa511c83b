"""Writes a data folder's documents, bundles and, if asked, secret values into one file, while an emulator runs or not.

Consistent: documents and secret values are read in one transaction each, and the two again until they agree. Logs,
metrics, the journal and what belongs to this machine alone (interpreters, keys, ids) stay behind, and so do executions
that have not ended.
"""

from __future__ import annotations

import io
import json
import sqlite3
import tarfile
import tempfile
from contextlib import ExitStack, closing
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken

from aca_notebook.emulator.archive import DOCUMENTS, SECRETS, ArchiveWriter, Document, seal
from aca_notebook.emulator.identity.client import CLIENT_KIND, load_client
from aca_notebook.emulator.identity.secrets import GENERATION, Secrets
from aca_notebook.emulator.journal.database import Database
from aca_notebook.emulator.journal.migrations import LATEST, version_of
from aca_notebook.emulator.occupancy import AlreadyRunning, Occupancy
from aca_notebook.emulator.telemetry import SCHEMA as TELEMETRY_SCHEMA

if TYPE_CHECKING:
    from aca_notebook.clock import Clock
    from aca_notebook.emulator.settings import Settings

#: What is this machine's, or is folded from the journal, which stays behind.
LEFT_BEHIND = frozenset({
    CLIENT_KIND, GENERATION, "alert-state", "budget-told", "fault", "interpreter", "metered-resource", "notice",
    "observed", "observed-until", "pace", "secret",
})  # fmt: skip
EXECUTIONS = "arm:microsoft.app/jobs/executions"
_ATTEMPTS = 20


class ExportFailed(Exception):
    """There is nothing to export, or it cannot be read; `str` is the sentence to show."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What went into the file; `secrets` counts values, 0 without them."""

    documents: int
    bundles: int
    secrets: int


def export(settings: Settings, path: Path, clock: Clock, *, passphrase: str = "") -> Exported:
    """Write `path`; with a passphrase the values of secrets, too.

    Raises `ExportFailed`, and `OSError` when the file cannot be written.
    """
    if not settings.state_path.exists():
        raise ExportFailed(f"{settings.data_dir} holds no emulator's state")
    with ExitStack() as stack:
        try:
            occupancy = Occupancy(settings)
        except AlreadyRunning:
            pass  # its files may be read all the same
        else:
            stack.callback(occupancy.release)
            _mend(settings)
        documents, values = _read(settings)
    writer = ArchiveWriter(path)
    try:
        kept = [each for each in documents if _is_kept(each)]
        bundles = _bundles(settings, kept)
        writer.add(DOCUMENTS, "".join(f"{_line(each, bundles)}\n" for each in kept).encode())
        for digest, folder in bundles.items():
            _add_bundle(writer, digest, folder)
        for log in _logs(settings):
            writer.add_file(f"blobs/{log.relative_to(settings.data_dir / 'blobs').as_posix()}", log)
        if passphrase:
            writer.add(SECRETS, seal(values, passphrase))
        client = load_client(settings.client_path)
        writer.finish({
            "made_by": metadata.version("aca_notebook"), "made_at": clock.now().isoformat(), "store": LATEST,
            "ids": client.ids() | {"object_id": client.object_id}, "documents": len(kept),
        })  # fmt: skip
    except BaseException:
        writer.abandon()
        raise
    return Exported(len(kept), len(bundles), sum(len(each) for each in values.values()) if passphrase else 0)


def _mend(settings: Settings) -> None:
    """Let the files be checked and, where one is damaged, made again, as a start does; nobody else has the folder."""
    with closing(Database(settings.state_path, schema=TELEMETRY_SCHEMA)) as database:
        Secrets(settings.secrets_path, settings.secret_key_path, database.documents(GENERATION)).close()


def _read(settings: Settings) -> tuple[list[Document], dict[str, dict[str, str]]]:
    """Return all documents and the values that count, as of one moment."""
    for attempt in range(_ATTEMPTS):
        stored = _rows(settings.secrets_path)
        documents = _rows(settings.state_path)
        stored |= _rows(settings.secrets_path)
        generations = {key: body for (kind, key), body in documents.items() if kind == GENERATION}
        # Values that a full disk kept from being dropped never agree, and do not count.
        if _agree(generations, stored) or attempt == _ATTEMPTS - 1:
            found = [Document(kind, key, body) for (kind, key), body in documents.items()]
            return found, _values(settings, generations, stored)
    raise AssertionError  # the last attempt returns


def _rows(path: Path) -> dict[tuple[str, str], Any]:
    if not path.exists():
        return {}
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
            if version_of(connection) != LATEST:
                raise ExportFailed(f"{path} is of another version: stop the emulator, and export again")
            rows = connection.execute("SELECT kind, key, body FROM documents").fetchall()
    except sqlite3.Error as unreadable:
        raise ExportFailed(f"{path} cannot be read: {unreadable}") from unreadable
    return {(kind, key): json.loads(body) for kind, key, body in rows}


def _agree(generations: dict[str, str], stored: dict[tuple[str, str], Any]) -> bool:
    """Tell whether no owner has values of other generations only: his own were written or dropped meanwhile."""
    present = {tuple(key.rsplit("|", 2)[:2]) for _, key in stored}
    owners = {owner for owner, _ in present}
    return all((owner, generation) in present or owner not in owners for owner, generation in generations.items())


def _values(
    settings: Settings, generations: dict[str, str], stored: dict[tuple[str, str], Any]
) -> dict[str, dict[str, str]]:  # fmt: skip
    values: dict[str, dict[str, str]] = {}
    if not stored:
        return values
    cipher = Fernet(settings.secret_key_path.read_bytes().strip())
    for (_, key), token in stored.items():
        owner, generation, name = key.rsplit("|", 2)
        if generation == generations.get(owner, ""):
            try:
                values.setdefault(owner, {})[name] = cipher.decrypt(token.encode()).decode()
            except InvalidToken as damaged:
                raise ExportFailed(f"the secret values cannot be read with {settings.secret_key_path}") from damaged
    return values


def _is_kept(document: Document) -> bool:
    if document.kind == EXECUTIONS:
        return "endTime" in document.body.get("properties", {})
    return document.kind not in LEFT_BEHIND


def _bundles(settings: Settings, documents: list[Document]) -> dict[str, Path]:
    """Return the folders of images that were built here, by name: the digest of their context."""
    root = settings.data_dir.resolve() / "images"
    folders = {Path(each.body["folder"]) for each in documents if each.kind == "image"}
    return {folder.name: folder for folder in sorted(folders) if folder.parent == root and folder.is_dir()}


def _line(document: Document, bundles: dict[str, Path]) -> str:
    body = document.body
    if document.kind == "image" and Path(body["folder"]) in bundles.values():
        body = {"image": body["image"], "bundle": Path(body["folder"]).name}
    return json.dumps({"kind": document.kind, "key": document.key, "body": body}, separators=(",", ":"))


def _add_bundle(writer: ArchiveWriter, digest: str, folder: Path) -> None:
    with tempfile.NamedTemporaryFile(suffix=".tar") as file:
        with tarfile.open(fileobj=file, mode="w") as archive:
            for path in sorted(folder.rglob("*")):
                relative = path.relative_to(folder)
                if path.is_file() and "__pycache__" not in relative.parts:
                    _add_member(archive, path, relative.as_posix())
        file.flush()
        writer.add_file(f"bundles/{digest}.tar", Path(file.name))


def _add_member(archive: tarfile.TarFile, path: Path, name: str) -> None:
    content = path.read_bytes()
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), path.stat().st_mode & 0o755
    archive.addfile(member, io.BytesIO(content))


def _logs(settings: Settings) -> list[Path]:
    return sorted(path for path in (settings.data_dir / "blobs").glob("*/logs/*/*") if path.is_file())

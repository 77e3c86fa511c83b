"""Takes an exported file into a data folder that no emulator runs on: all of its documents in one transaction.

Ids of tenant, subscription and client become those of this folder. Bundles are built again here, for environments
belong to one machine; one that cannot be built is named, and its apps wait for their image as for any unknown one.
"""

from __future__ import annotations

import json
import logging
import os
import re
import tempfile
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from uv import find_uv_bin

from aca_notebook.emulator.archive import SECRETS, ArchiveReader, ArchiveRefused, Document, unseal
from aca_notebook.emulator.control import SEED
from aca_notebook.emulator.exporting import LEFT_BEHIND
from aca_notebook.emulator.identity.client import CLIENT_KIND, load_client
from aca_notebook.emulator.identity.secrets import GENERATION, Secrets
from aca_notebook.emulator.journal.database import Database, Statement, put_document
from aca_notebook.emulator.journal.migrations import LATEST
from aca_notebook.emulator.occupancy import Occupancy
from aca_notebook.emulator.runtime.builder import Builder, BuildFailed
from aca_notebook.emulator.runtime.images import Images
from aca_notebook.emulator.runtime.interpreters import Interpreters
from aca_notebook.emulator.telemetry import SCHEMA as TELEMETRY_SCHEMA
from aca_notebook.model.ids import parse_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aca_notebook.emulator.identity.client import Client
    from aca_notebook.emulator.settings import Settings

logger = logging.getLogger(__name__)

_ARM = "arm:"
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


class ImportRefused(Exception):
    """The folder holds something, and nobody said that it may be replaced; `str` is the sentence to show."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What was taken in; `missing` are images that could not be made here, each with why."""

    documents: int
    bundles: int
    secrets: int
    missing: tuple[str, ...] = ()


async def import_archive(
    settings: Settings, path: Path, *, replace: bool = False, passphrase: str = ""
) -> Imported:  # fmt: skip
    """Take the archive at `path` in; all of it or nothing.

    Raises `ArchiveRefused` and `ImportRefused`, `AlreadyRunning` when an emulator has the folder, and `sqlite3.Error`
    or `OSError` when the disk does not allow it.
    """
    async with AsyncExitStack() as stack:
        reader = stack.enter_context(closing(ArchiveReader(path)))
        if int(reader.manifest.get("store", 0)) > LATEST:
            raise ArchiveRefused("a newer aca_notebook made it: update aca_notebook")
        sealed = reader.read(SECRETS) if passphrase and SECRETS in reader.names() else b""
        values = unseal(sealed, passphrase) if sealed else {}
        documents = list(reader.documents())
        stack.callback(Occupancy(settings).release)
        database = stack.enter_context(closing(Database(settings.state_path, schema=TELEMETRY_SCHEMA)))
        if not replace and (there := _first_of_its_own(database)):
            raise ImportRefused(
                f"{settings.data_dir} is not empty ({there}); --replace takes the place of all it holds"
            )
        client = load_client(settings.client_path, database.documents(CLIENT_KIND).get(""))
        renamed = _Renaming(reader.manifest, client)
        documents = [_checked(renamed.document(each)) for each in documents]
        values = {renamed.text(owner): named for owner, named in values.items()}
        secrets = Secrets(settings.secrets_path, settings.secret_key_path, database.documents(GENERATION))
        stack.callback(secrets.close)
        images, missing = await _build_images(settings, database, reader, documents)
        _copy_logs(settings, reader)
        switches = [await stack.enter_async_context(secrets.replacing(owner, each)) for owner, each in values.items()]
        kept = [each for each in documents if each.kind != "image"]
        await database.write(
            *_emptying(),
            *(put_document(each.kind, each.key, each.body) for each in kept),
            *(put_document("image", key, body) for key, body in images.items()),
            *switches,
        )
    return Imported(len(documents), len(reader.names("bundles/")), sum(map(len, values.values())), tuple(missing))


class _Renaming:
    """Puts this folder's ids in the place of those of the archive, wherever they stand."""

    def __init__(self, manifest: Mapping[str, Any], client: Client) -> None:
        told = manifest.get("ids")
        theirs: dict[str, Any] = told if isinstance(told, dict) else {}
        ours = client.ids() | {"object_id": client.object_id}
        self._ids = {
            str(theirs[name]).lower(): value for name, value in ours.items() if _GUID.fullmatch(str(theirs.get(name)))
        }

    def text(self, text: str) -> str:
        """Return a text with our ids."""
        return _GUID.sub(lambda found: self._ids.get(found[0].lower(), found[0]), text)

    def document(self, document: Document) -> Document:
        """Return a document with our ids."""
        body = json.loads(self.text(json.dumps(document.body)))
        return Document(document.kind, self.text(document.key), body)


def _checked(document: Document) -> Document:
    """Refuse what no export writes: a document that is another's, or one that belongs to a machine."""
    if document.kind in LEFT_BEHIND:
        raise ArchiveRefused(f"it holds a document of the kind {document.kind!r}, which no export writes")
    if document.kind.startswith(_ARM):
        try:
            id_ = parse_id(str(document.body["id"]))
        except (ValueError, KeyError, TypeError) as odd:
            raise ArchiveRefused(f"the document {document.key} has no id that can be read: {odd}") from odd
        if id_.key != document.key:
            raise ArchiveRefused(f"the document {document.key} has the id of another: {id_}")
    return document


def _first_of_its_own(database: Database) -> str:
    """Return a resource that is none of those which every first start makes; empty when there is none."""
    rows = database.read_blocking("SELECT key FROM documents WHERE substr(kind, 1, 4) = ? ORDER BY key", (_ARM,))
    return next((key for (key,) in rows if key.rpartition("/")[2] != SEED), "")


def _emptying() -> tuple[Statement, ...]:
    """Drop all that an export would have held, and what happened to it."""
    machine = ("interpreter", CLIENT_KIND)
    return (
        Statement("DELETE FROM documents WHERE kind NOT IN (?, ?)", machine),
        Statement("DELETE FROM events"),
        Statement("DELETE FROM metric_minutes"),
        Statement("DELETE FROM metric_series"),
    )


class _Noted:
    """Stands in for the database of an image table: what is registered is noted, for the one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.documents_by_key: dict[str, Any] = {}

    def documents(self, kind: str) -> dict[str, Any]:
        return self._database.documents(kind)

    async def write(self, *statements: Statement) -> None:
        for statement in statements:
            _, key, body = statement.parameters
            self.documents_by_key[key] = json.loads(body)


async def _build_images(
    settings: Settings, database: Database, reader: ArchiveReader, documents: Sequence[Document]
) -> tuple[dict[str, Any], list[str]]:  # fmt: skip
    """Build what was built; returns the table's documents by key, and a sentence for each that cannot be."""
    noted = _Noted(database)
    images = Images(cast("Database", noted))
    builder = Builder(
        folder=settings.data_dir, images=images, interpreters=Interpreters(database), uv=find_uv_bin(),
        environment=os.environ,
    )  # fmt: skip
    by_bundle: dict[str, list[str]] = {}
    missing = []
    for each in documents:
        if each.kind == "image" and "bundle" in each.body:
            by_bundle.setdefault(str(each.body["bundle"]), []).append(str(each.body["image"]))
        elif each.kind == "image":
            missing += await _register(images, each.body)
    for bundle, names in by_bundle.items():
        # Among the images, where the next start removes what no image names, should this be killed.
        with tempfile.TemporaryDirectory(dir=settings.data_dir / "images") as folder:
            context = Path(folder) / "context.tar"
            try:
                reader.extract(f"bundles/{bundle}.tar", context)
                await builder.build(context, names, lambda line: logger.debug("%s", line))
            except KeyError as gone:
                raise ArchiveRefused(f"it names the bundle {bundle}, which it does not hold") from gone
            except BuildFailed as failed:
                missing.append(f"{', '.join(names)} could not be built here: {failed}")
    await builder.close()
    return noted.documents_by_key, missing


async def _register(images: Images, body: Mapping[str, Any]) -> list[str]:
    """Take over an image that its user added; returns why not, if so."""
    try:
        command = [str(part) for part in body["command"]]
        folder = Path(str(body["folder"])) if body["folder"] else None
        environment = {str(name): str(value) for name, value in dict(body.get("environment") or {}).items()}
        await images.register(str(body["image"]), command, folder, environment)
    except (KeyError, TypeError, ValueError) as unusable:
        return [f"{body.get('image')} was added by hand and cannot be taken over: {unusable}"]
    return []


def _copy_logs(settings: Settings, reader: ArchiveReader) -> None:
    for name in reader.names("blobs/"):
        target = settings.data_dir / name
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        reader.extract(name, target)

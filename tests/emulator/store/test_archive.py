"""An emulator's documents, bundles and secrets travel in one file, to an empty folder or over another's."""

from __future__ import annotations

import hashlib
import json
import random
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from aca_notebook.clock import SystemClock
from aca_notebook.emulator import importing
from aca_notebook.emulator.__main__ import main
from aca_notebook.emulator.archive import ArchiveReader, ArchiveRefused
from aca_notebook.emulator.exporting import ExportFailed, export
from aca_notebook.emulator.importing import ImportRefused, import_archive
from aca_notebook.emulator.journal.database import Statement
from aca_notebook.emulator.occupancy import AlreadyRunning
from aca_notebook.emulator.settings import Settings
from tests.emulator.process.bundles import write_bundle
from tests.emulator.running import Running, running_emulator

pytestmark = pytest.mark.anyio
SPELL = "a passphrase"


def body(emulator: Running, value: str = "canary-value", image: str = "") -> dict[str, Any]:
    asked = emulator.body()
    asked["tags"] = {"mark": value}
    asked["properties"]["configuration"]["secrets"] = [{"name": "key", "value": value}]
    if image:
        asked["properties"]["template"]["containers"][0]["image"] = image
    return asked


def build(emulator: Running, wheels: Path, number: int) -> str:
    """Build a bundle by the four calls of a deploy; returns its image."""
    registry = f"{emulator.group}/providers/Microsoft.ContainerRegistry/registries/local"
    place = emulator.ask("POST", f"{registry}/listBuildSourceUploadUrl").json()
    blob = {"x-ms-blob-type": "BlockBlob"}
    requests.put(place["uploadUrl"], data=write_bundle(wheels, number), headers=blob, timeout=10).raise_for_status()
    run = {"type": "DockerBuildRequest", "imageNames": [f"built:{number}"], "sourceLocation": place["relativePath"]}
    scheduled = emulator.ask("POST", f"{registry}/scheduleRun", run).json()
    emulator.eventually(
        lambda: emulator.ask("GET", scheduled["id"]).json()["properties"]["status"] in {"Succeeded", "Failed"}
    )
    assert emulator.ask("GET", scheduled["id"]).json()["properties"]["status"] == "Succeeded"
    return f"local.azurecr.io/built:{number}"


def exported(folder: Path, path: Path, *, passphrase: str = SPELL) -> Path:
    export(Settings(folder), path, SystemClock(), passphrase=passphrase)
    return path


@pytest.fixture(name="file", scope="module")
def _file(tmp_path_factory) -> Path:
    """What an emulator with one app exported while it ran."""
    folder = tmp_path_factory.mktemp("first")
    with running_emulator(folder / "data") as emulator:
        emulator.deploy(body=body(emulator))
        return exported(folder / "data", folder / "file.zip")


def secret_of(emulator: Running) -> dict[str, str]:
    (secret,) = emulator.ask("POST", f"{emulator.app_path()}/listSecrets").json()["value"]
    return secret


async def test_an_app_its_address_and_its_secret_go_to_another_folder(file, tmp_path):
    taken = await import_archive(Settings(tmp_path), file, passphrase=SPELL)
    assert (taken.secrets, taken.missing) == (1, ())
    with running_emulator(tmp_path) as emulator:
        app = emulator.ask("GET", emulator.app_path()).json()
        assert app["tags"] == {"mark": "canary-value"}
        assert app["properties"]["environmentId"].startswith(emulator.group), "ids are those of the new folder"
        assert secret_of(emulator) == {"name": "key", "value": "canary-value"}
        assert list(emulator.runtime.apps) == [emulator.app_path().lower()]
        assert emulator.control("GET", "status").json()["notices"] == []


async def test_without_the_passphrase_the_app_comes_and_its_missing_value_is_named(file, tmp_path):
    await import_archive(Settings(tmp_path), file)
    with running_emulator(tmp_path) as emulator:
        assert secret_of(emulator) == {"name": "key"}
        (notice,) = emulator.control("GET", "status").json()["notices"]
        assert "app scorer has no value for its secret key" in notice


async def test_a_wrong_passphrase_takes_nothing_in(file, tmp_path):
    with pytest.raises(ArchiveRefused, match="the passphrase does not open"):
        await import_archive(Settings(tmp_path), file, passphrase="wrong")
    assert not (tmp_path / "state.db").exists()


async def test_a_folder_that_holds_something_is_only_replaced_when_told_to(file, data_dir):
    with running_emulator(data_dir) as emulator:
        emulator.deploy("other", body(emulator, "other-value"))
        with pytest.raises(AlreadyRunning):
            await import_archive(Settings(data_dir), file, replace=True)
    with pytest.raises(ImportRefused, match=r"is not empty \(.*/containerapps/other\); --replace takes"):
        await import_archive(Settings(data_dir), file)
    with running_emulator(data_dir) as emulator:
        assert emulator.ask("GET", emulator.app_path("other")).status_code == 200
    await import_archive(Settings(data_dir), file, replace=True, passphrase=SPELL)
    with running_emulator(data_dir) as emulator:
        assert emulator.ask("GET", emulator.app_path("other")).status_code == 404
        assert emulator.ask("GET", emulator.app_path()).json()["tags"] == {"mark": "canary-value"}
        assert secret_of(emulator)["value"] == "canary-value"


async def test_a_bundle_is_built_again_where_it_is_imported(tmp_path):
    with running_emulator(tmp_path / "first") as emulator:
        image = build(emulator, tmp_path / "wheels", 7)
        emulator.deploy(body=body(emulator, image=image))
        exported(tmp_path / "first", tmp_path / "file.zip")
    taken = await import_archive(Settings(tmp_path / "second"), tmp_path / "file.zip")
    assert (taken.bundles, taken.missing) == (1, ())
    with running_emulator(tmp_path / "second") as emulator:
        listed = {each["image"]: each for each in emulator.control("GET", "images").json()["value"]}
        assert Path(listed[image]["folder"], "serve.py").is_file()
        assert Path(listed[image]["folder"]).is_relative_to(tmp_path / "second")
        assert str(tmp_path / "second" / "environments") in listed[image]["command"][0]


async def test_a_bundle_that_cannot_be_built_here_is_named_and_the_rest_comes(tmp_path):
    with running_emulator(tmp_path / "first") as emulator:
        emulator.deploy(body=body(emulator, image=build(emulator, tmp_path / "wheels", 8)))
        exported(tmp_path / "first", tmp_path / "file.zip")
    for wheel in (tmp_path / "wheels").iterdir():
        wheel.unlink()
    taken = await import_archive(Settings(tmp_path / "second"), tmp_path / "file.zip")
    (missing,) = taken.missing
    assert "local.azurecr.io/built:8 could not be built here: " in missing
    with running_emulator(tmp_path / "second") as emulator:
        assert emulator.ask("GET", emulator.app_path()).status_code == 200


def test_secret_values_are_in_no_file_that_leaves_without_their_passphrase(file, tmp_path):
    assert ArchiveReader(file).names("secrets") == ["secrets.json"]
    with zipfile.ZipFile(file) as members:
        everything = b"".join(members.read(name) for name in members.namelist())
    # The tag holds it by the test's own doing; nothing else may.
    assert everything.count(b"canary-value") == everything.count(b'"mark":"canary-value"')
    assert file.stat().st_mode & 0o077 == 0


def test_an_export_that_fails_leaves_the_file_that_was_there(tmp_path):
    (tmp_path / "file.zip").write_text("earlier")
    with pytest.raises(ExportFailed, match="holds no emulator's state"):
        export(Settings(tmp_path / "nothing"), tmp_path / "file.zip", SystemClock())
    assert (tmp_path / "file.zip").read_text() == "earlier"


def changed(file: Path, to: Path, *, manifest: dict[str, Any] | None = None, **members: bytes) -> Path:
    """A copy of an archive with other members (`__` is `/`), sums as they should be, and a changed manifest."""
    with zipfile.ZipFile(file) as source:
        content: dict[str, bytes] = {name: source.read(name) for name in source.namelist()}
    told = json.loads(content.pop("manifest.json"))
    content |= members
    told["members"] = {name: hashlib.sha256(each).hexdigest() for name, each in content.items()}
    told |= manifest or {}
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as written:
        for name, each in {**content, "manifest.json": json.dumps(told).encode()}.items():
            written.writestr(name, each)
    return to


def document(**fields: Any) -> bytes:
    return json.dumps({"kind": "operation", "key": "k", "body": {}, **fields}).encode()


APP = "/subscriptions/s/resourceGroups/g/providers/Microsoft.App/containerApps/a"


@pytest.mark.parametrize(
    ("why", "manifest", "members"),
    [
        ("a newer aca_notebook made it", {"format": 2}, {}),
        ("a newer aca_notebook made it", {"store": 10_000}, {}),
        ("its members are not those", {"members": {}}, {}),
        ("not what the manifest says", {"members": {"documents.jsonl": "0" * 64, "secrets.json": "0" * 64}}, {}),
        ("a name that no emulator gives", {}, {"../../outside": b""}),
        ("a name that no emulator gives", {}, {"/etc/outside": b""}),
        ("a name that no emulator gives", {}, {"blobs/local/logs/../../../state.db": b""}),
        ("a name that no emulator gives", {}, {"blobs/local/source/x/y.tar.gz": b""}),
        ("would grow to 64 MiB", {}, {f"bundles/{'0' * 64}.tar": b"\0" * 2**26}),
        ("line 1, is no document", {}, {"documents.jsonl": b"[1]"}),
        ("which no export writes", {}, {"documents.jsonl": document(kind="client", body={"subscription_id": "x"})}),
        ("which no export writes", {}, {"documents.jsonl": document(kind="interpreter")}),
        ("no id that can be read", {}, {"documents.jsonl": document(kind="arm:x", key="x", body={"id": "x"})}),
        ("the id of another", {}, {"documents.jsonl": document(kind="arm:x", key="other", body={"id": APP})}),
        (
            "does not hold", {},
            {"documents.jsonl": document(kind="image", key="i", body={"image": "i", "bundle": "0" * 64})},
        ),
    ],
)  # fmt: skip
async def test_a_foreign_or_damaged_archive_is_refused_and_leaves_no_trace(file, tmp_path, why, manifest, members):
    foreign = changed(file, tmp_path / "foreign.zip", manifest=manifest, **members)
    with pytest.raises(ArchiveRefused, match=why):
        await import_archive(Settings(tmp_path / "data"), foreign, passphrase="")
    with running_emulator(tmp_path / "data") as emulator:
        listed = emulator.ask("GET", f"{emulator.group}/providers/Microsoft.App/containerApps").json()["value"]
        assert listed == []
    assert {path.name for path in tmp_path.iterdir()} == {"foreign.zip", "data"}


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06" + bytes(18)], ids=["empty", "text", "bare zip"])
def test_what_is_no_archive_is_refused(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ArchiveRefused, match="no archive of an emulator"):
        ArchiveReader(tmp_path / "file")


def test_flipped_bits_are_noticed_or_change_nothing(file, tmp_path):
    whole, chance = file.read_bytes(), random.Random(1)
    with closing(ArchiveReader(file)) as sound:
        expected = {name: sound.read(name) for name in sound.names()}
    refused = 0
    for _ in range(300):
        content = bytearray(whole)
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        (tmp_path / "file.zip").write_bytes(content)
        try:
            with closing(ArchiveReader(tmp_path / "file.zip")) as reader:
                assert {name: reader.read(name) for name in reader.names()} == expected
        except (ArchiveRefused, OSError):
            refused += 1
    assert refused > 200


async def test_an_import_that_the_disk_refuses_leaves_all_as_it_was(file, data_dir, monkeypatch):
    with running_emulator(data_dir) as emulator:
        emulator.deploy("other", body(emulator, "other-value"))
    monkeypatch.setattr(importing, "_emptying", lambda: (Statement("DELETE FROM documents"), Statement("BROKEN")))
    with pytest.raises(sqlite3.OperationalError):
        await import_archive(Settings(data_dir), file, replace=True, passphrase=SPELL)
    with running_emulator(data_dir) as emulator:
        assert emulator.ask("GET", emulator.app_path()).status_code == 404
        listed = emulator.ask("POST", f"{emulator.app_path('other')}/listSecrets").json()["value"]
        assert listed == [{"name": "key", "value": "other-value"}]


def test_the_command_line_exports_and_imports_and_says_what(tmp_path, data_dir, capsys, monkeypatch):
    with running_emulator(data_dir) as emulator:
        emulator.deploy(body=body(emulator))
    file = tmp_path / "file.zip"
    monkeypatch.delenv("ACA_NOTEBOOK_PASSPHRASE", raising=False)
    assert main(["--data-dir", str(data_dir), "--export", str(file), "--with-secrets"]) == 1
    assert "set ACA_NOTEBOOK_PASSPHRASE" in capsys.readouterr().err
    monkeypatch.setenv("ACA_NOTEBOOK_PASSPHRASE", SPELL)
    assert main(["--data-dir", str(data_dir), "--export", str(file), "--with-secrets"]) == 0
    assert "0 bundles, " in capsys.readouterr().out
    assert main(["--data-dir", str(data_dir), "--import", str(file)]) == 1
    assert "--replace" in capsys.readouterr().err
    assert main(["--data-dir", str(data_dir), "--import", str(file), "--replace"]) == 0

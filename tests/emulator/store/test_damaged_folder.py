"""An emulator whose data folder was damaged starts, serves what is there, and says what is not."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.fernet import Fernet

from aca_notebook.emulator.foreground import run
from aca_notebook.emulator.journal.migrations import LATEST
from aca_notebook.emulator.settings import Settings
from tests.emulator.running import Running, running_emulator
from tests.emulator.store.test_corruption import damage
from tests.fakes.disk import ForgetfulDisk, forgetful_disk

if TYPE_CHECKING:
    from pathlib import Path


def with_secret(emulator: Running, value: str = "canary") -> dict[str, Any]:
    body = emulator.body()
    body["properties"]["configuration"]["secrets"] = [{"name": "key", "value": value}]
    return body


def notices(emulator: Running) -> list[str]:
    return emulator.control("GET", "status").json()["notices"]


def secrets_of(emulator: Running) -> list[dict[str, str]]:
    return emulator.ask("POST", f"{emulator.app_path()}/listSecrets").json()["value"]


def lasting(emulator: Running) -> dict[str, Any]:
    """The app, without the address of the emulator itself: another program may take its port meanwhile."""
    app = emulator.ask("GET", emulator.app_path()).json()
    del app["properties"]["eventStreamEndpoint"]
    return app


@pytest.fixture(name="deployed")
def _deployed(data_dir: Path) -> dict[str, Any]:
    """What the folder's emulator, which has ended, said of its one app."""
    with running_emulator(data_dir) as emulator:
        emulator.deploy(body=with_secret(emulator))
        assert notices(emulator) == []
        return lasting(emulator)


@pytest.mark.parametrize("name", ["state.db", "secrets.db"])
def test_a_damaged_database_is_made_again_and_told(data_dir, deployed, name):
    (data_dir / name).write_bytes(b"\0" * 20000)
    with running_emulator(data_dir) as emulator:
        (notice,) = notices(emulator)
        assert f"{name} was damaged" in notice
        assert "nothing was dropped" in notice
        assert lasting(emulator) == deployed
        assert secrets_of(emulator) == [{"name": "key", "value": "canary"}]
    with running_emulator(data_dir) as emulator:
        assert notices(emulator) == []


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (None, "secret-key is missing"), (b"\0" * 44, "secret-key holds no key"),
        (Fernet.generate_key(), "secret-key does not fit them"),
    ],
    ids=["lost", "damaged", "another"],
)  # fmt: skip
def test_without_their_key_secrets_are_gone_and_the_app_is_named_until_it_has_new_ones(data_dir, deployed, key, why):
    path = data_dir / "secret-key"
    path.write_bytes(key) if key else path.unlink()
    with running_emulator(data_dir) as emulator:
        dropped, named = notices(emulator)
        assert f"1 secret values cannot be read any more and were dropped: {why}" in dropped
        assert named == "app scorer has no value for its secret key: deploy it again with it"
        assert lasting(emulator) == deployed
        assert secrets_of(emulator) == [{"name": "key"}]
        assert (data_dir / "damaged" / "1" / "secrets.db").exists()
        emulator.follow(emulator.ask("PUT", emulator.app_path(), with_secret(emulator, "new")))
        assert secrets_of(emulator) == [{"name": "key", "value": "new"}]
        assert notices(emulator) == [dropped]
    with running_emulator(data_dir) as emulator:
        assert secrets_of(emulator) == [{"name": "key", "value": "new"}]
        assert notices(emulator) == []


def test_secret_values_that_are_gone_with_file_and_ledger_are_named(data_dir, deployed):
    for path in data_dir.glob("secrets.*"):
        path.unlink()
    with running_emulator(data_dir) as emulator:
        assert "app scorer has no value for its secret key: deploy it again with it" in notices(emulator)


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"{}", None], ids=["empty", "zeroed", "other", "missing"])
@pytest.mark.parametrize(
    "name", ["client.json", "control-token", "signing-key.pem", "ca.pem", "ca-key.pem", "server.pem", "port"]
)
def test_a_damaged_file_of_its_identity_is_made_anew_and_every_resource_stays_in_reach(
    data_dir, deployed, name, content
):
    (data_dir / name).unlink() if content is None else (data_dir / name).write_bytes(content)
    with running_emulator(data_dir) as emulator:
        assert lasting(emulator) == deployed
        assert emulator.control("GET", "status").status_code == 200
        assert len(emulator.emulator.control_token) > 1


def test_a_store_of_a_newer_version_ends_the_start_with_a_sentence(data_dir, deployed, capsys):
    content = bytearray((data_dir / "state.db").read_bytes())
    content[60:64] = (LATEST + 1).to_bytes(4, "big")  # user_version
    (data_dir / "state.db").write_bytes(content)
    assert run(Settings(data_dir)) == 4
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "newer aca_notebook" in line]
    assert f"its version is {LATEST + 1}, this one knows {LATEST}" in line


@pytest.mark.parametrize("seed", range(6))
def test_any_damage_to_all_its_databases_leaves_an_emulator_that_works(data_dir, deployed, seed):
    chance = random.Random(seed)
    for name in ("state.db", "state.ledger", "secrets.db", "secrets.ledger"):
        damage(data_dir / name, chance)
    with running_emulator(data_dir) as emulator:
        listed = emulator.ask("GET", f"{emulator.group}/providers/Microsoft.App/containerApps").json()["value"]
        environment = emulator.ask("GET", emulator.environment_id)
        assert environment.status_code == 200
        assert {app["properties"]["environmentId"] for app in listed} <= {environment.json()["id"]}
        assert notices(emulator) or lasting(emulator) == deployed
        emulator.deploy("another")


def test_an_app_whose_environment_was_lost_is_dropped_and_named(data_dir, deployed):
    with running_emulator(data_dir) as emulator:
        other = emulator.environment_id.removesuffix("local") + "other"
        assert emulator.ask("PUT", other, {"location": "eastus"}).status_code == 201
        body = emulator.body()
        body["properties"]["environmentId"] = other
        emulator.eventually(lambda: emulator.ask("PUT", emulator.app_path("orphan"), body).status_code == 201)
    with closing(sqlite3.connect(data_dir / "state.db")) as database:
        database.execute("DELETE FROM documents WHERE key = ?", (other.lower(),))
        database.execute("UPDATE documents SET checksum = 0 WHERE kind = 'pace' OR kind = 'operation'")
        database.commit()
    (data_dir / "state.ledger").unlink()
    with running_emulator(data_dir) as emulator:
        made_again, dropped = notices(emulator)
        assert "What could be read of it was kept" in made_again
        assert dropped == "containerApps orphan was dropped, for its environment other is gone"
        assert emulator.ask("GET", emulator.app_path("orphan")).status_code == 404
        assert lasting(emulator) == deployed


@pytest.fixture(name="disk", scope="module")
def _disk(tmp_path_factory) -> ForgetfulDisk:
    """What an emulator wrote in a short life, with the moments at which it answered."""
    folder = tmp_path_factory.mktemp("emulator") / "data"
    folder.mkdir()
    beside = [
        "state.ledger", "secrets.ledger", "client.json", "control-token", "signing-key.pem", "secret-key", "ca.pem",
        "ca-key.pem", "server.pem",
    ]  # fmt: skip
    with forgetful_disk(folder, beside) as disk, running_emulator(folder) as emulator:
        for number in range(4):
            emulator.deploy(f"app-{number % 2}", with_secret(emulator, f"value-{number}"))
            disk.mark(f"deployed app-{number % 2} value-{number}")
        put = emulator.ask("PUT", emulator.app_path("app-0"), with_secret(emulator, "value-4"))
        disk.mark("accepted app-0 value-4")
        emulator.follow(put)
        emulator.follow(emulator.ask("DELETE", emulator.app_path("app-1")))
        disk.mark("deleted app-1")
    return disk


@pytest.mark.parametrize("seed", range(12))
def test_after_a_loss_of_power_apps_secrets_and_operations_agree(disk, tmp_path, seed):
    chance = random.Random(seed)
    first = next(number for number, step in enumerate(disk.steps) if step.kind == "mark")
    count = chance.randint(first + 1, len(disk.steps))
    disk.image(count, tmp_path / "image", chance)
    told = [step.name.split() for step in disk.steps[:count] if step.kind == "mark"]
    with running_emulator(tmp_path / "image") as emulator:
        assert notices(emulator) == []
        deleted = ["deleted", "app-1"] in told
        for name in {name for _, name, *_ in told}:
            path = emulator.app_path(name)
            if deleted and name == "app-1":
                assert emulator.ask("GET", path).status_code == 404
                continue
            emulator.eventually(lambda path=path: settled(emulator, path))
            value = max(int(what[2][6:]) for what in told if what[1] == name and len(what) == 3)
            answer = emulator.ask("POST", f"{path}/listSecrets")
            if answer.status_code == 200:  # else the delete that nobody was told of yet
                (secret,) = answer.json()["value"]
                assert int(secret["value"][6:]) >= value


def settled(emulator: Running, path: str) -> bool:
    app = emulator.ask("GET", path)
    return app.status_code == 404 or app.json()["properties"]["provisioningState"] in {"Succeeded", "Failed"}

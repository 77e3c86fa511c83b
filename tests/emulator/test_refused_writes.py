"""A write that the disk refuses half-way changes nothing and blocks nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.emulator.running import Running


class SmallDisk:
    """Lets SQLite refuse every write of the journal's file, as it does on a full disk, and take them again.

    A limit of pages would not do: a write that changes a page in place still passes. A real full disk is filled in
    `process/test_full_disk.py`.
    """

    def __init__(self, emulator: Running) -> None:
        self._emulator = emulator
        self._connection = emulator.emulator._database._connection

    def fill(self) -> None:
        self._refuse(1)

    def empty(self) -> None:
        self._refuse(0)

    def _refuse(self, yes: int) -> None:
        self._emulator.emulator._database.write_blocking()  # the writer is idle from here on
        self._emulator.on_loop(lambda: self._connection.execute(f"PRAGMA query_only = {yes}"))


@pytest.fixture(name="disk")
def _disk(emulator: Running) -> SmallDisk:
    return SmallDisk(emulator)


def test_a_group_whose_delete_was_refused_can_be_deleted_later(emulator: Running, disk: SmallDisk) -> None:
    group = emulator.app_path().split("/providers")[0].rpartition("/")[0] + "/doomed"
    assert emulator.ask("PUT", group, {"location": "eastus"}).status_code == 201
    disk.fill()
    assert emulator.ask("DELETE", group).status_code == 507
    disk.empty()
    assert emulator.ask("DELETE", group).status_code == 202
    emulator.eventually(lambda: emulator.ask("GET", group).status_code == 404)


def test_a_refused_write_leaves_the_apps_secrets_as_they_were(emulator: Running, disk: SmallDisk) -> None:
    body = emulator.body()
    body["properties"]["configuration"]["secrets"] = [{"name": "key", "value": "old"}]
    emulator.deploy(body=body)
    disk.fill()
    body["properties"]["configuration"]["secrets"] = [{"name": "other", "value": "new"}]
    assert emulator.ask("PUT", emulator.app_path(), body).status_code == 507
    disk.empty()
    listed = emulator.ask("POST", f"{emulator.app_path()}/listSecrets").json()["value"]
    assert [(secret["name"], secret["value"]) for secret in listed] == [("key", "old")]


def test_an_operation_whose_end_the_disk_refused_ends_when_there_is_room(data_dir) -> None:
    from tests.emulator.running import running_emulator

    with running_emulator(data_dir, hold=True) as emulator:
        answer = emulator.ask("PUT", emulator.app_path(), emulator.body())
        status_path = "/" + answer.headers["Azure-AsyncOperation"].split("/", 3)[3]
        disk = SmallDisk(emulator)
        disk.fill()
        emulator.on_loop(emulator.runtime.settle)
        emulator.advance(3)
        assert emulator.ask("GET", status_path).json()["status"] == "InProgress"
        disk.empty()
        emulator.advance(3)
        emulator.eventually(lambda: emulator.ask("GET", status_path).json()["status"] in {"Failed", "Succeeded"})
        assert emulator.ask("PUT", emulator.app_path(), emulator.body()).status_code == 201


def test_a_text_that_cannot_be_stored_is_refused_and_writing_goes_on(emulator: Running) -> None:
    body = emulator.body()
    body["properties"]["configuration"]["secrets"] = [{"name": "key", "value": "a\ud800"}]
    assert emulator.ask("PUT", emulator.app_path(), body).status_code == 400
    assert emulator.ask("PUT", emulator.app_path(), emulator.body()).status_code == 201

"""A write that the disk refuses half-way changes nothing and blocks nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulator.running import Running


class SmallDisk:
    """Limits the journal's file to the pages it has, and gives them back."""

    def __init__(self, emulator: Running) -> None:
        self._emulator = emulator
        database = emulator.emulator._database
        database.write_blocking()  # the writer is idle from here on
        self._connection = database._connection

    def fill(self) -> None:
        pages = self._pragma("page_count")
        self._pragma(f"max_page_count = {pages}")

    def empty(self) -> None:
        self._pragma("max_page_count = 1000000")

    def _pragma(self, text: str) -> int:
        return self._emulator.on_loop(lambda: self._connection.execute(f"PRAGMA {text}").fetchone()[0])


@pytest.fixture(name="disk")
def _disk(emulator: Running) -> SmallDisk:
    return SmallDisk(emulator)


def large() -> dict[str, str]:
    return {f"tag{n}": "x" * 200 for n in range(200)}


def until_refused(write: Callable[[int], int]) -> None:
    """Write until the last free page is used up."""
    for number in range(2000):
        if write(number) == 507:
            return
    pytest.fail("the disk never filled")


def fill_up(emulator: Running, disk: SmallDisk) -> None:
    disk.fill()
    group = emulator.app_path().split("/providers")[0].rpartition("/")[0]
    until_refused(
        lambda n: emulator.ask("PUT", f"{group}/fill-{n}", {"location": "eastus", "tags": large()}).status_code
    )
    until_refused(lambda n: emulator.ask("PUT", f"{group}/small-{n}", {"location": "eastus"}).status_code)


def test_a_group_whose_delete_was_refused_can_be_deleted_later(emulator: Running, disk: SmallDisk) -> None:
    group = emulator.app_path().split("/providers")[0].rpartition("/")[0] + "/doomed"
    assert emulator.ask("PUT", group, {"location": "eastus"}).status_code == 201
    fill_up(emulator, disk)
    assert emulator.ask("DELETE", group).status_code == 507
    disk.empty()
    assert emulator.ask("DELETE", group).status_code == 202
    emulator.eventually(lambda: emulator.ask("GET", group).status_code == 404)


def test_a_refused_write_leaves_the_apps_secrets_as_they_were(emulator: Running, disk: SmallDisk) -> None:
    body = emulator.body()
    body["properties"]["configuration"]["secrets"] = [{"name": "key", "value": "old"}]
    emulator.deploy(body=body)
    fill_up(emulator, disk)
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
        fill_up(emulator, disk)
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

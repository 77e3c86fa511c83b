"""Apps end when their tag says so, as if somebody had asked for it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.arm.expiry import EXPIRES_TAG, LOOK_SECONDS
from tests.emulator.running import Running, running_emulator

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

#: The clock of `running_emulator` begins at midnight of this day.
ONE_HOUR = "2026-01-01T01:00:00.0000000Z"


def tagged(emulator: Running, until: str) -> dict[str, Any]:
    return emulator.body() | {"tags": {EXPIRES_TAG: until}}


def there(emulator: Running, name: str = "scorer") -> bool:
    return emulator.ask("GET", emulator.app_path(name)).status_code == 200


def said(emulator: Running) -> list[str]:
    found = emulator.emulator._database.events(emulator.app_path().lower())
    return [type(event).__name__ for _, event in found]


def test_an_app_is_deleted_when_its_time_is_over_and_the_log_says_why(emulator: Running) -> None:
    emulator.deploy(body=tagged(emulator, ONE_HOUR))
    emulator.advance(3600 - 2 * LOOK_SECONDS)
    assert there(emulator)
    emulator.advance(2 * LOOK_SECONDS)
    emulator.eventually(lambda: not there(emulator))
    assert emulator.runtime.apps == emulator.runtime.published == {}
    assert "AppExpired" in said(emulator)


def test_a_later_tag_keeps_the_app(emulator: Running) -> None:
    emulator.deploy(body=tagged(emulator, ONE_HOUR))
    emulator.advance(1800)
    emulator.deploy(body=tagged(emulator, "2026-01-01T03:00:00Z"))
    emulator.advance(3600)
    assert there(emulator)


def test_an_app_without_a_tag_stays_and_an_unreadable_one_is_told_once(
    emulator: Running, caplog: pytest.LogCaptureFixture
) -> None:  # fmt: skip
    emulator.deploy("kept")
    emulator.deploy("strange", tagged(emulator, "the day after tomorrow"))
    with caplog.at_level(logging.WARNING, "aca_notebook.emulator.arm.expiry"):
        emulator.advance(20 * LOOK_SECONDS)
    assert there(emulator, "kept")
    assert there(emulator, "strange")
    assert sum("the day after tomorrow" in line for line in caplog.messages) == 1


def test_an_app_that_expired_while_no_emulator_ran_goes_at_the_next_start(data_dir: Path) -> None:
    with running_emulator(data_dir) as emulator:
        emulator.deploy(body=tagged(emulator, ONE_HOUR))
        emulator.deploy("kept")
    with running_emulator(data_dir, elapsed_seconds=7200) as emulator:
        emulator.eventually(lambda: not there(emulator))
        assert "AppExpired" in said(emulator)
        assert there(emulator, "kept")


def test_an_app_that_never_becomes_ready_expires_all_the_same(data_dir: Path) -> None:
    with running_emulator(data_dir, hold=True) as emulator:
        emulator.ask("PUT", emulator.app_path(), tagged(emulator, "2026-01-01T00:01:00Z"))
        emulator.advance(70)
        emulator.eventually(lambda: not there(emulator))

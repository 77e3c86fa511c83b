"""The folder of a sandbox is removed, whatever a program did to it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from aca_notebook.emulator.sandbox import drawer, place

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def dig(folder: Path, depth: int) -> None:
    """Put folders into each other, deeper than a path can say."""
    current = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("deeper", dir_fd=current)
        deeper = os.open("deeper", os.O_RDONLY, dir_fd=current)
        os.close(current)
        current = deeper
    os.close(current)


def test_folders_deeper_than_any_path_are_removed() -> None:
    made = place.make_place("owner-1", None)
    dig(made / "data", 3000)

    place.remove_place(made)

    assert not made.exists()


def test_folders_that_were_closed_are_removed() -> None:
    made = place.make_place("owner-1", None)
    (made / "data" / "closed").mkdir()
    (made / "data" / "closed" / "file").touch()
    (made / "data" / "closed").chmod(0)
    made.chmod(0)

    place.remove_place(made)

    assert not made.exists()


def test_what_a_link_names_stays(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").touch()
    made = place.make_place("owner-1", None)
    (made / "data" / "link").symlink_to(tmp_path / "elsewhere")
    dig(made / "data", 1200)

    place.remove_place(made)

    assert (tmp_path / "elsewhere" / "file").exists()


def test_a_place_is_its_owners_to_find() -> None:
    made = place.make_place("owner-1", None)
    place.make_place("other-1", None)

    assert place.leftover_places("owner") == [made]


def test_folders_beyond_reason_are_not_counted() -> None:
    made = place.make_place("owner-1", None)
    dig(made / "data", 200)
    opened = os.open(made / "data", os.O_RDONLY)

    with pytest.raises(drawer.TooDeep):
        drawer.used_bytes(opened)

    os.close(opened)


def test_a_thousand_folders_beside_each_other_are_counted() -> None:
    made = place.make_place("owner-1", None)
    for number in range(1000):
        (made / "data" / str(number)).mkdir()
        (made / "data" / str(number) / "file").write_bytes(bytes(4096))
    opened = os.open(made / "data", os.O_RDONLY)

    assert drawer.used_bytes(opened) >= 1000 * 4096

    os.close(opened)

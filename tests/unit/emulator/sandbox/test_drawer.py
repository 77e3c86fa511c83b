"""A drawer reaches what lies in a folder and never what was only linked there."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.emulator.sandbox.drawer import Drawer, NotInDrawer

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("outside")
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def drawer(folder: Path):
    opened = Drawer(os.open(folder, os.O_RDONLY))
    yield opened
    opened.close()


def test_what_is_written_is_read_and_listed(drawer: Drawer) -> None:
    with drawer.writing("a/b/ü c.bin") as file:
        file.write(b"\0\xff")

    with drawer.open("a/b/ü c.bin") as file:
        assert file.read() == b"\0\xff"
    assert [(entry.name, entry.is_folder) for entry in drawer.entries()] == [("a", True)]
    assert [(entry.name, entry.size_bytes) for entry in drawer.entries("a/b")] == [("ü c.bin", 2)]
    assert drawer.entry("a/b/ü c.bin").size_bytes == 2


@pytest.mark.parametrize(
    "path", ["../secret", "a/../../secret", "..", "link", "folder/secret", "up/secret", "chain", "/../secret"]
)
def test_nothing_outside_is_read(drawer: Drawer, folder: Path, path: str) -> None:
    (folder / "link").symlink_to(folder.parent / "secret")
    (folder / "chain").symlink_to("link")
    (folder / "folder").symlink_to(folder.parent)
    (folder / "up").symlink_to("..")

    with pytest.raises(NotInDrawer):
        drawer.open(path)


@pytest.mark.parametrize("path", ["folder/new", "../new", "link/new"])
def test_nothing_outside_is_written(drawer: Drawer, folder: Path, path: str) -> None:
    (folder / "folder").symlink_to(folder.parent)
    (folder / "link").symlink_to(folder.parent / "nowhere")

    with pytest.raises(OSError), drawer.writing(path):  # noqa: PT011  # any refusal will do
        pass

    assert {entry.name for entry in folder.parent.iterdir()} == {"secret", "data"}


def test_a_link_of_the_same_name_is_replaced_and_not_followed(drawer: Drawer, folder: Path) -> None:
    (folder / "link").symlink_to(folder.parent / "secret")

    with drawer.writing("link") as file:
        file.write(b"mine")

    assert (folder.parent / "secret").read_text() == "outside"
    assert (folder / "link").read_text() == "mine"
    assert not (folder / "link").is_symlink()


@pytest.mark.timeout(10)
def test_a_pipe_is_refused_and_not_waited_for(drawer: Drawer, folder: Path) -> None:
    os.mkfifo(folder / "pipe")

    with pytest.raises(NotInDrawer):
        drawer.open("pipe")
    assert drawer.entries() == []


def test_a_write_that_fails_leaves_nothing_and_keeps_what_was(drawer: Drawer, folder: Path) -> None:
    (folder / "file").write_text("before")

    with pytest.raises(ZeroDivisionError), drawer.writing("file") as file:
        file.write(b"half" * (1 // 0))

    assert (folder / "file").read_text() == "before"
    assert [path.name for path in folder.iterdir()] == ["file"]


def test_a_link_is_removed_and_what_it_names_stays(drawer: Drawer, folder: Path) -> None:
    (folder / "link").symlink_to(folder.parent / "secret")

    drawer.remove("link")

    assert (folder.parent / "secret").exists()
    assert not (folder / "link").is_symlink()


def test_ten_thousand_files_are_listed(drawer: Drawer, folder: Path) -> None:
    for number in range(10_000):
        os.close(os.open(folder / f"{number:05}", os.O_CREAT))

    names = [entry.name for entry in drawer.entries()]

    assert len(names) == 10_000
    assert names == sorted(names)


def test_files_for_another_user_are_his(folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    drawer = Drawer(os.open(folder, os.O_RDONLY), owner=12345)
    with drawer.writing("a/file"):
        pass
    drawer.close()

    assert {path.stat().st_uid for path in (folder / "a", folder / "a" / "file")} == {12345}


def test_used_bytes_do_not_count_what_links_name(drawer: Drawer, folder: Path) -> None:
    before = drawer.used_bytes()
    (folder.parent / "secret").write_bytes(bytes(1_000_000))
    (folder / "link").symlink_to(folder.parent / "secret")

    assert drawer.used_bytes() - before < 100_000


@given(path=st.text(alphabet=st.sampled_from("ab./\0~ü"), max_size=30))
def test_no_path_leaves(tmp_path_factory, path: str) -> None:
    parent = tmp_path_factory.mktemp("around")
    (parent / "data").mkdir()
    opened = Drawer(os.open(parent / "data", os.O_RDONLY))
    try:
        with opened.writing(path):
            pass
    except OSError:
        pass
    finally:
        opened.close()

    outside = [entry for entry in parent.rglob("*") if not entry.is_relative_to(parent / "data")]
    assert outside == []
    assert stat.S_ISDIR((parent / "data").stat().st_mode)

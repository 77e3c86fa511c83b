"""Archives that want more than to be unpacked: out of their folder, into a device, over the disk."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import tarfile
from typing import TYPE_CHECKING

import pytest

from aca_notebook.emulator.runtime.builder import BuildFailed, Limits, unpack

if TYPE_CHECKING:
    from pathlib import Path

SMALL = Limits(size_bytes=1000, files=5)


def packed(path: Path, *members: tarfile.TarInfo, content: bytes = b"x") -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for member in members:
            if member.isfile():
                member.size = len(content)
            tar.addfile(member, io.BytesIO(content) if member.isfile() else None)
    return path


def member(name: str, type_: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.mode = type_, link, mode
    return made


@pytest.mark.parametrize(
    "name",
    [
        "../out", "a/../../out", "/etc/out", "//etc/out", "./../out", "a/b/../../../out", "..", "../", "a/..",
        pytest.param("x" * 300, id="a part of 300 letters"),
        pytest.param("/".join(["x" * 200] * 30), id="a path of 6,000"),
    ],
)  # fmt: skip
def test_no_file_lands_outside_whatever_its_name(tmp_path: Path, name: str) -> None:
    into = tmp_path / "here" / "into"
    into.parent.mkdir()
    with pytest.raises((BuildFailed, OSError)):
        unpack(packed(tmp_path / "c.tar.gz", member(name)), into)
    assert {each.name for each in tmp_path.iterdir()} <= {"here", "c.tar.gz"}
    assert {each.name for each in into.parent.iterdir()} <= {"into"}


@pytest.mark.parametrize(
    ("type_", "link"),
    [
        (tarfile.SYMTYPE, "/etc/passwd"), (tarfile.SYMTYPE, "plain"), (tarfile.LNKTYPE, "/etc/passwd"),
        (tarfile.LNKTYPE, "plain"), (tarfile.CHRTYPE, ""), (tarfile.BLKTYPE, ""), (tarfile.FIFOTYPE, ""),
    ],
    ids=["symlink", "symlink inside", "hard link", "hard link inside", "character device", "block device", "pipe"],
)  # fmt: skip
def test_only_files_and_folders_are_made(tmp_path: Path, type_: bytes, link: str) -> None:
    archive = packed(tmp_path / "c.tar.gz", member("plain"), member("odd", type_, link))
    with pytest.raises(BuildFailed, match="no plain file"):
        unpack(archive, tmp_path / "into")
    assert not os.path.lexists(tmp_path / "into" / "odd")


def test_a_file_is_not_written_through_a_link_of_the_same_archive(tmp_path: Path) -> None:
    archive = packed(tmp_path / "c.tar.gz", member("a", tarfile.SYMTYPE, str(tmp_path)), member("a/out"))
    with pytest.raises(BuildFailed):
        unpack(archive, tmp_path / "into")
    assert not (tmp_path / "out").exists()


def test_a_file_keeps_no_more_of_its_mode_than_that_it_is_a_program(tmp_path: Path) -> None:
    unpack(packed(tmp_path / "c.tar.gz", member("a", mode=0o6777), member("b", mode=0o222)), tmp_path / "into")
    modes = {each.name: each.stat().st_mode & 0o7777 for each in (tmp_path / "into").iterdir()}
    assert modes == {"a": 0o755, "b": 0o644}


def test_an_archive_that_unpacks_to_too_much_is_stopped_before_it_is_written(tmp_path: Path) -> None:
    archive = packed(tmp_path / "c.tar.gz", member("zeros"), content=b"\0" * 100_000)
    assert archive.stat().st_size < 1000
    with pytest.raises(BuildFailed, match="unpacks to more than"):
        unpack(archive, tmp_path / "into", SMALL)
    assert list((tmp_path / "into").iterdir()) == []


def test_an_archive_of_too_many_files_is_stopped(tmp_path: Path) -> None:
    archive = packed(tmp_path / "c.tar.gz", *(member(f"{each}") for each in range(6)))
    with pytest.raises(BuildFailed, match="5 files"):
        unpack(archive, tmp_path / "into", SMALL)
    assert len(list((tmp_path / "into").iterdir())) == 5


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\0" * 1024 * 3 + b"x", b"not a tar", gzip.compress(b"not a tar either"), gzip.compress(b"x" * 600)[:-9],
        bz2.compress(b"x" * 600)[:-9], b"\x1f\x8b" + b"\xff" * 600, b"\xfd7zXZ\0" + b"\xff" * 600,
    ],
    ids=["nothing", "zeros", "text", "packed text", "cut gzip", "cut bzip2", "garbage gzip", "garbage xz"],
)  # fmt: skip
def test_what_is_no_archive_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c").write_bytes(content)
    try:
        unpack(tmp_path / "c", tmp_path / "into")
    except BuildFailed as refused:
        assert "no readable tar archive" in str(refused)  # noqa: PT017  # an empty archive is one too
    assert not (tmp_path / "into").exists() or list((tmp_path / "into").iterdir()) == []

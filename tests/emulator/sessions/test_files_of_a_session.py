"""Files of a session over HTTP, both generations: up, listed, looked at, down and away; and tricks with them."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.emulator.sessions.calling import OLD, Caller, refusal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.emulator.running import Running


@pytest.fixture
def pool(emulator: Running) -> Caller:
    return Caller(emulator)


@pytest.fixture
def folder(pool: Caller) -> Path:
    """The session's own folder, as its code would reach it."""
    pool.run("1")
    return pool.emulator.sessions.instances[0].place


@pytest.mark.parametrize("name", ["plain.txt", "ünï çode.txt", "100%.csv", "a#b?c.txt", "日本.bin", "a+b"])
def test_a_file_of_any_name_comes_back_as_it_went(pool: Caller, name: str) -> None:
    content = bytes(range(256))
    made = pool.upload(name, content)
    assert made.status_code == 200, made.text
    stored = made.json()["name"]
    assert stored == name
    assert (made.json()["type"], made.json()["contentType"], made.json()["sizeInBytes"]) == ("", "", 256)
    listed = pool.call("GET", "files").json()["value"]
    assert [each["name"] for each in listed] == [stored]
    assert pool.call("GET", f"files/{quote(stored)}/content").content == content
    assert pool.call("GET", f"files/content/{quote(stored)}", version=OLD).content == content
    assert pool.call("GET", f"files/{quote(stored)}").json()["sizeInBytes"] == 256
    assert pool.call("DELETE", f"files/{quote(stored)}").status_code == 204
    assert pool.call("GET", "files").json()["value"] == []


def test_the_first_generation_lists_under_properties(pool: Caller) -> None:
    made = pool.call("POST", "files/upload", files={"file": ("/mnt/data/cert.txt", b"testing")}, version=OLD)
    entry = made.json()["value"][0]["properties"]
    assert (entry["filename"], entry["size"]) == ("cert.txt", 7)
    listed = pool.call("GET", "files", version=OLD, query={"path": "/mnt/data"}).json()
    assert listed["$id"] == "1"
    assert listed["value"][0]["properties"]["filename"] == "cert.txt"
    assert pool.call("GET", "files/cert.txt", version=OLD).json()["properties"]["size"] == 7


@pytest.mark.parametrize("written", ["sub/deep", "/mnt/data/sub/deep", "/sub/deep/", "./sub//deep"])
def test_a_path_is_below_the_sessions_folder_however_it_is_written(pool: Caller, folder: Path, written: str) -> None:
    assert pool.upload("a.txt", b"x", query={"path": written}).status_code == 200
    assert (folder / "sub" / "deep" / "a.txt").read_bytes() == b"x"
    names = [each["name"] for each in pool.call("GET", "files", query={"path": written}).json()["value"]]
    assert names == ["a.txt"]
    everything = pool.call("GET", "files", query={"recursive": "true"}).json()["value"]
    assert [(each["name"], each["type"]) for each in everything] == [
        ("sub", "directory"), ("sub/deep", "directory"), ("sub/deep/a.txt", "file"),
    ]  # fmt: skip
    assert pool.call("GET", "files/a.txt/content", query={"path": written}).content == b"x"


@pytest.mark.parametrize("path", ["..", "../x", "sub/../../x", "/mnt/data/../../etc"])
def test_a_path_that_leads_out_is_refused(pool: Caller, path: str) -> None:
    assert refusal(pool.upload("a.txt", b"x", query={"path": path})) == (400, "SessionRequestValidationFailed")
    assert refusal(pool.call("GET", "files", query={"path": path})) == (400, "SessionRequestValidationFailed")


def test_a_name_that_leads_out_is_refused(pool: Caller, folder: Path) -> None:
    assert refusal(pool.upload("../../evil", b"x")) == (400, "SessionRequestValidationFailed")
    assert list(folder.parent.parent.rglob("evil")) == []


def test_what_a_session_laid_there_is_not_followed(pool: Caller, folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("canary")
    (folder / "link").symlink_to(secret)
    (folder / "way").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    for path in ("files/link/content", "files/way/secret/content", "files/pipe/content", "files/link"):
        answer = pool.call("GET", path)
        assert answer.status_code == 400, path
        assert "canary" not in answer.text
    assert pool.call("GET", "files").json()["value"] == []
    assert refusal(pool.upload("secret", b"x", query={"path": "way"})) == (400, "SessionRequestValidationFailed")
    assert pool.upload("link", b"mine").status_code == 200  # the link is replaced, not followed
    assert secret.read_text() == "canary"
    assert pool.call("DELETE", "files/way").status_code == 204
    assert tmp_path.exists()


def test_a_name_that_is_no_text_is_shown_and_found_by_its_numbers(pool: Caller, folder: Path) -> None:
    (folder / os.fsdecode(b"caf\xe9.txt")).write_bytes(b"x")
    name = pool.call("GET", "files").json()["value"][0]["name"]
    assert name == "caf\\xe9.txt"
    assert pool.call("GET", f"files/{quote(name)}/content").content == b"x"
    assert pool.call("DELETE", f"files/{quote(name)}").status_code == 204


def test_ten_thousand_files_are_listed(pool: Caller, folder: Path) -> None:
    for number in range(10_000):
        (folder / f"{number:05}").touch()
    assert len(pool.call("GET", "files").json()["value"]) == 10_000


def test_a_file_that_is_too_large_is_refused(pool: Caller) -> None:
    class Zeros(io.RawIOBase):
        left = 129 * 2**20

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            found = min(self.left, size if size > 0 else self.left)
            self.left -= found
            return bytes(found)

    answer = pool.call("POST", "files", files={"file": ("big", Zeros())})
    assert refusal(answer) == (413, "RequestEntityTooLarge")
    assert pool.call("GET", "files").json()["value"] == []


def test_a_request_without_a_file_is_refused(pool: Caller) -> None:
    assert refusal(pool.call("POST", "files", {"a": 1})) == (400, "SessionRequestValidationFailed")
    assert refusal(pool.call("POST", "files", files={"file": (None, b"x")})) == (400, "SessionRequestValidationFailed")


def test_a_file_that_is_not_there_is_not_found(pool: Caller) -> None:
    for path in ("files/none", "files/none/content", "files/content/none"):
        assert refusal(pool.call("GET", path)) == (404, "FileNotFound")
    assert refusal(pool.call("DELETE", "files/none")) == (404, "FileNotFound")
    assert refusal(pool.call("GET", "files", query={"path": "none"})) == (404, "FileNotFound")

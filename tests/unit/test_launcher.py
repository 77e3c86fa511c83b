"""What the launcher says of a folder that it cannot use; whole emulators are started in tests/contract."""

from __future__ import annotations

import fcntl
import json
import os

import pytest

from aca_notebook import launcher
from aca_notebook.errors import EmulatorFailed

RECORD = {"url": "https://127.0.0.1:1", "http_url": "http://127.0.0.1:1", "pid": 4321}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "emulator.json").write_text(json.dumps(RECORD))
    (tmp_path / "control-token").write_text("token")
    return tmp_path


def test_an_emulator_whose_certificate_is_gone_is_named_with_its_process(folder):
    held = os.open(folder / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(held, fcntl.LOCK_EX)
    try:
        with pytest.raises(EmulatorFailed) as failed:
            launcher.find_emulator(folder)
    finally:
        os.close(held)
    what, said, hint = failed.value.lines()
    assert "cannot be trusted" in what
    assert str(folder / "ca.pem") in said
    assert "4321" in hint


@pytest.mark.parametrize("certificate", [None, "no certificate"])
def test_what_a_dead_one_left_behind_is_no_emulator(folder, certificate):
    if certificate is not None:
        (folder / "ca.pem").write_text(certificate)
    assert launcher.find_emulator(folder) is None
    assert not launcher.stop_emulator(folder)


@pytest.mark.parametrize(
    "written",
    ["", "[]", "null", "{}", "{", "\u0000", '"url"', json.dumps({**RECORD, "url": 5}),
     json.dumps({**RECORD, "url": "https://127.0.0.1:99999"}), json.dumps({**RECORD, "pid": None})],
)  # fmt: skip
def test_a_broken_record_is_no_record(folder, written):
    (folder / "emulator.json").write_text(written)
    assert launcher.find_emulator(folder) is None


@pytest.mark.parametrize("below", ["x", "x/y"])
def test_a_folder_that_cannot_be_made_is_named_with_the_way_out(tmp_path, below):
    (tmp_path / "file").write_text("")
    with pytest.raises(EmulatorFailed) as failed:
        launcher.ensure_emulator(tmp_path / "file" / below)
    what, said, hint = failed.value.lines()
    assert str(tmp_path / "file" / below) in what
    assert said.startswith(("NotADirectoryError", "FileExistsError"))
    assert "ACA_NOTEBOOK_HOME" in hint


def test_a_folder_that_is_a_file_is_named_too(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EmulatorFailed, match="cannot keep its state"):
        launcher.ensure_emulator(tmp_path / "file")

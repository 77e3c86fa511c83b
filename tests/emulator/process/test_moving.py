"""`emulator export`, `import` and `reset` as a user types them, on emulators that run."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.documents import blocks
from tests.real_emulator import RealEmulator

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]
COMMANDS = [line for block in blocks("how-to/move-an-emulator.md", "bash") for line in block.strip().splitlines()]


def type_in(line: str, folder: Path, files: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of the page in the folder `files`, for the emulator on `folder`."""
    words = shlex.split(line)
    variables = dict(words.pop(0).split("=", 1) for _ in range("=" in words[0]))
    assert words.pop(0) == "aca-notebook"
    action = words[: 2 if words[0] == "emulator" else 1]
    command = [sys.executable, "-m", "aca_notebook", *action, "--data-dir", str(folder), *words[len(action) :]]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, cwd=files, env=os.environ | variables,
    )  # fmt: skip


def test_the_lines_of_the_page_move_an_app_and_reset(tmp_path):
    plain, sealed, replacing, resetting = COMMANDS
    first = RealEmulator(tmp_path / "first")
    try:
        assert first.put("app-1", "mark-1").status_code == 201
        for line, said in ((plain, "no secret values"), (sealed, "secret values")):
            done = type_in(line, first.folder, tmp_path)
            assert (done.returncode, said in done.stdout) == (0, True), done.stderr
    finally:
        first.stop()
    second = RealEmulator(tmp_path / "second")
    try:
        assert second.put("group-2", "mark-2").status_code == 201
        refused = type_in(replacing.replace("--replace ", ""), second.folder, tmp_path)
        assert refused.returncode == 1
        assert "is not empty" in refused.stderr
        assert "nothing was imported" in refused.stderr
        done = type_in(replacing, second.folder, tmp_path)
        assert done.returncode == 0, done.stderr
        status = type_in("aca-notebook emulator status", second.folder, tmp_path)
        assert status.returncode == 0, "it runs again"
        assert [line.split() for line in status.stdout.splitlines() if line.startswith("apps ")] == [["apps", "1"]]
        done = type_in(resetting, second.folder, tmp_path)
        assert (done.returncode, second.folder.exists()) == (0, False), done.stderr
    finally:
        second.process.wait(30)
        second.process.stdout.close()

"""The how-to pages' own lines, run in order against one real emulator."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import requests

from tests.documents import blocks
from tests.real_emulator import RealEmulator

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]


def test_microsofts_sdks_deploy_look_and_delete_as_the_page_says(tmp_path: Path) -> None:
    deploy, look, delete = blocks("how-to/use-microsofts-sdks.md", "python")
    emulator = RealEmulator(tmp_path / "emulator")
    try:
        environment = {**os.environ, **emulator.environment}

        def run(program: str) -> str:
            done = subprocess.run(
                [sys.executable, "-W", "error", "-c", program], env=environment, capture_output=True, text=True,
                check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            return done.stdout.strip()

        assert "Your app hello is running" in requests.get(run(deploy), timeout=30).text
        assert run(look).startswith("['hello--")
        assert run(delete) == "[]"
    finally:
        emulator.stop()

"""The how-to pages' own lines, run in order against one real emulator."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.documents import blocks
from tests.real_emulator import RealEmulator

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

        answer = requests.get(run(deploy), timeout=30, verify=emulator.environment["REQUESTS_CA_BUNDLE"])
        assert "Your app hello is running" in answer.text
        assert run(look).startswith("['hello--")
        assert run(delete) == "[]"
    finally:
        emulator.stop()


def test_a_bad_day_is_rehearsed_as_the_page_says(tmp_path: Path) -> None:
    first, several, pace = blocks("how-to/rehearse-a-bad-day.md", "sh")
    emulator = RealEmulator(tmp_path / "emulator")
    commands = Path(sys.executable).parent
    environment = {**os.environ, "ACA_NOTEBOOK_HOME": str(tmp_path), "PATH": f"{commands}:{os.environ['PATH']}"}
    try:

        def run(lines: str) -> list[str]:
            done = subprocess.run(
                ["bash", "-euc", lines], env=environment, capture_output=True, text=True, check=False
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            return done.stdout.strip().splitlines()

        assert [line.strip() for line in run(first)[-2:]] == ["404 404 503 404", "no fault is in force"]
        told = run(several)
        assert told[0] == "fault 2 is in force: expired-token on=ContainerApps_Get count=1"
        assert told[-1] == "ended 4 faults"
        wrong = ["emulator", "fault", "add", "outage", "on=ContainerApp_Get"]
        refused = subprocess.run(
            [commands / "aca-notebook", *wrong], env=environment, capture_output=True, text=True, check=False
        )
        assert refused.returncode == 2
        assert "did you mean ContainerApps_Get?" in refused.stderr
        assert run(pace) == ["pace: realistic", "pace: 0.1 of Azure's own times", "pace: instant"]
    finally:
        emulator.stop()

"""Earlier versions of Microsoft's SDK speak earlier versions of the API, and are answered."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.azure_cli.shell import FOLDER, interpreter

if TYPE_CHECKING:
    from tests.real_emulator import RealEmulator

_WALK = Path(__file__).with_name("older_sdk_walk.py")


@pytest.mark.parametrize(
    ("version", "beside", "has_jobs"),
    [("2.0.0", None, False), ("3.1.0", FOLDER / "older-sdk", True)],
    ids=["api-version 2022-10-01, which the CLI brings", "api-version 2024-03-01"],
)
def test_an_older_sdk_makes_reads_lists_and_deletes(
    emulator: RealEmulator, version: str, beside: Path | None, *, has_jobs: bool
) -> None:
    name = f"sdk-{version.replace('.', '-')}"
    path = {"PYTHONPATH": str(beside)} if beside else {}
    done = subprocess.run(
        [str(interpreter()), "-W", "error::DeprecationWarning:__main__", str(_WALK), name],
        env={"PATH": os.environ["PATH"], **path, **emulator.environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    seen = json.loads(done.stdout)
    assert seen["version"] == version
    assert name in seen["environments"]
    assert seen["app"] == {
        "made": "Succeeded",
        "tags": {"owner": "me"},
        "values": {"KEY": None, "VALUE": "second"},
        "scale": {"concurrentRequests": "10"},
        "revisions": 2,
        "replicas": 1,
        "secrets": {"key": "s3cret"},
        "listed": [name],
    }
    assert seen.get("job") == ({"made": "Succeeded", "listed": True} if has_jobs else None)
    assert seen["left"] == []

"""A data folder on a disk of a few megabytes, filled up: writes are refused in Azure's envelope, nothing is lost.

The small disk is a tmpfs in a mount namespace of the emulator's own, which needs no root where the kernel allows
unprivileged user namespaces.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.real_emulator import RealEmulator

MEGABYTES = 6
IN_A_NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c")
MOUNT = 'mount -t tmpfs -o size="$1" tmpfs "$0" && shift && exec "$@"'


def namespaces_work() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*IN_A_NAMESPACE, "true"], check=False, capture_output=True).returncode == 0


pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(90),
    pytest.mark.skipif(  # where everything must run it runs, and fails
        not namespaces_work() and not os.environ.get("REQUIRE_ALL"),
        reason="needs Linux with unprivileged user namespaces (unshare)",
    ),
]


@pytest.fixture(name="emulator")
def _emulator(tmp_path):
    folder = tmp_path / "small-disk"
    folder.mkdir()
    emulator = RealEmulator(folder, prefix=(*IN_A_NAMESPACE, MOUNT, str(folder), f"{MEGABYTES}m"))
    yield emulator
    emulator.stop()


def write_forever(file: int) -> None:
    while os.write(file, b"\0" * 4096):
        pass


def test_a_full_disk_refuses_writes_in_words_and_loses_nothing(emulator):
    written = {}
    for number in range(20):
        assert emulator.put(f"group-{number}", f"mark-{number}").status_code == 201
        written[f"group-{number}"] = f"mark-{number}"
    filler = emulator.inside / "filler"
    file = os.open(filler, os.O_WRONLY | os.O_CREAT)
    with pytest.raises(OSError, match="No space left"):
        write_forever(file)
    os.close(file)

    refused = None
    for number in range(20, 4000):  # the journal may still have pages of its own to write to
        answer = emulator.put(f"group-{number}", f"mark-{number}")
        if answer.status_code != 201:
            refused = answer
            break
        written[f"group-{number}"] = f"mark-{number}"
    assert refused is not None, "the disk never filled"
    assert refused.status_code == 507
    assert refused.json()["error"]["code"] == "InsufficientStorage"
    for name, mark in written.items():
        assert emulator.get(name)["tags"]["mark"] == mark

    filler.unlink()
    assert emulator.put("group-after", "mark-after").status_code == 201
    assert emulator.get("group-after")["tags"]["mark"] == "mark-after"


def test_the_small_disk_is_the_emulators_own(emulator):
    assert not (emulator.folder / "state.db").exists()
    assert Path(emulator.inside, "state.db").exists()

"""One emulator for each worker, with a pool of each kind that the clients ask for."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.real_emulator import RealEmulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Made by `make test-clients`.
FOLDER = Path(__file__).resolve().parents[2] / ".venv-clients"
_WALKS = Path(__file__).with_name("walks")
_TEST_SECONDS = 600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A client of 150 packages takes seconds to be imported, and a pool its time to be made."""
    for item in items:
        if "session_clients" in item.path.parts:
            item.add_marker(pytest.mark.process)
            item.add_marker(pytest.mark.timeout(_TEST_SECONDS))


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealEmulator]:
    started = RealEmulator(tmp_path_factory.mktemp("emulator") / "data")
    yield started
    started.stop()


@pytest.fixture(scope="session")
def pools(emulator: RealEmulator) -> Callable[[str], str]:
    """Return the management endpoint of a pool of a kind, made when it is first asked for."""
    made: dict[str, str] = {}

    def endpoint(kind: str) -> str:
        if kind not in made:
            made[kind] = _make_pool(emulator, kind)
        return made[kind]

    return endpoint


@pytest.fixture
def walk(emulator: RealEmulator, pools: Callable[[str], str]) -> Callable[..., dict[str, Any]]:
    """Run a client against a pool, in the environment that `aca-notebook emulator env` prints; return what it saw."""

    def run(name: str, kind: str = "PythonLTS") -> dict[str, Any]:
        done = subprocess.run(
            [str(FOLDER / "bin" / "python"), str(_WALKS / f"{name}.py"), pools(kind), f"session-of-{name}"],
            env={"PATH": os.environ["PATH"], "HOME": str(emulator.folder), **emulator.environment},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-4000:]
        seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return seen

    return run


def _make_pool(emulator: RealEmulator, kind: str) -> str:
    path = emulator.path(f"clients{kind.lower()}").replace("/containerApps/", "/sessionPools/")
    lifecycle = {"lifecycleType": "Timed", "cooldownPeriodInSeconds": 300}
    body = {
        "location": "eastus",
        "properties": {
            "poolManagementType": "Dynamic",
            "containerType": kind,
            "scaleConfiguration": {"maxConcurrentSessions": 10, "readySessionInstances": 1},
            "dynamicPoolConfiguration": {"lifecycleConfiguration": lifecycle},
            "sessionNetworkConfiguration": {"status": "EgressDisabled"},
            "mcpServerSettings": {"isMCPServerEnabled": True},
        },
    }
    made = emulator.call("PUT", path, body)
    assert made.status_code in {200, 201}, made.text
    while made.json()["properties"]["provisioningState"] == "InProgress":
        made = emulator.call("GET", path)
    assert made.json()["properties"]["provisioningState"] == "Succeeded", made.text
    address: str = made.json()["properties"]["poolManagementEndpoint"]
    return address

"""One emulator and one log-in for each worker; a resource group, with an environment, for each module."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.azure_cli.shell import FOLDER, Az
from tests.real_emulator import RealEmulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: What `docs/how-to/use-the-azure-cli.md` exports, and what keeps the output plain.
_SETTINGS = {
    "AZURE_CORE_INSTANCE_DISCOVERY": "false",
    "AZURE_CORE_COLLECT_TELEMETRY": "false",
    "AZURE_CORE_LOGIN_EXPERIENCE_V2": "off",
    "AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "no",
    "AZURE_CORE_NO_COLOR": "true",
    "AZURE_CORE_DISABLE_PROGRESS_BAR": "true",
}
_TEST_SECONDS = 1200


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A journey is dozens of commands of a second each, on a busy machine of ten."""
    for item in items:
        if "azure_cli" in item.path.parts:
            item.add_marker(pytest.mark.process)
            item.add_marker(pytest.mark.timeout(_TEST_SECONDS))


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealEmulator]:
    started = RealEmulator(tmp_path_factory.mktemp("emulator") / "data")
    yield started
    started.stop()


@pytest.fixture(scope="session")
def stranger(emulator: RealEmulator, tmp_path_factory: pytest.TempPathFactory) -> Az:
    """The CLI pointed at the emulator, and nobody logged in."""
    return _pointed_at(emulator, tmp_path_factory.mktemp("stranger"))


@pytest.fixture(scope="session")
def logged_in(emulator: RealEmulator, tmp_path_factory: pytest.TempPathFactory) -> Az:
    """The CLI, logged in as the emulator's service principal."""
    az = _pointed_at(emulator, tmp_path_factory.mktemp("az"))
    own = emulator.environment
    (account,) = az(
        f"login --service-principal -u {own['AZURE_CLIENT_ID']} --tenant {own['AZURE_TENANT_ID']}",
        "-p", own["AZURE_CLIENT_SECRET"],
    )  # fmt: skip
    assert account["id"] == own["AZURE_SUBSCRIPTION_ID"]
    assert account["user"] == {"name": own["AZURE_CLIENT_ID"], "type": "servicePrincipal"}
    return az


@pytest.fixture(scope="module")
def az(request: pytest.FixtureRequest, logged_in: Az) -> Az:
    """The CLI in a resource group of the module's own."""
    group = request.module.__name__.rpartition(".")[2].replace("_", "-")
    assert logged_in(f"group create -n {group} -l eastus")["properties"]["provisioningState"] == "Succeeded"
    return logged_in.within(group)


@pytest.fixture(scope="module")
def environment(az: Az) -> str:
    """The name of an environment in that group."""
    made = az("containerapp env create -n env -l eastus --logs-destination none")
    assert made["properties"]["provisioningState"] == "Succeeded"
    return "env"


def _pointed_at(emulator: RealEmulator, folder: Path) -> Az:
    manager = emulator.environment["AZURE_RESOURCE_MANAGER_URL"]
    metadata = f"{manager}/metadata/endpoints?api-version=2019-05-01"
    own = {"HOME": str(folder), "AZURE_CONFIG_DIR": str(folder / "configuration"), "ARM_CLOUD_METADATA_URL": metadata}
    path = {"PATH": f"{FOLDER / 'bin'}:{os.environ['PATH']}", "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"}
    return Az({**path, **emulator.environment, **_SETTINGS, **own}, folder)

"""Each test gets an emulator of its own, on fakes; keys are made once a session, for they take the longest."""

from __future__ import annotations

import inspect
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from azure.identity import DefaultAzureCredential

from tests.emulator.running import Running, running_emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_KEYS = ("signing-key.pem", "client.json")


@pytest.fixture(scope="session")
def made_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys") / "emulator"
    with running_emulator(folder):
        pass
    return folder


@pytest.fixture
def data_dir(tmp_path: Path, made_keys: Path) -> Path:
    folder = tmp_path / "emulator"
    folder.mkdir(mode=0o700)
    for name in _KEYS:
        shutil.copy2(made_keys / name, folder / name)
    return folder


@pytest.fixture
def emulator(data_dir: Path) -> Iterator[Running]:
    with running_emulator(data_dir) as running:
        yield running


@pytest.fixture
def sdk(emulator: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[type], Any]]:
    """Makes clients of the unmodified SDKs, over HTTPS, with nothing but what `/_emulator/env` hands out."""
    for name, value in emulator.environment.items():
        monkeypatch.setenv(name, value)
    clients: list[Any] = []
    with DefaultAzureCredential() as credential:

        def make(client: type) -> Any:
            of_one = "subscription_id" in inspect.signature(client).parameters  # some ask about any scope
            subscription = (os.environ["AZURE_SUBSCRIPTION_ID"],) if of_one else ()
            made = client(
                credential, *subscription, base_url=os.environ["AZURE_RESOURCE_MANAGER_URL"], polling_interval=0.05
            )
            clients.append(made)
            return made

        yield make
    for each in clients:
        each.close()

"""The unmodified SDKs, over HTTPS, with nothing but what `/_emulator/env` hands out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from azure.identity import DefaultAzureCredential

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.emulator.running import Running


@pytest.fixture
def sdk(emulator: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[type], Any]]:
    """Makes a client of any of the SDKs."""
    for name, value in emulator.environment.items():
        monkeypatch.setenv(name, value)
    clients: list[Any] = []
    with DefaultAzureCredential() as credential:

        def make(client: type) -> Any:
            made = client(
                credential, os.environ["AZURE_SUBSCRIPTION_ID"], base_url=os.environ["AZURE_RESOURCE_MANAGER_URL"],
                polling_interval=0.05,
            )  # fmt: skip
            clients.append(made)
            return made

        yield make
    for each in clients:
        each.close()

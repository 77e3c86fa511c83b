"""What every test gets: a clean environment, no network but loopback, and a home of its own."""

from __future__ import annotations

import os
import socket

import pytest
from hypothesis import HealthCheck, settings

#: A machine ten times slower is no failure.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

LOOPBACK = {"127.0.0.1", "::1", "localhost", "0.0.0.0", "", None}


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path, request) -> None:
    """No setting of the developer's reaches a test, but those of a subscription one that is marked `azure`.

    State goes to the test's own folder.
    """
    kept = ("AZURE_", "IDENTITY_") if request.node.get_closest_marker("azure") else ()
    for name in list(os.environ):
        if kept and name.startswith(kept):
            continue
        if name.startswith(("AZURE_", "ACA_NOTEBOOK_", "IDENTITY_")) and name not in {
            "ACA_NOTEBOOK_RECORDINGS",
            "ACA_NOTEBOOK_SPECIFICATION",
        }:
            monkeypatch.delenv(name)
    monkeypatch.setenv("ACA_NOTEBOOK_HOME", str(tmp_path / "aca-home"))
    monkeypatch.setenv("ACA_NOTEBOOK_SESSION_PACKAGES", str(tmp_path / "none"))  # sessions fetch nothing


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch: pytest.MonkeyPatch, request) -> None:
    """A connection to anything but this machine fails the test at once, unless it is marked `azure`."""
    if request.node.get_closest_marker("azure"):
        return
    connect = socket.socket.connect

    def guarded(self: socket.socket, address):
        if self.family in {socket.AF_INET, socket.AF_INET6} and address[0] not in LOOPBACK:
            pytest.fail(f"a test tried to reach {address!r}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"

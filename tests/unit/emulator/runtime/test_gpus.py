"""What NVIDIA's library says, in shapes that real machines have shown."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest

from aca_notebook.emulator.runtime.gpus import Leases, NvmlGpus


class NVMLError(Exception):
    """As pynvml's."""


@pytest.fixture(name="library")
def _library(monkeypatch):
    """A library with two devices; tests change what it answers."""
    library = ModuleType("pynvml")
    library.NVMLError = NVMLError
    library.nvmlInit = library.nvmlShutdown = lambda: None
    library.nvmlDeviceGetCount = lambda: 2
    library.nvmlDeviceGetHandleByIndex = lambda index: index
    library.nvmlDeviceGetUUID = lambda handle: f"GPU-{handle}".encode()
    library.nvmlDeviceGetName = lambda _: "NVIDIA T4"
    library.nvmlDeviceGetMemoryInfo = lambda _: SimpleNamespace(total=16 * 2**30)
    monkeypatch.setitem(sys.modules, "pynvml", library)
    return library


def fails(*_):
    raise NVMLError("Not Supported")


def test_devices_are_listed_in_their_order(library):
    assert [(gpu.uuid, gpu.name, gpu.memory_bytes) for gpu in NvmlGpus().devices()] == [
        ("GPU-0", "NVIDIA T4", 16 * 2**30), ("GPU-1", "NVIDIA T4", 16 * 2**30),
    ]  # fmt: skip


def test_a_device_without_memory_of_its_own_is_a_device_all_the_same(library):
    library.nvmlDeviceGetMemoryInfo = fails
    assert [gpu.memory_bytes for gpu in NvmlGpus().devices()] == [0, 0]


@pytest.mark.parametrize("call", ["nvmlInit", "nvmlDeviceGetCount", "nvmlDeviceGetHandleByIndex", "nvmlDeviceGetUUID"])
def test_a_library_that_fails_is_a_machine_without_gpus(library, call):
    setattr(library, call, fails)
    assert NvmlGpus().devices() == ()


def test_the_third_replica_of_two_devices_waits_until_one_is_given_back(library):
    leases = Leases(NvmlGpus())
    assert (leases.take("a", 1), leases.take("b", 1), leases.take("c", 1)) == (("GPU-0",), ("GPU-1",), None)
    assert leases.give_back("a")
    assert leases.take("c", 1) == ("GPU-0",)

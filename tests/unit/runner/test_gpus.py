"""GPU figures come from NVIDIA's library or not at all."""

from __future__ import annotations

import ctypes

import pytest

from aca_notebook.runner.gpus import Gpus, GpuSample, load, text


class FakeLibrary:
    """Two GPUs, of which the second may be lost."""

    def __init__(self, lost: int = -1) -> None:
        self.lost = lost

    def nvmlDeviceGetCount_v2(self, count):  # noqa: N802  # the library's own names
        count._obj.value = 2
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index, device):  # noqa: N802
        device._obj.value = index + 1
        return 15 if index == self.lost else 0

    def nvmlDeviceGetUUID(self, device, uuid, size):  # noqa: N802
        uuid.value = f"GPU-{device.value}".encode()
        return 0

    def nvmlDeviceGetUtilizationRates(self, device, utilization):  # noqa: N802
        utilization._obj.gpu = 10 * device.value
        return 0

    def nvmlDeviceGetMemoryInfo(self, device, memory):  # noqa: N802
        memory._obj.used, memory._obj.total = device.value, 100
        return 0


FIRST, SECOND = GpuSample("GPU-1", 10, 1, 100), GpuSample("GPU-2", 20, 2, 100)


@pytest.mark.parametrize(
    ("visible", "lost", "expected"),
    [
        (None, -1, [FIRST, SECOND]),
        ("GPU-2", -1, [SECOND]),
        ("0", -1, [FIRST]),
        ("GPU-1, GPU-2", 1, [FIRST]),
        ("", -1, []),
    ],
    ids=["all", "by uuid", "by number", "one is lost", "none was given"],
)
def test_a_container_sees_the_gpus_it_was_given(visible, lost, expected):
    assert Gpus(visible, FakeLibrary(lost)).samples() == expected


def test_without_a_gpu_nothing_is_said():
    assert text([]) == ""


def test_samples_are_written_as_prometheus_reads_them():
    assert 'aca_gpu_utilization_percent{gpu="GPU-1"} 10\n' in text([FIRST])


@pytest.mark.gpu
def test_a_real_gpu_answers():
    library = load()
    if library is None:
        pytest.skip("no NVIDIA library on this machine")

    samples = Gpus(None, library).samples()

    assert samples
    assert all(0 < each.memory_used_bytes <= each.memory_total_bytes for each in samples)
    assert ctypes.sizeof(ctypes.c_void_p) == 8

"""GPU figures come from NVIDIA's library or not at all."""

from __future__ import annotations

import asyncio
import ctypes

import pytest

from aca_notebook.runner.gpus import KEPT_MINUTES, GpuMinutes, Gpus, GpuSample, load, text


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


class Seconds:
    """The time of day, as a test says."""

    def __init__(self) -> None:
        self.now = 60.0 * 1000

    def __call__(self) -> float:
        return self.now


def test_a_minute_keeps_the_mean_load_of_the_gpus_and_the_most_memory_in_use():
    seconds = Seconds()
    minutes = GpuMinutes(Gpus(None, FakeLibrary()), seconds)
    minutes.add([FIRST, SECOND])
    minutes.add([GpuSample("GPU-1", 90, 40, 100), GpuSample("GPU-2", 80, 2, 100)])
    seconds.now += 60
    minutes.add([FIRST, SECOND])

    said = minutes.document(revision="scorer--1", replica="scorer--1-a")

    assert (said["source"], said["replica"], said["memory_total_bytes"]) == ("NVML", "scorer--1-a", 200)
    assert said["minutes"] == [
        {"minute": 1000, "count": 2, "utilization_total": 100.0, "utilization_least": 15.0, "utilization_most": 85.0,
         "memory_bytes": 42},
        {"minute": 1001, "count": 1, "utilization_total": 15.0, "utilization_least": 15.0, "utilization_most": 15.0,
         "memory_bytes": 3},
    ]  # fmt: skip
    later = minutes.document(revision="", replica="", since_minute=1001)
    assert [each["minute"] for each in later["minutes"]] == [1001]


def test_a_day_of_minutes_is_kept_and_no_more():
    seconds = Seconds()
    minutes = GpuMinutes(Gpus(None, FakeLibrary()), seconds)
    for _ in range(KEPT_MINUTES + 10):
        minutes.add([FIRST])
        seconds.now += 60
    kept = minutes.document(revision="", replica="")["minutes"]
    assert (len(kept), kept[0]["minute"]) == (KEPT_MINUTES, 1010)


@pytest.mark.anyio
async def test_watching_goes_on_until_it_is_cancelled_and_ends_at_once_without_a_gpu():
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            raise asyncio.CancelledError

    watched = GpuMinutes(Gpus(None, FakeLibrary()))
    with pytest.raises(asyncio.CancelledError):
        await watched.watch(sleep)
    assert sum(each["count"] for each in watched.document(revision="", replica="")["minutes"]) == 3
    await GpuMinutes(Gpus("", FakeLibrary())).watch(sleep)
    assert len(slept) == 3

"""What NVIDIA's management library says of the GPUs: four calls of it, by ctypes, so the runner needs no package.

Without the library, or a GPU given to this container, there is nothing to say, and nothing is made up.
"""

from __future__ import annotations

import asyncio
import ctypes
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LIBRARY = "libnvidia-ml.so.1"
SAMPLE_SECONDS = 5.0
#: A day of minutes, 0.4 MB: who looks back sees what this replica did, whoever measured meanwhile.
KEPT_MINUTES = 1440
_UUID_BYTES = 96


@dataclass(frozen=True, slots=True)
class GpuSample:
    """One GPU now. `utilization_percent` is the share of the past period in which a kernel ran, not occupancy."""

    uuid: str
    utilization_percent: int
    memory_used_bytes: int
    memory_total_bytes: int


class _Utilization(ctypes.Structure):
    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


class _Memory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


class Gpus:
    """The GPUs of this container; `visible` is `CUDA_VISIBLE_DEVICES`, None when it is not set."""

    def __init__(self, visible: str | None, library: Any = None) -> None:
        self._wanted = None if visible is None else [each.strip() for each in visible.split(",") if each.strip()]
        self._library = None if self._wanted == [] else library or load()

    def samples(self) -> list[GpuSample]:
        """Read every GPU this container was given; one that does not answer is left out."""
        if self._library is None:
            return []
        count = ctypes.c_uint()
        if self._library.nvmlDeviceGetCount_v2(ctypes.byref(count)):
            return []
        found = [self._sample(self._library, index) for index in range(count.value)]
        return [sample for sample in found if sample is not None]

    def _sample(self, library: Any, index: int) -> GpuSample | None:
        device, uuid = ctypes.c_void_p(), ctypes.create_string_buffer(_UUID_BYTES)
        utilization, memory = _Utilization(), _Memory()
        failed = (
            library.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(device))
            or library.nvmlDeviceGetUUID(device, uuid, _UUID_BYTES)
            or library.nvmlDeviceGetUtilizationRates(device, ctypes.byref(utilization))
            or library.nvmlDeviceGetMemoryInfo(device, ctypes.byref(memory))
        )
        name = uuid.value.decode()
        if failed or (self._wanted is not None and name not in self._wanted and str(index) not in self._wanted):
            return None
        return GpuSample(name, utilization.gpu, memory.used, memory.total)


@dataclass(slots=True)
class GpuMinute:
    """What the samples of one minute (since the epoch) add up to: the mean of the GPUs' load, the sum of their memory.

    `utilization_total` is over `count` samples; memory is the most that was in use.
    """

    minute: int
    count: int = 0
    utilization_total: float = 0.0
    utilization_least: float = 100.0
    utilization_most: float = 0.0
    memory_bytes: int = 0


class GpuMinutes:
    """The past day of this replica's GPUs, a minute each; `watch` fills it. Only the event loop's thread touches it."""

    def __init__(self, gpus: Gpus, now: Callable[[], float] = time.time) -> None:
        self._gpus = gpus
        self._now = now
        self._minutes: deque[GpuMinute] = deque(maxlen=KEPT_MINUTES)
        self._memory_total_bytes = 0

    async def watch(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Sample until cancelled; without a GPU there is nothing to do, and it returns at once."""
        while samples := await asyncio.to_thread(self._gpus.samples):
            self.add(samples)
            await sleep(SAMPLE_SECONDS)

    def add(self, samples: list[GpuSample]) -> None:
        """Take one look at all GPUs in."""
        minute = int(self._now() // 60)
        if not self._minutes or self._minutes[-1].minute != minute:
            self._minutes.append(GpuMinute(minute))
        latest = self._minutes[-1]
        load = sum(each.utilization_percent for each in samples) / len(samples)
        latest.count += 1
        latest.utilization_total += load
        latest.utilization_least = min(latest.utilization_least, load)
        latest.utilization_most = max(latest.utilization_most, load)
        latest.memory_bytes = max(latest.memory_bytes, sum(each.memory_used_bytes for each in samples))
        self._memory_total_bytes = sum(each.memory_total_bytes for each in samples)

    def document(self, *, revision: str, replica: str, since_minute: int = 0) -> dict[str, object]:
        """Return what is known since a minute of the epoch, as JSON can hold it; the last minute may be open."""
        return {
            "source": "NVML",
            "revision": revision,
            "replica": replica,
            "memory_total_bytes": self._memory_total_bytes,
            "minutes": [
                {
                    "minute": each.minute,
                    "count": each.count,
                    "utilization_total": round(each.utilization_total, 3),
                    "utilization_least": each.utilization_least,
                    "utilization_most": each.utilization_most,
                    "memory_bytes": each.memory_bytes,
                }
                for each in self._minutes
                if each.minute >= since_minute
            ],
        }


def load() -> Any:
    """Return NVIDIA's library, ready to be asked, or None where there is none."""
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError:
        return None
    return None if library.nvmlInit_v2() else library


def text(samples: list[GpuSample]) -> str:
    """Write the samples in Prometheus' text format; empty without a GPU."""
    lines = []
    for metric, meaning in (
        ("utilization_percent", "Share of time in which a kernel ran."),
        ("memory_used_bytes", "Memory in use on the device, by everyone."),
        ("memory_total_bytes", "Memory of the device."),
    ):
        if samples:
            lines += [f"# HELP aca_gpu_{metric} {meaning}", f"# TYPE aca_gpu_{metric} gauge"]
        lines += [f'aca_gpu_{metric}{{gpu="{each.uuid}"}} {getattr(each, metric)}' for each in samples]
    return "".join(f"{line}\n" for line in lines)

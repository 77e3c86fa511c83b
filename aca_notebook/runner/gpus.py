"""What NVIDIA's management library says of the GPUs: four calls of it, by ctypes, so the runner needs no package.

Without the library, or a GPU given to this container, there is nothing to say, and nothing is made up.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

LIBRARY = "libnvidia-ml.so.1"
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

"""GPUs that exist on paper."""

from __future__ import annotations

from aca_notebook.emulator.runtime.gpus import Gpu


class FakeGpus:
    def __init__(self, count: int = 0) -> None:
        self._devices = tuple(Gpu(f"GPU-{index:08d}", "Tesla T4", 16 * 2**30) for index in range(count))

    def devices(self) -> tuple[Gpu, ...]:
        return self._devices

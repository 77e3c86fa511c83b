"""The GPUs of this machine, and which replica has which."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from aca_notebook.model.fault import Subject
from aca_notebook.model.fault_kinds import Seam, StuckGpu

if TYPE_CHECKING:
    from aca_notebook.emulator.faults.board import Strikes

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Gpu:
    """One device, by the uuid that `CUDA_VISIBLE_DEVICES` understands."""

    uuid: str
    name: str
    memory_bytes: int


class Gpus(Protocol):
    """An inventory of devices."""

    def devices(self) -> tuple[Gpu, ...]:
        """Return the devices, always in the same order."""
        ...


class NoGpus:
    """A machine without devices."""

    def devices(self) -> tuple[Gpu, ...]:
        """Return none."""
        return ()


class NvmlGpus:
    """What NVIDIA's management library sees, asked once; none where there is no library or no driver."""

    def __init__(self) -> None:
        self._devices: tuple[Gpu, ...] | None = None

    def devices(self) -> tuple[Gpu, ...]:
        """Return the devices in NVML's order."""
        if self._devices is None:
            self._devices = _ask_nvml()
        return self._devices


class Leases:
    """Who has which device. A machine without devices leases nothing and refuses nobody."""

    def __init__(self, gpus: Gpus) -> None:
        self._uuids = tuple(gpu.uuid for gpu in gpus.devices())
        self._holders: dict[str, str] = {}

    @property
    def total(self) -> int:
        """How many devices there are."""
        return len(self._uuids)

    @property
    def free(self) -> int:
        """How many have no holder."""
        return len(self._uuids) - len(self._holders)

    def take(self, holder: str, count: int) -> tuple[str, ...] | None:
        """Lease `count` devices to a replica; None when that many are not free."""
        if count > self.free:
            return None
        uuids = tuple(uuid for uuid in self._uuids if uuid not in self._holders)[:count]
        self._holders.update(dict.fromkeys(uuids, holder))
        return uuids

    def give_back(self, holder: str) -> bool:
        """End a replica's leases; tell whether it had any."""
        held = [uuid for uuid, name in self._holders.items() if name == holder]
        for uuid in held:
            del self._holders[uuid]
        return bool(held)


def no_capacity(faults: Strikes, app_key: str) -> bool:
    """Tell whether Azure is to have no GPU for an app, whatever this machine has."""
    return bool(faults.at(Seam.REPLICA)) and faults.standing(Subject(app_key), StuckGpu) is not None


def _ask_nvml() -> tuple[Gpu, ...]:
    try:
        import pynvml  # an optional dependency, and there may be no driver behind it
    except ImportError:
        return ()
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as absent:
        logger.debug("no GPU: %s", absent)
        return ()
    try:
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        return tuple(
            Gpu(
                _text(pynvml.nvmlDeviceGetUUID(handle)),
                _text(pynvml.nvmlDeviceGetName(handle)),
                _memory_bytes(pynvml, handle),
            )
            for handle in handles
        )
    except pynvml.NVMLError as broken:
        logger.warning("the GPUs of this machine cannot be listed, so none is used: %s", broken)
        return ()
    finally:
        pynvml.nvmlShutdown()


def _memory_bytes(pynvml: Any, handle: Any) -> int:
    """The device's own memory; 0 where it has none of its own and NVML cannot say."""
    try:
        return int(pynvml.nvmlDeviceGetMemoryInfo(handle).total)
    except pynvml.NVMLError:
        return 0


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value

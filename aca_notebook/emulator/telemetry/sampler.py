"""What running replicas use of the machine, read from the processes themselves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

NANO = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Reading:
    """CPU seconds of each process since it began, and the resident bytes of all (shared pages count in each)."""

    cpu_seconds: Mapping[tuple[int, float], float]
    resident_bytes: int


def combined(readings: Iterable[Reading]) -> Reading:
    """Return several as one."""
    seconds: dict[tuple[int, float], float] = {}
    resident = 0
    for reading in readings:
        seconds |= reading.cpu_seconds
        resident += reading.resident_bytes
    return Reading(seconds, resident)


class Processes(Protocol):
    """The machine's processes."""

    def read(self, groups: Sequence[Sequence[int]]) -> list[Reading]:
        """Return a reading of each group: the processes given and all that descend from them."""
        ...

    def held_bytes(self, pids: Sequence[int]) -> int:
        """Return what these and their descendants hold for themselves: shared pages once, pages of files not at all."""
        ...


class GpuLoads(Protocol):
    """How busy the machine's GPUs are."""

    def utilization(self, uuid: str) -> float | None:
        """Return the percentage of the past moment in which a kernel ran, or None when nobody can say."""
        ...


class SystemProcesses:
    """Processes as psutil sees them."""

    def read(self, groups: Sequence[Sequence[int]]) -> list[Reading]:
        """Read every group with one pass over the process table."""
        return [_read(family) for family in _families(groups)]

    def held_bytes(self, pids: Sequence[int]) -> int:
        """Add up what the kernel says of each; slower than `read`, so for those in doubt."""
        (family,) = _families([pids])
        return sum(_held_bytes(process) for process in family)


class NvmlGpuLoads:
    """What NVML says; without the library or a device there is nothing to say."""

    def __init__(self) -> None:
        self._nvml: Any = None
        self._tried = False

    def utilization(self, uuid: str) -> float | None:
        """Ask the device; the first time, load the library."""
        if not self._tried:
            self._nvml, self._tried = _load_nvml(), True
        if self._nvml is None:
            return None
        try:
            device = self._nvml.nvmlDeviceGetHandleByUUID(uuid)
            return float(self._nvml.nvmlDeviceGetUtilizationRates(device).gpu)
        except self._nvml.NVMLError:
            return None


def _load_nvml() -> Any:
    """Return the library ready for use, or None where the package, the driver or a device is missing."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


class CpuMeter:
    """Turns CPU seconds since a process began into cores used between two readings."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], tuple[float, Mapping[tuple[int, float], float]]] = {}

    def cores(self, replica: tuple[str, str], reading: Reading, *, now: float, first_seconds: float) -> float:
        """Return the cores that `replica` used since it was last asked about at an earlier monotonic `now`.

        The first time, what its processes have used so far counts over `first_seconds`.
        """
        then, before = self._last.get(replica, (now - first_seconds, {}))
        self._last[replica] = (now, reading.cpu_seconds)
        used = sum(max(0.0, seconds - before.get(key, 0.0)) for key, seconds in reading.cpu_seconds.items())
        return used / (now - then) if now > then else 0.0

    def forget_all_but(self, replicas: Iterable[tuple[str, str]]) -> None:
        """Drop those that run no more."""
        kept = set(replicas)
        self._last = {key: value for key, value in self._last.items() if key in kept}


def _families(groups: Sequence[Sequence[int]]) -> list[list[psutil.Process]]:
    """The processes of each group and all that descend from them."""
    children: dict[int, list[psutil.Process]] = {}
    by_pid: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        try:
            children.setdefault(process.ppid(), []).append(process)
        except psutil.Error:  # it ended, or is another user's
            continue
        by_pid[process.pid] = process
    return [_descendants([by_pid[pid] for pid in group if pid in by_pid], children) for group in groups]


def _held_bytes(process: psutil.Process) -> int:
    """Proportional anonymous and shared memory; pages of files, which the kernel can take back, do not count."""
    try:
        rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:  # not Linux, or an old one
        return _resident_bytes(process)
    kilobytes = [int(line.split()[1]) for line in rollup.splitlines() if line.startswith(("Pss_Anon:", "Pss_Shmem:"))]
    return 1024 * sum(kilobytes) if kilobytes else _resident_bytes(process)


def _resident_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:  # it has ended
        return 0


def _descendants(
    roots: Sequence[psutil.Process], children: Mapping[int, Sequence[psutil.Process]]
) -> list[psutil.Process]:
    found: dict[int, psutil.Process] = {}
    waiting = list(roots)
    while waiting:
        process = waiting.pop()
        if process.pid not in found:
            found[process.pid] = process
            waiting.extend(children.get(process.pid, ()))
    return list(found.values())


def _read(processes: Sequence[psutil.Process]) -> Reading:
    seconds: dict[tuple[int, float], float] = {}
    resident = 0
    for process in processes:
        try:
            with process.oneshot():
                times = process.cpu_times()
                resident += process.memory_info().rss
                seconds[process.pid, process.create_time()] = times.user + times.system
        except psutil.Error:  # it ended between the two looks
            continue
    return Reading(seconds, resident)

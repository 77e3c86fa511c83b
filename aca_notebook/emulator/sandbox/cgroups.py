"""Control groups: bounds on a whole tree of processes, where this user may make them. Both generations, v1 and v2."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CONTROLLERS = ("memory", "pids", "cpu")
_PREFIX = "aca-"
_PERIOD_MICROSECONDS = 20_000
_REMOVALS, _REMOVAL_SECONDS = 200, 0.01


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """A group of this machine under which we may try to make others, and what those could bound."""

    version: int
    parent: Path
    controllers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a group of processes may take together."""

    cpu_cores: float
    memory_bytes: int
    pids: int


def find_hierarchies(mounts: str, memberships: str) -> tuple[Hierarchy, ...]:
    """Return where groups might be made, from the texts of /proc/self/mountinfo and /proc/self/cgroup. Looks at /sys.

    With v1 that is our own group. A v2 group that has processes, as ours does, cannot have groups with bounds in it,
    so the nearest group above it that gives controllers away is taken.
    """
    own = {}
    for line in memberships.splitlines():
        _, names, path = line.split(":", 2)
        own[names] = path
    found = []
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ", 2)
        root, point = left.split(" ")[3:5]
        if kind == "cgroup":
            wanted = tuple(name for name in CONTROLLERS if name in options.rpartition(" ")[2].split(","))
            ours = [path for names, path in own.items() if wanted and wanted[0] in names.split(",")]
            found += [Hierarchy(1, _beneath(point, root, path), wanted) for path in ours]
        elif kind == "cgroup2" and "" in own:
            found += _giving(Path(point), _beneath(point, root, own[""]))
    return tuple(found)


def read_hierarchies() -> tuple[Hierarchy, ...]:
    """Return where groups might be made on this machine; none where there are no groups."""
    try:
        mounts, memberships = (Path(f"/proc/self/{name}").read_text("utf-8") for name in ("mountinfo", "cgroup"))
    except OSError:
        return ()
    return find_hierarchies(mounts, memberships)


class Group:
    """One group in each hierarchy, by the same name. Blocks, shortly."""

    def __init__(self, hierarchies: tuple[Hierarchy, ...], name: str, bounds: Bounds) -> None:
        """Make them. Raises `OSError` where that is refused; nothing is left then."""
        self._folders = [hierarchy.parent / f"{_PREFIX}{name}" for hierarchy in hierarchies]
        try:
            for hierarchy, folder in zip(hierarchies, self._folders, strict=True):
                folder.mkdir()
                _set(hierarchy, folder, bounds)
        except OSError:
            self.remove()
            raise

    def doors(self) -> tuple[int, ...]:
        """Return open files that let whoever writes `0` into them in; the caller closes them."""
        return tuple(os.open(folder / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC) for folder in self._folders)

    def statistics(self, name: str) -> dict[str, int]:
        """Return the numbers of such a file (`cpu.stat`, `memory.events`), none where there is none."""
        lines = [line.split() for folder in self._folders for line in _text(folder / name).splitlines()]
        return {line[0]: int(line[1]) for line in lines if len(line) == 2}

    def remove(self) -> bool:
        """Kill what is in it and remove what is empty; whether nothing is left."""
        gone = [remove_group(folder) for folder in self._folders]
        return all(gone)


def remove_group(folder: Path) -> bool:
    """Kill what is in one group and remove it; False while a process of it is not gone yet."""
    for line in _text(folder / "cgroup.procs").split():
        with suppress(ProcessLookupError, PermissionError):
            os.kill(int(line), signal.SIGKILL)
    with suppress(FileNotFoundError):
        try:
            folder.rmdir()
        except OSError:
            return False
    return True


async def end(remove: Callable[[], bool]) -> bool:
    """Remove something whose last process is about to be gone, within two seconds; whether it is gone."""
    for _ in range(_REMOVALS):
        if await asyncio.to_thread(remove):
            return True
        await asyncio.sleep(_REMOVAL_SECONDS)
    return False


def leftover_groups(hierarchies: tuple[Hierarchy, ...], owner: str) -> list[Path]:
    """Return the groups that an earlier emulator of this owner made."""
    return [folder for hierarchy in hierarchies for folder in hierarchy.parent.glob(f"{_PREFIX}{owner}-*")]


def _set(hierarchy: Hierarchy, folder: Path, bounds: Bounds) -> None:
    settings = _settings_of_v1(bounds) if hierarchy.version == 1 else _settings_of_v2(bounds)
    for controller in hierarchy.controllers:
        for name, value in settings[controller]:
            if "sw" not in name or (folder / name).exists():  # a kernel may not count swap
                (folder / name).write_text(str(value), "ascii")


def _settings_of_v1(bounds: Bounds) -> Mapping[str, tuple[tuple[str, int], ...]]:
    most = bounds.memory_bytes
    return {
        "memory": (("memory.limit_in_bytes", most), ("memory.memsw.limit_in_bytes", most)),
        "pids": (("pids.max", bounds.pids),),
        "cpu": (("cpu.cfs_period_us", _PERIOD_MICROSECONDS), ("cpu.cfs_quota_us", _quota(bounds))),
    }


def _settings_of_v2(bounds: Bounds) -> Mapping[str, tuple[tuple[str, int | str], ...]]:
    return {
        "memory": (("memory.max", bounds.memory_bytes), ("memory.swap.max", 0)),
        "pids": (("pids.max", bounds.pids),),
        "cpu": (("cpu.max", f"{_quota(bounds)} {_PERIOD_MICROSECONDS}"),),
    }


def _quota(bounds: Bounds) -> int:
    return max(1000, round(bounds.cpu_cores * _PERIOD_MICROSECONDS))  # the kernel takes no less than a millisecond


def _giving(top: Path, own: Path) -> list[Hierarchy]:
    """The nearest group above `own`, itself not, that gives controllers to those below it."""
    for folder in own.parents:
        if not folder.is_relative_to(top):
            break
        given = _text(folder / "cgroup.subtree_control").split()
        controllers = tuple(name for name in CONTROLLERS if name in given)
        if controllers and os.access(folder / "cgroup.procs", os.W_OK):
            return [Hierarchy(2, folder, controllers)]
    return []


def _beneath(point: str, root: str, path: str) -> Path:
    """Where a group is, of a hierarchy of which only the part below `root` is mounted."""
    group = PurePosixPath(path)
    inside = group.relative_to(root) if group.is_relative_to(root) else PurePosixPath()
    return Path(point) / inside


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except OSError:
        return ""

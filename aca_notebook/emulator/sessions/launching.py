"""Starts what sessions run in: kernels and agents in sandboxes, programs of registered images."""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import secrets
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from aca_notebook.emulator.runtime.process import new_mark
from aca_notebook.emulator.sandbox import levels, sandbox
from aca_notebook.emulator.sandbox.levels import Level
from aca_notebook.emulator.sandbox.sandbox import Wanted
from aca_notebook.emulator.sessions import agent_start, kernel_start
from aca_notebook.emulator.sessions.agent import SHELL_LOOP, Agent
from aca_notebook.emulator.sessions.instances import CodeInstance, NotHere, StartRefused
from aca_notebook.emulator.sessions.kernel import Kernel
from aca_notebook.emulator.sessions.pool import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.runtime.process import Spawn
    from aca_notebook.emulator.sandbox.levels import Found
    from aca_notebook.emulator.sandbox.sandbox import Sandbox
    from aca_notebook.emulator.sessions.instances import Driver, Instance
    from aca_notebook.emulator.sessions.packages import Packages
    from aca_notebook.emulator.sessions.pool import Rules

logger = logging.getLogger(__name__)

#: What one session may take. Azure's sizes are not published; these let a notebook's machine hold some.
CPU_CORES = 1.0
MEMORY_BYTES = 2 * 2**30
FILE_BYTES = 2**30
PIDS = 256
_START_SECONDS = 60.0
#: Of the emulator's environment: the level that sessions are to be kept at; one that cannot be had refuses them.
ISOLATION = "ACA_NOTEBOOK_SESSION_ISOLATION"
_NODE_REPL = Path(__file__).with_name("node_repl.cjs")


class Containers(Protocol):
    """Starts the containers of custom pools."""

    async def start(self, pool: str) -> Instance:
        """Start one for a pool, by its key; it answers when this returns. Raises `StartRefused`."""
        ...


class SandboxLauncher:
    """Starts instances as far from everything else as this machine allows; `owner` marks all of it.

    `containers` starts those of custom pools.
    """

    def __init__(  # noqa: PLR0913  # the composition root names them
        self, *, clock: Clock, spawn: Spawn, owner: str, folder: Path, packages: Packages, containers: Containers,
        isolation: str = "",
    ) -> None:  # fmt: skip
        self._clock = clock
        self._spawn = spawn
        self._owner = owner
        self._folder = folder
        self._packages = packages
        self._containers = containers
        self._isolation = isolation.strip().lower()
        self._found: asyncio.Task[Found] | None = None

    def prepare(self, rules: Rules) -> None:
        """Begin what instances of such a pool will need, in the background."""
        if rules.kind is Kind.PYTHON:
            self._packages.prepare()

    async def prepared(self, rules: Rules) -> None:
        """Return when what instances of such a pool need is there. Raises `NotHere` for what is asked and cannot be."""
        if rules.kind is Kind.CUSTOM:
            return
        why = levels.unkept(self._isolation, await self.found())
        if why:
            raise NotHere(f"{why} ({ISOLATION})")

    async def start(self, pool: str, rules: Rules) -> Instance:
        """Start one, ready to be used. Raises `StartRefused`."""
        if rules.kind is Kind.PYTHON:
            return await self._start_kernel(rules)
        if rules.kind is Kind.CUSTOM:
            return await self._containers.start(pool)
        return await self._start_agent(rules)

    async def found(self) -> Found:
        """Return how far this machine can keep a program from everything else, tried once."""
        if self._found is None:
            self._found = asyncio.create_task(asyncio.to_thread(levels.find_level, self._ceiling()))
        return await asyncio.shield(self._found)

    async def about(self, rules: Rules) -> dict[str, Any]:
        """Return what sessions of such a pool have and how far they are kept from everything else, as JSON has it."""
        found = await self.found()
        isolation: dict[str, Any] = {
            "level": str(found.level), "isolated": found.isolated, "reason": found.reason, "egress": found.egress,
            "limits": list(found.limits),
        }  # fmt: skip
        if rules.kind is Kind.CUSTOM:
            isolation = {"level": str(Level.PROCESS), "isolated": False, "reason": "containers run as an app's do"}
        about: dict[str, Any] = {"containerType": str(rules.kind), "isolation": isolation}
        if rules.kind is Kind.PYTHON:
            about["runtimes"] = [{"language": "python", "version": platform.python_version()}]
            about["preInstalledPackages"] = await asyncio.to_thread(self._packages.names)
        return about

    async def sweep(self) -> None:
        """Remove what sandboxes of an emulator that was killed left."""
        await sandbox.sweep(self._owner)
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def close(self) -> None:
        """Let go of what instances share."""
        await self._packages.close()
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)  # a start that was cancelled half-way

    def _ceiling(self) -> Level:
        return Level(self._isolation) if self._isolation in set(Level) else Level.BUBBLEWRAP

    async def _start_kernel(self, rules: Rules) -> Instance:
        key = secrets.token_hex(32)
        environment = {"ACA_SESSION_KEY": key}
        readable = [Path(kernel_start.__file__)]
        for name, place in (("PYTHONPATH", self._packages.place), ("ACA_SESSION_FONTS", self._packages.fonts)):
            if place is not None:
                environment[name] = str(place)
                readable.append(place)
        awaited = self._packages.awaited
        if awaited:
            environment["ACA_SESSION_AWAITED"] = ",".join(awaited)
        folder, began = await self._sandboxed((sys.executable, kernel_start.__file__), environment, readable, rules)
        return await self._ready(folder, began, lambda: Kernel(began.sockets, key, self._clock))

    async def _start_agent(self, rules: Rules) -> Instance:
        readable = [Path(agent_start.__file__)]
        if rules.kind is Kind.NODE:
            node = shutil.which("node")
            if node is None:
                raise NotHere("this machine has no Node.js: `node` is not on the path of the emulator")
            program = [node, str(_NODE_REPL)]
            readable += [_NODE_REPL, _home(node)]
        else:
            bash = shutil.which("bash")
            if bash is None:
                raise NotHere("this machine has no bash")
            program = [bash, "--norc", "--noprofile", "-c", SHELL_LOOP]
        command = (sys.executable, "-I", "-S", agent_start.__file__, *program)
        folder, began = await self._sandboxed(command, {}, readable, rules)
        return await self._ready(folder, began, lambda: Agent(began.sockets, self._clock))

    async def _sandboxed(
        self, command: tuple[str, ...], environment: dict[str, str], readable: list[Path], rules: Rules
    ) -> tuple[Path, Sandbox]:
        folder = await asyncio.to_thread(self._new_folder)
        wanted = Wanted(
            command=command, folder=folder, env=_environment() | environment, cpu_cores=CPU_CORES,
            memory_bytes=MEMORY_BYTES, pids=PIDS, file_bytes=FILE_BYTES, mark=new_mark(self._owner),
            egress=rules.egress, readable=(*_interpreter(), *readable),
        )  # fmt: skip
        try:
            return folder, await sandbox.start(wanted, await self.found(), self._spawn)
        except BaseException as failure:
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))
            if not isinstance(failure, OSError):
                raise
            # `SandboxFailed`, or a machine that has no more of something
            raise StartRefused(f"its sandbox could not be started: {failure}") from failure

    async def _ready(self, folder: Path, began: Sandbox, drive: Callable[[], Driver]) -> Instance:
        instance: CodeInstance | None = None
        try:
            instance = CodeInstance(began, drive(), folder, str((await self.found()).level))
            await instance.ready(_START_SECONDS)
        except BaseException:
            await (began.close() if instance is None else instance.close())
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            raise
        return instance

    def _new_folder(self) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=self._folder))


def _environment() -> dict[str, str]:
    """What every session gets: nothing of the emulator's own but where programs are."""
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8",
        "SANDBOX_RUN": "{run}", "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
    }  # fmt: skip


def _interpreter() -> tuple[Path, ...]:
    """Where the emulator's interpreter and its packages are."""
    return tuple(sorted({Path(sys.prefix), Path(sys.base_prefix), _home(sys.executable)}))


def _home(program: str) -> Path:
    """Where a program and what it needs are installed."""
    return Path(os.path.realpath(program)).parent.parent

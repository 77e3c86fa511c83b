"""The containers of custom pools: programs of registered images, one set a session (facts §5.6).

They run as an app's replicas do, and are not kept from each other or from this machine: `isolation` says so. Their
startup and liveness probes are kept: one that fails is taken out of the pool (documented: custom container sessions).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from aca_notebook.emulator.runtime import probes
from aca_notebook.emulator.runtime.desired import read_probe
from aca_notebook.emulator.runtime.ports import ContainerPorts, NoPortFree
from aca_notebook.emulator.runtime.process import Launch, new_mark
from aca_notebook.emulator.sandbox.levels import Level
from aca_notebook.emulator.sessions.instances import InstanceGone, StartRefused, how_it_ended
from aca_notebook.model.ids import parse_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.emulator.runtime.container import ImageTable
    from aca_notebook.emulator.runtime.desired import Probe
    from aca_notebook.emulator.runtime.process import Child, Spawn
    from aca_notebook.emulator.sandbox.drawer import Drawer
    from aca_notebook.emulator.sessions.execution import Code, Ended, Event

_READY_SECONDS = 60.0
_LOOK_SECONDS = 0.05
_GRACE_SECONDS = 2.0
_STARTUP, _LIVENESS = "Startup", "Liveness"


class SecretValues(Protocol):
    """Where the values of a pool's secrets are."""

    def get(self, owner: str, name: str) -> str:
        """Return a value. Raises `KeyError`."""
        ...


class Platform(Protocol):
    """What the platform gives containers."""

    def variables(self, resource: str, *, starting: bool) -> Mapping[str, str]:
        """Return the variables of a container whose pool has an identity that it may use."""
        ...


class Console(Protocol):
    """Takes what containers write."""

    def begin(self, pool: str, session: str, container: str, image: str, path: Path) -> None:
        """Follow a file from now on."""
        ...

    async def end(self, path: Path) -> None:
        """Read a file to its end and let go of it."""
        ...


class PoolContainers:
    """Starts them; `folder` is for their logs and their scratch."""

    def __init__(  # noqa: PLR0913  # the composition root names them
        self, *, store: Store, images: ImageTable, secrets: SecretValues, spawn: Spawn, clock: Clock, owner: str,
        folder: Path, console: Console, platform: Platform, check: probes.Check = probes.check,
    ) -> None:  # fmt: skip
        self._platform = platform
        self._check = check
        self._store = store
        self._images = images
        self._secrets = secrets
        self._spawn = spawn
        self._clock = clock
        self._owner = owner
        self._folder = folder
        self._console = console
        self._ports = ContainerPorts()

    async def start(self, pool: str) -> ContainerInstance:
        """Start what a pool's template says; the first container answers when this returns. Raises `StartRefused`."""
        document = self._store.get(parse_id(pool))
        if document is None:
            raise StartRefused("the pool is gone")
        template = document["properties"]["customContainerTemplate"]
        home = await asyncio.to_thread(self._new_folder)
        instance = ContainerInstance(home, self._ports, self._console)
        try:
            target = (template.get("ingress") or {}).get("targetPort")
            looked_at = []
            for container in template["containers"]:
                port = await self._start_one(instance, pool, container)
                looked_at.append(self._watched(instance, container, port, target))
            if not looked_at[0]:
                await self._answering(instance)
            await instance.healthy()
        except (OSError, KeyError) as failure:
            await instance.close()
            raise StartRefused(f"its container could not be started: {failure}") from failure
        except BaseException:
            await instance.close()
            raise
        return instance

    def _watched(
        self, instance: ContainerInstance, container: Mapping[str, Any], port: int, target_port: int | None
    ) -> bool:  # fmt: skip
        """Begin to look after one container's health; tell whether a probe says when it has started."""
        read = (read_probe(each, target_port) for each in container.get("probes") or ())
        found = tuple(each for each in read if each.kind in {_STARTUP, _LIVENESS})
        if found:
            instance.look_after(found, port, self._clock, self._check)
        return any(each.kind == _STARTUP for each in found)

    async def _start_one(self, instance: ContainerInstance, pool: str, container: Mapping[str, Any]) -> int:
        wanted, name = str(container["image"]), str(container.get("name") or "main")
        image = self._images.resolve(wanted)
        if image is None:
            raise StartRefused(
                f"the image '{wanted}' is not known here: run `aca-notebook emulator image add {wanted} -- COMMAND`"
            )
        port = instance.lease()
        argv = (*(container.get("command") or ()), *(container.get("args") or ())) or image.arguments(port)
        log_file = instance.home / f"{name}.log"
        launch = Launch(
            argv=tuple(part.replace("{port}", str(port)) for part in argv),
            environment=self._environment(instance.home, pool, container, image.environment, port),
            folder=image.folder or instance.home, log_file=log_file, mark=new_mark(self._owner),
        )  # fmt: skip
        child = await self._spawn.spawn(launch)
        instance.take(child, log_file)
        await child.go()
        self._console.begin(pool, instance.home.name, name, wanted, log_file)
        return port

    def _environment(
        self, home: Path, pool: str, container: Mapping[str, Any], under: Mapping[str, str], port: int
    ) -> dict[str, str]:  # fmt: skip
        own = {
            "PATH": os.environ.get("PATH", os.defpath), "LANG": os.environ.get("LANG", "C.UTF-8"), "HOME": str(home),
            "TMPDIR": str(home), "CONTAINER_APP_PORT": str(port), "PORT": str(port),
        }  # fmt: skip
        given = {}
        for each in container.get("env") or ():
            named = each.get("secretRef")
            given[str(each.get("name"))] = self._secrets.get(pool, named) if named else str(each.get("value") or "")
        return own | dict(under) | dict(self._platform.variables(pool, starting=False)) | given

    async def _answering(self, instance: ContainerInstance) -> None:
        """Wait until somebody listens on the first container's port. Raises `StartRefused`."""
        until = self._clock.monotonic() + _READY_SECONDS
        host, port = instance.address
        while self._clock.monotonic() < until:
            try:
                _, writer = await asyncio.open_connection(host, port)
            except OSError:
                how = instance.how_ended()
                if how:
                    raise StartRefused(how) from None
                await self._clock.sleep(_LOOK_SECONDS)
            else:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
                return
        raise StartRefused(f"its container did not listen on port {port} within {_READY_SECONDS:.0f} s")

    def _new_folder(self) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=self._folder))


class ContainerInstance:
    """One session's containers; it ends with the first of them."""

    files: Drawer | None = None
    shown = "/"
    isolation = str(Level.PROCESS)

    def __init__(self, home: Path, ports: ContainerPorts, console: Console) -> None:
        self.home = home
        self._ports = ports
        self._console = console
        self._leased: list[int] = []
        self._children: list[tuple[Child, asyncio.Task[int], Path]] = []
        self._watches: list[asyncio.Task[None]] = []
        self._starting = 0  # containers whose startup probe has not passed
        self._trouble: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._passed = asyncio.Event()
        self._passed.set()
        self._closed = False

    @property
    def address(self) -> tuple[str, int]:
        """Where the first container answers."""
        return "127.0.0.1", self._leased[0]

    def lease(self) -> int:
        """Return a port for one more container. Raises `StartRefused`."""
        try:
            self._leased.append(self._ports.lease())
        except NoPortFree as none:
            raise StartRefused(str(none)) from none
        return self._leased[-1]

    def take(self, child: Child, log_file: Path) -> None:
        """Own one more container's program."""
        self._children.append((child, asyncio.ensure_future(child.exited()), log_file))

    def look_after(
        self, wanted: tuple[Probe, ...], port: int, clock: Clock, check: probes.Check
    ) -> None:  # fmt: skip
        """Probe one of its containers from now on."""
        self._starting += 1
        self._passed.clear()

        def told(finding: probes.Finding) -> None:
            if isinstance(finding, probes.Passed):
                self._starting -= 1
                if not self._starting:
                    self._passed.set()
            elif not self._trouble.done():
                self._trouble.set_result(f"its container was not healthy: {finding.message}")

        watch = probes.Watch(wanted, port, clock, check, told, eager=True)
        self._watches.append(asyncio.create_task(watch.run(), name="probes of a session's container"))

    async def healthy(self) -> None:
        """Return when every startup probe has passed. Raises `StartRefused`."""
        passed = asyncio.ensure_future(self._passed.wait())
        try:
            await self._first(passed)
        finally:
            passed.cancel()
        how = self.how_ended()
        if how:
            raise StartRefused(how)

    def how_ended(self) -> str:
        """Say how the first container ended, or that one is not healthy; empty while all is well."""
        if self._trouble.done():
            return self._trouble.result()
        ended = [exited for _, exited, _ in self._children if exited.done()]
        return how_it_ended(ended[0].result()) if ended else ""

    async def execute(self, code: Code, hear: Callable[[Event], None]) -> Ended:
        """Containers run no code that is sent."""
        del code, hear
        raise InstanceGone("its container takes no code")

    async def interrupt(self) -> None:
        """There is nothing to interrupt."""

    async def ended(self) -> str:
        """Wait until one of them has ended, or is not healthy any more; return how."""
        await self._first()
        return self.how_ended()

    async def _first(self, *others: asyncio.Future[Any]) -> None:
        """Wait for the end of one of them, for trouble with one's health, or for something else."""
        waited: list[asyncio.Future[Any]] = [self._trouble, *others, *(exited for _, exited, _ in self._children)]
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)

    async def close(self) -> None:
        """End all of them: TERM, a grace, KILL."""
        if self._closed:
            return
        self._closed = True
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)
        for child, _, _ in self._children:
            child.stop(_GRACE_SECONDS)
        await asyncio.gather(*(exited for _, exited, _ in self._children), return_exceptions=True)
        for _, _, log_file in self._children:
            await self._console.end(log_file)
        for port in self._leased:
            self._ports.give_back(port)
        await asyncio.to_thread(shutil.rmtree, self.home, ignore_errors=True)

"""One container from its image to its end: every step is an event."""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Protocol, TypeVar

from aca_notebook.emulator.journal import events
from aca_notebook.emulator.runtime.exec_session import ExecSession, NotRunning, open_session
from aca_notebook.emulator.runtime.probes import Check, Faded, Finding, GaveUp, Watch
from aca_notebook.emulator.runtime.process import Launch, StartFailed, new_mark
from aca_notebook.emulator.runtime.volumes import Mounts, make_mounts
from aca_notebook.emulator.runtime.waiting import first_of
from aca_notebook.model.fault import Subject
from aca_notebook.model.fault_kinds import ImagePullFailure, ProbeFailure, Seam

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.faults.board import Strikes
    from aca_notebook.emulator.runtime.desired import App, Container, Probe, Revision
    from aca_notebook.emulator.runtime.hosting import Platform
    from aca_notebook.emulator.runtime.ports import ContainerPorts
    from aca_notebook.emulator.runtime.process import Child, Spawn
    from aca_notebook.emulator.runtime.recorder import Recorder
    from aca_notebook.emulator.runtime.volumes import SecretValues
    from aca_notebook.emulator.settings import Pace

logger = logging.getLogger(__name__)
K = TypeVar("K")

KILL_NOW = 0.0
_NOT_EXECUTABLE = 127
_VOLUMES = ".volumes"
#: Who has it sends to Application Insights, which is this emulator.
_SENDS_TRACES = "APPLICATIONINSIGHTS_CONNECTION_STRING"


class Image(Protocol):
    """How to run an image here."""

    @property
    def folder(self) -> Path | None:
        """The working directory; None is the replica's own folder."""
        ...

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables that lie under the container's own."""
        ...

    def arguments(self, port: int) -> tuple[str, ...]:
        """Return the command for a port."""
        ...


class ImageTable(Protocol):
    """What images can run on this machine."""

    def resolve(self, image: str) -> Image | None:
        """Return how to run an image, or None when it is not known."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Which container of which replica, and what it leases."""

    app: App
    revision: Revision
    replica: str
    container: Container
    gpus: tuple[str, ...]
    log_file: Path
    scratch: Path


@dataclass(frozen=True, slots=True)
class Tools:
    """What running a container takes; shared by all."""

    clock: Clock
    spawn: Spawn
    images: ImageTable
    secrets: SecretValues
    ports: ContainerPorts
    check: Check
    recorder: Recorder
    owner: str  #: what every mark begins with
    pace: Pace
    faults: Strikes
    platform: Platform

    @property
    def eager(self) -> bool:
        """Whether to look far more often than the probes say until a container is ready."""
        return self.pace.factor < 1.0


class ContainerRun:
    """Runs one container once. `record` takes its events; `stop` may be called at any time."""

    def __init__(self, place: Place, tools: Tools, record: Callable[[events.Event], None], *, probed: bool) -> None:
        self.place = place
        self._tools = tools
        self._record = record
        self._probes = place.container.probes if probed else ()
        self._child: Child | None = None
        self._stopping: float | None = None
        self._stopped = asyncio.Event()
        self._end_reason = ""
        self._mounts = Mounts()
        self._running: tuple[int, Image] | None = None  # its port and image, while its program runs
        self._sessions: set[ExecSession] = set()

    def stop(self, grace_seconds: float, reason: str = "Deleted") -> None:
        """End it: TERM, then KILL after the grace."""
        self._stopping = grace_seconds
        self._stopped.set()
        self._end_reason = self._end_reason or reason
        if self._child is not None:
            self._child.stop(grace_seconds)

    @property
    def shim_pids(self) -> tuple[int, ...]:
        """The processes that all of it runs under, sessions included."""
        own = (self._child.pid,) if self._child is not None else ()
        return (*own, *(session.shim_pid for session in self._sessions))

    async def exec(self, argv: tuple[str, ...]) -> ExecSession:
        """Start one more program, at a terminal, in the container's folder and with its variables.

        It ends with the container. Raises `NotRunning` when that does not run, `StartFailed` (an `OSError`) when the
        program cannot be started, `KeyError` when a secret has gone.
        """
        if self._running is None:
            raise NotRunning(f"container {self.place.container.name!r} does not run")
        port, image = self._running
        argv = tuple(self._mounts.here(part) for part in argv)
        environment = {"TERM": "xterm", **self._environment(port, image)}
        mark = new_mark(self._tools.owner)

        def launch(terminal: str) -> Launch:
            return Launch(argv, environment, self._folder(image), self.place.log_file, mark, terminal)

        session = await open_session(launch, self._tools.spawn, self._tools.clock)
        self._sessions.add(session)
        session.when_ended(self._sessions.discard)
        if not self._runs:  # any more
            session.stop(KILL_NOW)
        return session

    async def run(self) -> None:
        """Return when nothing of the container is left."""
        wanted = self.place.container.image
        if self._strike(ImagePullFailure, lambda each: fnmatchcase(wanted, each.image)) is not None:
            self._record(self._event(events.ImagePullFailed, image=wanted, message=_refused_image(wanted)))
            return
        refusal = self._tools.platform.pull_refusal(self.place.app.key, wanted)
        if refusal:
            self._record(self._event(events.ImagePullFailed, image=wanted, message=refusal, denied=True))
            return
        image = self._tools.images.resolve(wanted)
        if image is None:
            self._record(self._event(events.ImagePullFailed, **_unknown_image(self.place.container.image)))
            return
        self._record(self._event(events.ImagePulled, image=self.place.container.image, seconds=0.0))
        port = self._tools.ports.lease()
        try:
            await self._run_on(port, image)
        finally:
            self._tools.ports.give_back(port)

    async def _run_on(self, port: int, image: Image) -> None:
        mark = new_mark(self._tools.owner)
        try:
            self._mounts = await self._make_mounts()
            child = await self._tools.spawn.spawn(self._launch(port, image, mark))
        except (OSError, KeyError) as failure:  # no program, no secret, or no folder on a full disk
            self._record(
                self._event(events.ContainerExited, exit_code=_NOT_EXECUTABLE, reason=f"StartError: {failure}")
            )
            return
        self._record(
            self._event(events.ContainerCreated, pid=child.pid, start_ticks=child.start_ticks, mark=mark, port=port)
        )
        self._child = child
        await self._recorded_or_stopped()
        exit_code, reason = await self._run_child(child, port, image)
        self._record(self._event(events.ContainerExited, exit_code=exit_code, reason=reason))

    async def _recorded_or_stopped(self) -> None:
        """Wait for the disk, which may be full, unless the program is not to run any more."""
        await first_of(self._tools.recorder.durable(), self._stopped.wait())

    async def _run_child(self, child: Child, port: int, image: Image) -> tuple[int, str]:
        if self._stopping is not None:
            child.stop(KILL_NOW)
            return await child.exited(), self._end_reason
        try:
            pid = await child.go()
        except StartFailed as failure:
            await child.exited()
            return _NOT_EXECUTABLE, self._end_reason or f"StartError: {failure}"
        self._record(self._event(events.ContainerStarted, pid=pid))
        self._running = port, image
        watch = asyncio.create_task(self._watch(port))
        try:
            exit_code = await child.exited()
        finally:
            await self._end_sessions()
            watch.cancel()
            (trouble,) = await asyncio.gather(watch, return_exceptions=True)
            if isinstance(trouble, Exception):
                logger.error("probing %s failed", self.place.replica, exc_info=trouble)
        return exit_code, self._end_reason or ("Completed" if exit_code == 0 else "Error")

    @property
    def _runs(self) -> bool:
        return self._running is not None

    async def _end_sessions(self) -> None:
        """A container takes all that was started in it along."""
        self._running = None
        sessions = tuple(self._sessions)
        for session in sessions:
            session.stop(KILL_NOW)
        await asyncio.gather(*(session.ended() for session in sessions))

    async def _watch(self, port: int) -> None:
        tools = self._tools
        await Watch(self._probes, port, tools.clock, self._check, self._found, eager=tools.eager).run()

    async def _check(self, probe: Probe, port: int) -> str:
        if self._strike(ProbeFailure, lambda each: each.probe == probe.kind.lower()) is not None:
            return "HTTP probe failed with statuscode: 503"  # the kubelet's words
        return await self._tools.check(probe, port)

    def _strike(self, kind: type[K], fits: Callable[[K], bool]) -> K | None:
        faults = self._tools.faults
        return faults.strike(Subject(self.place.app.key), kind, fits=fits) if faults.at(Seam.REPLICA) else None

    def _found(self, finding: Finding) -> None:
        if isinstance(finding, GaveUp):
            self._record(self._event(events.ProbeFailed, probe=finding.kind, message=finding.message))
            self.stop(self.place.revision.termination_grace_seconds, "ProbeFailure")
        elif isinstance(finding, Faded):
            self._record(self._event(events.ProbeFailed, probe="Readiness", message=finding.message))
            self._record(self._event(events.ContainerUnready, message=finding.message))
        else:
            self._record(self._event(events.ContainerReady))

    def _launch(self, port: int, image: Image, mark: str) -> Launch:
        container = self.place.container
        argv = container.command or image.arguments(port)
        argv = tuple(self._mounts.here(part.replace("{port}", str(port))) for part in (*argv, *container.args))
        return Launch(argv, self._environment(port, image), self._folder(image), self.place.log_file, mark)

    def _folder(self, image: Image) -> Path:
        return image.folder or self.place.scratch

    async def _make_mounts(self) -> Mounts:
        """Make the container's own folder, and those of its volumes."""
        place, mounts = self.place, self.place.container.mounts
        place.scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not mounts:
            return Mounts()
        folder, volumes = place.scratch / _VOLUMES, place.revision.volumes
        return await asyncio.to_thread(make_mounts, volumes, mounts, folder, place.app.key, self._tools.secrets)

    def _environment(self, port: int, image: Image) -> dict[str, str]:
        place = self.place
        starting = any(each.name == place.container.name for each in place.revision.init_containers)
        given = {**self._tools.platform.variables(place.app.key, starting=starting), **self._mounts.variables()}
        container = place.container
        if _SENDS_TRACES in {name for name, _ in (*container.env, *container.secret_env)}:
            given |= self._tools.platform.trust()
        image_variables = {**given, **image.environment}
        return container_environment(place, port, image_variables, self._tools.secrets, self._mounts)

    def _event(self, kind: type[events.ContainerEvent], **fields: object) -> events.ContainerEvent:
        place = self.place
        at: datetime = self._tools.clock.now()
        return kind(
            at=at, app=place.app.key, revision=place.revision.name, replica=place.replica,
            container=place.container.name, **fields,
        )  # fmt: skip


def container_environment(
    place: Place, port: int, image: Mapping[str, str], secrets: SecretValues, mounts: Mounts | None = None
) -> dict[str, str]:  # fmt: skip
    """Return all variables of a container: the machine's path and language, Azure's own, the template's.

    Paths under a mount path are written as they are here. Nothing else of the emulator's environment reaches it.
    Raises `KeyError` for a secret that is not there.
    """
    app, container = place.app, place.container
    environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    environment |= {
        "HOME": str(place.scratch),
        "TMPDIR": str(place.scratch),
        "CONTAINER_APP_REPLICA_NAME": place.replica,
        "CUDA_VISIBLE_DEVICES": ",".join(place.gpus),
    }
    environment |= _names_of_job(app, place.revision) if app.is_job else _names_of_app(app, place.revision)
    environment |= image
    environment |= {name: mounts.here(value) if mounts else value for name, value in container.env}
    environment |= {variable: secrets.get(app.key, name) for variable, name in container.secret_env}
    # Last: the port a program must listen on is ours to say, whatever the template was written for.
    return environment | {"CONTAINER_APP_PORT": str(port), "PORT": str(port)}


def _names_of_app(app: App, revision: Revision) -> dict[str, str]:
    suffix = app.dns_suffix
    return {
        "CONTAINER_APP_NAME": app.name,
        "CONTAINER_APP_REVISION": revision.name,
        "CONTAINER_APP_ENV_DNS_SUFFIX": suffix,
        "CONTAINER_APP_HOSTNAME": f"{revision.name}.{suffix}" if suffix else revision.name,
    }


def _names_of_job(job: App, execution: Revision) -> dict[str, str]:
    return {"CONTAINER_APP_JOB_NAME": job.name, "CONTAINER_APP_JOB_EXECUTION_NAME": execution.name}


def _refused_image(image: str) -> str:
    """What containerd says of a registry that wants another credential."""
    return (
        f'rpc error: code = Unknown desc = failed to pull and unpack image "{image}": failed to resolve reference '
        f'"{image}": failed to authorize: failed to fetch oauth token: unexpected status: 401 Unauthorized'
    )


def _unknown_image(image: str) -> dict[str, str]:
    command = f"aca-notebook emulator image add {image} -- COMMAND"
    message = f"Image {image!r} is not known on this machine; add it with `{command}`."
    return {"image": image, "message": message}

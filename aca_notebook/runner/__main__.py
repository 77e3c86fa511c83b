"""Serve the bundle in the current folder: `python -m aca_notebook.runner`.

Settings come from the environment: `CONTAINER_APP_PORT` (8000), `ACA_RUNNER_HOST` (0.0.0.0), `ACA_NOTEBOOK_KEY`,
`ACA_NOTEBOOK_PUBLIC=1`, `ACA_RUNNER_THREADS` (10, the platform's own default of concurrent requests a replica).
"""

from __future__ import annotations

import asyncio
import inspect
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import uvicorn

from aca_notebook.runner import manifest as manifests
from aca_notebook.runner import services as services_of
from aca_notebook.runner.app import RunnerApp
from aca_notebook.runner.door import Door
from aca_notebook.runner.failures import CellLines, Refused, user_error
from aca_notebook.runner.tracing import Stages, start

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping

    from aca_notebook.runner.services import ASGIApp, Services
    from aca_notebook.runner.tracing_spans import Traces


def main(folder: Path, environment: Mapping[str, str]) -> int:
    """Import the user's code, then serve until told to stop. Returns the exit status: 1 when the code cannot start."""
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # stdout is a text stream here
    door = Door(
        environment.get("ACA_NOTEBOOK_KEY", ""),
        environment.get("ACA_NOTEBOOK_PUBLIC") == "1",
        environment.get("CONTAINER_APP_NAME", ""),
    )
    stages = Stages()
    traces: Traces | None = None
    try:
        manifest = manifests.read(folder)
        traces = start(environment, stages)
        services, lines = services_of.load(folder, manifest, stages)
        with asyncio.Runner(loop_factory=new_event_loop()) as runner:
            return runner.run(serve(services, lines, door, environment, stages, traces))
    except manifests.BundleRefused as refused:
        announce(Refused(500, "BundleRefused", str(refused)))
    except Refused as failed:
        announce(failed)
    finally:
        if traces is not None:
            traces.close()
    return 1


def new_event_loop() -> Callable[[], asyncio.AbstractEventLoop]:
    """Return uvloop's loop where it exists (not on Windows), else asyncio's own."""
    try:
        import uvloop  # not there on every platform
    except ImportError:
        return asyncio.new_event_loop
    made: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return made


async def serve(  # a composition root in small
    services: Services, lines: CellLines, door: Door, environment: Mapping[str, str], stages: Stages,
    traces: Traces | None,
) -> int:  # fmt: skip
    """Run the `enter` hooks, then listen. Raises `Refused` (`EnterFailed`) when a hook raises."""
    for hook in services.pending_hooks:
        try:
            with stages.step(f"load {getattr(hook, '__qualname__', hook)}"):
                entered = hook()
                if inspect.isawaitable(entered):
                    await entered
        except Exception as error:
            raise user_error(error, lines, code="EnterFailed") from error
    if traces is not None:
        services = traces.traced(services)
    title = environment.get("CONTAINER_APP_NAME", "") or services.entry or "aca_notebook"
    app = RunnerApp(services, lines, door, threads=int(environment.get("ACA_RUNNER_THREADS", "10")), title=title)
    serving = app if traces is None else traces.application(app)
    server = AnnouncedServer(configuration(serving, services, environment), stages)
    watching = asyncio.create_task(app.gpu_minutes.watch(), name="gpus")
    try:
        await server.serve()
    finally:
        watching.cancel()
    return 0 if server.started else 1


class AnnouncedServer(uvicorn.Server):
    """Prints one line once it listens: everything before it was the user's imports and hooks."""

    def __init__(self, config: uvicorn.Config, stages: Stages) -> None:
        super().__init__(config)
        self._stages = stages

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening."""
        await super().startup(sockets)
        self._stages.listening()
        print(f'{{"event":"ready","port":{self.config.port}}}', flush=True)  # noqa: T201  # the runner's log


def configuration(app: ASGIApp, services: Services, environment: Mapping[str, str]) -> uvicorn.Config:
    """Configure uvicorn: no access log of its own, WebSocket and lifespan only for an application of the user's.

    Connections are kept for two minutes: it must be the ingress, not the replica, that lets an idle one go.
    """
    passes_through = services.application is not None
    return uvicorn.Config(
        app,
        host=environment.get("ACA_RUNNER_HOST", "0.0.0.0"),  # noqa: S104  # in a container, the ingress is outside
        port=int(environment.get("CONTAINER_APP_PORT", "8000")),
        http="httptools",
        ws="auto" if passes_through else "none",
        lifespan="auto" if passes_through else "off",
        timeout_keep_alive=120,
        proxy_headers=passes_through,
        forwarded_allow_ips="*",  # only the ingress reaches a replica
        access_log=False,
        server_header=False,
        log_level="warning",
    )


def announce(failed: Refused) -> None:
    """Print the one line that the platform's log carries to the deploy card."""
    line: dict[str, Any] = {"event": "import_failed", **msgspec.json.decode(failed.body())}
    print(msgspec.json.encode(line).decode(), flush=True)  # noqa: T201  # standard output is the runner's log


if __name__ == "__main__":
    sys.exit(main(Path.cwd(), os.environ))

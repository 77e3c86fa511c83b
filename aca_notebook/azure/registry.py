"""Image builds in the registry: upload a context, schedule a run, follow it (facts §11.1, recorded: acr_task_build)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aca_notebook.azure import faults
from aca_notebook.azure.connection import AS_IT_IS
from aca_notebook.errors import ServiceFailed
from aca_notebook.model.states import BuildStatus, known

if TYPE_CHECKING:
    from collections.abc import Callable

    from aca_notebook.azure.connection import Connection
    from aca_notebook.clock import Clock

#: A build that ends at once is seen at once; a long one is asked about every few seconds.
_FIRST_POLL_SECONDS, _POLL_GROWTH = 0.02, 1.6


@dataclass(frozen=True, slots=True)
class BuildRun:
    """How a run ended."""

    id: str
    status: str
    log: str

    @property
    def succeeded(self) -> bool:
        """Whether there is an image now."""
        return self.status == BuildStatus.SUCCEEDED


class Registry:
    """The builds of one registry."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._target = connection.target
        self._client = connection.registry_tasks
        self._session = connection.session
        self._clock = clock

    async def upload(self, archive: bytes) -> str:
        """Send a context; returns the path a run names it by."""
        with faults.translated("the build context"):
            place = await self._client.registries.get_build_source_upload_url(*self._names)
            headers = AS_IT_IS | {"x-ms-blob-type": "BlockBlob", "Content-Type": "application/octet-stream"}
            async with self._session.put(str(place.upload_url), data=archive, headers=headers) as response:
                if response.status >= 300:
                    raise ServiceFailed(
                        "the registry did not take the build context", status=response.status,
                        code=f"HTTP {response.status}", detail=(await response.text())[:300],
                        hint="run the command again",
                    )  # fmt: skip
            return str(place.relative_path)

    async def schedule(self, source: str, image: str) -> str:
        """Start a build of `image` (repository and tag, no server) and return the run's id."""
        with faults.translated(f"the build of {image!r}"):
            run = await self._client.registries.schedule_run(
                *self._names,
                {
                    "type": "DockerBuildRequest",
                    "imageNames": [image],
                    "isPushEnabled": True,
                    "dockerFilePath": "Dockerfile",
                    "platform": {"os": "linux", "architecture": "amd64"},
                    "agentConfiguration": {"cpu": 2},
                    "sourceLocation": source,
                    "timeout": 3600,
                },
            )
            return str(run.as_dict()["properties"]["runId"])

    async def follow(self, run_id: str, on_log: Callable[[str], None]) -> BuildRun:
        """Wait for a run; `on_log` gets the whole log so far each time it has grown."""
        pause = _FIRST_POLL_SECONDS
        while True:
            with faults.translated(f"build {run_id!r}"):
                run = (await self._client.runs.get(*self._names, run_id)).as_dict()
            status = known(BuildStatus, run["properties"].get("status"))
            if isinstance(status, BuildStatus) and status.terminal:
                return BuildRun(run_id, status, await self.log(run_id))
            if pause > 0.5:
                on_log(await self.log(run_id))
            await self._clock.sleep(pause)
            pause = min(pause * _POLL_GROWTH, max(self._target.polling_seconds, 0.25))

    async def log(self, run_id: str) -> str:
        """Return the build log as far as it is written; empty while there is none."""
        with faults.translated(f"the log of build {run_id!r}"):
            link = (await self._client.runs.get_log_sas_url(*self._names, run_id)).log_link
            if not link:
                return ""
            async with self._session.get(link, headers=AS_IT_IS) as response:
                return await response.text() if response.status < 300 else ""

    async def cancel(self, run_id: str) -> None:
        """Stop a build."""
        with faults.translated(f"build {run_id!r}"):
            await self._client.runs.cancel(*self._names, run_id)

    @property
    def _names(self) -> tuple[str, str]:
        return self._target.resource_group, self._target.registry

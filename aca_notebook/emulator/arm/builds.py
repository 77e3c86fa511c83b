"""Registry builds: upload a source, schedule a run, follow its log (facts §11.1, recorded: acr_task_build).

A run is a document like any other resource. Its work is done by `runtime.builder`; this module owns the tasks.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.blobs import Log, log_name, run_stamp, upload_name
from aca_notebook.emulator.arm.bodies import json_body, without_nulls
from aca_notebook.emulator.arm.faults import resource_not_found
from aca_notebook.emulator.arm.shapes import shaped
from aca_notebook.emulator.arm.values import text, truth, whole
from aca_notebook.emulator.runtime.builder import BuildFailed
from aca_notebook.emulator.runtime.images import LocalImage, normalise
from aca_notebook.emulator.wire import AzureError, Check, Door, Route, origin, query
from aca_notebook.model.ids import ResourceId, parse_id, registry_id
from aca_notebook.model.states import BuildStatus

if TYPE_CHECKING:
    from starlette.requests import Request

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.arm.blobs import Blobs
    from aca_notebook.emulator.arm.shapes import Shape
    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.emulator.runtime.builder import Builder

logger = logging.getLogger(__name__)

_RUNS = "Microsoft.ContainerRegistry/registries/runs"
_REGISTRY = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.ContainerRegistry/registries/{registry}"
)
_UPLOAD_SECONDS = 3600
_LOG_SECONDS = 600  # recorded: the link of a log lives ten minutes
_AT_ONCE = 2
_TIMEOUT_SECONDS = 3600
_STOPPED = "The emulator was stopped during this build."


#: What else Azure runs. It is accepted as Azure does; the run then fails, and its log says why.
_TASKS = frozenset({"taskrunrequest", "encodedtaskrunrequest", "filetaskrunrequest"})
_TASK_FAILURE = (
    "This registry builds the bundles that `%aca deploy` makes; a task needs a container engine. "
    "`aca-notebook emulator image add IMAGE -- COMMAND` gives an image a local command instead."
)


@dataclass(frozen=True, slots=True)
class _Work:
    """One run, read from its request; without a source it is a task."""

    run: ResourceId
    source: str
    images: tuple[str, ...]
    push: bool
    timeout_seconds: float
    described: dict[str, Any]  #: what a run that began says of its request


class Builds:
    """The build routes of every registry, and the runs in progress."""

    def __init__(self, *, store: Store, blobs: Blobs, builder: Builder, clock: Clock) -> None:
        self._store = store
        self._blobs = blobs
        self._builder = builder
        self._clock = clock
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._tasks: dict[ResourceId, asyncio.Task[None]] = {}
        self._canceled: set[ResourceId] = set()
        self._unwritten: dict[ResourceId, dict[str, Any]] = {}  # how runs ended that a full disk did not take

    def routes(self) -> list[Route]:
        """The operations of the tasks client that a build needs."""
        run = f"{_REGISTRY}/runs/{{run}}"
        return [
            Route("POST", f"{_REGISTRY}/listBuildSourceUploadUrl", Door.ARM,
                  "Registries_GetBuildSourceUploadUrl", self._upload_url, checked=Check.RECORDING),
            Route("POST", f"{_REGISTRY}/scheduleRun", Door.ARM, "Registries_ScheduleRun", self._schedule,
                  checked=Check.RECORDING),
            Route("GET", f"{_REGISTRY}/runs", Door.ARM, "Runs_List", self._list),
            Route("GET", run, Door.ARM, "Runs_Get", self._get),
            Route("POST", f"{run}/listLogSasUrl", Door.ARM, "Runs_GetLogSasUrl", self._log_link,
                  checked=Check.RECORDING),
            Route("POST", f"{run}/cancel", Door.ARM, "Runs_Cancel", self._cancel),
        ]  # fmt: skip

    @property
    def busy(self) -> bool:
        """Whether a build runs or waits for its turn."""
        return bool(self._tasks)

    async def start(self, subscription: str) -> None:
        """End in the books what an earlier emulator was building when it died."""
        for document in self._store.list(_RUNS, subscription):
            if not BuildStatus(document["properties"]["status"]).terminal:
                run = _run_id(document)
                log = self._blobs.open_log(log_name(_container(run), run.name))
                log.step(_STOPPED)
                await self._finish(run, log, BuildStatus.ERROR, message=_STOPPED)

    async def close(self) -> None:
        """Stop what is being built; the next start says so in its books."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _upload_url(self, request: Request) -> Response:
        registry = self._registry(request)
        stamp = f"{self._clock.now():%Y%m%d%H%M}"
        name = upload_name(registry.name.lower(), stamp, str(uuid.uuid4()))
        link = self._blobs.link(origin(request), name, "cw", _UPLOAD_SECONDS)
        return JSONResponse({"uploadUrl": link, "relativePath": name.partition("/")[2]})

    async def _schedule(self, request: Request) -> Response:
        registry = self._registry(request)
        body = shaped(without_nulls(await json_body(request)), RUN_REQUEST, "")
        run = registry.child("runs", f"ca{self._next_number(registry)}")
        work = _read_request(body, run, self._login_server(registry), self._stamp())
        if work.source and not self._blobs.path(f"{_container(run)}/{work.source}").is_file():
            raise AzureError(400, "InvalidSourceLocation", f"Nothing was uploaded to '{work.source}'.")
        document = self._new_document(run, body, request.state.claims)
        await self._store.put(run, document)
        log = self._blobs.open_log(log_name(_container(run), run.name))
        task = asyncio.create_task(self._run(work, log), name=f"build {run.name}")
        self._tasks[run] = task
        task.add_done_callback(lambda _: self._tasks.pop(run, None))
        return JSONResponse(document)

    async def _get(self, request: Request) -> Response:
        return JSONResponse(self._existing(request)[1])

    async def _list(self, request: Request) -> Response:
        runs = self._runs(self._registry(request))
        top = query(request, "$top")
        return JSONResponse({"value": runs[: int(top)] if top.isdigit() else runs})

    async def _log_link(self, request: Request) -> Response:
        run, _ = self._existing(request)
        link = self._blobs.link(origin(request), log_name(_container(run), run.name), "r", _LOG_SECONDS)
        return JSONResponse({"logLink": link})

    async def _cancel(self, request: Request) -> Response:
        run, _ = self._existing(request)
        task = self._tasks.get(run)
        if task is not None:
            self._canceled.add(run)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return Response(status_code=200)

    async def _run(self, work: _Work, log: Log) -> None:
        try:
            log.step("Downloading source code...")  # at once: a log that is followed is never empty (recorded)
            async with self._turn:
                await self._advance(work.run, status=BuildStatus.RUNNING, **work.described, startTime=self._stamp())
                built = await self._build(work, log)
        except asyncio.CancelledError:
            if work.run not in self._canceled:
                raise
            self._canceled.discard(work.run)
            await self._finish(work.run, log, BuildStatus.CANCELED)
        except TimeoutError:
            await self._fail(work.run, log, BuildStatus.TIMEOUT, f"The build took over {work.timeout_seconds:g} s.")
        except BuildFailed as failure:
            await self._fail(work.run, log, BuildStatus.FAILED, str(failure))
        except OSError as full:
            await self._fail(work.run, log, BuildStatus.ERROR, f"The data folder could not be written to: {full}")
        except Exception as broken:  # a task's last resort: the run must end, and the log has the traceback
            logger.exception("build %s failed", work.run.name)
            await self._fail(work.run, log, BuildStatus.ERROR, f"{type(broken).__name__}: {broken}")
        else:
            await self._finish(work.run, log, BuildStatus.SUCCEEDED, outputImages=_outputs(work, built))
        finally:
            log.close()

    async def _build(self, work: _Work, log: Log) -> LocalImage:
        if not work.source:
            raise BuildFailed(_TASK_FAILURE)
        source = self._blobs.path(f"{_container(work.run)}/{work.source}")
        log.step("Unpacking source code...")
        building = asyncio.ensure_future(self._builder.build(source, work.images, log.line))
        limit = asyncio.ensure_future(self._clock.sleep(work.timeout_seconds))
        try:
            await asyncio.wait({building, limit}, return_when=asyncio.FIRST_COMPLETED)
            if not building.done():
                raise TimeoutError
            return building.result()
        finally:
            for task in (building, limit):
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(building, limit, return_exceptions=True)
            source.unlink(missing_ok=True)

    async def _fail(self, run: ResourceId, log: Log, status: BuildStatus, message: str) -> None:
        for line in message.splitlines():
            log.line(line)
        await self._finish(run, log, status, message=message)

    async def _finish(
        self, run: ResourceId, log: Log, status: BuildStatus, *, message: str = "", **properties: Any
    ) -> None:
        if message:
            properties["runErrorMessage"] = message
        ended = {"status": status, "finishTime": self._stamp(), **properties}
        try:
            await self._advance(run, **ended)
        except AzureError as full:
            logger.warning("the end of build %s could not be written: %s", run.name, full)
            self._unwritten[run] = ended
        well = status is BuildStatus.SUCCEEDED
        log.step(f"Run ID: {run.name} {'was successful' if well else f'ended as {status}'}")
        log.complete("successful" if well else "failed")

    async def _advance(self, run: ResourceId, **properties: Any) -> None:
        document = self._store.get(run)
        if document is None:  # its registry was deleted meanwhile
            return
        merged = {**document["properties"], **properties, "lastUpdatedTime": self._stamp()}
        await self._store.put(run, {**document, "properties": merged})

    def _registry(self, request: Request) -> ResourceId:
        names = request.path_params
        registry = registry_id(names["subscription"], names["group"], names["registry"])
        if self._store.get(registry) is None:
            raise resource_not_found(registry)
        return registry

    def _existing(self, request: Request) -> tuple[ResourceId, dict[str, Any]]:
        run = self._registry(request).child("runs", request.path_params["run"])
        document = self._store.get(run)
        if document is None:
            raise AzureError(404, "RunNotFound", f"The run '{run.name}' was not found in registry '{run.parent.name}'.")
        document["properties"] |= self._unwritten.get(run, {})
        return run, document

    def _runs(self, registry: ResourceId) -> list[dict[str, Any]]:
        """The registry's runs, the newest first."""
        listed = self._store.list(_RUNS, registry.subscription, registry.resource_group)
        own = [document for document in listed if _run_id(document).parent == registry]
        return sorted(own, key=lambda document: _number(document["name"]), reverse=True)

    def _next_number(self, registry: ResourceId) -> int:
        runs = self._runs(registry)
        return _number(runs[0]["name"]) + 1 if runs else 1

    def _login_server(self, registry: ResourceId) -> str:
        document = self._store.get(registry) or {}
        return str(document.get("properties", {}).get("loginServer") or f"{registry.name.lower()}.azurecr.io")

    def _new_document(self, run: ResourceId, body: dict[str, Any], claims: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": _RUNS,
            "properties": {
                "runId": run.name,
                "status": BuildStatus.QUEUED,
                "lastUpdatedTime": self._stamp(),
                "provisioningState": "Succeeded",
                "isArchiveEnabled": body.get("isArchiveEnabled", False),
            },
            "id": str(run),
            "name": run.name,
            "systemData": {
                "lastModifiedBy": str(claims.get("appid") or claims.get("oid") or "emulator"),
                "lastModifiedByType": "Application",
                "lastModifiedAt": self._clock.now().isoformat(),
            },
        }

    def _stamp(self) -> str:
        return run_stamp(self._clock)


#: What a run is asked for with.
RUN_REQUEST: dict[str, Shape] = {
    "type": text, "sourceLocation": text, "imageNames": [text], "isPushEnabled": truth,
    "isArchiveEnabled": truth, "noCache": truth, "dockerFilePath": text, "target": text,
    "platform": {"os": text, "architecture": text, "variant": text}, "agentConfiguration": {"cpu": whole},
    "arguments": [{"name!": text, "value": text, "isSecret": truth}],
}  # fmt: skip


def _read_request(body: dict[str, Any], run: ResourceId, login_server: str, now: str) -> _Work:
    """Read a run request. Raises `AzureError` 400 for one that is none, or that names no image or source."""
    kind = body.get("type", "").lower()
    if kind not in {"dockerbuildrequest", *_TASKS}:
        raise AzureError(400, "InvalidRunRequest", f"The type of run request '{body.get('type')}' is not known.")
    described = {
        "runType": "QuickRun" if kind in _TASKS else "QuickBuild",
        "createTime": now,
        "platform": body.get("platform") or {"os": "linux", "architecture": "amd64"},
        "agentConfiguration": body.get("agentConfiguration") or {"cpu": 2},
    }
    if kind in _TASKS:
        return _Work(run, "", (), push=False, timeout_seconds=_TIMEOUT_SECONDS, described=described)
    source = body.get("sourceLocation", "")
    if re.fullmatch(r"source/\d+/[0-9a-f-]+\.tar\.gz", source) is None:
        raise AzureError(
            400, "InvalidSourceLocation",
            f"sourceLocation must be the relativePath that listBuildSourceUploadUrl gave, not '{source}'.",
        )  # fmt: skip
    try:
        images = tuple(_image(name, run.name, login_server) for name in body.get("imageNames") or ())
        timeout = float(body.get("timeout") or _TIMEOUT_SECONDS)
    except (TypeError, ValueError) as bad:
        raise AzureError(400, "InvalidParameter", f"{bad}.") from bad
    if not 0 < timeout < float("inf"):  # what is not a number is neither
        raise AzureError(400, "InvalidParameter", f"timeout must be a number of seconds, not {timeout}.")
    if not images:
        raise AzureError(400, "InvalidParameter", "imageNames must name at least one image.")
    return _Work(run, source, images, body.get("isPushEnabled", True), timeout, described)


def _image(name: str, run: str, login_server: str) -> str:
    """Return the full reference of a name in a build request; the registry's own address is implied."""
    name = re.sub(r"\{\{\s*\.Run\.ID\s*\}\}", run, name)
    if not name.lower().startswith(f"{login_server}/"):
        name = f"{login_server}/{name}"
    return normalise(name)


def _outputs(work: _Work, built: LocalImage) -> list[dict[str, str]]:
    if not work.push:
        return []
    described = []
    for image in work.images:
        registry, _, rest = image.partition("/")
        repository, _, tag = rest.rpartition(":")
        digest = f"sha256:{built.folder.name if built.folder is not None else ''}"
        described.append({"registry": registry, "repository": repository, "tag": tag, "digest": digest})
    return described


def _run_id(document: dict[str, Any]) -> ResourceId:
    return parse_id(document["id"])


def _container(run: ResourceId) -> str:
    return run.parent.name.lower()


def _number(name: str) -> int:
    return int(name.removeprefix("ca")) if name.removeprefix("ca").isdigit() else 0

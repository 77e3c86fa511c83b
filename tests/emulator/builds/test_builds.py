"""Registry builds over HTTP, with Microsoft's own client and a reader that follows the log by ranges."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.containerregistrytasks import ContainerRegistryTasksMgmtClient
from azure.mgmt.containerregistrytasks.aio import ContainerRegistryTasksMgmtClient as AsyncTasksClient

from aca_notebook.clock import SystemClock
from aca_notebook.emulator.arm.blobs import Blobs
from aca_notebook.emulator.arm.builds import Builds
from aca_notebook.emulator.arm.store import Store
from aca_notebook.emulator.identity.sas import Sas
from aca_notebook.emulator.journal.database import Database
from aca_notebook.emulator.runtime.builder import BuildFailed
from aca_notebook.emulator.runtime.images import LocalImage
from aca_notebook.emulator.wire import AzureError
from aca_notebook.model.ids import registry_id
from tests.emulator.telemetry.serving import Loop, NoCredential, NoCredentialAsync, NoToken, serving

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
REGISTRY = registry_id(SUBSCRIPTION, "local", "local")


class FakeBuilder:
    """Builds at the word of a test: says two lines, waits for `go`, and then does what it is told."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.failure = ""
        self.contexts: list[bytes] = []

    async def build(self, context, images, log):
        self.contexts.append(context.read_bytes())
        log("Step 1/2")
        await self.go.wait()
        log("Step 2/2")
        if self.failure:
            raise BuildFailed(self.failure)
        return LocalImage(images[0], ("serve",), Path("/images/00ff"))


class FillingStore(Store):
    """A store whose disk a test can fill."""

    full = False

    async def put(self, id_, document, *also):
        if self.full:
            raise AzureError(507, "InsufficientStorage", "The emulator could not write to its data folder: full.")
        await super().put(id_, document, *also)


class Emulated:
    """The composed build routes and what a test wants to reach of them."""

    def __init__(self, loop: Loop, folder: Path) -> None:
        self.loop = loop
        self.database = Database(folder / "state.db")
        self.store = FillingStore(self.database)
        self.builder = FakeBuilder()
        self.clock = SystemClock()
        sas = Sas(b"key", self.clock)
        self.blobs = Blobs(folder / "blobs", sas, self.clock)
        self.builds = Builds(store=self.store, blobs=self.blobs, builder=self.builder, clock=self.clock)
        loop.run(self.store.put(REGISTRY, {"id": str(REGISTRY), "properties": {"loginServer": "local.azurecr.io"}}))
        self.url = ""

    def client(self) -> ContainerRegistryTasksMgmtClient:
        return ContainerRegistryTasksMgmtClient(
            NoCredential(), SUBSCRIPTION, base_url=self.url, authentication_policy=NoToken(), retry_total=0
        )

    def upload(self, client: ContainerRegistryTasksMgmtClient, content: bytes = b"context") -> str:
        place = client.registries.get_build_source_upload_url("local", "local")
        put = requests.put(place.upload_url, data=content, headers={"x-ms-blob-type": "BlockBlob"}, timeout=10)
        assert put.status_code == 201
        return place.relative_path

    def schedule(self, client: ContainerRegistryTasksMgmtClient, **changed):
        request = {
            "type": "DockerBuildRequest",
            "imageNames": ["scorer:{{.Run.ID}}"],
            "isPushEnabled": True,
            "dockerFilePath": "Dockerfile",
            "platform": {"os": "linux", "architecture": "amd64"},
            "sourceLocation": changed.pop("source", None) or self.upload(client),
        }
        return client.registries.schedule_run("local", "local", request | changed)

    def finish(self) -> None:
        self.loop.run(_set(self.builder.go))


async def _set(event: asyncio.Event) -> None:
    event.set()


@pytest.fixture
def loop():
    opened = Loop()
    yield opened
    opened.close()


@pytest.fixture
def emulated(loop, tmp_path):
    made = Emulated(loop, tmp_path)
    with serving(lambda: [*made.builds.routes(), *made.blobs.routes()], loop=loop) as made.url:
        yield made
        loop.run(made.builds.close())
    made.database.close()


def followed(link: str, *, each_time=lambda: None) -> tuple[str, str]:
    """Read a log as `az acr build` does: HEAD, ranged GET from the last offset, until the metadata says complete."""
    text, deadline = b"", time.monotonic() + 10
    while time.monotonic() < deadline:
        head = requests.head(link, timeout=10)
        head.raise_for_status()
        if int(head.headers["content-length"]) > len(text):
            part = requests.get(link, headers={"x-ms-range": f"bytes={len(text)}-"}, timeout=10)
            assert part.status_code == 206
            text += part.content
        elif "x-ms-meta-complete" in head.headers:
            return text.decode(), head.headers["x-ms-meta-complete"]
        each_time()
    raise AssertionError(f"the log never became complete: {text!r}")


def run_until(client, run_id: str, status: str):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        run = client.runs.get("local", "local", run_id)
        if run.properties.status == status:
            return run
    raise AssertionError(f"the run is {run.properties.status}, not {status}")


def test_a_source_is_uploaded_built_and_followed_to_its_end(emulated):
    with emulated.client() as client:
        scheduled = emulated.schedule(client)
        assert (scheduled.name, scheduled.properties.status) == ("ca1", "Queued")

        log, outcome = followed(
            client.runs.get_log_sas_url("local", "local", "ca1").log_link, each_time=emulated.finish
        )
        done = run_until(client, "ca1", "Succeeded")

    assert emulated.builder.contexts == [b"context"]
    assert outcome == "successful"
    assert log.splitlines()[2:4] == ["Step 1/2", "Step 2/2"]
    (image,) = done.properties.output_images
    assert (image.registry, image.repository, image.tag) == ("local.azurecr.io", "scorer", "ca1")
    assert done.properties.finish_time >= done.properties.start_time


def test_it_is_busy_while_it_builds(emulated):
    assert not emulated.builds.busy
    with emulated.client() as client:
        emulated.schedule(client)
        assert emulated.builds.busy
        emulated.finish()
        run_until(client, "ca1", "Succeeded")
        emulated.loop.run(emulated.builds.close())  # the run's last lines are written after its end is told
    assert not emulated.builds.busy


def test_the_aio_client_sees_the_same(emulated):
    async def scenario():
        credential = NoCredentialAsync()
        async with AsyncTasksClient(
            credential, SUBSCRIPTION, base_url=emulated.url, authentication_policy=NoToken(), retry_total=0
        ) as client:
            return [run.name async for run in client.runs.list("local", "local")]

    with emulated.client() as client:
        emulated.schedule(client)
        emulated.schedule(client)

    assert asyncio.run(scenario()) == ["ca2", "ca1"]


def test_a_failed_build_says_why_in_the_run_and_in_the_log(emulated):
    emulated.builder.failure = "No solution found\nfor tiny==9"
    emulated.finish()
    with emulated.client() as client:
        emulated.schedule(client)
        run = run_until(client, "ca1", "Failed")
        log, outcome = followed(client.runs.get_log_sas_url("local", "local", "ca1").log_link)

    assert run.properties.run_error_message == "No solution found\nfor tiny==9"
    assert outcome == "failed"
    assert "for tiny==9" in log.splitlines()


def test_a_full_disk_ends_a_run_all_the_same(emulated):
    with emulated.client() as client:
        emulated.schedule(client)
        run_until(client, "ca1", "Running")
        emulated.builder.failure = "no"
        emulated.store.full = True
        emulated.finish()

        assert run_until(client, "ca1", "Failed").properties.run_error_message == "no"


def test_a_task_is_accepted_as_azure_does_and_fails_with_the_reason_in_its_log(emulated):
    with emulated.client() as client:
        emulated.schedule(client, type="EncodedTaskRunRequest", encodedTaskContent="c3RlcHM6")
        run = run_until(client, "ca1", "Failed")
        log, _ = followed(client.runs.get_log_sas_url("local", "local", "ca1").log_link)

    assert "needs a container engine" in run.properties.run_error_message
    assert "image add" in log


def test_a_build_can_be_canceled(emulated):
    with emulated.client() as client:
        emulated.schedule(client)
        run_until(client, "ca1", "Running")
        client.runs.cancel("local", "local", "ca1")

        assert client.runs.get("local", "local", "ca1").properties.status == "Canceled"


def test_a_build_that_takes_too_long_is_ended(emulated):
    with emulated.client() as client:
        emulated.schedule(client, timeout=0.05)
        run = run_until(client, "ca1", "Timeout")

    assert "0.05 s" in run.properties.run_error_message


def test_what_a_killed_emulator_was_building_ends_in_the_books(emulated):
    with emulated.client() as client:
        emulated.schedule(client)
        run_until(client, "ca1", "Running")
        emulated.loop.run(emulated.builds.close())
        restarted = Builds(
            store=Store(emulated.database), blobs=emulated.blobs, builder=FakeBuilder(), clock=emulated.clock
        )
        with serving(lambda: [*restarted.routes(), *emulated.blobs.routes()], loop=emulated.loop) as emulated.url:
            emulated.loop.run(restarted.start(SUBSCRIPTION))
            with emulated.client() as again:
                run = again.runs.get("local", "local", "ca1")
                log, outcome = followed(again.runs.get_log_sas_url("local", "local", "ca1").log_link)

    assert run.properties.status == "Error"
    assert "stopped during this build" in log
    assert outcome == "failed"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        pytest.param({"type": "Nonsense"}, "InvalidRunRequest", id="a kind that is none"),
        pytest.param({"sourceLocation": "https://a.git"}, "InvalidSourceLocation", id="a source elsewhere"),
        pytest.param({"sourceLocation": "source/1/00.tar.gz"}, "InvalidSourceLocation", id="a source never uploaded"),
        pytest.param({"sourceLocation": "../state.db"}, "InvalidSourceLocation", id="a path out of the store"),
        pytest.param({"imageNames": []}, "InvalidParameter", id="no image"),
        pytest.param({"imageNames": ["a b"]}, "InvalidParameter", id="a name that is none"),
        pytest.param({"timeout": "soon"}, "InvalidParameter", id="a time that is none"),
    ],
)
def test_a_request_that_cannot_be_run_is_refused_at_once(emulated, changed, code):
    with emulated.client() as client, pytest.raises(HttpResponseError) as refusal:
        emulated.schedule(client, **changed)

    assert (refusal.value.status_code, refusal.value.error.code) == (400, code)


def test_a_registry_that_is_not_there_is_not_found(emulated):
    with emulated.client() as client, pytest.raises(ResourceNotFoundError):
        client.registries.get_build_source_upload_url("local", "other")


def test_a_run_that_is_not_there_is_not_found(emulated):
    with emulated.client() as client, pytest.raises(ResourceNotFoundError):
        client.runs.get("local", "local", "ca9")


def test_links_open_one_blob_for_one_purpose(emulated):
    with emulated.client() as client:
        link = client.registries.get_build_source_upload_url("local", "local").upload_url

    assert parse_qs(urlsplit(link).query)["sp"] == ["cw"]
    assert "sig=" in link


def test_a_blob_of_another_kind_is_refused(emulated):
    with emulated.client() as client:
        link = client.registries.get_build_source_upload_url("local", "local").upload_url

    assert requests.put(link, data=b"x", headers={"x-ms-blob-type": "PageBlob"}, timeout=10).status_code == 400


def test_a_range_past_the_end_is_not_satisfiable(emulated):
    with emulated.client() as client:
        emulated.schedule(client)
        link = client.runs.get_log_sas_url("local", "local", "ca1").log_link
        answer = requests.get(link, headers={"Range": "bytes=100000-"}, timeout=10)

    assert answer.status_code == 416
    assert answer.headers["content-range"].startswith("bytes */")

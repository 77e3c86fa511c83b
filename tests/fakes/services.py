"""A platform in memory, as `aca_notebook.azure.services.Services` offers it: for tests of what the api decides."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar

from aca_notebook.azure import documents
from aca_notebook.azure.registry import BuildRun
from aca_notebook.azure.target import Target
from aca_notebook.errors import AcaError, Conflict, NotFound
from aca_notebook.model.gpu import CONSUMPTION, SERVERLESS_T4
from aca_notebook.model.redaction import Redactor
from aca_notebook.model.revision import RevisionState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")


def fake_target(**changed: Any) -> Target:
    """A target nobody listens at."""
    return Target(**{
        "name": "local", "subscription_id": "s", "resource_group": "g", "environment": "e", "location": "eastus",
        "registry": "r", "registry_server": "r.azurecr.io", "credential": lambda _: None, "app_scheme": "http",
        **changed,
    })  # fmt: skip


@dataclass
class FakePlatform:
    """Apps by name, and what was written, in order, in `done`.

    What a test wants to go wrong, it sets: `busy` PUTs are refused, `outcome` fails an operation, `build_status` a
    build; `gates` hold an operation until the test opens them.
    """

    apps: dict[str, dict[str, Any]] = field(default_factory=dict)
    key: str = ""
    busy: int = 0
    outcome: AcaError | None = None
    build_status: str = "Succeeded"
    build_log: str = "step 1\nstep 2"
    done: list[str] = field(default_factory=list)
    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    reached: dict[str, asyncio.Event] = field(default_factory=dict)
    deleted: asyncio.Event = field(default_factory=asyncio.Event)

    async def pass_gate(self, name: str) -> None:
        """Tell the test that we are here, and wait if it wants us to."""
        self.reached.setdefault(name, asyncio.Event()).set()
        if name in self.gates:
            await self.gates[name].wait()

    def hold(self, name: str) -> None:
        """Hold the operation of that name."""
        self.gates[name] = asyncio.Event()
        self.reached[name] = asyncio.Event()


class FakeAccess:
    """`Access` over a `FakePlatform`."""

    def __init__(self, platform: FakePlatform) -> None:
        self.platform = platform
        self.target = fake_target()
        self.redactor = Redactor()
        self.services = SimpleNamespace(
            apps=_Apps(platform), environments=_Environments(platform), registry=_Registry(platform), logs=None
        )

    async def ask(self, action: Callable[[Any], Awaitable[T]], *, once: bool = False) -> T:
        return await action(self.services)


class _Apps:
    def __init__(self, platform: FakePlatform) -> None:
        self._platform = platform

    async def document(self, name: str) -> dict[str, Any]:
        if name not in self._platform.apps:
            raise NotFound(f"app {name!r} does not exist", status=404, code="ResourceNotFound")
        return self._platform.apps[name]

    async def put(self, name: str, document: dict[str, Any]) -> Any:
        await self._platform.pass_gate("put")
        if self._platform.busy:
            self._platform.busy -= 1
            raise Conflict("busy", status=409, code="ContainerAppOperationInProgress")
        self._platform.done.append("put")
        number = sum(entry == "put" for entry in self._platform.done)
        properties = {**document["properties"], "provisioningState": "Succeeded", "runningStatus": "Running"}
        properties |= dict.fromkeys(("latestRevisionName", "latestReadyRevisionName"), f"{name}--{number}")
        properties["configuration"]["ingress"]["fqdn"] = "127.0.0.1:1"
        stored = {**document, "id": str(fake_target().app_id(name)), "name": name, "properties": properties}
        self._platform.apps[name] = stored

        async def result() -> dict[str, Any]:
            await self._platform.pass_gate("operation")
            if self._platform.outcome is not None:
                raise self._platform.outcome
            return stored

        return SimpleNamespace(result=result)

    async def patch(self, name: str, document: dict[str, Any]) -> None:
        self._platform.done.append("patch")
        self._platform.apps[name] |= document

    async def delete(self, name: str) -> None:
        await self._platform.pass_gate("delete")
        self._platform.done.append("delete")
        self._platform.apps.pop(name, None)
        self._platform.deleted.set()

    async def secrets(self, name: str) -> dict[str, str]:
        return {"aca-notebook-key": self._platform.key} if self._platform.key else {}

    async def revision(self, name: str, revision: str) -> RevisionState:
        return RevisionState(revision, provisioning_state="Provisioned", health_state="Healthy")

    async def replicas(self, name: str, revision: str) -> tuple[()]:
        return ()

    async def auth_token(self, name: str) -> str:
        return "token"

    def read(self, document: dict[str, Any], profiles: Any) -> Any:
        return documents.read_app(document, fake_target(), profiles)


class _Environments:
    async def document(self) -> dict[str, object]:
        """Without a tag that names who pulls."""
        return {}

    def __init__(self, platform: FakePlatform) -> None:
        self._platform = platform

    async def profiles(self) -> dict[str, Any]:
        return {"Consumption": CONSUMPTION, "gpu-t4": SERVERLESS_T4}

    async def add_profile(self, wanted: Any) -> None:
        self._platform.done.append(f"profile {wanted.name}")


class _Registry:
    def __init__(self, platform: FakePlatform) -> None:
        self._platform = platform

    async def upload(self, archive: bytes) -> str:
        await self._platform.pass_gate("upload")
        assert archive
        self._platform.done.append("upload")
        return "source/1.tar.gz"

    async def schedule(self, source: str, image: str) -> str:
        self._platform.done.append("schedule")
        return "run1"

    async def follow(self, run_id: str, on_log: Callable[[str], None]) -> BuildRun:
        await self._platform.pass_gate("build")
        return BuildRun(run_id, self._platform.build_status, self._platform.build_log)

    async def cancel(self, run_id: str) -> None:
        self._platform.done.append(f"cancel {run_id}")

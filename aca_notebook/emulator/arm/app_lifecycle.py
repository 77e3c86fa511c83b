"""What happens to an app after a write was accepted: published, proved, settled; or taken down."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.arm.environments import profile_types
from aca_notebook.emulator.arm.faults import app_failed
from aca_notebook.emulator.arm.provisioning import (
    failed,
    in_order,
    revision_ready,
    succeeded,
    surplus_revisions,
    with_revision,
)
from aca_notebook.emulator.runtime.desired import App, desired_app
from aca_notebook.model.ids import ResourceId, parse_id
from aca_notebook.model.states import RevisionProvisioningState, RunningStatus

if TYPE_CHECKING:
    from aca_notebook.clock import Clock
    from aca_notebook.emulator.arm.operations import Operation, Operations
    from aca_notebook.emulator.arm.seams import Runtime
    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.emulator.identity.secrets import Secrets
    from aca_notebook.emulator.settings import Pace

logger = logging.getLogger(__name__)

Document = dict[str, Any]
APP_TYPE = "Microsoft.App/containerApps"
REVISION_TYPE = f"{APP_TYPE}/revisions"
#: How long Azure takes for an app at pace 1 (recorded: app_e2e, four polls of 3 s and more).
_REALISTIC_SECONDS = 20.0


class AppLifecycle:
    """Does apps' operations; owns nothing but the order of things."""

    def __init__(
        self, store: Store, operations: Operations, runtime: Runtime, secrets: Secrets, clock: Clock, *, pace: Pace
    ) -> None:
        self._store = store
        self._operations = operations
        self._runs = runtime.runs
        self._admits = runtime.admits
        self.secrets = secrets
        self._clock = clock
        self._pace = pace

    async def restore(self, subscription: str) -> None:
        """Declare and publish every app that was there when the emulator last ended."""
        for document in self._store.list(APP_TYPE, subscription):
            id_ = parse_id(document["id"])
            try:
                await self.declare(id_)
                await self._publish(id_)
            except (ValueError, KeyError) as unreadable:
                logger.warning("%s is left as it is: %s", id_, unreadable)

    async def declare(self, id_: ResourceId) -> App:
        """Tell the runtime what the app's documents say now, those of its sign-in among them."""
        app = self._app(id_)
        await self._runs.declare(app)
        return app

    async def provision(self, operation: Operation) -> None:
        """Publish the app, prove its new revision if it has one, and settle it."""
        await self._clock.sleep(self._pace.seconds(_REALISTIC_SECONDS))
        await self.declare(operation.id)
        await self._publish(operation.id)
        trouble = await self._prove(operation)
        if trouble:
            await self._settle_failure(operation, trouble)
            return
        document = self._document(operation.id)
        revisions = self.revisions(operation.id)
        name = operation.argument or document["properties"]["latestReadyRevisionName"]
        changed: list[Document] = []
        if name and document["properties"]["runningStatus"] != RunningStatus.STOPPED:
            document, changed = revision_ready(document, revisions, name)
        else:
            document = succeeded(document)
        documents = {operation.id: document} | {parse_id(each["id"]): each for each in changed}
        await self._operations.finish(operation, documents)
        for surplus in surplus_revisions(document, self.revisions(operation.id)):
            await self._store.delete(parse_id(surplus["id"]))
        await self.declare(operation.id)

    async def remove(self, operation: Operation) -> None:
        """Take the app down: requests first, then replicas, documents, secrets."""
        await self._clock.sleep(self._pace.seconds(_REALISTIC_SECONDS))
        await self._take_down(operation.id)
        await self._operations.finish(operation, delete=True)

    async def delete(self, id_: ResourceId) -> None:
        """Take an app down at once, whatever runs on it; for its group."""
        running = self._operations.running(id_)
        if running is not None:
            await self._operations.cancel(running)
        await self._take_down(id_)
        await self._store.delete(id_)

    def revisions(self, id_: ResourceId) -> list[Document]:
        """Return the documents of an app's revisions, oldest first."""
        return in_order(self._store.children(id_, REVISION_TYPE))

    def running(self, id_: ResourceId) -> Operation | None:
        """Return the operation in progress on an app, if there is one."""
        return self._operations.running(id_)

    async def _take_down(self, id_: ResourceId) -> None:
        await self._admits.withdraw(id_.key)
        await self._runs.withdraw(id_.key)  # its secrets go when its document has: never is there one without

    async def _publish(self, id_: ResourceId) -> None:
        """Open or close the app's address, and write it down when it is another than before."""
        app, document = self._app(id_), self._document(id_)
        properties = document["properties"]
        before = properties["configuration"]["ingress"], properties["latestRevisionFqdn"]
        address = await self._admits.publish(app)
        if app.ingress is None:
            properties["latestRevisionFqdn"] = ""
        else:
            domain = self._environment(document)["properties"]["defaultDomain"]
            inside = domain if app.ingress.external else f"internal.{domain}"
            fqdn = address or f"{id_.name}.{inside}"
            properties["configuration"]["ingress"] = properties["configuration"]["ingress"] | {"fqdn": fqdn}
            latest = properties["latestRevisionName"]
            properties["latestRevisionFqdn"] = await self._admits.address(id_.key, latest) or f"{latest}.{inside}"
        if (properties["configuration"]["ingress"], properties["latestRevisionFqdn"]) != before:
            await self._store.put(id_, document)

    async def _prove(self, operation: Operation) -> str:
        """Return why the new revision is not fit, or nothing."""
        stopped = self._document(operation.id)["properties"]["runningStatus"] == RunningStatus.STOPPED
        if not operation.argument or stopped:
            return ""
        proof = asyncio.ensure_future(self._runs.revision_outcome(operation.id.key, operation.argument))
        patience = asyncio.ensure_future(self._clock.sleep(self._operations.patience_seconds(operation.id)))
        try:
            await asyncio.wait({proof, patience}, return_when=asyncio.FIRST_COMPLETED)
            if not proof.done():
                return "Operation expired."
            outcome = proof.result()
            return "" if outcome.ready else (outcome.message or outcome.reason or "The revision did not become ready.")
        finally:
            for task in (proof, patience):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    def failed_revision(self, operation: Operation) -> dict[ResourceId, Document]:
        """Return the revision that an operation was to prove, as it stands after that has failed."""
        return {
            parse_id(each["id"]): with_revision(each, state=RevisionProvisioningState.FAILED)
            for each in self.revisions(operation.id)
            if each["name"] == operation.argument
        }

    async def _settle_failure(self, operation: Operation, trouble: str) -> None:
        documents = {operation.id: failed(self._document(operation.id), trouble)} | self.failed_revision(operation)
        await self._operations.finish(operation, documents, error=app_failed(operation.id.name, trouble))

    def _app(self, id_: ResourceId) -> App:
        document = self._document(id_)
        environment = self._environment(document)
        sign_in = self._store.get(id_.child("authConfigs", "current"))
        return desired_app(
            document,
            self.revisions(id_),
            profile_types(environment),
            dns_suffix=environment["properties"]["defaultDomain"],
            sign_in=sign_in["properties"] if sign_in else None,
        )

    def _document(self, id_: ResourceId) -> Document:
        document = self._store.get(id_)
        if document is None:
            raise KeyError(f"{id_} is gone")
        return document

    def _environment(self, app: Document) -> Document:
        environment = self._store.get(parse_id(app["properties"]["environmentId"]))
        if environment is None:
            raise KeyError(f"the environment of {app['name']} is gone")
        return environment

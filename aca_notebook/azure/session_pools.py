"""Session pools, through the official SDK (recorded: sessionpool_e2e, session_code_interpreter_e2e)."""

from __future__ import annotations

import base64
import json
import logging
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aca_notebook.azure import faults
from aca_notebook.errors import AcaError
from aca_notebook.model.quantities import parse_memory
from aca_notebook.model.session import ContainerType, SessionPoolState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_notebook.azure.connection import Connection
    from aca_notebook.azure.documents import Document

logger = logging.getLogger(__name__)

#: "Azure ContainerApps Session Executor": who may call into a pool's sessions (facts §5.1).
EXECUTOR_ROLE = "0fb8eba5-a2bb-4abe-b1c1-49dfad359bb0"
_ROLES_VERSION = "2022-04-01"


@dataclass(frozen=True, slots=True)
class PoolWishes:
    """What a pool is to be; None leaves a pool that exists as it is in that, and gives a new one Azure's default."""

    container_type: str = ContainerType.PYTHON
    max_sessions: int | None = None
    ready_sessions: int | None = None
    cooldown_seconds: int | None = None
    max_alive_seconds: int | None = None
    egress: bool | None = None
    image: str = ""
    target_port: int = 80
    cpu_cores: float = 0.5
    memory: str = "1Gi"


class SessionPools:
    """The pools of one resource group. Every method raises the errors of `faults`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._target = connection.target
        self._client = connection.container_apps.container_apps_session_pools
        self._group = connection.target.resource_group

    async def get(self, name: str) -> SessionPoolState:
        """Return a pool. Raises `NotFound`."""
        with faults.translated(f"session pool {name!r}"):
            return read_pool(_plain(await self._client.get(self._group, name)))

    async def list(self) -> tuple[SessionPoolState, ...]:
        """Return every pool of the group."""
        with faults.translated(f"the session pools of group {self._group!r}"):
            found = self._client.list_by_resource_group(self._group)
            return tuple([read_pool(_plain(each)) async for each in found])

    async def create(self, name: str, wishes: PoolWishes, tags: Mapping[str, str]) -> SessionPoolState:
        """Create a pool, with tags, and let this account use its sessions, as `az` does; returns when it is there."""
        from azure.mgmt.appcontainers.models import SessionPool

        environment = str(self._target.environment_id) if wishes.container_type == ContainerType.CUSTOM else ""
        document = SessionPool({**new_document(wishes, self._target.location, environment), "tags": dict(tags)})
        with faults.translated(f"session pool {name!r}"):
            poller = await self._client.begin_create_or_update(self._group, name, document)
            made = read_pool(_plain(await poller.result()))
        await self._let_in(name)
        return made

    async def update(self, name: str, wishes: PoolWishes) -> SessionPoolState:
        """Change what the wishes name, and nothing else."""
        from azure.mgmt.appcontainers.models import SessionPoolUpdatableProperties

        with faults.translated(f"session pool {name!r}"):
            present = _plain(await self._client.get(self._group, name))
            changed = SessionPoolUpdatableProperties(patch_document(wishes, present))
            poller = await self._client.begin_update(self._group, name, changed)
            await poller.result()
        return await self.get(name)

    async def delete(self, name: str) -> None:
        """Delete a pool and its sessions; returns when it is gone."""
        with faults.translated(f"session pool {name!r}"):
            await (await self._client.begin_delete(self._group, name)).result()

    async def _let_in(self, name: str) -> None:
        """Give the caller the executor's role on a pool. Who may not give roles is told so by the first call."""
        try:
            await self._assign(name)
        except (AcaError, ValueError) as refused:
            logger.info("the role for session pool %s was not assigned: %s", name, refused)

    async def _assign(self, name: str) -> None:
        from azure.core.rest import HttpRequest

        token = await self._connection.credential.get_token(self._target.scope)
        claims = json.loads(_decoded(token.token.split(".")[1]))
        scope = (
            f"/subscriptions/{self._target.subscription_id}/resourceGroups/{self._group}"
            f"/providers/Microsoft.App/sessionPools/{name}"
        )
        assignment = uuid.uuid5(uuid.NAMESPACE_URL, f"{scope}/{EXECUTOR_ROLE}/{claims.get('oid')}")
        role = (
            f"/subscriptions/{self._target.subscription_id}/providers/Microsoft.Authorization/roleDefinitions"
            f"/{EXECUTOR_ROLE}"
        )
        kind = "User" if claims.get("idtyp") == "user" or "upn" in claims else "ServicePrincipal"
        body = {"properties": {"roleDefinitionId": role, "principalId": claims.get("oid"), "principalType": kind}}
        url = f"{self._target.resource_manager}{scope}/providers/Microsoft.Authorization/roleAssignments/{assignment}"
        request = HttpRequest("PUT", url, params={"api-version": _ROLES_VERSION}, json=body)
        with faults.translated(f"the role for session pool {name!r}"):
            answer = await self._connection.container_apps.send_request(request)
            if answer.status_code >= 400 and answer.status_code != 409:
                raise faults.refused(answer.status_code, answer.text(), dict(answer.headers), "the role")


def new_document(wishes: PoolWishes, location: str, environment_id: str) -> Document:
    """Return the body that creates a pool."""
    properties: dict[str, Any] = {
        "poolManagementType": "Dynamic",
        "containerType": str(wishes.container_type),
        "scaleConfiguration": {"maxConcurrentSessions": wishes.max_sessions or 20}
        | ({"readySessionInstances": wishes.ready_sessions} if wishes.ready_sessions is not None else {}),
        "dynamicPoolConfiguration": {"lifecycleConfiguration": _lifecycle(wishes)},
        "sessionNetworkConfiguration": {"status": _egress(wishes.egress or False)},
    }
    if wishes.container_type == ContainerType.CUSTOM:
        resources = {"cpu": wishes.cpu_cores, "memory": wishes.memory}
        container = {"name": "session", "image": wishes.image, "resources": resources}
        properties |= {
            "environmentId": environment_id,
            "customContainerTemplate": {"containers": [container], "ingress": {"targetPort": wishes.target_port}},
        }
    return {"location": location, "properties": properties}


def patch_document(wishes: PoolWishes, present: Document) -> Document:
    """Return the body that changes what the wishes name; a part that is named is sent whole."""
    before = present.get("properties") or {}
    changed: dict[str, Any] = {}
    scale = dict(before.get("scaleConfiguration") or {})
    if wishes.max_sessions is not None:
        scale["maxConcurrentSessions"] = wishes.max_sessions
    if wishes.ready_sessions is not None:
        scale["readySessionInstances"] = wishes.ready_sessions
    if scale != (before.get("scaleConfiguration") or {}):
        changed["scaleConfiguration"] = scale
    if wishes.cooldown_seconds is not None or wishes.max_alive_seconds is not None:
        changed["dynamicPoolConfiguration"] = {"lifecycleConfiguration": _lifecycle(wishes)}
    if wishes.egress is not None:
        changed["sessionNetworkConfiguration"] = {"status": _egress(wishes.egress)}
    return {"properties": changed}


def _lifecycle(wishes: PoolWishes) -> dict[str, Any]:
    if wishes.max_alive_seconds is not None:
        return {"lifecycleType": "OnContainerExit", "maxAlivePeriodInSeconds": wishes.max_alive_seconds}
    return {"lifecycleType": "Timed", "cooldownPeriodInSeconds": wishes.cooldown_seconds or 300}


def _egress(on: bool) -> str:  # noqa: FBT001  # a field's two words
    return "EgressEnabled" if on else "EgressDisabled"


def read_pool(document: Document) -> SessionPoolState:
    """Read a pool, as every api-version since 2024-02-02-preview writes it (facts §5.1)."""
    properties = document.get("properties") or {}
    scale = properties.get("scaleConfiguration") or {}
    dynamic = properties.get("dynamicPoolConfiguration") or {}
    lifecycle = dynamic.get("lifecycleConfiguration") or dynamic
    network = properties.get("sessionNetworkConfiguration") or {}
    containers = (properties.get("customContainerTemplate") or {}).get("containers") or [{}]
    resources = containers[0].get("resources") or {}
    return SessionPoolState(
        name=str(document.get("name") or ""),
        container_type=str(properties.get("containerType") or ""),
        endpoint=str(properties.get("poolManagementEndpoint") or ""),
        location=str(document.get("location") or ""),
        provisioning_state=str(properties.get("provisioningState") or ""),
        max_sessions=int(scale.get("maxConcurrentSessions") or 0),
        ready_sessions=int(scale.get("readySessionInstances") or 0),
        cooldown_seconds=lifecycle.get("cooldownPeriodInSeconds"),
        max_alive_seconds=lifecycle.get("maxAlivePeriodInSeconds"),
        lifecycle=str(lifecycle.get("lifecycleType") or lifecycle.get("executionType") or "Timed"),
        egress=network.get("status") == "EgressEnabled",
        node_count=properties.get("nodeCount"),
        image=str(containers[0].get("image") or ""),
        cpu_cores=float(resources.get("cpu") or 0.0),
        memory_bytes=parse_memory(resources["memory"]) if resources.get("memory") else 0,
    )


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _plain(model: Any) -> Document:
    document: Document = model.as_dict()
    return document

"""What a person said of hosting as parts of the resource, the same as `az containerapp create` writes. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.model.hosting import CONCURRENT
from aca_notebook.model.ids import ResourceId

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aca_notebook.azure.documents import Document
    from aca_notebook.azure.target import Target
    from aca_notebook.model.hosting import Dapr, Hosting, Probe, ScaleRule


def ingress(hosting: Hosting, port: int, *, insecure: bool) -> Document | None:
    """Return how an app is reached, or None for one that is not: a cell always is, an image when it says so.

    `port` is where a cell listens; of an image that names none the platform finds it out. As with `az`, a port is
    exposed by TCP alone.
    """
    if hosting.image and not hosting.ingress:
        return None
    asked = hosting.target_port or (0 if hosting.image else port)
    transport = hosting.transport or "auto"
    exposed = hosting.exposed_port if transport == "tcp" else 0
    return {
        "external": hosting.ingress != "internal",
        **({"targetPort": asked} if asked else {}),
        **({"exposedPort": exposed} if exposed else {}),
        "transport": transport,
        "allowInsecure": (insecure if hosting.allow_insecure is None else hosting.allow_insecure)
        and transport != "tcp",
    }


def dapr(wanted: Dapr) -> Document:
    """Return the block of the Dapr sidecar; what was not said is left to the platform."""
    if not wanted.enabled:
        return {"enabled": False}
    said = {
        "enabled": True, "appId": wanted.app_id, "appPort": wanted.app_port, "appProtocol": wanted.app_protocol,
        "httpMaxRequestSize": wanted.http_max_request_size, "httpReadBufferSize": wanted.http_read_buffer_size,
        "logLevel": wanted.log_level, "enableApiLogging": wanted.enable_api_logging,
    }  # fmt: skip
    return {name: value for name, value in said.items() if value}


def rule(wanted: ScaleRule) -> Document:
    """Return a scale rule: http and tcp have a place of their own, everything else is a scaler of KEDA."""
    auth = [{"triggerParameter": parameter, "secretRef": secret} for parameter, secret in wanted.auth.items()]
    body: Document = {"metadata": dict(wanted.metadata), **({"auth": auth} if auth else {})}
    if wanted.type in CONCURRENT:
        return {"name": wanted.name, wanted.type: body}
    return {"name": wanted.name, "custom": {"type": wanted.type, **body}}


def probes(wanted: Iterable[Probe], port: int) -> list[Document]:
    """Return probes as the platform writes them; `port` is that of one which names none."""
    return [_probe(each, port) for each in wanted]


def _probe(wanted: Probe, port: int) -> dict[str, Any]:
    at = wanted.port or port
    action = {"httpGet": {"path": wanted.path, "port": at, "scheme": "HTTP"}} if wanted.path else {
        "tcpSocket": {"port": at}
    }  # fmt: skip
    return {"type": wanted.kind.capitalize(), **action, **dict(wanted.times)}


def identity(hosting: Hosting, target: Target, *, system: bool) -> Document | None:
    """Return who the app is, or None for nobody; `system` adds the app's own identity, which its registry asks for."""
    users = list(hosting.user_assigned)
    if hosting.registry_identity and hosting.registry_identity != "system":
        users.append(hosting.registry_identity)
    elif target.registry_identity.startswith("/"):  # the environment's apps are pulled for by an identity of its own
        users.append(target.registry_identity)
    own = system or hosting.system_assigned or hosting.registry_identity == "system"
    kinds = ["SystemAssigned"] * own + ["UserAssigned"] * bool(users)
    if not kinds:
        return None
    named: Document = {identity_id(each, target): {} for each in users}
    return {"type": ",".join(kinds), **({"userAssignedIdentities": named} if named else {})}


def identity_id(name: str, target: Target) -> str:
    """Return the id of a user-assigned identity that is given by its name in the target's group, or by its id."""
    if name.startswith("/"):
        return name
    place = (target.subscription_id, target.resource_group, "Microsoft.ManagedIdentity")
    return str(ResourceId(*place, ("userAssignedIdentities",), (name,)))


def registries(hosting: Hosting, target: Target) -> list[Document]:
    """Return who pulls the image from where; nothing for an image that anybody may pull."""
    if hosting.registry_server and hosting.registry_identity:
        return [{"server": hosting.registry_server, "identity": hosting.registry_identity}]
    ours = not hosting.image or hosting.image.startswith(f"{target.registry_server}/")
    return [{"server": target.registry_server, "identity": target.registry_identity}] * bool(
        ours and target.registry_identity
    )

"""Resiliency policies of apps: stored, the ingress does not apply them (recorded: resiliency)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.emulator.arm.scope import APP
from aca_notebook.emulator.arm.shapes import shaped
from aca_notebook.emulator.arm.stored import Document, Keeping, Kind, Stored, Write
from aca_notebook.emulator.arm.values import text, whole
from aca_notebook.emulator.wire import AzureError

if TYPE_CHECKING:
    from aca_notebook.emulator.arm.shapes import Shape
    from aca_notebook.emulator.wire import Route
    from aca_notebook.model.ids import ResourceId

_BACK_OFF: Shape = {"initialDelayInMilliseconds": whole, "maxIntervalInMilliseconds": whole}
APP_POLICY: dict[str, Shape] = {
    "timeoutPolicy": {"responseTimeoutInSeconds": whole, "connectionTimeoutInSeconds": whole},
    "tcpRetryPolicy": {"maxConnectAttempts": whole},
    "httpRetryPolicy": {
        "maxRetries": whole,
        "retryBackOff": _BACK_OFF,
        "matches": {
            "headers": [
                {"header": text,
                 "match": {"exactMatch": text, "prefixMatch": text, "suffixMatch": text, "regexMatch": text}}
            ],
            "httpStatusCodes": [whole],
            "errors": [text],
        },
    },
    "circuitBreakerPolicy": {"consecutiveErrors": whole, "intervalInSeconds": whole, "maxEjectionPercent": whole},
    "tcpConnectionPool": {"maxConnections": whole},
    "httpConnectionPool": {"http1MaxPendingRequests": whole, "http2MaxRequests": whole},
}  # fmt: skip
#: In answers Azure spells these two so (recorded: resiliency).
_POOL = {"http1maxpendingrequests": "httP1MaxPendingRequests", "http2maxrequests": "httP2MaxRequests"}
_DIRECTION: Shape = {
    "httpRetryPolicy": {"maxRetries": whole, "retryBackOff": _BACK_OFF},
    "timeoutPolicy": {"responseTimeoutInSeconds": whole},
    "circuitBreakerPolicy": {"consecutiveErrors": whole, "timeoutInSeconds": whole, "intervalInSeconds": whole},
}
#: The body of a Dapr component's policy.
COMPONENT_POLICY: dict[str, Shape] = {"inboundPolicy": _DIRECTION, "outboundPolicy": _DIRECTION}


class AppResiliency:
    """`resiliencyPolicies` of a container app."""

    def __init__(self, keeping: Keeping) -> None:
        kind = Kind(
            path=f"{APP}/resiliencyPolicies/{{name}}", operations="AppResiliency",
            type="Microsoft.App/containerApps/resiliencyPolicies", settle=_policy, missing=_missing, patched=True,
            recorded=("CreateOrUpdate", "Delete", "Get", "List", "Update"),
        )  # fmt: skip
        self._stored = Stored(kind, keeping)

    def routes(self) -> list[Route]:
        """The resource and its list."""
        return self._stored.routes()


def _policy(write: Write) -> Document:
    given = shaped(write.properties, APP_POLICY, "properties")
    pool = given.get("httpConnectionPool")
    if pool is not None:
        given["httpConnectionPool"] = {_POOL.get(name.lower(), name): value for name, value in pool.items()}
    return {name: given.get(name) for name in APP_POLICY}


def _missing(id_: ResourceId) -> AzureError:
    return AzureError(404, "AppResiliencyNotFound", f"App Resiliency with name '{id_.name}' could not be found.")

"""What Azure makes of a session pool's body, and what it refuses (facts §5.1; recorded: sessionpool_e2e). Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.arm.faults import invalid
from aca_notebook.emulator.arm.shapes import shaped
from aca_notebook.emulator.arm.stored import one_of
from aca_notebook.emulator.arm.values import cores, member, text, truth, whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_notebook.emulator.arm.shapes import Shape
    from aca_notebook.emulator.wire import AzureError

Document = dict[str, Any]
CUSTOM = "CustomContainer"
_BUILT_IN = ("PythonLTS", "NodeLTS", "Shell")
_NAME = re.compile(r"[a-z][a-z0-9]{2,62}")
_MOST_SESSIONS = 600
_DEFAULT_SESSIONS = 10
_COOLDOWN_SECONDS = range(300, 3601)
_TIMED, _ON_EXIT = "Timed", "OnContainerExit"
_PROBE: Shape = {
    "type": text, "httpGet": {"host": text, "path": text, "port!": whole, "scheme": text,
                              "httpHeaders": [{"name!": text, "value!": text}]},
    "tcpSocket": {"host": text, "port!": whole}, "failureThreshold": whole, "initialDelaySeconds": whole,
    "periodSeconds": whole, "successThreshold": whole, "terminationGracePeriodSeconds": whole, "timeoutSeconds": whole,
}  # fmt: skip
POOL: dict[str, Shape] = {
    "environmentId": text,
    "poolManagementType": one_of("Dynamic", "Manual"),
    "containerType": text,
    "scaleConfiguration": {"maxConcurrentSessions": whole, "readySessionInstances": whole},
    "secrets": [{"name!": text, "value": text}],
    "dynamicPoolConfiguration": {
        "executionType": text, "cooldownPeriodInSeconds": whole,  # as previews of 2024 had them
        "lifecycleConfiguration": {
            "lifecycleType": one_of(_TIMED, _ON_EXIT), "cooldownPeriodInSeconds": whole,
            "maxAlivePeriodInSeconds": whole,
        },
    },
    "customContainerTemplate": {
        "registryCredentials": {"server": text, "username": text, "passwordSecretRef": text, "identity": text},
        "containers": [{
            "image": text, "name": text, "command": [text], "args": [text],
            "env": [{"name": text, "value": text, "secretRef": text}],
            "resources": {"cpu": cores, "memory": text}, "probes": [_PROBE],
        }],
        "ingress": {"targetPort": whole},
    },
    "sessionNetworkConfiguration": {"status": one_of("EgressEnabled", "EgressDisabled")},
    "managedIdentitySettings": [{"identity!": text, "lifecycle": one_of("None", "Main")}],
    "mcpServerSettings": {"isMCPServerEnabled": truth},
}  # fmt: skip


def check_name(name: str) -> None:
    """Refuse a name Azure would refuse."""
    if _NAME.fullmatch(name) is None:
        raise invalid(
            "SessionPoolInvalidName",
            f"Invalid session pool name '{name}'. A name must consist of lower case alphanumeric characters and start "
            "with an alphabetic character. The length must be between 3 and 63 characters inclusive.",
        )


def settled_properties(asked: Document, kept: Document) -> Document:
    """Return a pool's properties as stored, given those asked for without nulls and those that stood there.

    Secrets are names only. Raises `AzureError` for what cannot be.
    """
    given: Document = shaped({name: asked[name] for name in POOL if name in asked}, POOL, "properties")
    container_type = _container_type(given, kept)
    custom = container_type == CUSTOM
    properties: Document = {
        "environmentId": given.get("environmentId") or None,
        "poolManagementType": given.get("poolManagementType") or "Dynamic",
        "containerType": container_type,
        "scaleConfiguration": _scale(member(given.get("scaleConfiguration"), "scaleConfiguration"), custom=custom),
        "dynamicPoolConfiguration": {
            "lifecycleConfiguration": _lifecycle(
                member(given.get("dynamicPoolConfiguration"), "dynamicPoolConfiguration"), custom=custom
            )
        },
        "sessionNetworkConfiguration": given.get("sessionNetworkConfiguration") or {"status": "EgressDisabled"},
        "managedIdentitySettings": [
            {"lifecycle": "Main"} | each for each in given.get("managedIdentitySettings") or ()
        ],
    }  # fmt: skip
    if (given.get("mcpServerSettings") or {}).get("isMCPServerEnabled") and not custom:
        # Of containers it is taken and comes to nothing: null is answered (seen, 2025-10-02-preview).
        properties["mcpServerSettings"] = {"isMCPServerEnabled": True}
    secrets = [{"name": each["name"]} for each in given.get("secrets") or ()]
    if secrets:
        properties["secrets"] = secrets
    if custom:
        names = {each["name"] for each in secrets}
        properties["customContainerTemplate"] = _template(member(given.get("customContainerTemplate"), ""), names)
    before, after = kept.get("environmentId") or "", properties["environmentId"] or ""
    if kept and before.lower() != after.lower():
        raise invalid("SessionPoolPropertyNotUpdatable", "The environmentId of a session pool cannot be changed.")
    return properties


def secret_values(asked: Document) -> dict[str, str | None]:
    """Return the values a body gives its secrets by name, None for one it only names."""
    given = shaped({"secrets": asked.get("secrets") or []}, {"secrets": POOL["secrets"]}, "properties")
    return {each["name"]: each.get("value") for each in given["secrets"]}


def shown_properties(
    properties: Document, api_version: str, *, status: Mapping[str, int] | None, created_at: str
) -> Document:  # fmt: skip
    """Return the properties as one API version has them.

    `status` counts the instances of a custom pool whose template has been rolled out, which reading shows and writing
    does not: None.
    """
    shown = dict(properties)
    if properties["containerType"] != CUSTOM:  # the platform decides how many of its own wait, and says no number
        scale = properties["scaleConfiguration"]
        shown["scaleConfiguration"] = {name: scale[name] for name in scale if name != "readySessionInstances"}
    if api_version < "2025":
        lifecycle = properties["dynamicPoolConfiguration"]["lifecycleConfiguration"]
        shown["dynamicPoolConfiguration"] = {
            "executionType": lifecycle["lifecycleType"],
            "cooldownPeriodInSeconds": lifecycle.get("cooldownPeriodInSeconds"),
        }
    if api_version < "2024-08":
        shown.pop("managedIdentitySettings")
    if not api_version.endswith("preview"):  # as previews have it alone (facts §5.1)
        shown.pop("mcpServerSettings", None)
    if status is not None and properties["containerType"] == CUSTOM:
        shown |= _rolled_out(properties, status, created_at)
    return shown


def _rolled_out(properties: Document, status: Mapping[str, int], created_at: str) -> Document:
    template, ready = properties["customContainerTemplate"], properties["scaleConfiguration"]["readySessionInstances"]
    containers = [{"env": [], "probes": []} | each for each in template["containers"]]
    return {
        "nodeCount": 1,
        "templateUpdateStatus": {
            "activeTemplate": {
                "details": "Running",
                "createdTime": created_at.removesuffix("Z") + "+00:00",
                "status": {"expectedCount": ready, "crashCount": 0, **status},
                "containers": containers,
                "ingress": template.get("ingress"),
            }
        },
    }  # fmt: skip


def _container_type(given: Document, kept: Document) -> str:
    wanted = str(given.get("containerType") or "")
    found = next((each for each in (*_BUILT_IN, CUSTOM) if each.lower() == wanted.lower()), None)
    if found is None:
        code = "SessionTypeNotSupportedInRegion" if wanted.lower() == "csharplts" else "SessionTypeNotSupported"
        raise invalid(code, f"Session type '{wanted}' is not supported in this region.")
    if kept and kept["containerType"] != found:
        raise invalid("SessionPoolPropertyNotUpdatable", "The containerType of a session pool cannot be changed.")
    return found


def has_mcp_server(properties: Mapping[str, Any]) -> bool:
    """Tell whether a stored pool has an MCP server."""
    return bool((properties.get("mcpServerSettings") or {}).get("isMCPServerEnabled"))


def mcp_not_enabled(name: str) -> AzureError:
    """A pool without an MCP server is asked for one (seen)."""
    return invalid("SessionMCPServerNotEnabled", f"Session pool '{name}' does not have MCP Server enabled.")


def _scale(given: Document, *, custom: bool) -> Document:
    most, ready = given.get("maxConcurrentSessions"), given.get("readySessionInstances")
    most = _DEFAULT_SESSIONS if most is None else most
    if not 1 <= most <= _MOST_SESSIONS:
        raise invalid(
            "SessionPoolInvalidMaxConcurrentSessions",
            f"maxConcurrentSessions must be between 1 and {_MOST_SESSIONS}, not {most}.",
        )
    if not 0 <= (ready or 0) <= most:
        raise invalid(
            "SessionPoolInvalidReadySessionInstances",
            f"readySessionInstances must be between 0 and maxConcurrentSessions ({most}), not {ready}.",
        )
    if custom or ready is not None:  # kept for the platform's own containers too, and not shown there
        return {"readySessionInstances": ready or 0, "maxConcurrentSessions": most}
    return {"maxConcurrentSessions": most}


def _lifecycle(given: Document, *, custom: bool) -> Document:
    lifecycle = member(given.get("lifecycleConfiguration"), "lifecycleConfiguration")
    type_ = lifecycle.get("lifecycleType") or _TIMED
    if type_ == _ON_EXIT:
        alive = lifecycle.get("maxAlivePeriodInSeconds")
        if not custom or lifecycle.get("cooldownPeriodInSeconds") is not None:
            raise _bad_lifecycle("OnContainerExit is for custom containers, which then have no cooldown period")
        if alive is not None and alive <= 0:
            raise _bad_lifecycle("maxAlivePeriodInSeconds must be positive")
        return {"lifecycleType": type_} | ({} if alive is None else {"maxAlivePeriodInSeconds": alive})
    cooldown = lifecycle.get("cooldownPeriodInSeconds", given.get("cooldownPeriodInSeconds"))
    cooldown = _COOLDOWN_SECONDS.start if cooldown is None else cooldown
    if cooldown not in _COOLDOWN_SECONDS:
        raise _bad_lifecycle(f"cooldownPeriodInSeconds must be between 300 and 3600, not {cooldown}")
    if lifecycle.get("maxAlivePeriodInSeconds") is not None:
        raise _bad_lifecycle("maxAlivePeriodInSeconds goes with OnContainerExit")
    return {"lifecycleType": type_, "cooldownPeriodInSeconds": cooldown}


def _bad_lifecycle(said: str) -> AzureError:
    return invalid("SessionPoolInvalidLifecycleConfiguration", f"The lifecycle configuration is invalid: {said}.")


def _template(given: Document, secrets: set[str]) -> Document:
    containers = given.get("containers") or []
    if not containers:
        raise invalid("SessionPoolMustContainContainer", "A custom container session pool must contain a container.")
    for container in containers:
        if not container.get("image"):
            raise invalid(
                "ContainerAppImageRequired",
                f"Container with name '{container.get('name')}' must have an 'Image' property specified.",
            )
        for each in container.get("env") or ():
            _check_secret(each.get("secretRef"), secrets)
    credentials = given.get("registryCredentials")
    if credentials is not None:
        _check_secret(credentials.get("passwordSecretRef"), secrets)
        credentials = {"identity": None} | credentials
    return {"registryCredentials": credentials, "containers": containers} | (
        {"ingress": given["ingress"]} if given.get("ingress") else {}
    )


def _check_secret(name: str | None, secrets: set[str]) -> None:
    if name and name not in secrets:
        raise invalid("SessionPoolSecretRefNotFound", f"SecretRef '{name}' is not found in the session pool's secrets.")

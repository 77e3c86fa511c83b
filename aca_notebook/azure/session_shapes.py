"""The bodies of the data plane of sessions, both generations, as our values: pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from aca_notebook.clock import parse_instant
from aca_notebook.model.session import (
    HYPER_V,
    LONGEST_SECONDS,
    Backend,
    ContainerType,
    Isolation,
    SessionFile,
    SessionState,
)

NEW_VERSION = "2025-10-02-preview"
OLD_VERSION = "2024-02-02-preview"
#: What both generations call an execution that went well (facts §5.3, §5.4); a shell's is its exit code.
_GOOD = frozenset({"Succeeded", "Success", "0"})


@dataclass(frozen=True, slots=True)
class Begun:
    """Code was taken: the backend's id of the execution, where it tells one before the end."""

    id: str


@dataclass(frozen=True, slots=True)
class Finished:
    """How an execution ended. `streamed` when what it wrote was given before."""

    id: str
    status: str
    stdout: str = ""
    stderr: str = ""
    result: Any = None
    milliseconds: float = 0.0
    streamed: bool = False

    @property
    def succeeded(self) -> bool:
        """Whether the platform calls it a success."""
        return self.status in _GOOD

    @property
    def exit_code(self) -> int | None:
        """The exit code of a shell command."""
        return int(self.status) if self.status.lstrip("-").isdecimal() else None


def new_execution(container_type: str, code: str, seconds: float) -> dict[str, Any]:
    """Return the body that runs code now, without `properties` (recorded: session_code_interpreter_e2e)."""
    if container_type == ContainerType.SHELL:
        return {"shellCommand": code, "timeoutInSeconds": _whole(seconds)}
    return {
        "codeInputType": "inline",
        "executionType": "synchronous",
        "code": code,
        "timeoutInSeconds": _whole(seconds),
    }


def old_execution(code: str, seconds: float) -> dict[str, Any]:
    """Return the same for 2024-02-02-preview."""
    return {"properties": new_execution(ContainerType.PYTHON, code, seconds)}


def _whole(seconds: float) -> int:
    return max(1, min(int(seconds), LONGEST_SECONDS))


def read_finished(body: dict[str, Any], *, streamed: bool = False) -> Finished:
    """Read how an execution ended, in either generation's words."""
    old = isinstance(body.get("properties"), dict)
    told: dict[str, Any] = body["properties"] if old else body
    result: dict[str, Any] = told["result"] if not old and isinstance(told.get("result"), dict) else told
    value = result.get("executionResult", result.get("result") if result is told else None)
    return Finished(
        str(body.get("id") or ""), str(told.get("status") or ""), str(result.get("stdout") or ""),
        str(result.get("stderr") or ""), None if value == "" else value,
        float(result.get("executionTimeInMilliseconds") or 0), streamed,
    )  # fmt: skip


def shown_result(value: Any) -> dict[str, Any]:
    """Return a result that is no frame of ours as a MIME bundle: a picture, as Azure gives plots, or plain data."""
    if value is None:
        return {}
    if isinstance(value, dict) and value.get("type") == "image" and value.get("base64_data"):
        mime = f"image/{value.get('format') or 'png'}"
        return {mime: str(value["base64_data"]), "text/plain": f"<{mime}>"}
    return {"text/plain": value if isinstance(value, str) else json.dumps(value)}


def read_file(entry: dict[str, Any], folder: str) -> SessionFile:
    """Read one entry of a list of files, in either generation's words."""
    told: dict[str, Any] = entry["properties"] if isinstance(entry.get("properties"), dict) else entry
    name = str(told.get("name") or told.get("filename") or "").replace("\x00", "")
    size = told.get("sizeInBytes", told.get("size"))
    return SessionFile(
        f"{folder}/{name}" if folder else name,
        int(size) if isinstance(size, int | float) else 0,
        _moment(told.get("lastModifiedAt") or told.get("lastModifiedTime")),
        told.get("type") == "directory",
    )


def read_session(entry: dict[str, Any], pool: str, backend: Backend) -> SessionState:
    """Read a session as `session` and `listSessions` have it."""
    return SessionState(
        str(entry.get("identifier") or ""), pool, backend, _moment(entry.get("createdAt")),
        _moment(entry.get("lastAccessedAt")), _moment(entry.get("expireAt") or entry.get("expiresAt")),
    )  # fmt: skip


def read_isolation(metadata: dict[str, Any]) -> Isolation:
    """Read how far sessions are from their host; Azure says nothing of it and means Hyper-V (documented)."""
    told = metadata.get("isolation")
    if not isinstance(told, dict):
        return HYPER_V
    note = str(told.get("note") or told.get("reason") or "")
    return Isolation(told.get("isolated") is True, str(told.get("level") or "unknown"), note)


def _moment(text: object) -> Any:
    try:
        return parse_instant(str(text)) if text else None
    except ValueError:
        return None

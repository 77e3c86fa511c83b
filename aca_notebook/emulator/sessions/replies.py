"""What the data plane answers, in the shapes of its two generations (facts §5.3, §5.4).

Objects carry `$id`, counted in the order they are written: Azure's serialiser does that (recorded:
session_code_interpreter_e2e, session_code_interpreter_nodelts_2024-02-02).
"""

from __future__ import annotations

import json
import mimetypes
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from aca_notebook.clock import format_instant
from aca_notebook.emulator.sessions.execution import Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aca_notebook.emulator.sandbox.drawer import Entry
    from aca_notebook.emulator.sessions.execution import Execution
    from aca_notebook.emulator.sessions.session import Session

#: The first generation; all others have the shapes of the second.
OLD = "2024-02-02-preview"
VERSIONS = (OLD, "2024-08-02-preview", "2024-09-01", "2024-10-02-preview", "2025-02-02-preview", "2025-10-02-preview")
_OLD_STATUS = {Status.SUCCEEDED: "Success"}


class Answer(Response):
    """JSON that can hold whatever a session's code wrote: what is no text is written as its escape."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return the bytes."""
        return encoded(content)


def encoded(content: Any) -> bytes:
    """Return JSON; half of a surrogate pair, which no UTF-8 has, is escaped."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(content, separators=(",", ":")).encode()  # as `\udc80`, which is JSON


def numbered(value: Any) -> Any:
    """Return a JSON value whose objects have `$id`, except what an execution resulted in."""
    count = 0

    def walk(inner: Any) -> Any:
        nonlocal count
        if isinstance(inner, list):
            return [walk(each) for each in inner]
        if not isinstance(inner, dict):
            return inner
        count += 1
        found = {"$id": str(count)}
        return found | {
            name: each if name in {"result", "executionResult"} and _is_image(each) else walk(each)
            for name, each in inner.items()
        }

    return walk(value)


def executed_old(execution: Execution) -> dict[str, Any]:
    """An execution as the first generation answers it; a failure's word is unconfirmed (facts §5.3)."""
    return {
        "properties": {
            "status": _OLD_STATUS.get(execution.status, "Failure"),
            "stdout": execution.stdout,
            "stderr": execution.stderr,
            "result": execution.result,
            "executionTimeInMilliseconds": execution.milliseconds,
        }
    }


def executed(execution: Execution) -> dict[str, Any]:
    """An execution, ended or not; a shell's status is the exit code once it has ended (clients §3)."""
    status = str(execution.status)
    if execution.exit_code is not None and execution.shell:
        status = str(execution.exit_code)
    about = {
        "id": execution.id,
        "identifier": execution.identifier,
        "executionType": "synchronous" if execution.synchronous else "asynchronous",
        "status": status,
    }
    if execution.running:
        return about
    return about | {
        "result": {
            "stdout": execution.stdout,
            "stderr": execution.stderr,
            "executionResult": execution.result,
            "executionTimeInMilliseconds": execution.milliseconds,
        }
    }


def file_old(entry: Entry) -> dict[str, Any]:
    """A file as the first generation answers it."""
    return {
        "properties": {
            "filename": shown_name(entry.name),
            "size": entry.size_bytes,
            "lastModifiedTime": _modified(entry),
        }
    }


def file_listed(entry: Entry) -> dict[str, Any]:
    """A file or folder of a list."""
    kind, holds = ("directory", "") if entry.is_folder else ("file", content_type(entry.name))
    return {
        "name": shown_name(entry.name), "type": kind, "contentType": holds,
        "sizeInBytes": entry.size_bytes, "lastModifiedAt": _modified(entry),
    }  # fmt: skip


def file_uploaded(entry: Entry) -> dict[str, Any]:
    """A file that was just uploaded: type and content type are blank (recorded: session_code_interpreter_e2e)."""
    return file_listed(entry) | {"type": "", "contentType": ""}


def file_looked_at(entry: Entry) -> dict[str, Any]:
    """A file alone (recorded: session_code_interpreter_e2e)."""
    return {"name": shown_name(entry.name), "sizeInBytes": entry.size_bytes, "lastModifiedAt": _modified(entry)}


def shown_name(name: str) -> str:
    """Return a file's name as text; bytes that are no text are shown by their numbers."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def content_type(name: str) -> str:
    """Return what a file's name says that it holds."""
    guessed, encoding = mimetypes.guess_type(shown_name(name))
    if guessed is None or encoding is not None:
        return "application/octet-stream"
    return f"{guessed}; charset=utf-8" if guessed.startswith("text/") else guessed


def described(session: Session, ends_in_seconds: float, now: datetime) -> dict[str, Any]:
    """A session (facts §5.4); when it ends is told for the case that nobody uses it."""
    seconds = min(ends_in_seconds, timedelta(days=365).total_seconds())
    return {
        "identifier": session.identifier,
        "etag": session.guid,
        "createdAt": format_instant(session.created_at),
        "lastAccessedAt": format_instant(session.used_at),
        "expireAt": format_instant(now + timedelta(seconds=seconds)),
    }


def managed(body: Mapping[str, Any]) -> dict[str, Any]:
    """A session as the calls of management answer it: its end has another name (facts §5.5)."""
    return {("expiresAt" if name == "expireAt" else name): value for name, value in body.items()}


def page(found: Sequence[dict[str, Any]], skip: int, size: int) -> tuple[list[dict[str, Any]], bool]:
    """Return one page of a list, and whether there are more."""
    return list(found[skip : skip + size]), len(found) > skip + size


def _modified(entry: Entry) -> str:
    return format_instant(datetime.fromtimestamp(entry.modified_at, UTC))


def _is_image(value: Any) -> bool:
    return isinstance(value, dict) and value.get("type") == "image"

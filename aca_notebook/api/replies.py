"""What an app's refusal means: the exception to raise, as its own type where that is possible and safe."""

from __future__ import annotations

import builtins
import functools
import json
import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any

from aca_notebook.errors import CallFailed, InvalidArguments, NotFound, RemoteError, Unauthorized

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aca_notebook.azure.calls import Reply

#: The module the runner imports a cell as; its classes live in the notebook's own module here.
CELL_MODULE = "cell"

#: The attribute that marks an exception a user's function raised elsewhere.
REMOTE = "__aca_remote__"

_GATEWAY: dict[int, tuple[str, str]] = {
    403: ("the app takes no calls from here", "its ingress is internal: deploy it again"),
    404: ("nothing answers at the app's address", "it may be stopped: run `%aca show {app}`"),
    502: ("a replica died during the call", "look at `%aca logs {app}`"),
    503: ("no replica is ready", "look at `%aca logs {app}`"),
    504: ("the gateway gave up waiting: Azure cuts a call after 240 seconds", "make the call shorter, or the start"),
}


def failure(reply: Reply, app: str) -> BaseException:
    """Return the exception for an answer of status 400 or more."""
    told = _told(reply.body)
    if told is None:
        message, hint = _GATEWAY.get(reply.status, ("the app answered with an error", "look at `%aca logs {app}`"))
        return CallFailed(
            message, status=reply.status, call_id=reply.call_id, code=f"HTTP {reply.status}",
            detail=_excerpt(reply), hint=hint.format(app=app),
        )  # fmt: skip
    code, message, hint = (str(told.get(name) or "") for name in ("code", "message", "hint"))
    if reply.status in {401, 403}:
        return Unauthorized(
            message, status=reply.status, code=code, request_id=reply.call_id, hint=hint or f"`aca-notebook key {app}`"
        )
    if reply.status == 404:
        served = told.get("functions")
        hint = f"it serves {', '.join(map(str, served))}" if isinstance(served, list) and served else hint
        return NotFound(message, status=404, code=code, request_id=reply.call_id, hint=hint or f"`%aca show {app}`")
    if told.get("type") and told.get("traceback") is not None:
        return remote_exception(told, reply, app)
    kind = InvalidArguments if reply.status == 422 else CallFailed
    return kind(message, status=reply.status, call_id=reply.call_id, code=code, hint=hint or f"`%aca logs {app}`")


def remote_exception(told: Mapping[str, Any], reply: Reply, app: str) -> BaseException:
    """Return what the user's function raised: its own type with a note of the remote frames, or `RemoteError`."""
    frames = format_frames(told.get("traceback") or ())
    name, module = str(told.get("type") or "Exception"), str(told.get("module") or "builtins")
    where = f"raised in app {app!r}" + (f", call {reply.call_id}" if reply.call_id else "")
    revived = _revive(module, name, told.get("args"))
    if revived is None or told.get("code") != "UserError":
        return RemoteError(
            f"{name}: {told.get('message') or ''}", type_name=name, status=reply.status, call_id=reply.call_id,
            remote_traceback=f"Traceback in app {app!r}:\n{frames}", hint=f"look at `%aca logs {app}`",
        )  # fmt: skip
    revived.add_note(f"Traceback ({where}):\n{frames}")
    revived.__dict__[REMOTE] = True
    # IPython asks the exception itself how to show it; plain Python shows the frame that raised it here.
    revived.__dict__["_render_traceback_"] = functools.partial(_render, revived)
    return revived


def format_frames(frames: Sequence[Mapping[str, Any]]) -> str:
    """Write frames as Python does, with the notebook's cell in place of a file."""
    written = []
    for frame in frames:
        place = str(frame.get("cell") or frame.get("file") or "?")
        written.append(f"  {place}, line {frame.get('line')}, in {frame.get('function')}")
        if frame.get("text"):
            written.append(f"    {frame['text']}")
    return "\n".join(written)


def is_remote(error: BaseException) -> bool:
    """Whether an exception was raised by a user's function elsewhere: our own frames say nothing about it."""
    return bool(getattr(error, REMOTE, False))


def _render(error: BaseException) -> list[str]:
    """Show an exception as IPython does, with the caller's frames and without those of this package."""
    from IPython.core.getipython import get_ipython

    shown = get_ipython().InteractiveTB  # whoever asks is IPython
    lines: list[str] = shown.structured_traceback(type(error), error, _without_ours(error.__traceback__))
    return lines


def _without_ours(frames: TracebackType | None) -> TracebackType | None:
    if frames is None:
        return None
    later = _without_ours(frames.tb_next)
    if str(frames.tb_frame.f_globals.get("__name__")).partition(".")[0] == "aca_notebook":
        return later
    return TracebackType(later, frames.tb_frame, frames.tb_lasti, frames.tb_lineno)


def _revive(module: str, name: str, arguments: object) -> Exception | None:
    """Make the exception, if its class is one we already have: nothing is imported for a server's sake."""
    if not isinstance(arguments, list):
        return None
    home = builtins if module == "builtins" else sys.modules.get("__main__" if module == CELL_MODULE else module)
    found = getattr(home, name, None)
    if not (isinstance(found, type) and issubclass(found, Exception)):
        return None
    try:
        revived = found(*arguments)
        str(revived)
    except Exception:  # noqa: BLE001  # a constructor of the user's may raise anything; RemoteError then says it all
        return None
    return revived


def _told(body: bytes) -> dict[str, Any] | None:
    try:
        parsed = json.loads(body)
    except ValueError:
        return None
    error = parsed.get("error") if isinstance(parsed, dict) else None
    return error if isinstance(error, dict) else None


def _excerpt(reply: Reply) -> str:
    if not reply.content_type.startswith("text/plain"):
        return ""
    return reply.body.decode(errors="replace").strip()[:300]

"""What can go wrong, as one tree.

    AcaError
    ├── UsageFailed             the line or the arguments make no sense
    ├── NameRefused             Azure would refuse the name
    ├── CaptureFailed           the cell cannot travel (names the variable, the cell and the line)
    ├── RequirementsFailed      its packages cannot be pinned or do not fit together
    ├── TargetFailed            no such target, or it cannot be reached
    │   ├── Unreachable         nobody answers at its address
    │   └── EmulatorFailed      the local emulator does not start or has died
    ├── ServiceFailed           the platform refused or failed, and nothing narrower fits
    │   ├── NotFound
    │   ├── Conflict            another operation is in progress
    │   ├── QuotaExceeded       cores, GPUs or environments are used up
    │   ├── Throttled           too many requests
    │   └── Unauthorized        no, or a wrong, credential or key
    ├── DeploymentFailed        the new revision did not become ready (with the traceback of the cell, if it has one)
    │   ├── BuildFailed         the image could not be made
    │   └── Superseded          a later deploy of the same app took over
    ├── SessionGone             the interpreter that ran a session's earlier cells is no more
    ├── CallFailed              an app answered a call with an error of its own making (status, call id)
    │   ├── InvalidArguments    a parameter is missing or has the wrong type
    │   └── RemoteError         the function raised (type name, remote traceback)
    └── Interrupted             the first Ctrl-C: says what was cancelled
        └── Detached            the second: what was being cancelled goes on by itself

Each has three lines: what happened in our words; the platform's code, text and request id; the command to run next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class AcaError(Exception):
    """Something we can explain; `code`, `detail` and `request_id` are the platform's own words, `hint` is ours."""

    def __init__(
        self, message: str, *, code: str = "", detail: str = "", hint: str = "", request_id: str = ""
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.message = message
        self.code = code
        self.detail = detail
        self.hint = hint
        self.request_id = request_id

    @property
    def passing(self) -> bool:
        """Whether it may be over in a moment, so that whoever only looks does well to look again."""
        return False

    def rewrite(self, change: Callable[[str], str]) -> None:
        """Pass every text of it through `change`, which takes out what must not be shown."""
        for name in ("message", "detail", "hint", "traceback", "remote_traceback"):
            text = getattr(self, name, "")
            if text:
                setattr(self, name, change(text))
        self.args = (self.message,)

    def lines(self) -> tuple[str, str, str]:
        """Return what happened, what the platform said, and what to run next; the last two may be empty."""
        said = ": ".join(part for part in (self.code, self.detail) if part)
        if self.request_id:
            said = f"{said} (request {self.request_id})".strip()
        return self.message, said, self.hint

    def __str__(self) -> str:
        return "\n".join(line for line in self.lines() if line)

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of our stack: the error's name and its lines."""
        first, *rest = str(self).split("\n")
        return [f"{type(self).__name__}: {first}", *(f"  {line}" for line in rest)]


class UsageFailed(AcaError):
    """The line or the arguments make no sense."""


class NameRefused(AcaError):
    """Azure would refuse the name."""


class CaptureFailed(AcaError):
    """The cell cannot travel: `name` is the variable or function at fault, `line` counts from 1 in `cell`."""

    def __init__(
        self, message: str, *, name: str = "", cell: str = "", line: int = 0, code: str = "CaptureFailed",
        hint: str = "",
    ) -> None:  # fmt: skip
        where = f"{cell}, line {line}" if cell and line else f"line {line}" if line else cell
        super().__init__(message, code=code, detail=where, hint=hint)
        self.name = name
        self.cell = cell
        self.line = line


class RequirementsFailed(AcaError):
    """The packages of a cell cannot be pinned, or do not fit together."""


class TargetFailed(AcaError):
    """There is no such target, or it cannot be reached."""


#: The code of an `Unreachable` whose other side showed a certificate that is not trusted.
UNTRUSTED = "CertificateUntrusted"


class Unreachable(TargetFailed):
    """Nobody answered at the target's address; `refused` when no byte of ours was taken, so that a repeat is safe."""

    def __init__(
        self, message: str, *, refused: bool, code: str = "", detail: str = "", hint: str = ""
    ) -> None:  # fmt: skip
        code = code or ("ConnectionRefused" if refused else "ConnectionLost")
        super().__init__(message, code=code, detail=detail, hint=hint)
        self.refused = refused

    @property
    def passing(self) -> bool:
        """A connection may be had again; with a certificate that is not trusted, it may not."""
        return self.code != UNTRUSTED


class EmulatorFailed(TargetFailed):
    """The local emulator does not start, or has died."""


class ServiceFailed(AcaError):
    """The platform refused or failed; `status` is HTTP's, 0 when there was no answer."""

    def __init__(
        self, message: str, *, status: int = 0, code: str = "", detail: str = "", hint: str = "", request_id: str = ""
    ) -> None:  # fmt: skip
        super().__init__(message, code=code, detail=detail, hint=hint, request_id=request_id)
        self.status = status

    @property
    def passing(self) -> bool:
        """The platform is overloaded, or part of it is down."""
        return self.status in {408, 429, 500, 502, 503, 504}


class NotFound(ServiceFailed):
    """The resource does not exist."""


class Conflict(ServiceFailed):
    """Another operation on the resource is in progress."""


class QuotaExceeded(ServiceFailed):
    """Cores, GPUs or environments are used up."""


class Throttled(ServiceFailed):
    """Too many requests; the SDK has already waited and tried again.

    `retry_after_seconds` is how long the platform asks to wait; 0 where it does not say.
    """

    retry_after_seconds: float = 0.0


class Unauthorized(ServiceFailed):
    """No credential or key, or a wrong one."""

    @property
    def expired(self) -> bool:
        """Whether it was a good one until just now: a new one is taken without asking anybody."""
        return self.code == "ExpiredAuthenticationToken"

    @property
    def passing(self) -> bool:
        """With a new token it is over."""
        return self.expired


class DeploymentFailed(AcaError):
    """The new revision did not become ready; `traceback` is the cell's own when importing it failed."""

    def __init__(
        self, message: str, *, traceback: str = "", code: str = "", detail: str = "", hint: str = "",
        request_id: str = "",
    ) -> None:  # fmt: skip
        super().__init__(message, code=code, detail=detail, hint=hint, request_id=request_id)
        self.traceback = traceback

    def _render_traceback_(self) -> list[str]:
        shown = super()._render_traceback_()
        return [*self.traceback.rstrip().split("\n"), "", *shown] if self.traceback else shown


class BuildFailed(DeploymentFailed):
    """The image could not be made; `detail` holds the end of the build log."""


class Superseded(DeploymentFailed):
    """A later deploy of the same app took over; the app runs the later one."""


class SessionGone(AcaError):
    """The interpreter that ran a session's earlier cells is no more: its variables and files went with it."""


class CallFailed(AcaError):
    """An app answered a call with an error of its own making."""

    def __init__(
        self, message: str, *, status: int = 0, call_id: str = "", code: str = "", detail: str = "", hint: str = ""
    ) -> None:  # fmt: skip
        super().__init__(message, code=code, detail=detail, hint=hint, request_id=call_id)
        self.status = status
        self.call_id = call_id


class InvalidArguments(CallFailed):
    """A parameter is missing, unknown or of the wrong type."""


class RemoteError(CallFailed):
    """The function raised an exception whose type does not exist here, or may not be made here."""

    def __init__(
        self, message: str, *, type_name: str, remote_traceback: str = "", status: int = 500, call_id: str = "",
        hint: str = "",
    ) -> None:  # fmt: skip
        super().__init__(message, status=status, call_id=call_id, code=type_name, hint=hint)
        self.type_name = type_name
        self.remote_traceback = remote_traceback

    def _render_traceback_(self) -> list[str]:
        shown = super()._render_traceback_()
        return [*self.remote_traceback.rstrip().split("\n"), "", *shown] if self.remote_traceback else shown


class Interrupted(AcaError):
    """The first Ctrl-C: what was cancelled, and what still runs."""


class Detached(Interrupted):
    """The second Ctrl-C: what the first began to cancel goes on by itself."""

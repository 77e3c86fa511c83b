"""Sessions and their pools, as values: what a pool is, what a session is, what a cell in it has shown."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

#: What Azure takes for an identifier (facts §5.2), and for a pool's name (§5.1).
IDENTIFIER = re.compile(r"[a-zA-Z0-9_|}{\[\]:\";'<>?/.,@#$%^&*()\-+=!~`]{4,128}")
POOL_NAME = re.compile(r"[a-z][a-z0-9]{2,62}")
#: Limits of the platform (facts §5.1, §5.2).
LONGEST_SECONDS = 220
LARGEST_UPLOAD_BYTES = 128 * 2**20
COOLDOWN_SECONDS = range(300, 3601)
MOST_SESSIONS = 600
#: Files of ours in a session's folder: not the person's, and not shown.
OWN_FILE = ".aca-"


class ContainerType(StrEnum):
    """What runs in the sessions of a pool."""

    PYTHON = "PythonLTS"
    NODE = "NodeLTS"
    SHELL = "Shell"
    CUSTOM = "CustomContainer"


class Backend(StrEnum):
    """Who runs a session: a pool of the platform, or our agent in a container app, which may have a GPU."""

    POOL = "session pool"
    AGENT = "session agent"


@dataclass(frozen=True, slots=True)
class Isolation:
    """How far a session is from its neighbours and its host; `isolated` is False where it could reach them."""

    isolated: bool
    level: str
    note: str = ""

    @property
    def words(self) -> str:
        """What every surface says of it."""
        told = f"isolated ({self.level})" if self.isolated else f"not isolated ({self.level})"
        return f"{told}: {self.note}" if self.note else told


#: A pool that says nothing of it is Azure's: each session is a Hyper-V sandbox (documented).
HYPER_V = Isolation(isolated=True, level="Hyper-V")


@dataclass(frozen=True, slots=True)
class SessionPoolState:
    """One pool. `egress` is whether its sessions reach the network; `isolation` is None until somebody asked."""

    name: str
    container_type: str
    endpoint: str = ""
    location: str = ""
    provisioning_state: str = ""
    max_sessions: int = 0
    ready_sessions: int = 0
    cooldown_seconds: int | None = None
    max_alive_seconds: int | None = None
    lifecycle: str = "Timed"
    egress: bool = False
    node_count: int | None = None
    image: str = ""
    cpu_cores: float = 0.0
    memory_bytes: int = 0
    isolation: Isolation | None = None
    sessions: int | None = None

    @property
    def lifetime(self) -> str:
        """When the pool ends a session by itself, in words."""
        if self.cooldown_seconds is not None:
            return f"after {_span(self.cooldown_seconds)} without use"
        if self.max_alive_seconds is not None:
            return f"after {_span(self.max_alive_seconds)}, or when its container exits"
        return "when its container exits" if self.lifecycle == "OnContainerExit" else ""


#: An identifier has so many characters at least (facts §5.2); what stands before a shorter name.
LEAST_IDENTIFIER = 4
LENGTHENED = "aca-"


@dataclass(frozen=True, slots=True)
class SessionState:
    """One session, as its backend lists it."""

    identifier: str
    pool: str
    backend: Backend = Backend.POOL
    created_at: datetime | None = None
    last_accessed_at: datetime | None = None
    expires_at: datetime | None = None
    isolation: Isolation | None = None
    container_type: str = ""
    gpu: str = ""
    note: str = ""

    @property
    def name(self) -> str:
        """What it is called here, where its identifier is a name that was too short for Azure."""
        short = self.identifier.removeprefix(LENGTHENED)
        return short if short and len(short) < LEAST_IDENTIFIER else self.identifier


@dataclass(frozen=True, slots=True)
class SessionFile:
    """A file or folder in a session; `path` is relative to the session's folder (`/mnt/data` on Azure)."""

    path: str
    size_bytes: int = 0
    modified_at: datetime | None = None
    directory: bool = False

    @property
    def own(self) -> bool:
        """Whether it is one of ours."""
        return self.path.rpartition("/")[2].startswith(OWN_FILE)


@dataclass(frozen=True, slots=True)
class Frame:
    """One place of a traceback."""

    file: str
    line: int
    function: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class CellError:
    """What a cell raised in its session; the newest frame is the last."""

    name: str
    message: str
    frames: tuple[Frame, ...] = ()
    cause: str = ""
    text: str = ""

    @property
    def traceback(self) -> str:
        """The frames as Python writes them; what the session wrote itself where there are none."""
        if not self.frames:
            return self.text.rstrip()
        written = ["Traceback (most recent call last):"]
        for frame in self.frames:
            written.append(f"  {frame.file}, line {frame.line}" + (f", in {frame.function}" if frame.function else ""))
            written += [f"    {frame.text}"] if frame.text else []
        return "\n".join(written)


@dataclass(frozen=True, slots=True)
class Output:
    """One thing a cell showed, in order.

    `kind` is `stdout` or `stderr` (with `text`), `display` or `update` (with `data`, a MIME bundle, and `id`),
    `result` (with `data`: the last expression), `clear`, `note` (with `text`: ours, about what is missing).
    All of it is the session's word: untrusted.
    """

    kind: str
    text: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""

    def bytes_of(self, mime: str) -> bytes:
        """Return what a bundle holds as base64, or an empty value."""
        try:
            return base64.b64decode(str(self.data.get(mime) or ""), validate=False)
        except ValueError:
            return b""


@dataclass(frozen=True, slots=True)
class Execution:
    """How a cell ended in its session: `status` is the platform's word, `error` what the cell raised.

    `values` are the variables that were asked for. `seconds` is what the session measured.
    """

    session: str
    id: str = ""
    status: str = ""
    outputs: tuple[Output, ...] = ()
    error: CellError | None = None
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    seconds: float = 0.0
    exit_code: int | None = None

    @property
    def stdout(self) -> str:
        """All it wrote to stdout."""
        return "".join(output.text for output in self.outputs if output.kind == "stdout")

    @property
    def stderr(self) -> str:
        """All it wrote to stderr."""
        return "".join(output.text for output in self.outputs if output.kind == "stderr")

    @property
    def result(self) -> str:
        """The last expression as text; empty when it had no value."""
        found = [output for output in self.outputs if output.kind == "result"]
        return str(found[-1].data.get("text/plain") or "") if found else ""

    @property
    def figures(self) -> tuple[bytes, ...]:
        """The pictures it drew, as PNG files."""
        return tuple(made for output in self.outputs if (made := output.bytes_of("image/png")))


def identifier_fault(text: str) -> str:
    """Say what is wrong with a session's name; empty for a good one."""
    if IDENTIFIER.fullmatch(text):
        return ""
    if not LEAST_IDENTIFIER <= len(text) <= 128:
        return "it has 4 to 128 characters"
    return "letters, digits and most punctuation may stand in it; blanks and other letters may not"


def expected_end(state: SessionPoolState, lived: timedelta, idle: timedelta) -> str:
    """Say why a session of a pool is gone, as far as its age tells."""
    if state.max_alive_seconds is not None and lived.total_seconds() >= state.max_alive_seconds:
        return f"pool {state.name!r} ends each session after {_span(state.max_alive_seconds)}"
    if state.cooldown_seconds is not None and idle.total_seconds() >= state.cooldown_seconds:
        return f"pool {state.name!r} ends a session after {_span(state.cooldown_seconds)} without use"
    return "its interpreter ended: the code killed it, it ran out of memory, or somebody stopped the session"


def _span(seconds: float) -> str:
    if seconds >= 3600 and not seconds % 3600:
        return f"{seconds / 3600:g} h"
    return f"{seconds / 60:g} min" if seconds >= 60 else f"{seconds:g} s"

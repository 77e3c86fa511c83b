"""What an emulator is told when it starts, and where it keeps things."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

#: Below the ephemeral range of Linux (32768) and macOS (49152), so that no outgoing connection takes it.
FIRST_PORT = 8321
LAST_PORT = 8420


@dataclass(frozen=True, slots=True)
class Settings:
    """One emulator's settings.

    `port` 0 takes the remembered one, or a free one from `FIRST_PORT` upwards. `pace` multiplies how long Azure takes
    to provision: 0 is instant, 1 realistic, None what it was last set to. `idle_exit_seconds` None means never.
    `role_delay_seconds` is how long a role assignment takes to be in effect. `webhook_hosts` are those that action
    groups may have told beside this machine.
    """

    data_dir: Path
    port: int = 0
    pace: float | None = None
    idle_exit_seconds: float | None = None
    role_delay_seconds: float = 0.0
    webhook_hosts: tuple[str, ...] = ()

    @property
    def lock_path(self) -> Path:
        """Held with flock while an emulator runs."""
        return self.data_dir / "lock"

    @property
    def endpoint_path(self) -> Path:
        """Who runs, and where; absent after a clean exit."""
        return self.data_dir / "emulator.json"

    @property
    def port_path(self) -> Path:
        """The port to come back on."""
        return self.data_dir / "port"

    @property
    def control_token_path(self) -> Path:
        """The key to `/_emulator`."""
        return self.data_dir / "control-token"

    @property
    def client_path(self) -> Path:
        """The one service principal, its tenant and its subscription."""
        return self.data_dir / "client.json"

    @property
    def signing_key_path(self) -> Path:
        """The private key that signs tokens."""
        return self.data_dir / "signing-key.pem"

    @property
    def secret_key_path(self) -> Path:
        """The key that encrypts `secrets_path`."""
        return self.data_dir / "secret-key"

    @property
    def secrets_path(self) -> Path:
        """Secret values, encrypted."""
        return self.data_dir / "secrets.db"

    @property
    def state_path(self) -> Path:
        """Resources and journal."""
        return self.data_dir / "state.db"


class Pace:
    """How long Azure takes to provision, as a factor of its own times; it may change at any moment."""

    def __init__(self, factor: float = 0.0) -> None:
        self.factor = factor

    def seconds(self, realistic: float) -> float:
        """Return how long something takes now that takes Azure `realistic` seconds."""
        return realistic * self.factor


def parse_pace(text: str) -> float:
    """Return the factor for `instant`, `realistic` or a number.

    Raises `ValueError` for anything else, negative numbers included.
    """
    named = {"instant": 0.0, "realistic": 1.0}.get(text.lower())
    if named is not None:
        return named
    factor = float(text)
    if not 0 <= factor < float("inf"):
        raise ValueError(f"a pace is instant, realistic or a factor, not {text!r}")
    return factor


def parse_idle_exit(text: str) -> float | None:
    """Return seconds, or None for `never`.

    Raises `ValueError` for anything else.
    """
    if text.lower() == "never":
        return None
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise ValueError(f"an idle time is a number of seconds or never, not {text!r}")
    return seconds


def write_private(path: Path, content: str | bytes) -> None:
    """Replace a file in one step, readable by its owner alone; on disk when this returns."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    with draft.open("wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    synchronise(path.parent)


def synchronise(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

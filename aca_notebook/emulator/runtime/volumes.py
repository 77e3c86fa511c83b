"""Volumes of replicas: folders of the replica's own, for a process has the machine's one file system.

What a container finds at a mount path on Azure lies in such a folder here. `MOUNTS_VARIABLE` names it, and where an
argument or a plain variable of the container begins with a mount path, the folder stands there instead.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_MOUNTED = {"Secret", "EmptyDir"}
MOUNTS_VARIABLE = "ACA_NOTEBOOK_MOUNTS"  #: a JSON object: mount path → folder


@dataclass(frozen=True, slots=True)
class Volume:
    """One volume of a template; of those kinds `Secret` and `EmptyDir` are mounted here.

    `files` pairs a secret's name with the file that holds its value.
    """

    name: str
    kind: str
    files: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Mount:
    """Where a container wants a volume, or what lies under `sub_path` in it."""

    volume: str
    path: str
    sub_path: str = ""


class SecretValues(Protocol):
    """Where secret values are."""

    def get(self, owner: str, name: str) -> str:
        """Return a value. Raises `KeyError`."""
        ...


@dataclass(frozen=True, slots=True)
class Mounts:
    """Mount paths and the folders that stand for them."""

    folders: Mapping[str, Path] = field(default_factory=dict)

    def variables(self) -> dict[str, str]:
        """Return what tells a program of them."""
        if not self.folders:
            return {}
        return {MOUNTS_VARIABLE: json.dumps({path: str(folder) for path, folder in self.folders.items()})}

    def here(self, text: str) -> str:
        """Return a path of a container as it is here; the value of `--option=/path` too, anything else as it was."""
        option, equals, value = text.partition("=")
        if text.startswith("-") and equals:
            return f"{option}={self.here(value)}"
        for path in sorted(self.folders, key=len, reverse=True):
            if text == path or text.startswith(f"{path}/"):
                return f"{self.folders[path]}{text[len(path) :]}"
        return text


def make_mounts(
    volumes: Sequence[Volume], mounts: Iterable[Mount], root: Path, owner: str, secrets: SecretValues
) -> Mounts:  # fmt: skip
    """Make the folders a container needs under `root`, with its secrets in files that its user alone reads.

    Containers of one replica share `root`. Raises `KeyError` for a secret that is not there, `OSError`.
    """
    known = {volume.name: volume for volume in volumes}
    folders = {}
    for mount in mounts:
        volume = known.get(mount.volume)
        if volume is None or volume.kind not in _MOUNTED:  # a share of files is none of this machine's
            continue
        folder = _inside(root, volume.name)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name, file in volume.files:
            _write(_inside(folder, file), secrets.get(owner, name))
        folders[mount.path.rstrip("/") or "/"] = _inside(folder, mount.sub_path)
    return Mounts(folders)


def _write(path: Path, value: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(value)


def _inside(folder: Path, relative: str) -> Path:
    """Return a path in a folder. Raises `OSError` for one that leads out of it."""
    parts = PurePosixPath(relative).parts
    if ".." in parts or PurePosixPath(relative).is_absolute():
        raise OSError(f"{relative!r} leads out of its volume")
    return folder.joinpath(*parts)

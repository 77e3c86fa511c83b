"""Which installed distribution a module comes from, and how to ask for the same one elsewhere."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import re
import sys
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Pin:
    """A requirement that names one version: `numpy==2.4.6`, or a commit of a repository.

    `refused` says why nobody else can install it: it was installed from a folder of this machine. `note` says what was
    left out of it.
    """

    name: str
    requirement: str
    refused: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Inventory:
    """What is installed: top-level package → distributions that hold it, and distribution → version."""

    owners: Mapping[str, Sequence[str]]
    versions: Mapping[str, str]


def inventory(cache: Path, path: Sequence[str] | None = None) -> Inventory:
    """Return what is installed on `path` (`sys.path`).

    Reading every distribution's list of files takes 0.2 s, so the answer is kept under `cache` until an installer
    touches one of the folders.
    """
    folders = [Path(each) for each in (sys.path if path is None else path) if each]
    installers = [folder for folder in folders if folder.is_dir() and any(folder.glob("*.dist-info"))]
    state = [(str(folder), folder.stat().st_mtime_ns) for folder in installers]
    kept = cache / f"{hashlib.sha256(json.dumps([sys.version, state]).encode()).hexdigest()}.json"
    if kept.is_file():
        document = json.loads(kept.read_text(encoding="utf-8"))
        return Inventory(document["owners"], document["versions"])
    owners = {name: sorted(set(each)) for name, each in importlib.metadata.packages_distributions().items()}
    versions = {normalised(each.name): each.version for each in importlib.metadata.distributions() if each.name}
    write_whole(kept, json.dumps({"owners": owners, "versions": versions}))
    return Inventory(owners, versions)


def write_whole(path: Path, text: str) -> None:
    """Write a file so that a reader finds all of it or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as part:
        part.write(text)
    Path(part.name).replace(path)


class Distributions:
    """What is installed beside this interpreter; looked up when first asked."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache

    @cached_property
    def inventory(self) -> Inventory:
        """Everything that is installed."""
        return inventory(self._cache / "installed")

    def owners(self, module: str) -> list[str]:
        """Return the distributions that hold a module, by its full name; empty when none does.

        Several may share a top-level package (`azure`, `google`): then only those that hold the module itself.
        """
        names = list(self.inventory.owners.get(module.partition(".")[0], ()))
        if len(names) < 2:
            return names
        parts = module.split(".")
        for length in range(len(parts), 0, -1):
            prefix = "/".join(parts[:length])
            holding = [name for name in names if _holds(name, prefix)]
            if holding:
                return holding
        return names

    def pin(self, name: str) -> Pin | None:
        """Return the pin of an installed distribution, or None when it is not installed."""
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            return None
        origin = _origin(distribution)
        if origin is not None:
            return _pin_of_origin(name, origin)
        public, _, local = distribution.version.partition("+")
        note = f"{name} {distribution.version} here, {public} in the container" if local else ""
        return Pin(name, f"{normalised(name)}=={public}", note=note)


def normalised(name: str) -> str:
    """Write a distribution's name as indexes do: lower case, runs of `-_.` as one `-`."""
    return re.sub(r"[-_.]+", "-", name).lower()


def requirement_name(requirement: str) -> str:
    """Return the normalised name in a requirement (`Foo[bar]>=1; …`), or '' for a line that is an option or a path."""
    match = re.match(
        r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?\s*(==|>=|<=|~=|!=|<|>|===|@|;|,|#|$|\s)", requirement
    )
    return normalised(match.group(1)) if match else ""


def _holds(name: str, prefix: str) -> bool:
    files = importlib.metadata.distribution(name).files or ()
    wanted = (f"{prefix}/", f"{prefix}.py", f"{prefix}.so", f"{prefix}.cpython", f"{prefix}.abi3")
    return any(str(path).startswith(wanted) for path in files)


def _origin(distribution: importlib.metadata.Distribution) -> dict[str, Any] | None:
    written = distribution.read_text("direct_url.json")
    return json.loads(written) if written else None


def _pin_of_origin(name: str, origin: Mapping[str, Any]) -> Pin:
    address = str(origin.get("url", ""))
    repository = origin.get("vcs_info")
    if repository:
        return Pin(name, f"{normalised(name)} @ {repository['vcs']}+{address}@{repository['commit_id']}")
    if address.startswith("file:"):
        return Pin(name, "", refused=f"`{name}` was installed from a folder or file of this machine")
    return Pin(name, f"{normalised(name)} @ {address}")

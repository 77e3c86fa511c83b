"""Which installed distribution a module comes from, and how to ask for the same one elsewhere."""

from __future__ import annotations

import importlib.metadata
import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


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


class Distributions:
    """What is installed beside this interpreter; read once, when first asked."""

    @cached_property
    def _owners(self) -> Mapping[str, list[str]]:
        return importlib.metadata.packages_distributions()

    def owners(self, module: str) -> list[str]:
        """Return the distributions that hold a module, by its full name; empty when none does.

        Several may share a top-level package (`azure`, `google`): then only those that hold the module itself.
        """
        names = list(dict.fromkeys(self._owners.get(module.partition(".")[0], ())))
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

"""Which target, which names: an argument beats the environment, which beats the notebook, which beats the file.

The notebook's own settings are those a person sets while it runs (`%aca target azure --resource-group mine`); the file
is `settings.toml` in our home folder.
"""

from __future__ import annotations

import json
import os
import sys
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Setting → the environment variable it is read from; Azure's own names wherever there is one.
ENVIRONMENT_VARIABLES: dict[str, str] = {
    "target": "ACA_NOTEBOOK_TARGET",
    "subscription_id": "AZURE_SUBSCRIPTION_ID",
    "resource_group": "AZURE_RESOURCE_GROUP",
    "environment": "AZURE_CONTAINERAPPS_ENVIRONMENT",
    "location": "AZURE_LOCATION",
    "registry": "AZURE_CONTAINER_REGISTRY",
    "resource_manager": "AZURE_RESOURCE_MANAGER_URL",
    "cloud": "AZURE_CLOUD_NAME",
}

#: What a notebook's choice of a target leaves for the next kernel.
REMEMBERED = ("subscription_id", "resource_group", "environment", "location", "registry")
_NOTEBOOKS = "notebooks.json"


@dataclass(frozen=True, slots=True)
class Settings:
    """What was said, and by whom: `sources` names for each setting `argument`, `environment`, `notebook` or `file`."""

    target: str = "local"
    subscription_id: str = ""
    resource_group: str = ""
    environment: str = ""
    location: str = ""
    registry: str = ""
    resource_manager: str = ""
    cloud: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)


def home(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder all our state lives in: `ACA_NOTEBOOK_HOME`, or the platform's place for application data."""
    named = environ.get("ACA_NOTEBOOK_HOME")
    if named:
        return Path(named).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "aca-notebook"
    base = environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "aca-notebook"


def read_file(path: Path) -> dict[str, str]:
    """Return the settings file's texts; a missing file says nothing.

    Raises `ValueError` for a file that is no TOML.
    """
    try:
        text = path.read_text()
    except FileNotFoundError:
        return {}
    try:
        return {name: value for name, value in tomllib.loads(text).items() if isinstance(value, str)}
    except tomllib.TOMLDecodeError as bad:
        raise ValueError(f"{path} is no TOML: {bad}") from bad


def read_notebook(home: Path, notebook: str, target: str) -> dict[str, str]:
    """Return the names a notebook chose for a target before; none for a notebook nobody names, or a damaged file."""
    try:
        names = json.loads((home / _NOTEBOOKS).read_text())[notebook][target]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return {str(name): str(value) for name, value in names.items() if name in REMEMBERED}


def write_notebook(home: Path, notebook: str, target: str, names: Mapping[str, str]) -> None:
    """Keep the names a notebook chose for a target; none is a secret, and which target it was last is not kept."""
    try:
        kept = json.loads((home / _NOTEBOOKS).read_text())
    except (OSError, ValueError):
        kept = {}
    chosen = {name: value for name, value in names.items() if name in REMEMBERED and value}
    kept = {**kept, notebook: {**kept.get(notebook, {}), target: chosen}}
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = home / f"{_NOTEBOOKS}.{os.getpid()}"
    fresh.write_text(json.dumps(kept, indent=1))
    fresh.replace(home / _NOTEBOOKS)


def resolve(
    argument: Mapping[str, str], environ: Mapping[str, str], notebook: Mapping[str, str], file: Mapping[str, str]
) -> Settings:  # fmt: skip
    """Put the four together. Raises `ValueError` for a setting that does not exist."""
    names = [entry.name for entry in fields(Settings) if entry.name != "sources"]
    for said in (argument, notebook, file):
        unknown = sorted(set(said) - set(names))
        if unknown:
            raise ValueError(f"there is no setting {unknown[0]!r}; there are {', '.join(names)}")
    told = {name: environ[variable] for name, variable in ENVIRONMENT_VARIABLES.items() if environ.get(variable)}
    values: dict[str, str] = {}
    sources: dict[str, str] = {}
    for source, said in (("file", file), ("notebook", notebook), ("environment", told), ("argument", argument)):
        for name, value in said.items():
            if value:
                values[name], sources[name] = value, source
    return Settings(**values, sources=sources)

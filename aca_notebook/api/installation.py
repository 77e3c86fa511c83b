"""What is installed here: versions, and both halves of the Jupyter extension, each in its own place.

The halves serve the page, so they belong where the Jupyter server is installed; a kernel in another environment works
without them. Who has only one of them gets panels that stay empty.
"""

from __future__ import annotations

import json
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from aca_notebook.model.checkup import Check, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

#: What a report of a fault should name.
PACKAGES = ("aca_notebook", "azure-identity", "azure-mgmt-appcontainers", "ipykernel")
#: The oldest JupyterLab that the panel is built for.
OLDEST_LAB = (4, 4)
SERVER_HALF, PAGE_HALF = "aca_notebook", "aca-notebook"


def examine(
    version: Callable[[str], str] | None = None, config_path: Sequence[str] | None = None,
    data_path: Sequence[str] | None = None,
) -> tuple[Check, ...]:  # fmt: skip
    """Look at this interpreter's environment; reads files, and asks no server."""
    found = version or _version
    return (
        _versions({name: found(name) for name in PACKAGES}),
        *_halves(found("jupyterlab"), config_path, data_path),
    )


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _versions(versions: Mapping[str, str]) -> Check:
    python = ".".join(map(str, sys.version_info[:3]))
    said = ", ".join(f"{name} {version or 'not installed'}" for name, version in versions.items())
    missing = [name for name, version in versions.items() if not version and name != "aca_notebook"]
    outcome = Outcome.FAIL if missing else Outcome.OK
    command = f"%pip install {' '.join(missing)}" if missing else ""
    return Check("versions", outcome, f"Python {python}, {said}", command)


def _halves(lab: str, config_path: Sequence[str] | None, data_path: Sequence[str] | None) -> list[Check]:
    if not lab:
        said = "JupyterLab is not installed beside this kernel: its server has the panel, or nobody has"
        return [Check("JupyterLab", Outcome.OK, said)]
    if _number(lab) < OLDEST_LAB:
        said = f"JupyterLab {lab} is older than the panel can use"
        return [Check("JupyterLab", Outcome.WARN, said, f"%pip install 'jupyterlab>={'.'.join(map(str, OLDEST_LAB))}'")]
    config, data = _paths(config_path, data_path)
    server, page = _server_half(config), _page_half(data)
    if server and page:
        return [Check("JupyterLab", Outcome.OK, f"JupyterLab {lab} with both halves of the extension")]
    lacks = " and ".join(name for name, there in (("the server half", server), ("the panel", page)) if not there)
    command = "%pip install --force-reinstall --no-deps aca_notebook  # then restart Jupyter"
    return [Check("JupyterLab", Outcome.WARN, f"JupyterLab {lab} lacks {lacks}: cards work, panels do not", command)]


def _paths(config_path: Sequence[str] | None, data_path: Sequence[str] | None) -> tuple[list[Path], list[Path]]:
    if config_path is None or data_path is None:
        from jupyter_core import paths  # comes with the kernel

        config_path, data_path = config_path or paths.jupyter_config_path(), data_path or paths.jupyter_path()
    return [Path(each) for each in config_path], [Path(each) for each in data_path]


def _server_half(config: Sequence[Path]) -> bool:
    """Whether some place switches the server extension on, and none that goes before it switches it off."""
    for folder in config:
        places = [folder / "jupyter_server_config.json", *sorted((folder / "jupyter_server_config.d").glob("*.json"))]
        for place in places:
            extensions = _read(place).get("ServerApp", {}).get("jpserver_extensions", {})
            if SERVER_HALF in extensions:
                return bool(extensions[SERVER_HALF])
    return False


def _page_half(data: Sequence[Path]) -> bool:
    return any((folder / "labextensions" / PAGE_HALF / "package.json").is_file() for folder in data)


def _read(place: Path) -> dict[str, dict[str, dict[str, bool]]]:
    try:
        read = json.loads(place.read_text())
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())

"""What sessions may import: the environment of the emulator, and what Azure's has beside it.

Sessions of PythonLTS run the emulator's own interpreter: kernels start at once, without a network, and the packages of
the notebook are there. What Azure's containers have and this environment has not is put into a folder of its own, once,
by `uv`; sessions find it first on their path. Without a network that folder stays empty, and a session says what is
missing when it is imported. `ACA_NOTEBOOK_SESSION_PACKAGES` names a folder to be used in its place, and nothing is
fetched then. matplotlib's list of fonts is made once too: each new session would take seconds for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import importlib.metadata
import importlib.util
import json
import logging
import os
import platform
import shutil
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from aca_notebook.emulator.runtime.builder import uv_environment
from aca_notebook.emulator.runtime.tools import run_tool

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger(__name__)

#: Distributions and a module of each: what documented examples and agent frameworks import besides numpy and pandas.
_OF_AZURE = {
    "matplotlib": "matplotlib", "contourpy": "contourpy", "cycler": "cycler", "fonttools": "fontTools",
    "kiwisolver": "kiwisolver", "pillow": "PIL", "pyparsing": "pyparsing",
    "setuptools<82": "pkg_resources",  # the last with pkg_resources, which AutoGen imports
}  # fmt: skip
_FETCH_SECONDS = 120.0
_FONTS = "import matplotlib.font_manager"
_PART = ".part"
#: Of the emulator's environment: a folder of packages that is there already, or an empty one for none.
GIVEN = "ACA_NOTEBOOK_SESSION_PACKAGES"


class Packages:
    """Owns a folder. `place` is what to put on a session's path, `fonts` what matplotlib finds its list in."""

    def __init__(self, folder: Path, *, uv: str, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._uv = uv
        self._environment = uv_environment(environment)
        self._wanted = [name for name, module in _OF_AZURE.items() if importlib.util.find_spec(module) is None]
        key = json.dumps([sorted(self._wanted), platform.python_version(), _version_of_numpy()])
        given = environment.get(GIVEN, "")
        self._given = Path(given) if given else None
        self._place = folder / hashlib.sha256(key.encode()).hexdigest()[:16]
        self._made: asyncio.Task[None] | None = None
        self._fonts_made: asyncio.Task[None] | None = None

    @property
    def place(self) -> Path | None:
        """The folder of packages, if there is one."""
        there = self._given or self._place / "packages"
        return there if there.is_dir() else None

    @property
    def fonts(self) -> Path | None:
        """The folder with matplotlib's list, once it is made."""
        there = self._place / "fonts"
        return there if there.is_dir() else None

    def prepare(self) -> None:
        """Begin to make both, unless that has begun."""
        if self._made is None:
            self._made = asyncio.create_task(self._make(), name="packages of sessions")
            self._fonts_made = asyncio.create_task(self._make_fonts(), name="fonts of sessions")

    async def ready(self) -> None:
        """Return when packages are there, or cannot be had."""
        self.prepare()
        if self._made is not None:
            await asyncio.shield(self._made)

    def names(self) -> list[dict[str, str]]:
        """Return what sessions can import, by distribution and version. Blocks."""
        paths = [str(self.place), *sys.path] if self.place is not None else sys.path
        found = {each.name: each.version for each in importlib.metadata.distributions(path=paths)}
        return [{"name": name, "version": found[name]} for name in sorted(found, key=str.lower)]

    async def close(self) -> None:
        """End what is being made."""
        for task in (self._made, self._fonts_made):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def _make(self) -> None:
        if self._given is not None or self.place is not None or not self._wanted:
            return
        await asyncio.to_thread(self._sweep)
        part = self._folder / f"{uuid.uuid4().hex}{_PART}"
        said: list[str] = []
        install = [
            self._uv, "pip", "install", "--python", sys.executable, "--target", str(part), "--no-deps",
            "--link-mode", "copy", "--compile-bytecode", *self._wanted,
        ]  # fmt: skip
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            async with asyncio.timeout(_FETCH_SECONDS):
                code = 1
                for offline in (["--offline"], []):  # what is in uv's cache costs no round trip
                    code = await run_tool([*install, *offline], environment=self._environment, log=said.append)
                    if code == 0:
                        break
            if code:
                logger.warning("sessions are without %s: %s", ", ".join(self._wanted), " ".join(said[-3:]))
            else:
                await asyncio.to_thread(_take_place, part, self._place / "packages")
        except (OSError, TimeoutError) as failure:
            logger.warning("sessions are without %s: %s", ", ".join(self._wanted), str(failure) or "it takes too long")
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def _sweep(self) -> None:
        """Remove what a killed emulator was in the middle of. Blocks."""
        for left in self._folder.glob(f"*{_PART}"):
            shutil.rmtree(left, ignore_errors=True)

    async def _make_fonts(self) -> None:
        await self.ready()
        if self._given is not None or self.fonts is not None:
            return
        part = self._folder / f"{uuid.uuid4().hex}{_PART}"
        environment = {"PATH": os.defpath, "MPLCONFIGDIR": str(part), "HOME": str(part)}
        if self.place is not None:
            environment["PYTHONPATH"] = str(self.place)
        try:
            part.mkdir(parents=True)
            ignored: list[str] = []
            code = await run_tool([sys.executable, "-c", _FONTS], environment=environment, log=ignored.append)
            if code == 0:
                await asyncio.to_thread(_take_place, part, self._place / "fonts")
        except OSError as failure:
            logger.debug("no list of fonts: %s", failure)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def _take_place(part: Path, place: Path) -> None:
    """Give what was made its name; whoever a sandbox runs as may read it. Blocks."""
    for folder, _, names in os.walk(part):
        Path(folder).chmod(0o755)
        for name in names:
            file = Path(folder, name)
            file.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)
    place.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError):  # another emulator was faster
        part.rename(place)


def _version_of_numpy() -> str:
    try:
        return importlib.metadata.version("numpy")
    except importlib.metadata.PackageNotFoundError:
        return ""

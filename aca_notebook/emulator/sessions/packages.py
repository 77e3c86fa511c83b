"""What sessions may import: the environment of the emulator, and what Azure's has beside it.

Sessions of PythonLTS run the emulator's own interpreter: kernels start at once, without a network, and the packages of
the notebook are there. What Azure's containers have and this environment has not is put into a folder of its own, once,
by `uv`; sessions find it first on their path. No session waits for that: the folder is there, empty, from the first on,
and who imports a module that is still on its way waits in the import (`kernel_start`). Without a network the folder
stays empty, and the import says so. `ACA_NOTEBOOK_SESSION_PACKAGES` names a folder to be used in its place, and nothing
is fetched then. matplotlib's list of fonts is made once too: each new session would take seconds for it.
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
from aca_notebook.emulator.sessions.kernel_start import MADE

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger(__name__)

#: Distributions and a module of each: what documented examples and agent frameworks import besides numpy and pandas.
OF_AZURE = {
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

    def __init__(
        self, folder: Path, *, uv: str, environment: Mapping[str, str], of_azure: Mapping[str, str] = OF_AZURE
    ) -> None:  # fmt: skip
        self._folder = folder
        self._uv = uv
        self._environment = uv_environment(environment)
        missing = {name: module for name, module in of_azure.items() if importlib.util.find_spec(module) is None}
        self._wanted = list(missing)
        self._modules = sorted(missing.values())
        key = json.dumps([sorted(self._wanted), platform.python_version(), _version_of_numpy()])
        given = environment.get(GIVEN, "")
        self._given = Path(given) if given else None
        self._place = folder / hashlib.sha256(key.encode()).hexdigest()[:16]
        self._made: asyncio.Task[None] | None = None
        self._fonts_made: asyncio.Task[None] | None = None

    @property
    def place(self) -> Path | None:
        """The folder of packages, if there is one; what is on its way comes into it."""
        there = self._given or self._place / "packages"
        return there if there.is_dir() else None

    @property
    def awaited(self) -> tuple[str, ...]:
        """The modules that are still on their way into the folder."""
        place = self._place / "packages"
        return () if self._given or not place.is_dir() or _is_made(place) else tuple(self._modules)

    @property
    def fonts(self) -> Path | None:
        """The folder with matplotlib's list, once it is made."""
        there = self._place / "fonts"
        return there if there.is_dir() else None

    def prepare(self) -> None:
        """Begin to make both, unless that has begun."""
        if self._made is None:
            if self._given is None and self._wanted:
                place = self._place / "packages"
                with contextlib.suppress(OSError):  # a full disk: then without
                    place.mkdir(parents=True, exist_ok=True)
                    place.chmod(0o755)  # for whoever a sandbox runs as
                    if not _is_made(place):  # what was in the way of an earlier emulator may not be in this one's
                        (place / MADE).unlink(missing_ok=True)
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
        if self._given is not None or not self.awaited:
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
                    said.clear()
                    code = await run_tool([*install, *offline], environment=self._environment, log=said.append)
                    if code == 0:
                        break
            trouble = " ".join(said[-3:]) if code else ""
            if not code:
                await asyncio.to_thread(_readable, part)
                await asyncio.to_thread(_move_into, part, self._place / "packages")
        except (OSError, TimeoutError) as failure:
            trouble = str(failure) or "it takes too long"
        finally:
            shutil.rmtree(part, ignore_errors=True)
        if trouble:
            logger.warning("sessions are without %s: %s", ", ".join(self._wanted), trouble)
            with contextlib.suppress(OSError):
                await asyncio.to_thread(_tell, self._place / "packages", trouble)

    def _sweep(self) -> None:
        """Remove what a killed emulator was in the middle of. Blocks."""
        half_made = [*(self._place / "packages").iterdir()] if (self._place / "packages").is_dir() else []
        for left in (*self._folder.glob(f"*{_PART}"), *half_made):
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)

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
                await asyncio.to_thread(_readable, part)
                await asyncio.to_thread(_take_place, part, self._place / "fonts")
        except OSError as failure:
            logger.debug("no list of fonts: %s", failure)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def _is_made(place: Path) -> bool:
    """Tell whether all of it is there; what could not be had is tried again by the next emulator."""
    try:
        return (place / MADE).stat().st_size == 0
    except OSError:
        return False


def _readable(part: Path) -> None:
    """Let whoever a sandbox runs as read what was made. Blocks."""
    for folder, _, names in os.walk(part):
        Path(folder).chmod(0o755)
        for name in names:
            file = Path(folder, name)
            file.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)


def _move_into(part: Path, place: Path) -> None:
    """Move what was made into a folder that sessions have in sight, and say then that it is there. Blocks."""
    for each in part.iterdir():
        each.rename(place / each.name)
    _tell(place)


def _tell(place: Path, trouble: str = "") -> None:
    """Tell who waits that it is all there, or why it will not come; the next emulator tries again then. Blocks."""
    part = place / f"{MADE}{_PART}"
    part.write_text(trouble[-500:], encoding="utf-8")
    part.chmod(0o644)
    part.rename(place / MADE)


def _take_place(part: Path, place: Path) -> None:
    """Give what was made its name. Blocks."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError):  # another emulator was faster
        part.rename(place)


def _version_of_numpy() -> str:
    try:
        return importlib.metadata.version("numpy")
    except importlib.metadata.PackageNotFoundError:
        return ""

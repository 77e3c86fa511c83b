"""Builds an image from a bundle: a clean Python environment made from its lock, and the bundle's files in a folder.

Environments are kept by what is in them (requirements and interpreter), images by the bytes of their context, so that
a second build of the same thing is a look at two folders. A Dockerfile of another kind needs a container engine.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import json
import logging
import lzma
import os
import platform
import py_compile
import re
import shutil
import tarfile
import uuid
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.runtime.tools import run_tool

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aca_notebook.emulator.runtime.images import Images, LocalImage
    from aca_notebook.emulator.runtime.interpreters import Interpreters

logger = logging.getLogger(__name__)

Log = Callable[[str], None]

_PART = ".part"
_LAST_LINES = 12
#: Of the emulator's own environment, what would lead uv to some other environment than the one it is told to fill.
_MISLEADING = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONHOME", "PYTHONPATH", "UV_SYSTEM_PYTHON", "UV_PROJECT_ENVIRONMENT")
#: uv does not read pip's variables; a user who set only those means them here too. The last is uv's separator.
_PIP_SETTINGS = (
    ("PIP_INDEX_URL", ("UV_DEFAULT_INDEX", "UV_INDEX_URL"), " "),
    ("PIP_EXTRA_INDEX_URL", ("UV_INDEX", "UV_EXTRA_INDEX_URL"), " "),
    ("PIP_FIND_LINKS", ("UV_FIND_LINKS",), ","),
)


class BuildFailed(Exception):
    """The context could not become an image; the text says why and, where it can, what to do."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an archive may unpack to."""

    size_bytes: int
    files: int


_LIMITS = Limits(16 * 2**30, 200_000)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the builder reads of `bundle.json`."""

    python: str
    requirements: str
    command: tuple[str, ...]


class Builder:
    """Owns the folders `images`, `environments` and `bytecode` under `folder`, and the builds that run in them."""

    def __init__(
        self, *, folder: Path, images: Images, interpreters: Interpreters, uv: str, environment: Mapping[str, str]
    ) -> None:
        self._images = images
        self._interpreters = interpreters
        self._uv = uv
        self._uv_environment = uv_environment(environment)
        folder = folder.resolve()
        self._bundles = folder / "images"
        self._environments = folder / "environments"
        self._bytecode = folder / "bytecode"
        self._locks: dict[str, asyncio.Lock] = {}
        self._warming: set[asyncio.Task[None]] = set()
        for place in (self._bundles, self._environments, self._bytecode):
            place.mkdir(parents=True, exist_ok=True)
        self._sweep()

    async def build(self, context: Path, images: Sequence[str], log: Log) -> LocalImage:
        """Make `images` (full references) run the bundle in `context`, a tar archive; returns how.

        `log` gets progress and the tools' own lines. Cancelling kills the tools and leaves nothing half made. Raises
        `BuildFailed`.
        """
        folder = await self._unpack(context)
        manifest = read_manifest(folder)
        environment = await self.environment(_text(folder, manifest.requirements), manifest.python, log)
        command = (_program(manifest.command[0], environment), *manifest.command[1:])
        variables = {
            "ACA_RUNNER_HOST": "127.0.0.1",
            "PATH": f"{environment / 'bin'}:/usr/local/bin:/usr/bin:/bin",
            "PYTHONUNBUFFERED": "1",
            "VIRTUAL_ENV": str(environment),
        }
        built = [await self._images.register(image, command, folder, variables) for image in images]
        log(f"Tagged {', '.join(each.image for each in built)}")
        return built[0]

    async def environment(self, requirements: str, python: str, log: Log) -> Path:
        """Return a virtual environment with exactly `requirements`, for Python `python`; made when there is none.

        Raises `BuildFailed` with uv's last lines.
        """
        try:
            interpreter = self._interpreters.find(python)
        except LookupError as unknown:
            raise BuildFailed(f"the bundle needs Python {python}, but {unknown}") from unknown
        key = environment_key(requirements, interpreter, self._interpreters.version(interpreter))
        place = self._environments / key
        async with self._locks.setdefault(key, asyncio.Lock()):
            if (place / "bin" / "python").exists():
                log(f"Using the environment {key[:12]} as it is")
            else:
                await self._make_environment(place, requirements, interpreter, log)
        return place

    def warm(self, requirements: str, python: str) -> None:
        """Start making the environment for `requirements` in the background, so that the first build finds it.

        A failure is logged: the build that needs the environment will tell its user.
        """
        task = asyncio.create_task(self._warm(requirements, python))
        self._warming.add(task)
        task.add_done_callback(self._warming.discard)

    async def close(self) -> None:
        """End what still warms up."""
        for task in self._warming:
            task.cancel()
        await asyncio.gather(*self._warming, return_exceptions=True)

    def _sweep(self) -> None:
        """Remove what a killed emulator was in the middle of, and bundles that no image names: failed builds.

        Environments stay: making one again takes longer than keeping it.
        """
        named = {image.folder.name for image in self._images.list() if image.folder is not None}
        left = [each for each in self._bundles.iterdir() if each.name not in named]
        for each in (*left, *self._environments.glob(f"*{_PART}")):
            shutil.rmtree(each, ignore_errors=True)

    async def _warm(self, requirements: str, python: str) -> None:
        try:
            await self.environment(requirements, python, lambda line: logger.debug("warming: %s", line))
        except (BuildFailed, OSError) as failure:
            logger.warning("the base environment could not be made ahead of time: %s", failure)

    async def _unpack(self, context: Path) -> Path:
        digest = await asyncio.to_thread(_digest, context)
        folder = self._bundles / digest
        if not folder.exists():
            part = self._bundles / f"{digest}.{uuid.uuid4().hex[:8]}{_PART}"
            try:
                await asyncio.to_thread(unpack, context, part)
                await asyncio.to_thread(compile_sources, part, self._bytecode)
                await asyncio.to_thread(_take_place, part, folder)
            finally:
                shutil.rmtree(part, ignore_errors=True)
        return folder

    async def _make_environment(self, place: Path, requirements: str, interpreter: Path, log: Log) -> None:
        shutil.rmtree(place, ignore_errors=True)
        part = place.with_name(f"{place.name}.{uuid.uuid4().hex[:8]}{_PART}")
        try:
            log(f"Creating an environment for Python {self._interpreters.version(interpreter)}")
            await self._run_uv(
                "venv", "--relocatable", "--no-project", "--python", str(interpreter), str(part), log=log
            )
            wanted = part / "requirements.txt"
            wanted.write_text(requirements, encoding="utf-8")
            if pinned(requirements):
                await self._install(part, wanted, log)
            await asyncio.to_thread(_take_place, part, place)
        finally:
            shutil.rmtree(part, ignore_errors=True)

    async def _install(self, environment: Path, requirements: Path, log: Log) -> None:
        """Install from uv's cache alone, and only when that lacks something ask the index.

        A lock that was installed before costs no round trip, and works on a train.
        """
        install = (
            "pip", "install", "--python", str(environment / "bin" / "python"), "--link-mode", "hardlink",
            "--compile-bytecode", "--requirements", str(requirements),
        )  # fmt: skip
        kept: list[str] = []
        try:
            await self._run_uv(*install, "--offline", log=kept.append)
        except BuildFailed:
            log("Fetching packages")
            await self._run_uv(*install, log=log)
        else:
            for line in kept:
                log(line)

    async def _run_uv(self, *arguments: str, log: Log) -> None:
        said: list[str] = []

        def hear(line: str) -> None:
            said.append(without_credentials(line))
            log(said[-1])

        try:
            code = await run_tool(
                [self._uv, *arguments], environment=self._uv_environment, log=hear, folder=self._environments
            )
        except OSError as broken:
            raise BuildFailed(f"uv could not be started: {broken}") from broken
        if code:
            raise BuildFailed("\n".join(said[-_LAST_LINES:]) or f"uv ended with exit code {code}")


def uv_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what uv gets of `environment`: the user's index and proxy settings, and nothing that misleads it."""
    kept = {name: value for name, value in environment.items() if name not in _MISLEADING}
    for pip, names, separator in _PIP_SETTINGS:
        if kept.get(pip) and not any(kept.get(name) for name in names):
            kept[names[0]] = separator.join(kept[pip].split())
    return kept | {"NO_COLOR": "1", "UV_NO_PROGRESS": "1"}


def environment_key(requirements: str, interpreter: Path, version: str) -> str:
    """Return the name of the environment with these requirements; comments, blank lines and order do not count."""
    contents = json.dumps([str(interpreter), version, sorted(pinned(requirements))])
    return hashlib.sha256(contents.encode()).hexdigest()


def pinned(requirements: str) -> list[str]:
    """Return the requirement lines without comments; a line that goes on after a backslash is one."""
    joined = requirements.replace("\\\n", " ")
    lines = (re.sub(r"(^|\s)#.*$", "", line).strip() for line in joined.splitlines())
    return [" ".join(line.split()) for line in lines if line]


def without_credentials(line: str) -> str:
    """Hide the user and password of an index's address."""
    return re.sub(r"(\w+://)[^/@\s]+@", r"\1****@", line)


def read_manifest(folder: Path) -> Manifest:
    """Read `bundle.json` of an unpacked context.

    Raises `BuildFailed` when the context is none of ours, or of a newer kind.
    """
    path = folder / "bundle.json"
    if not path.is_file():
        raise BuildFailed(
            "this context has no bundle.json. The local registry builds bundles that `%aca deploy` makes; "
            "a Dockerfile of another kind needs a container engine. `aca-notebook emulator image add` gives an image "
            "a local command instead."
        )
    try:
        body: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        schema = int(body["schema"])
        manifest = Manifest(str(body["python"]), str(body["requirements"]), tuple(map(str, body["command"])))
    except (ValueError, KeyError, TypeError) as unreadable:
        raise BuildFailed(f"bundle.json cannot be read: {type(unreadable).__name__}: {unreadable}") from unreadable
    if schema != 1:
        raise BuildFailed(f"bundle.json has schema {schema}; this emulator knows schema 1. Restart it after an update.")
    if not manifest.command:
        raise BuildFailed("bundle.json names no command")
    return manifest


def unpack(context: Path, into: Path, limits: Limits = _LIMITS) -> None:
    """Write the files of a tar archive under `into`.

    Raises `BuildFailed` for what is no archive, for links and devices, for names that lead out of `into`, and for more
    than `limits` allow: a small archive can unpack to any size.
    """
    size_bytes = files = 0
    try:
        with tarfile.open(context, "r:*") as archive:
            into.mkdir(parents=True)
            for member in archive:
                size_bytes, files = size_bytes + member.size, files + 1
                if size_bytes > limits.size_bytes or files > limits.files:
                    allowed = f"{limits.files:,} files or {limits.size_bytes:,} bytes"
                    raise BuildFailed(f"the uploaded source unpacks to more than {allowed}")
                _write_member(archive, member, into)
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, ValueError) as broken:  # ValueError: NUL in a name
        raise BuildFailed(f"the uploaded source is no readable tar archive: {broken}") from broken


def compile_sources(folder: Path, store: Path) -> None:
    """Put bytecode beside the sources of a bundle for this very Python, each source compiled once in its life.

    All but the user's own module is the same from deploy to deploy: a replica starts 0.1 s sooner (measured). An
    image's files never change, so bytecode is not checked against them. What does not compile is left to the runner,
    which shows the error in the cell.
    """
    try:
        if read_manifest(folder).python != ".".join(platform.python_version_tuple()[:2]):
            return
    except BuildFailed:  # the caller reads it again, and tells
        return
    for source in folder.rglob("*.py"):
        with source.open("rb") as file:
            key = hashlib.file_digest(file, "sha256").hexdigest()
        kept = store / f"{key}.{platform.python_version()}.pyc"
        target = Path(importlib.util.cache_from_source(str(source)))
        try:
            if not kept.exists():
                mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
                py_compile.compile(str(source), cfile=str(kept), doraise=True, invalidation_mode=mode)
            target.parent.mkdir(exist_ok=True)
            os.link(kept, target)
        except (py_compile.PyCompileError, OSError) as missing:
            logger.debug("%s goes without bytecode: %s", source.name, missing)


def _write_member(archive: tarfile.TarFile, member: tarfile.TarInfo, into: Path) -> None:
    parts = PurePosixPath(member.name).parts
    if ".." in parts or member.name.startswith("/"):
        raise BuildFailed(f"the uploaded source holds a path that leads out of it: {member.name!r}")
    target = into.joinpath(*parts)
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    source = archive.extractfile(member) if member.isfile() else None
    if source is None:
        raise BuildFailed(f"the uploaded source holds something that is no plain file: {member.name!r}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with source, target.open("wb") as written:
        shutil.copyfileobj(source, written)
    target.chmod(0o755 if member.mode & 0o100 else 0o644)


def _text(folder: Path, name: str) -> str:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise BuildFailed(f"bundle.json names a requirements file that is not there: {name!r}")
    return path.read_text(encoding="utf-8")


def _program(name: str, environment: Path) -> str:
    inside = environment / "bin" / name
    return str(inside) if "/" not in name and inside.exists() else name


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _take_place(part: Path, place: Path) -> None:
    """Rename, unless another got there first with the same thing."""
    try:
        part.rename(place)
    except OSError:
        if not place.exists():
            raise

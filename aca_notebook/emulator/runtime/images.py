"""Which local command an image stands for.

Azure pulls images; this machine has no container engine, so an image is a command in a folder: made by a build, known
from the start (the quickstart images), or added by the user.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.journal.database import delete_document, put_document

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aca_notebook.emulator.journal.database import Database

_KIND = "image"
_HELLO = ("{python}", "-I", "-S", str(Path(__file__).with_name("hello.py")))
_HELLO_JOB = ("{python}", "-I", "-S", str(Path(__file__).with_name("hello_job.py")))

#: Repositories that every tag of is known from the start: what the portal, `az containerapp up` and the docs use.
_SEEDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("mcr.microsoft.com/k8se/quickstart", _HELLO),
    ("mcr.microsoft.com/azuredocs/containerapps-helloworld", _HELLO),
    ("mcr.microsoft.com/k8se/quickstart-jobs", _HELLO_JOB),
)


@dataclass(frozen=True, slots=True)
class LocalImage:
    """How to run an image here.

    `command` may hold `{port}`, which `arguments` fills in; `folder` is the working directory, None for the replica's
    own; `environment` lies under the container's own. `image` is the full reference, registry and tag included. A
    command without `{port}` finds its port in CONTAINER_APP_PORT.
    """

    image: str
    command: tuple[str, ...]
    folder: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    def arguments(self, port: int, python: str = sys.executable) -> tuple[str, ...]:
        """Return the command with `{python}` and `{port}` filled in; other braces stay as they are."""
        return tuple(part.replace("{python}", python).replace("{port}", str(port)) for part in self.command)


class Images:
    """The image table: durable, read from memory."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known = {key: _decode(body) for key, body in database.documents(_KIND).items()}

    def resolve(self, image: str) -> LocalImage | None:
        """Return how to run `image`, spelt in any way a container engine takes, or None when it is not known."""
        reference = normalise(image)
        known = self._known.get(reference)
        if known is None:
            known = self._seed(reference)
        return known

    def list(self) -> list[LocalImage]:
        """Return the images that were built or added, by name, and then the seeds."""
        seeds = [LocalImage(f"{repository}:latest", command) for repository, command in _SEEDS]
        return [*(self._known[key] for key in sorted(self._known)), *seeds]

    async def register(
        self, image: str, command: Sequence[str], folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> LocalImage:  # fmt: skip
        """Make `image` mean `command`, over what it meant before; durable when it returns.

        Raises `ValueError` for an image with no name, an empty command or a folder that does not exist.
        """
        if not command or not all(command):
            raise ValueError(f"the command for image {image!r} must be a list of texts, the program first")
        if folder is not None and not await asyncio.to_thread(folder.is_dir):
            raise ValueError(f"the folder for image {image!r} does not exist: {folder}")
        known = LocalImage(normalise(image), tuple(command), folder, dict(environment or {}))
        await self._database.write(put_document(_KIND, known.image, _encode(known)))
        self._known[known.image] = known
        return known

    async def remove(self, image: str) -> None:
        """Forget what was registered for `image`; a seed comes back."""
        reference = normalise(image)
        await self._database.write(delete_document(_KIND, reference))
        self._known.pop(reference, None)

    def _seed(self, reference: str) -> LocalImage | None:
        repository = _split_version(reference)[0]
        for seeded, command in _SEEDS:
            if repository == seeded:
                return LocalImage(reference, command)
        return None


def normalise(image: str) -> str:
    """Return the full reference a container engine reads in `image`: `nginx` is `docker.io/library/nginx:latest`.

    Raises `ValueError` for text with no name in it.
    """
    text = image.strip()
    repository, version = _split_version(text)
    if not repository or any(character.isspace() for character in text):
        raise ValueError(f"not an image name: {image!r}")
    first, slash, rest = repository.partition("/")
    if not slash:
        registry, path = "docker.io", f"library/{first}"
    elif "." in first or ":" in first or first == "localhost":
        registry, path = first.lower(), rest
    else:
        registry, path = "docker.io", repository
    if registry in {"index.docker.io", "registry-1.docker.io"}:
        registry = "docker.io"
    if registry == "docker.io" and "/" not in path:
        path = f"library/{path}"
    return f"{registry}/{path}{version or ':latest'}"


def _split_version(reference: str) -> tuple[str, str]:
    """Split off `:tag` or `@digest`; a digest is what counts when both are there. A port is no tag."""
    repository, at, digest = reference.partition("@")
    head, slash, last = repository.rpartition("/")
    name, colon, tag = last.partition(":")
    return f"{head}{slash}{name}", f"@{digest}" if at else (f":{tag}" if colon and tag else "")


def _encode(image: LocalImage) -> dict[str, Any]:
    return {
        "image": image.image,
        "command": list(image.command),
        "folder": str(image.folder or ""),
        "environment": dict(image.environment),
    }


def _decode(body: dict[str, Any]) -> LocalImage:
    folder = Path(body["folder"]) if body["folder"] else None
    return LocalImage(body["image"], tuple(body["command"]), folder, dict(body.get("environment", {})))

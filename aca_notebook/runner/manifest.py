"""What `bundle.json` says, read once and checked before anything of the user's is imported or unpickled."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = 1
"""Version of `bundle.json` itself."""
PROTOCOL = 1
"""Version of what client and runner say to each other; a mismatch is refused, never guessed at."""


class BundleRefused(Exception):
    """This runner cannot serve this bundle: another schema, protocol or Python minor."""


@dataclass(frozen=True, slots=True)
class Lines:
    """A run of lines of the module and the cell they were written in; both counted from 1."""

    line: int
    count: int
    cell: str
    cell_line: int


@dataclass(frozen=True, slots=True)
class Served:
    """A name the bundle serves: a function, a class whose methods are served, or an ASGI application."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The parts of `bundle.json` the runner acts on."""

    digest: str
    python: str
    module: str
    entry: str
    exports: tuple[Served, ...]
    lines: tuple[Lines, ...]


def read(folder: Path) -> Manifest:
    """Read `folder/bundle.json`.

    Raises `BundleRefused` for a bundle of another schema or protocol, or made for another Python minor: data that one
    minor pickled may crash the next.
    """
    try:
        document = msgspec.json.decode((folder / "bundle.json").read_bytes())
    except FileNotFoundError:
        raise BundleRefused(f"there is no bundle.json in {folder}") from None
    check(document)
    return Manifest(
        digest=str(document["digest"]),
        python=str(document["python"]),
        module=str(document["module"]),
        entry=str(document.get("entry", "")),
        exports=tuple(Served(str(each["name"]), str(each["kind"])) for each in document.get("exports", ())),
        lines=tuple(
            Lines(int(each["line"]), int(each["count"]), str(each["cell"]), int(each["cell_line"]))
            for each in document.get("lines", ())
        ),
    )


def check(document: dict[str, Any]) -> None:
    """Raise `BundleRefused` unless this interpreter and this runner can serve the bundle."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    for what, found, wanted in (
        ("schema", document.get("schema"), SCHEMA),
        ("protocol", document.get("protocol"), PROTOCOL),
        ("Python", document.get("python"), here),
    ):
        if found != wanted:
            raise BundleRefused(f"the bundle needs {what} {found}, this container has {wanted}: deploy the cell again")

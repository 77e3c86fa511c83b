"""An image table made of a dictionary."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class FakeImage:
    command: tuple[str, ...]
    folder: Path = Path("/")
    environment: Mapping[str, str] = field(default_factory=dict)

    def arguments(self, port: int) -> tuple[str, ...]:
        return tuple(part.replace("{port}", str(port)) for part in self.command)


class FakeImages:
    def __init__(self, known: Mapping[str, tuple[str, ...]] | None = None) -> None:
        self.known = {"hello": ("hello",)} if known is None else dict(known)

    def resolve(self, image: str) -> FakeImage | None:
        return FakeImage(self.known[image]) if image in self.known else None


class FakeSecrets:
    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self.values = dict(values or {})

    def get(self, owner: str, name: str) -> str:
        return self.values[name]

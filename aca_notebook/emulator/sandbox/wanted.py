"""What a caller asks a sandbox for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to run, and how much it may take.

    `command[0]` is an absolute path, or a name to be looked up in `env`'s PATH; words of it and values of `env` may
    hold `{data}`, `{tmp}` and `{run}`, the folders as the program will see them (`Sandbox.shown`). It starts in `data`.
    `folder` is on this machine and the caller's: the sandbox writes `output.log` there (what the program says, as
    `time stream F|P text`, rotated at 10 MB) and nothing else. `env` is all that the program gets, but for HOME, PATH,
    TMPDIR and the way out, where it does not name them itself. `file_bytes` bounds `data` and `tmp` together.
    `readable` are folders and files that it may read, by their own paths, beside the system's: the environment of its
    interpreter. `mark` names all of it for `sweep`: `process.new_mark(owner)`.
    """

    command: tuple[str, ...]
    folder: Path
    env: Mapping[str, str] = field(repr=False)
    cpu_cores: float
    memory_bytes: int
    pids: int
    file_bytes: int
    mark: str
    egress: bool = False
    readable: tuple[Path, ...] = ()

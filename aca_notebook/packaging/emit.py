"""Pieces of source become one readable module, and a map from its lines to the cells: pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

INDENT = "    "


@dataclass(frozen=True, slots=True)
class Run:
    """Lines of a piece (or of the module) that stand in a cell; both are counted from 1."""

    line: int
    count: int
    cell: str
    cell_line: int


@dataclass(frozen=True, slots=True)
class Piece:
    """Source that gives names their values.

    `eager` must stand above it; `lazy` may stand anywhere. `kind` is import, data, definition, alias or cell.
    """

    kind: str
    text: str
    binds: frozenset[str]
    eager: frozenset[str] = frozenset()
    lazy: frozenset[str] = frozenset()
    runs: tuple[Run, ...] = ()


@dataclass(frozen=True, slots=True)
class Emitted:
    """A module and the map of its lines."""

    source: str
    lines: tuple[Run, ...]


def emit(pieces: Sequence[Piece], *, future_annotations: bool, reads_data: bool) -> Emitted:
    """Write the module: imports, then what the cell needs in an order that runs, then the cell."""
    imports = sorted({piece.text for piece in pieces if piece.kind == "import"}, key=_import_order)
    if reads_data:
        imports += [
            "from aca_notebook.runner.stored import Stored as _Stored",
            "",
            "_stored = _Stored(__file__, globals())",
        ]
    lines: list[str] = []
    if future_annotations:
        lines += ["from __future__ import annotations", ""]
    lines += [*imports, ""] if imports else []
    runs: list[Run] = []
    previous = ""
    for piece in in_order([piece for piece in pieces if piece.kind != "import"]):
        apart = piece.kind in {"definition", "cell"} or previous in {"definition", "cell"}
        if lines and apart:
            lines += [""] * (2 if lines[-1] else 1)
        start = len(lines)
        lines += piece.text.splitlines()
        runs += [Run(start + run.line, run.count, run.cell, run.cell_line) for run in piece.runs]
        previous = piece.kind
    return Emitted("\n".join(lines).rstrip("\n") + "\n", tuple(runs))


def _import_order(line: str) -> tuple[bool, str]:
    return line.startswith("from "), line


def in_order(pieces: Sequence[Piece]) -> list[Piece]:
    """Order pieces so that each finds what it needs: eager names above it; what those call, too, where possible.

    The cell itself comes last. Pieces that need each other come in the order they were found.
    """
    owner = {name: piece for piece in pieces for name in piece.binds}
    wants = {id(piece): _wanted(piece, owner) for piece in pieces}
    placed: list[Piece] = []
    waiting = sorted(pieces, key=lambda piece: (piece.kind == "cell", bool(piece.eager) or piece.kind != "data"))
    done: set[str] = set()
    while waiting:
        chosen = next(
            (
                piece
                for needs in (wants, {id(piece): (piece.eager & owner.keys()) - piece.binds for piece in waiting})
                for piece in waiting
                if needs[id(piece)] <= done
            ),
            waiting[0],
        )
        placed.append(chosen)
        waiting.remove(chosen)
        done |= chosen.binds
    return placed


def _wanted(piece: Piece, owner: Mapping[str, Piece]) -> frozenset[str]:
    """Return every name a piece may touch while it runs: what it reads, and all that those read in turn."""
    found: set[str] = set()
    frontier = [name for name in piece.eager if name in owner]
    while frontier:
        name = frontier.pop()
        if name in found or name in piece.binds:
            continue
        found.add(name)
        frontier += [each for each in owner[name].eager | owner[name].lazy if each in owner]
    return frozenset(found)

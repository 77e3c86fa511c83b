"""What a measurement is, and how it is written down."""

from __future__ import annotations

import os
import platform
import statistics
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figure:
    """The rounds of one measurement, against a limit or against a peer measured in the same rounds.

    `rounds` and `peer` are in `unit`; for a rate (`higher_is_better`) the limit is a least value. `limit` bounds the
    median, or with a peer the ratio of the medians.
    """

    name: str
    unit: str
    rounds: tuple[float, ...]
    limit: float | None = None
    peer_name: str = ""
    peer: tuple[float, ...] = ()
    higher_is_better: bool = False
    note: str = field(default="")

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    @property
    def ratio(self) -> float | None:
        """Ours over the peer's, as a share of medians."""
        return self.median / statistics.median(self.peer) if self.peer else None

    @property
    def within(self) -> bool | None:
        """Whether the limit holds; None without one."""
        if self.limit is None:
            return None
        value = self.ratio if self.ratio is not None else self.median
        return value >= self.limit if self.higher_is_better else value <= self.limit

    def row(self) -> str:
        spread = f"{_number(min(self.rounds))}–{_number(max(self.rounds))}"
        against = f"{self.ratio:.2f}× {self.peer_name} ({_number(statistics.median(self.peer))})" if self.peer else ""
        sign = "≥" if self.higher_is_better else "≤"
        limit = "" if self.limit is None else f"{sign} {_number(self.limit)}{'×' if self.peer else ' ' + self.unit}"
        verdict = {True: "yes", False: "**no**", None: ""}[self.within]
        cells = (
            self.name,
            f"{_number(self.median)} {self.unit}",
            spread,
            str(len(self.rounds)),
            against,
            limit,
            verdict,
        )
        return f"| {' | '.join(cells)} |"


_HEAD = "| what | median | spread | rounds | against a peer | limit | holds |\n" + "|---" * 7 + "|\n"
_PREFACE = (
    "# Performance\n\n"
    "Written by `make bench`; `python tests/bench/run.py CASE` measures one part again. Medians over rounds; the\n"
    "spread is the least and the greatest round. A ratio compares with a peer measured in the same run, its rounds\n"
    "between ours. The load is the machine's over the minute before: what else ran makes every figure worse.\n"
)


def section(figures: list[Figure], day: str, load: float) -> str:
    """What the page says of one case."""
    notes = "".join(f"- {figure.name}: {figure.note}\n" for figure in figures if figure.note)
    rows = "".join(f"{figure.row()}\n" for figure in figures)
    return f"{machine()}, {day}, load {load:.1f}.\n\n{_HEAD}{rows}" + (f"\n{notes}" if notes else "")


def page(sections: dict[str, str]) -> str:
    """The page `docs/explanation/performance.md`: a section a case."""
    return _PREFACE + "".join(f"\n## {case}\n\n{text.strip()}\n" for case, text in sections.items())


def sections_of(text: str) -> dict[str, str]:
    """The sections that a page has, by case."""
    parts = text.split("\n## ")[1:]
    return {name: rest.strip() for name, _, rest in (part.partition("\n") for part in parts)}


def machine() -> str:
    """The machine in words."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    system = f"{platform.system()} {platform.release().split('-')[0]}"
    return f"{system}, {os.cpu_count()} × {model}, Python {platform.python_version()}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"

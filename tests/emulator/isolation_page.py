"""The tables of docs/explanation/isolation.md: `python -m tests.emulator.isolation_page` writes them from a run."""

from __future__ import annotations

import asyncio
import os
import platform
import tempfile
from pathlib import Path

from aca_notebook.emulator.sandbox import entry
from aca_notebook.emulator.sandbox.levels import Level
from tests.emulator import hostile

PAGE = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "isolation.md"
BEGIN, END = "<!-- attacks: written by tests/emulator/isolation_page.py -->", "<!-- end of attacks -->"
COST, END_OF_COST = "<!-- cost: as above -->", "<!-- end of cost -->"
HEADINGS = {
    "read_secret": "Files", "signal_victim": "Other processes", "reach_loopback": "The network",
    "make_user_namespace": "The kernel", "many_processes": "What there is only so much of",
}  # fmt: skip
LEVELS = (Level.BUBBLEWRAP, Level.LANDLOCK, Level.PROCESS)


def claims() -> dict[str, dict[Level, str]]:
    """Return what the page says of each attack at each level: `held`, `open` or `not tried`."""
    table = PAGE.read_text("utf-8").partition(BEGIN)[2].partition(END)[0]
    found = {}
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 1 + len(LEVELS) and not set(cells[0]) <= set(":-") and cells[0] != "tried":
            said = zip(LEVELS, cells[1:], strict=True)
            found[cells[0]] = {level: _claim(cell) for level, cell in said}
    return found


def _claim(cell: str) -> str:
    if cell.startswith("not tried"):
        return "not tried"
    return "open" if "**" in cell else "held"


def rows(by_root: dict[Level, dict[str, hostile.Outcome]], by_user: dict[Level, dict[str, hostile.Outcome]]) -> str:
    """Write one table for each kind of attack; a cell says how it went, twice where the two users' runs differ."""
    lines: list[str] = []
    for attack in hostile.ATTACKS:
        if attack.name in HEADINGS:
            lines += ["", f"### {HEADINGS[attack.name]}", "", "| tried | bubblewrap | landlock | process |",
                      "| --- | --- | --- | --- |"]  # fmt: skip
        cells = [_cell(by_root[level].get(attack.name), by_user[level].get(attack.name)) for level in LEVELS]
        lines.append(f"| {attack.words} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(by_root: hostile.Outcome | None, by_user: hostile.Outcome | None) -> str:
    said = dict.fromkeys(_words(outcome) for outcome in (by_root, by_user))
    if len(said) == 1:
        return next(iter(said))
    if all(outcome is None or outcome.held for outcome in (by_root, by_user)):
        return " · ".join(said)
    return f"root: {_words(by_root)} · user: {_words(by_user)}"


def _words(outcome: hostile.Outcome | None) -> str:
    if outcome is None:
        return "not tried"
    if not outcome.held:
        return "**succeeds**"
    number, _, text = outcome.how.partition("] ")
    code = number.partition(" ")[0]
    if not code.startswith("E"):
        return f"held: {outcome.how}"
    measured = any(letter.isdigit() for letter in text) and "/" not in text
    return f"held: {code}, {text}" if measured else f"held: {code}"


def main() -> None:
    """Run everything, as root and as an ordinary user, and write the page's tables."""
    by_root = {level: asyncio.run(hostile.run_at(level)) for level in LEVELS}
    seen = hostile.outcomes_as_user(LEVELS)
    by_user = {level: seen[level] for level in LEVELS}
    machine = (
        f"Run on Linux {platform.release()} ({platform.machine()}), Landlock version {entry.landlock_abi()}, "
        f"as root with control groups and as an ordinary user without; {hostile.CORES} processors, "
        f"{hostile.MEMORY >> 20} MiB of memory, {hostile.FILES >> 20} MiB of files, {hostile.PIDS} processes allowed."
    )
    write(BEGIN, END, f"{machine}\n{rows(by_root, by_user)}")
    from tests.bench.sandboxes import isolation  # which needs more than the attacks do

    with tempfile.TemporaryDirectory(prefix="aca-bench-") as home:
        figures = [figure.row() for figure in isolation(Path(home))]
    head = ["| what | median | spread | rounds | against a peer | limit | holds |", "|---" * 7 + "|"]
    load = f"Load of the last quarter of an hour: {os.getloadavg()[2]:.1f} on {os.cpu_count()} processors."
    write(COST, END_OF_COST, "\n".join([load, "", *head, *figures]))


def write(begin: str, end: str, text: str) -> None:
    """Put text between two marks of the page."""
    before, _, rest = PAGE.read_text("utf-8").partition(begin)
    PAGE.write_text(f"{before}{begin}\n\n{text.strip()}\n\n{end}{rest.partition(end)[2]}", "utf-8")


if __name__ == "__main__":
    assert os.geteuid() == 0, "both users are needed: run it as root"
    main()

"""Write the pages of docs/reference from the code: `python docs/generate.py`. Stale pages fail the tests."""

from __future__ import annotations

import asyncio
import inspect
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "docs" / "reference"
MADE = "<!-- made by docs/generate.py; edit the code instead -->\n\n"


def magics() -> str:
    """Every sub-command of `%aca` with its help, from the grammar."""
    from aca_notebook.magics.grammar import help_text
    from aca_notebook.magics.subcommands import GRAMMAR

    parts = ["# `%aca` and `%%aca`\n", "`%aca SUBCOMMAND --help` shows the same text in the notebook.\n"]
    for command in GRAMMAR.commands:
        sign = "%%aca" if command.cell else "%aca"
        parts.append(f"## {sign} {command.name}\n\n```text\n{help_text(command)}\n```\n")
    return "\n".join(parts)


def errors() -> str:
    """The tree of errors, and what each class means."""
    from aca_notebook import errors as module

    tree = inspect.getdoc(module) or ""
    rows = [
        f"| `{name}` | {(inspect.getdoc(kind) or '').splitlines()[0]} |"
        for name, kind in vars(module).items()
        if inspect.isclass(kind) and issubclass(kind, module.AcaError)
    ]
    return "\n".join(["# Errors\n", "```text", tree, "```\n", "| error | when |", "|---|---|", *rows, ""])


def coverage() -> str:
    """Every operation of the emulator, from its route table; it is composed and never started."""
    from aca_notebook.clock import SystemClock
    from aca_notebook.emulator.coverage import coverage_page
    from aca_notebook.emulator.main import compose
    from aca_notebook.emulator.runtime.gpus import NoGpus
    from aca_notebook.emulator.runtime.process import SubprocessSpawn
    from aca_notebook.emulator.settings import Settings

    with tempfile.TemporaryDirectory() as folder:
        emulator = compose(Settings(Path(folder)), SystemClock(), SubprocessSpawn(), NoGpus())
        try:
            return coverage_page(emulator.listed_routes())
        finally:
            asyncio.run(emulator.close())


PAGES = {"coverage.md": coverage, "magics.md": magics, "errors.md": errors}


def main() -> int:
    """Write the pages; with `--check` only compare, and say which are stale."""
    check = "--check" in sys.argv[1:]
    stale = []
    for name, make in PAGES.items():
        page, text = REFERENCE / name, MADE + make()
        if check:
            stale += [name] if not page.exists() or page.read_text() != text else []
        else:
            page.write_text(text)
    sys.stdout.write("".join(f"docs/reference/{name} is stale: run `python docs/generate.py`\n" for name in stale))
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())

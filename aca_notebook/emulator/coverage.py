"""What there is of Azure's operations, as a table: docs/reference/coverage.md is made of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aca_notebook.emulator.wire import Check, Door, Offer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aca_notebook.emulator.wire import Route

_OWN_DOORS = frozenset({Door.CONTROL, Door.PUBLIC, Door.IDENTITY_HEADER})
_NAMES = {Check.RECORDING: "recording", Check.SDK: "SDK", Check.DESCRIPTION: "description"}
#: What is said of a noun before its operations.
_NOTES = {
    "Sessions": (
        "Extensions of this emulator, which Azure ignores or does not have: `Execute` and `GetExecution` with "
        "`Accept: application/x-ndjson` answer a line of JSON for each thing that happens (`started`, `stream`, "
        "`display`, `result`, `error`, `finished`); `CancelExecution`; `isolation` and `instances` in `Metadata`; why "
        "and when a session ended, in the refusal for one that is gone.\n"
    ),
}


def coverage_page(routes: Iterable[Route]) -> str:
    """Return the page: a section for each noun, in its order a row for each operation."""
    nouns: dict[str, dict[tuple[str, str], Route]] = {}
    offered = [route for route in routes if route.door not in _OWN_DOORS]
    for route in offered:
        noun, _, name = route.operation.partition("_")
        nouns.setdefault(noun, {}).setdefault((name, route.method), route)
    counts = {offer: sum(route.offer is offer for found in nouns.values() for route in found.values())
              for offer in Offer}  # fmt: skip
    checked = sum(bool(route.checked) for found in nouns.values() for route in found.values())
    summary = (
        f"{sum(counts.values())} operations: {counts[Offer.WORKS]} work, {counts[Offer.STORED]} are stored only, "
        f"{counts[Offer.REFUSED]} are refused; {checked} are checked against Azure.\n"
    )
    lines = [
        "# What the emulator offers\n",
        "Each operation with how much of it there is and what its answers are held against by a test. *Stored only*",
        "is kept and answered, and nothing acts on it; *refused* answers 501 in words. *Recording* is recorded traffic",
        "of Azure, *SDK* an unmodified SDK that reads them, *description* the API's own; a dash is no more than this",
        "project's own tests. What stands nowhere here is answered 404.\n",
        summary,
    ]
    for noun in sorted(nouns, key=str.lower):
        lines += [
            f"## {noun}\n",
            *([_NOTES[noun]] if noun in _NOTES else []),
            "| operation | request | offered | checked by |",
            "|---|---|---|---|",
        ]
        lines += [_row(name, route) for (name, _), route in sorted(nouns[noun].items())]
        lines.append("")
    return "\n".join(lines)


def _row(name: str, route: Route) -> str:
    checks = ", ".join(word for check, word in _NAMES.items() if check in route.checked)
    return f"| {name or '-'} | `{route.method} {_short(route.template)}` | {route.offer} | {checks or '-'} |"


def _short(template: str) -> str:
    """Return a path as a reader wants it: without the group and the provider that all have."""
    path = re.sub(r"^/subscriptions/\{subscription\}(/resourceGroups/\{group\})?", "…", template)
    return re.sub(r"^…/providers/Microsoft\.\w+/", "…/", path)

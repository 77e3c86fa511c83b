"""The cards of `%aca doctor` and `%aca whoami`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.display import amounts, theme
from aca_notebook.model.checkup import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_notebook.display.cards import Bundle
    from aca_notebook.model.checkup import Check

_MARKS = {
    Outcome.OK: ("✓", theme.GOOD),
    Outcome.WARN: ("!", theme.WARN),
    Outcome.FAIL: ("✗", theme.BAD),
}


def checkup(checks: Sequence[Check], target: str) -> Bundle:
    """Return the card of a check-up: a line for each thing, and the command that mends it below."""
    return _card("doctor", "all is well", checks, target, timed=True)


def practices(checks: Sequence[Check], app: str, target: str) -> Bundle:
    """Return the card of an app held against best practices: a line for each, and the command that follows it."""
    return _card(f"lint {app}", "every practice is followed", checks, target, timed=False)


def _card(name: str, well: str, checks: Sequence[Check], target: str, *, timed: bool) -> Bundle:
    failed = sum(check.outcome is Outcome.FAIL for check in checks)
    warned = sum(check.outcome is Outcome.WARN for check in checks)
    said = [f"{failed} to mend" if failed else "", f"{warned} to know" if warned else ""]
    title = f"{name}: {', '.join(filter(None, said)) or well}"
    worst = Outcome.FAIL if failed else Outcome.WARN if warned else Outcome.OK
    mark, tone = _MARKS[worst]
    wide = max((len(check.name) for check in checks), default=0)
    text = [f"{mark} {title}  ({target})"]
    rows = []
    for check in checks:
        sign, colour = _MARKS[check.outcome]
        took = amounts.seconds(check.seconds)
        text.append(f"  {sign} {check.name:<{wide}} {check.said}" + (f"  ({took})" if timed else ""))
        text += [f"      {check.command}"] if check.command else []
        command = f"<br>{theme.code(check.command)}" if check.command else ""
        cell = '<td style="text-align:left;padding:.05em 1em .05em 0;vertical-align:top">'
        named = cell.replace("vertical-align", "white-space:nowrap;vertical-align")
        last = '<td style="text-align:right;padding:.05em 0;vertical-align:top;white-space:nowrap">'
        rows.append(
            f"{theme.ROW}{cell}{theme.coloured(sign, colour)}</td>{named}{theme.text(check.name)}</td>"
            f"{cell}{theme.text(check.said)}{command}</td>{last}{theme.faint(took) if timed else ''}</td></tr>"
        )
    table = f'<table style="{theme.TABLE}"><tbody>{"".join(rows)}</tbody></table>'
    html = theme.card(title, table, mark=mark, tone=tone, aside=target)
    return {"text/plain": "\n".join(text), "text/html": html}

"""The card of a sign-in: each way with its seconds, the code while it is wanted, and who it came to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.display import amounts, theme
from aca_notebook.model.signing import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_notebook.display.cards import Bundle
    from aca_notebook.model.signing import Attempt

_MARKS = {
    Outcome.TRYING: ("●", theme.BUSY), Outcome.DONE: ("✓", theme.GOOD), Outcome.FAILED: ("✗", theme.BAD),
    Outcome.UNAVAILABLE: ("–", theme.FAINT), Outcome.SKIPPED: ("–", theme.FAINT),
}  # fmt: skip
_CELL = '<td style="text-align:left;padding:.1em 1em .1em 0;vertical-align:top">'
_SHORT = _CELL.replace("text-align", "white-space:nowrap;text-align")


def card(
    attempts: Sequence[Attempt], *, cloud: str, code: tuple[str, str, str] | None = None,
    facts: dict[str, str] | None = None, failed: bool = False,
) -> Bundle:  # fmt: skip
    """Return the card: `code` is a page, a code to enter there and until when; `facts` say who is signed in."""
    done = facts is not None
    title = "not signed in" if failed else f"signed in as {facts['name']}" if facts else "signing in"
    mark, tone = ("✗", theme.BAD) if failed else ("✓", theme.GOOD) if done else ("●", theme.BUSY)
    wide = max((len(each.way) for each in attempts), default=0)
    text, rows = [f"{mark} {title}  ({cloud})"], []
    for each in attempts:
        sign, colour = _MARKS[each.outcome]
        took = amounts.seconds(each.seconds) if each.seconds else ""
        text.append(f"  {sign} {each.way:<{wide}}  {took:>8}  {each.said}".rstrip())
        rows.append(
            f"{theme.ROW}{_SHORT}{theme.coloured(sign, colour)}</td>{_SHORT}{theme.text(each.way)}</td>"
            f"{_SHORT}{took}</td>{_CELL}{theme.faint(each.said)}</td></tr>"
        )
    asked = ""
    if code is not None:
        page, letters, until = code
        text += [f"  open {page}", f"  and enter {letters}  (good until {until})"]
        style = f"font-family:{theme.MONO};font-size:1.2em;letter-spacing:.1em"
        asked = (
            f'<div style="margin-top:.5em">open {theme.link(page)} and enter '
            f'<strong style="{style}">{theme.text(letters)}</strong>'
            f" {theme.faint(f'good until {until}')}</div>"
        )
    told = {name: value for name, value in (facts or {}).items() if value and name != "name"}
    text += [f"  {name:<9} {value}" for name, value in told.items()]
    html = theme.card(
        title, f'<table style="{theme.TABLE}"><tbody>{"".join(rows)}</tbody></table>' if rows else "", asked,
        theme.pairs({name: theme.text(value) for name, value in told.items()}) if told else "",
        mark=mark, tone=tone, aside=cloud,
    )  # fmt: skip
    return {"text/plain": "\n".join(text), "text/html": html}

"""The card of `%aca why`: one sentence, its cause, the platform's words, what shows it, what to run next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.display import theme
from aca_notebook.model.diagnosis import Verdict

if TYPE_CHECKING:
    from aca_notebook.display.cards import Bundle
    from aca_notebook.model.diagnosis import Finding

_MARKS = {
    Verdict.WELL: ("✓", theme.GOOD),
    Verdict.WAITING: ("●", theme.WARN),
    Verdict.BROKEN: ("✗", theme.BAD),
}


def finding(app: str, found: Finding) -> Bundle:
    """Return the card of a finding."""
    mark, tone = _MARKS[found.verdict]
    title = f"{app}: {found.summary}"
    rows = {"because": found.cause, "platform": " · ".join(filter(None, (found.code, found.detail)))}
    next_ = "; ".join(found.commands)
    text = [
        f"{mark} {title}", *(f"  {name:<9} {value}" for name, value in rows.items() if value),
        *(f"    {line}" for line in found.evidence), *([f"  next      {next_}"] if next_ else []),
    ]  # fmt: skip
    html = theme.card(
        title,
        theme.pairs({name: theme.text(value) for name, value in rows.items() if value}),
        theme.pre("\n".join(found.evidence)) if found.evidence else "",
        theme.pairs({"next": "<br>".join(theme.code(command) for command in found.commands)}),
        mark=mark, tone=tone, aside=found.verdict.value,
    )  # fmt: skip
    return {"text/plain": "\n".join(text), "text/html": html}

"""Log lines as text and as HTML, warnings and standard error told apart by more than colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.display import amounts, theme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_notebook.display.cards import Bundle
    from aca_notebook.model.log import LogLine

_LOUD = {"Warning", "stderr"}


def log(app: str, lines: Sequence[LogLine], *, following: bool = False, shown: int = 200) -> Bundle:
    """Return the last `shown` lines of an app's log; `following` says that more may come."""
    kept = lines[-shown:]
    state = "following" if following else "no lines yet" if not lines else ""
    text = [text_of(line) for line in kept] or [f"{app}: {state}"]
    html = "".join(_line_html(line) for line in kept)
    body = (
        f'<pre style="font-family:{theme.MONO};margin:.5em 0 0;white-space:pre-wrap;max-height:28em;overflow-y:auto">'
        f"{html}</pre>"
    )
    aside = " · ".join(part for part in (amounts.plural(len(lines), "line"), state) if part)
    card = theme.card(f"log of {app}", body if kept else "", aside=aside)
    return {"text/plain": "\n".join(text), "text/html": card}


def text_of(line: LogLine) -> str:
    """Return one line: the second, the platform's word for an event, the text."""
    mark = "! " if line.level == "Warning" else ""
    return f"{mark}{line}"


def _line_html(line: LogLine) -> str:
    stamp = f"{line.at:%H:%M:%S} " if line.at else ""
    reason = f"[{line.reason}] " if line.reason else ""
    tone = theme.WARN if line.level in _LOUD else ""
    mark = "! " if line.level == "Warning" else ""
    return f"{theme.faint(stamp)}{theme.coloured(mark + reason + line.text, tone)}\n"

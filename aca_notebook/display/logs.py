"""Log lines as text and as HTML, warnings and standard error told apart by more than colour."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aca_notebook.display import amounts, ansi, theme
from aca_notebook.model.log_filter import level_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aca_notebook.display.cards import Bundle
    from aca_notebook.model.log import LogLine

_TONES = {"warning": theme.WARN, "error": theme.BAD, "critical": theme.BAD}


def log(
    app: str, lines: Sequence[LogLine], *, following: bool = False, shown: int = 200, beside_a_view: bool = False
) -> Bundle:  # fmt: skip
    """Return the last `shown` lines of an app's log; `following` says that more may come.

    `beside_a_view` marks the card as one that a live view of the same log, while it is there, stands for.
    """
    kept = lines[-shown:]
    state = "following" if following else "no lines yet" if not lines else ""
    text = [text_of(line) for line in kept] or [f"{app}: {state}"]
    rows = "".join(_line_html(line) for line in kept)
    body = (
        f'<pre style="font-family:{theme.MONO};margin:.5em 0 0;white-space:pre-wrap;max-height:28em;overflow-y:auto">'
        f"{rows}</pre>"
    )
    aside = " · ".join(part for part in (f"{len(lines):,} line{'' if len(lines) == 1 else 's'}", state) if part)
    card = theme.card(f"log of {app}", body if kept else "", aside=aside)
    html = f"<div data-aca-static>{card}</div>" if beside_a_view else card
    return {"text/plain": "\n".join(text), "text/html": html}


def query_notes(missing: str, note: str) -> Bundle | None:
    """Return what there is to say about an answer to a query: what it lacks, and what is not to be found yet."""
    told = [f"not the whole answer: {missing}"] if missing else []
    told += [note] if note else []
    if not told:
        return None
    html = "".join(f"<div>{theme.coloured('! ', theme.WARN)}{theme.text(each)}</div>" for each in told)
    return {"text/plain": "\n".join(f"! {each}" for each in told), "text/html": html}


def text_of(line: LogLine, *, colours: bool = False) -> str:
    """Return one line: the second, the platform's word for an event, the text; in `colours` for a terminal."""
    mark = "! " if line.level == "Warning" else ""
    shown = ansi.coloured(line.text) if colours else ansi.plain(line.text)
    return f"{mark}{replace(line, text=plainer(shown))}"


def plainer(text: str) -> str:
    """Return a line of the runner's own as a sentence; any other line stays as it is.

    The line itself keeps its JSON: `stream.lines`, `stream.to_frame()`.
    """
    if not text.startswith('{"event":'):
        return text
    try:
        told = json.loads(text)
        if told["event"] == "call":
            spent = f"in {amounts.brief(told['run_seconds'])}, queued {amounts.brief(told['queue_seconds'])}"
            return f"{told['function']}: {told['status']} {spent}, {told['bytes_out']} bytes (call {told['id']})"
        if told["event"] == "import_failed":
            return _import_failed(told["error"])
        return f"ready on port {told['port']}" if told["event"] == "ready" else text
    except (ValueError, KeyError, TypeError):  # somebody else's JSON
        return text


def _import_failed(error: Mapping[str, Any]) -> str:
    last = (error.get("traceback") or [{}])[-1]
    where = f" ({last.get('cell') or last.get('file')}, line {last['line']})" if last else ""
    return f"the cell could not be imported: {error.get('type') or error['code']}: {error['message']}{where}"


def _line_html(line: LogLine) -> str:
    stamp = f"{line.at:%H:%M:%S} " if line.at else ""
    reason = f"[{line.reason}] " if line.reason else ""
    tone = _TONES.get(level_of(line), "")
    mark = "! " if line.level == "Warning" else ""
    return f"{theme.faint(stamp)}{theme.coloured(mark + reason + plainer(ansi.plain(line.text)), tone)}\n"

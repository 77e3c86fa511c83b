"""A call as a waterfall: text, HTML and a picture that needs no browser to make. Pure."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import timedelta
from html import escape
from typing import TYPE_CHECKING

from aca_notebook.display import theme
from aca_notebook.model.trace import MEASURED, PLATFORM, RECKONED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from aca_notebook.model.trace import Span, Trace

Bundle = dict[str, str]
_BAR = 40
_WIDTH, _ROW, _HEAD, _LEFT, _RIGHT = 880.0, 22.0, 58.0, 250.0, 84.0
_COLOURS = {MEASURED: theme.SERIES[0], RECKONED: theme.SERIES[1], PLATFORM: theme.SERIES[2]}
_SOURCES = {
    MEASURED: "measured in the replica",
    RECKONED: "reckoned from when the caller sent it",
    PLATFORM: "from the platform's log",
}


@dataclass(frozen=True, slots=True)
class _Extent:
    """When a trace begins, and how many milliseconds it lasts: asked of all spans once."""

    first: datetime
    whole: float

    def of(self, span: Span) -> tuple[float, float]:
        """Where a span lies in the whole, and how long it is, as shares of it."""
        left = (span.began_at - self.first) / timedelta(milliseconds=1) / (self.whole or 1.0)
        return min(max(left, 0.0), 1.0), min(span.milliseconds / (self.whole or 1.0), 1.0)


def waterfall(trace: Trace) -> Bundle:
    """Return the card of a trace: a line a span, its bar where it lies in the whole."""
    return {"text/plain": _text(trace), "text/html": _html(trace), "image/svg+xml": svg(trace)}


def length(milliseconds: float) -> str:
    """`1.2 ms`, `340 ms`, `12.4 s`."""
    if milliseconds >= 10_000:
        return f"{milliseconds / 1000:.1f} s"
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:.2f} s"
    return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.1f} ms"


def summary(trace: Trace) -> str:
    """One sentence: what took longest."""
    root, whole = trace.root, length(trace.milliseconds)
    if trace.is_cold:
        before = (root.began_at - trace.began_at) / timedelta(milliseconds=1)
        return f"cold call of {whole}; {length(before)} before its replica had it"
    longest = max(_leaves(trace.spans), key=lambda each: each.milliseconds)
    most = longest is not root and longest.milliseconds >= trace.milliseconds / 2
    return f"warm call of {whole}" + (f"; most of it {longest.name}, {length(longest.milliseconds)}" if most else "")


def svg(trace: Trace, *, titled: bool = True) -> str:
    """Return the waterfall as an SVG document; `titled` where nothing above it says what it is."""
    spans = trace.spans
    head = _HEAD if titled else _HEAD - 26
    height = head + _ROW * len(spans) + 26
    extent = _Extent(trace.began_at, trace.milliseconds)
    rows = "".join(_svg_row(extent, each, head + _ROW * place) for place, each in enumerate(spans))
    axis = "".join(_tick(extent, share / 4, head, head + _ROW * len(spans)) for share in range(5))
    title = f"{trace.root.name}: {summary(trace)}"
    heading = _words(_short(title, 110), 10, 22, "ink", size=14) if titled else ""
    described = ", ".join(f"{each.name} {length(each.milliseconds)}" for each in spans)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {_WIDTH:g} {height:g}" width="100%" '
        f'style="max-width:{_WIDTH:g}px" font-family="system-ui, sans-serif" font-size="11">'
        f"<title>{escape(title)}</title><desc>{escape(described)}</desc>"
        f'<rect fill="#ffffff" width="{_WIDTH:g}" height="{height:g}" rx="6"/>'
        f"{heading}{_legend(spans, head - 22)}{axis}{rows}</svg>"
    )


def _legend(spans: Sequence[Span], top: float) -> str:
    parts, x = [], 10.0
    for each in [each for each in _SOURCES if any(span.source == each for span in spans)]:
        parts.append(f'<rect x="{x:g}" y="{top:g}" width="9" height="9" rx="2" fill="{_COLOURS[each]}"/>')
        parts.append(_words(_SOURCES[each], x + 13, top + 8, "faint"))
        x += 30 + 6 * len(_SOURCES[each])
    return "".join(parts)


def _svg_row(extent: _Extent, span: Span, top: float) -> str:
    left, width = extent.of(span)
    x, wide = _LEFT + left * (_WIDTH - _LEFT - _RIGHT), max(width * (_WIDTH - _LEFT - _RIGHT), 1.5)
    colour = theme.BAD if not span.success else _COLOURS.get(span.source, theme.SERIES[0])
    name = _short(span.name, 34 - 2 * span.depth)
    said = f"{span.name}: {length(span.milliseconds)}, {_SOURCES.get(span.source, span.source)}"
    return (
        f"{_words(name, 10 + 12 * span.depth, top + 15, 'ink' if not span.depth else '')}"
        f'<rect x="{x:.1f}" y="{top + 5:g}" width="{wide:.1f}" height="12" rx="2" fill="{colour}">'
        f"<title>{escape(said)}</title></rect>"
        f"{_words(length(span.milliseconds), _WIDTH - 10, top + 15, 'faint', anchor='end')}"
    )


def _tick(extent: _Extent, share: float, top: float, bottom: float) -> str:
    x = _LEFT + share * (_WIDTH - _LEFT - _RIGHT)
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top:g}" y2="{bottom + 4:g}" stroke="#808080" stroke-opacity=".35"/>'
        f"{_words(length(extent.whole * share) if share else '0', x, bottom + 18, 'faint', anchor='middle')}"
    )


def _words(what: str, x: float, y: float, kind: str, *, anchor: str = "start", size: int = 11) -> str:
    fill = "#5c646d" if kind == "faint" else "#24292f"
    weight = 600 if kind == "ink" else 400
    return (
        f'<text fill="{fill}" x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-size="{size}" '
        f'font-weight="{weight}">{escape(what)}</text>'
    )


def _text(trace: Trace) -> str:
    extent = _Extent(trace.began_at, trace.milliseconds)
    widest = max(len(each.name) + 2 * each.depth for each in trace.spans)
    lines = [f"{trace.root.name}: {summary(trace)}", *(f"  {name} {value}" for name, value in _facts(trace) if value)]
    for span in trace.spans:
        left, width = extent.of(span)
        bar = " " * min(round(left * _BAR), _BAR - 1) + "━" * max(round(width * _BAR), 1)
        name = f"{'  ' * span.depth}{span.name}"
        mark = {RECKONED: "~", PLATFORM: "·"}.get(span.source, " ")
        failed = "" if span.success else "  failed"
        lines.append(f"  {name:<{widest}}  {mark}{length(span.milliseconds):>9}  {bar:<{_BAR}}{failed}".rstrip())
    marks = {RECKONED: f"~ {_SOURCES[RECKONED]}", PLATFORM: f"· {_SOURCES[PLATFORM]}"}
    used = {each.source for each in trace.spans}
    lines += [f"  {words}" for source, words in marks.items() if source in used]
    lines += [f"  {each.kind}: {_short(each.words, 200)}" for each in trace.events]
    return "\n".join(lines)


def _html(trace: Trace) -> str:
    encoded = base64.b64encode(svg(trace, titled=False).encode()).decode()
    words = _text(trace)
    image = f'<img src="data:image/svg+xml;base64,{encoded}" alt="{escape(words)}" style="max-width:100%">'
    facts = theme.pairs({name: escape(value) for name, value in _facts(trace) if value})
    tones = {"exception": theme.BAD}
    raised = "".join(
        f"<div>{theme.coloured(f'{each.kind}: {_short(each.words, 200)}', tones.get(each.kind, ''))}</div>"
        for each in trace.events
    )
    mark, tone = ("✓", theme.GOOD) if trace.root.success else ("✗", theme.BAD)
    return theme.card(
        f"{trace.root.name}: {summary(trace)}", image, raised, facts, mark=mark, tone=tone, aside=trace.root.app
    )


def _facts(trace: Trace) -> Sequence[tuple[str, str]]:
    root = trace.root
    return (
        ("call", trace.call), ("trace", trace.id if trace.id != trace.call else ""), ("replica", root.replica),
        ("answer", root.result), ("began", f"{root.began_at:%Y-%m-%d %H:%M:%S} UTC"), ("note", trace.note),
    )  # fmt: skip


def _leaves(spans: Sequence[Span]) -> list[Span]:
    parents = {each.parent for each in spans}
    return [each for each in spans if each.id not in parents] or list(spans)


def _short(words: str, most: int) -> str:
    line = words.strip().partition("\n")[0]
    return line if len(line) <= most else f"{line[: most - 1]}…"

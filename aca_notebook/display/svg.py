"""Our own small drawing: panels of lines, areas, steps and bars as one SVG that needs no browser to make."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from aca_notebook.display import axes, theme

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from aca_notebook.display.chart import Chart, Panel

WIDTH = 880.0
PANEL_HEIGHT = 168.0
_TITLE, _LEGEND, _LEFT, _RIGHT, _TOP, _BOTTOM, _GAP = 34.0, 18.0, 58.0, 24.0, 30.0, 40.0, 6.0

#: Colours of what is not data: idle times, and what happened.
SHADE = "rgba(128,128,128,.14)"
MARKS = {"revision": theme.BUSY, "scaling": theme.FAINT}
_LINE_HEIGHT = 15.0

#: A background of its own, so that a dark reader of a light page still sees a readable picture.
_STYLE = """
.aca-chart .paper{fill:var(--jp-layout-color0,#fff)} .aca-chart .ink{fill:var(--jp-ui-font-color1,#24292f)}
.aca-chart .faint{fill:var(--jp-ui-font-color2,#5c646d)} .aca-chart .grid{stroke:rgba(128,128,128,.28)}
@media (prefers-color-scheme:dark){.aca-chart .paper{fill:var(--jp-layout-color0,#16191d)}
.aca-chart .ink{fill:var(--jp-ui-font-color1,#e6e8ea)} .aca-chart .faint{fill:var(--jp-ui-font-color2,#9aa3ad)}}
"""


@dataclass(frozen=True, slots=True)
class _Frame:
    """The rectangle of one panel's data and the ranges it spans."""

    left: float
    top: float
    width: float
    height: float
    start: datetime
    end: datetime
    greatest: float

    def x(self, moment: datetime) -> float:
        span = (self.end - self.start).total_seconds() or 1.0
        return round(self.left + self.width * (moment - self.start).total_seconds() / span, 2)

    def y(self, value: float) -> float:
        return round(self.top + self.height * (1 - value / self.greatest), 2)


def draw(chart: Chart) -> str:
    """Return the chart as an SVG document; its `<title>` and `<desc>` say in words what it shows."""
    columns = 1 if len(chart.panels) == 1 else 2
    rows = -(-len(chart.panels) // columns)
    told = _told(chart)
    height = _TITLE + rows * (PANEL_HEIGHT + _GAP) + _LINE_HEIGHT * len(told) + (3 if told else 0)
    panel_width = (WIDTH - _GAP * (columns - 1)) / columns
    start, end = chart.span
    parts = []
    for index, panel in enumerate(chart.panels):
        row, column = divmod(index, columns)
        left, top = column * (panel_width + _GAP), _TITLE + row * (PANEL_HEIGHT + _GAP)
        frame = _frame(panel, (left, top, panel_width), (start, end))
        lowest = index + columns >= len(chart.panels)
        parts.append(_panel(chart, panel, frame) + (_axis_title(frame) if lowest else ""))
    notes = "".join(
        _text(line, 10, height - 8 - _LINE_HEIGHT * (len(told) - 1 - place), "faint") for place, line in enumerate(told)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="aca-chart" role="img" viewBox="0 0 {WIDTH:g} {height:g}" '
        f'width="100%" style="max-width:{WIDTH:g}px" font-family="system-ui, sans-serif" font-size="11">'
        f"<title>{escape(chart.title)}</title><desc>{escape(chart.words)}</desc><style>{_STYLE}</style>"
        f'<rect class="paper" fill="#ffffff" width="{WIDTH:g}" height="{height:g}" rx="6"/>'
        f"{_text(chart.title, 10, 21, 'ink', size=14)}{''.join(parts)}{notes}</svg>"
    )


def _told(chart: Chart) -> list[str]:
    """The lines below the panels: what marks and shades mean, and the note, cut to the width."""
    signs = (("┆ new revision", "revision"), ("▴▾ scaled", "scaling"))
    key = [words for words, kind in signs if any(mark.kind == kind for mark in chart.marks)]
    key += ["grey: idle"] if chart.idle else []
    lines = [" · ".join(key), *textwrap.wrap(chart.note, 150)]
    return [line for line in lines if line]


def _background(chart: Chart, frame: _Frame) -> str:
    """Idle times as shades; what happened as thin lines, a change of replicas as a small arrow on the axis."""
    parts = []
    for start, end in chart.idle:
        left, right = (frame.x(min(max(each, frame.start), frame.end)) for each in (start, end))
        if right > left:
            parts.append(
                f'<rect x="{left:g}" y="{frame.top:g}" width="{right - left:.2f}" height="{frame.height:g}" '
                f'fill="#808080" fill-opacity=".14"/>'
            )
    base = frame.top + frame.height
    for mark in chart.marks:
        if not frame.start <= mark.at <= frame.end:
            continue
        x, colour, said = frame.x(mark.at), MARKS[mark.kind], f"<title>{escape(mark.label)}</title>"
        if mark.kind == "scaling":
            tip = -5 if mark.steps >= 0 else 5
            path = f"M{x - 3.5:g},{base - 1 - max(tip, 0) + 0:g}h7l-3.5,{tip}z"
            parts.append(f'<path d="{path}" fill="{colour}">{said}</path>')
        else:
            parts.append(
                f'<line x1="{x:g}" x2="{x:g}" y1="{frame.top:g}" y2="{base:g}" stroke="{colour}" '
                f'stroke-dasharray="2 3">{said}</line>'
            )
    return "".join(parts)


def _limit(panel: Panel, frame: _Frame) -> str:
    if panel.limit is None or not panel.limit_drawn:
        return ""
    y = frame.y(panel.limit.value / panel.unit.divisor)
    return (
        f'<line x1="{frame.left:g}" x2="{frame.left + frame.width:g}" y1="{y:g}" y2="{y:g}" stroke="{theme.BAD}" '
        f'stroke-dasharray="5 3"/>{_text(panel.limit.label, frame.left + 4, y - 3, "faint", size=10)}'
    )


def _frame(panel: Panel, place: tuple[float, float, float], span: tuple[datetime, datetime]) -> _Frame:
    left, top, width = place
    inner_top = top + _TOP + (_LEGEND if len(panel.series) > 1 else 0)
    ticks = axes.value_ticks(panel.greatest)
    return _Frame(
        left + _LEFT, inner_top, width - _LEFT - _RIGHT, top + PANEL_HEIGHT - _BOTTOM - inner_top, *span, ticks[-1]
    )


def _panel(chart: Chart, panel: Panel, frame: _Frame) -> str:
    marks = _stacked(chart, panel, frame) if panel.stacked else "".join(
        _series(chart, panel, index, frame) for index in range(len(panel.series))
    )  # fmt: skip
    title_y = frame.top - 12 - (_LEGEND if len(panel.series) > 1 else 0)
    title = _text(panel.heading, frame.left - 48, title_y, "ink", size=12)
    unit = _text(panel.unit.label, frame.left + frame.width, title_y, "faint", anchor="end")
    around = f"{_legend(panel, frame)}{_background(chart, frame)}{_axes(frame)}"
    return f"<g>{title}{unit}{around}{marks}{_limit(panel, frame)}</g>"


def _axes(frame: _Frame) -> str:
    parts = []
    for tick in axes.value_ticks(frame.greatest):
        y = frame.y(tick)
        parts.append(
            f'<line class="grid" stroke="#808080" stroke-opacity=".5" x1="{frame.left}" '
            f'x2="{frame.left + frame.width}" y1="{y}" y2="{y}"/>'
            + _text(axes.tick_label(tick), frame.left - 6, y + 4, "faint", anchor="end")
        )
    base = frame.top + frame.height
    span = frame.end - frame.start
    for moment in axes.time_ticks(frame.start, frame.end, count=6 if frame.width < 500 else 10):
        x = frame.x(moment)
        parts.append(
            f'<line class="grid" stroke="#808080" x1="{x}" x2="{x}" y1="{base}" y2="{base + 4}"/>'
            + _text(axes.time_label(moment, span), x, base + 16, "faint", anchor="middle")
        )
    return "".join(parts)


def _axis_title(frame: _Frame) -> str:
    base = frame.top + frame.height
    return _text("time (UTC)", frame.left + frame.width, base + 30, "faint", anchor="end", size=10)


def _legend(panel: Panel, frame: _Frame) -> str:
    if len(panel.series) < 2:
        return ""
    parts, x, y = [], frame.left, frame.top - 12
    for index, series in enumerate(panel.series):
        colour = panel.colour_of(index)
        parts.append(f'<rect x="{x:g}" y="{y - 8:g}" width="9" height="9" rx="2" fill="{colour}"/>')
        parts.append(_text(series.name, x + 13, y, "faint"))
        x += 26 + 6.2 * len(series.name)
        if x > frame.left + frame.width - 40:
            break  # the words below the picture, and the figure, have them all
    return "".join(parts)


def _series(chart: Chart, panel: Panel, index: int, frame: _Frame) -> str:
    colour = panel.colour_of(index)
    values = [None if value is None else value / panel.unit.divisor for value in panel.series[index].values]
    if panel.kind == "bars":
        share = 0.8 / len(panel.series)
        return _bars(chart, [(0.0, value) for value in values], frame, colour, (0.1 + share * index, share))
    parts = []
    for run in _runs(chart.times, values):
        points = _points(chart, run, frame, step=panel.kind == "step")
        path = "M" + " L".join(f"{x:g},{y:g}" for x, y in points)
        if panel.filled:
            base = frame.y(0)
            parts.append(
                f'<path d="{path} L{points[-1][0]:g},{base:g} L{points[0][0]:g},{base:g} Z" fill="{colour}" '
                f'fill-opacity=".16"/>'
            )
        parts.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.8" stroke-linejoin="round"/>')
        if len(run) == 1 and panel.kind != "step":
            parts.append(f'<circle cx="{points[0][0]:g}" cy="{points[0][1]:g}" r="3" fill="{colour}"/>')
    return "".join(parts)


def _stacked(chart: Chart, panel: Panel, frame: _Frame) -> str:
    floors = [0.0] * len(chart.times)
    parts = []
    for index, series in enumerate(panel.series):
        spans: list[tuple[float, float | None]] = []
        for place, value in enumerate(series.values):
            height = (value or 0.0) / panel.unit.divisor
            spans.append((floors[place], floors[place] + height if height else None))
            floors[place] += height
        parts.append(_bars(chart, spans, frame, panel.colour_of(index), (0.1, 0.8)))
    return "".join(parts)


def _bars(
    chart: Chart, spans: Sequence[tuple[float, float | None]], frame: _Frame, colour: str, place: tuple[float, float]
) -> str:
    offset, share = place
    parts = []
    for moment, (low, high) in zip(chart.times, spans, strict=True):
        if high is None:
            continue
        left, right = frame.x(moment), frame.x(moment + chart.bucket)
        width = max((right - left) * share, 1.0)
        parts.append(
            f'<rect x="{left + (right - left) * offset:.2f}" y="{frame.y(high):g}" width="{width:.2f}" '
            f'height="{max(frame.y(low) - frame.y(high), 0.5 if high > low else 0):.2f}" fill="{colour}"/>'
        )
    return "".join(parts)


def _runs(
    times: Sequence[datetime], values: Sequence[float | None]
) -> Iterable[list[tuple[datetime, float]]]:  # fmt: skip
    """Yield the stretches without a gap: a bucket without data breaks the line."""
    run: list[tuple[datetime, float]] = []
    for moment, value in zip(times, values, strict=True):
        if value is not None:
            run.append((moment, value))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _points(
    chart: Chart, run: list[tuple[datetime, float]], frame: _Frame, *, step: bool
) -> list[tuple[float, float]]:  # fmt: skip
    if not step:
        return [(frame.x(moment + chart.bucket / 2), frame.y(value)) for moment, value in run]
    return [
        (frame.x(moment + edge), frame.y(value)) for moment, value in run for edge in (chart.bucket * 0, chart.bucket)
    ]


def _text(what: str, x: float, y: float, kind: str, *, anchor: str = "start", size: int = 11) -> str:
    fill = "#5c646d" if kind == "faint" else "#24292f"
    weight = 600 if kind == "ink" else 400
    return (
        f'<text class="{kind}" fill="{fill}" x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-size="{size}" '
        f'font-weight="{weight}">{escape(what)}</text>'
    )

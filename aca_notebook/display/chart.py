"""A chart as a value: panels over one time axis, shown as plotly, as our own SVG and as words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from aca_notebook.display import amounts, axes, svg, theme

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PLOTLY = "application/vnd.plotly.v1+json"
#: How many times the data's top a limit may be and still be drawn.
_FAR = 4.0
_SHOWN_MARKS, _MOST_MARKS = 4, 50


@dataclass(frozen=True, slots=True)
class Series:
    """One run of values, one a moment of the chart; None where there is no data."""

    name: str
    values: tuple[float | None, ...]
    colour: str = ""  #: of its own; else the next of the theme


@dataclass(frozen=True, slots=True)
class Limit:
    """What a value may not pass: a replica's memory, its cores. In the base unit."""

    value: float
    label: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened: a new revision, a change of the number of replicas (`steps`, up or down)."""

    at: datetime
    label: str
    kind: Literal["revision", "scaling"] = "revision"
    steps: int = 0


@dataclass(frozen=True, slots=True)
class Panel:
    """One small plot. Values are in the base unit; `unit` says how they are shown."""

    title: str
    unit: axes.Unit
    series: tuple[Series, ...]
    kind: Literal["line", "area", "step", "bars"] = "line"
    stacked: bool = False
    colour: int = 0
    limit: Limit | None = None

    @property
    def greatest(self) -> float:
        """The top of what is drawn in shown units."""
        return max(self.top, self.limit.value / self.unit.divisor if self.limit and self.limit_drawn else 0.0)

    @property
    def limit_drawn(self) -> bool:
        """Whether the limit is near enough to the data to draw; one far above would press them flat."""
        return self.limit is not None and self.limit.value / self.unit.divisor <= _FAR * self.top

    @property
    def filled(self) -> bool:
        """Whether the space below is tinted: tints of several series would mix."""
        return self.kind in {"area", "step"} and len(self.series) == 1

    @property
    def heading(self) -> str:
        """The title, and the limit where it is only told."""
        return f"{self.title} · {self.limit.label}" if self.limit and not self.limit_drawn else self.title

    def colour_of(self, place: int) -> str:
        """The colour of one series."""
        return self.series[place].colour or theme.SERIES[(self.colour + place) % len(theme.SERIES)]

    @property
    def top(self) -> float:
        """The top of the data in shown units."""
        columns = zip(*(series.values for series in self.series), strict=True)
        together = sum if self.stacked else max
        tops = [together(value or 0.0 for value in column) for column in columns]
        return max(tops, default=0.0) / self.unit.divisor


@dataclass(frozen=True)
class Chart:
    """What `--plot` returns. `figure` is plotly's, to be changed at will; a saved notebook keeps a drawing too."""

    title: str
    times: tuple[datetime, ...]
    panels: tuple[Panel, ...]
    bucket: timedelta = timedelta(minutes=1)
    note: str = ""
    marks: tuple[Mark, ...] = ()
    idle: tuple[tuple[datetime, datetime], ...] = ()

    @property
    def span(self) -> tuple[datetime, datetime]:
        """The moments the time axis begins and ends at."""
        if not self.times:
            epoch = datetime(1970, 1, 1, tzinfo=UTC)
            return epoch, epoch + self.bucket
        return self.times[0], self.times[-1] + self.bucket

    @property
    def words(self) -> str:
        """What the chart shows, for readers and screen readers that get no picture."""
        if not self.times:
            return f"{self.title}: no data yet"
        start, end = self.span
        lines = [f"{self.title} ({start:%Y-%m-%d %H:%M} to {end:%H:%M} UTC)"]
        for panel in self.panels:
            for series in panel.series:
                shown = [value / panel.unit.divisor for value in series.values if value is not None]
                name = panel.title if len(panel.series) == 1 else f"{panel.title}, {series.name}"
                if shown:
                    lines.append(f"  {name}: last {shown[-1]:.4g}, greatest {max(shown):.4g} {panel.unit.label}")
                else:
                    lines.append(f"  {name}: no data")
        return "\n".join([*lines, *(f"  {line}" for line in (*self.happened, self.note) if line)])

    @property
    def happened(self) -> tuple[str, ...]:
        """What the marks and shades say, in words."""
        told = [f"{mark.at:%H:%M} {mark.label}" for mark in self.marks[-_SHOWN_MARKS:]]
        earlier = f" (and {len(self.marks) - len(told)} before)" if len(told) < len(self.marks) else ""
        idle = sum((end - start for start, end in self.idle), timedelta())
        return (
            f"happened: {', '.join(told)}{earlier}" if told else "",
            f"idle for {amounts.span(idle)} of it" if idle else "",
        )

    @property
    def figure(self) -> Any:
        """The chart as a `plotly.graph_objects.Figure`."""
        import plotly.graph_objects as go  # 0.4 s: only for those who ask for it

        return go.Figure(self.plotly())

    def plotly(self) -> dict[str, Any]:
        """Return plotly's own JSON, made without importing plotly."""
        count = len(self.panels)
        columns = 1 if count == 1 else 2
        rows = -(-count // columns)
        layout: dict[str, Any] = {
            "title": {"text": f"<b>{theme.text(self.title)}</b>", "x": 0.01, "y": 0.97, "yanchor": "top"},
            "height": 75 + 220 * rows, "margin": {"l": 50, "r": 20, "t": 45, "b": 30},
            "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"color": "#808891"}, "barmode": "stack", "hovermode": "x unified",
            "showlegend": any(len(panel.series) > 1 for panel in self.panels), "annotations": [],
            "legend": {"orientation": "h", "x": 1, "xanchor": "right", "y": -0.15, "yanchor": "top"},
        }  # fmt: skip
        data: list[dict[str, Any]] = []
        for index, panel in enumerate(self.panels):
            row, column = divmod(index, columns)
            below = index + columns < count
            self._add_axes(layout, panel, index, (row / rows, column / columns, 1 / rows, 1 / columns), below=below)
            data += [self._trace(panel, place, index) for place in range(len(panel.series))]
        layout["shapes"] = [*self._shades(), *self._limits()]
        if self.note:
            layout["annotations"].append({
                "text": theme.text(self.note), "xref": "paper", "yref": "paper", "x": 0, "xanchor": "left",
                "y": 0, "yshift": -28, "yanchor": "top", "showarrow": False,
            })  # fmt: skip
            layout["height"] += 25
            layout["margin"]["b"] += 25
        return {"data": data, "layout": layout}

    def _add_axes(
        self, layout: dict[str, Any], panel: Panel, index: int, place: tuple[float, float, float, float], *, below: bool
    ) -> None:  # fmt: skip
        """Add a panel's axes, its title on the left and its unit on the right above it; `below` is another panel."""
        suffix = "" if index == 0 else str(index + 1)
        top, left, height, width = place
        x_domain = [left + (0.04 if left else 0), left + width - (0 if left else 0.04 * (width < 1))]
        y_domain = [max(1 - top - height + 0.2 * height, 0), 1 - top - 0.13 * height]
        shared = {"gridcolor": "rgba(128,128,128,.25)", "zeroline": False}
        layout[f"xaxis{suffix}"] = {
            "type": "date", "domain": x_domain, "anchor": f"y{suffix}", "ticks": "outside",
            "tickcolor": "rgba(0,0,0,0)", **({} if below else {"title": {"text": "time (UTC)", "standoff": 6}}),
            "range": [_instant(moment) for moment in self.span], **({"matches": "x"} if index else {}), **shared,
        }  # fmt: skip
        layout[f"yaxis{suffix}"] = {
            "domain": y_domain, "anchor": f"x{suffix}", "rangemode": "tozero", "nticks": 5, **shared,
        }  # fmt: skip
        for words, x, anchor in ((f"<b>{theme.text(panel.heading)}</b>", 0, "left"), (panel.unit.label, 1, "right")):
            layout["annotations"].append({
                "text": words, "xref": f"x{suffix} domain", "yref": f"y{suffix} domain",
                "x": x, "y": 1.03, "xanchor": anchor, "yanchor": "bottom", "showarrow": False,
            })  # fmt: skip

    def _shades(self) -> list[dict[str, Any]]:
        """Idle times and what happened, in each panel."""
        shapes: list[dict[str, Any]] = [
            {"type": "rect", "x0": _instant(start), "x1": _instant(end), "line": {"width": 0}, "fillcolor": svg.SHADE}
            for start, end in self.idle
        ] + [
            {"type": "line", "x0": _instant(mark.at), "x1": _instant(mark.at),
             "line": {"width": 1, "color": svg.MARKS[mark.kind], "dash": "dot"}}
            for mark in self.marks[-_MOST_MARKS:]
        ]  # fmt: skip
        suffixes = ["" if index == 0 else str(index + 1) for index in range(len(self.panels))]
        return [
            {"xref": f"x{suffix}", "yref": f"y{suffix} domain", "y0": 0, "y1": 1, "layer": "below", **shape}
            for suffix in suffixes for shape in shapes
        ]  # fmt: skip

    def _limits(self) -> list[dict[str, Any]]:
        return [
            {"type": "line", "xref": f"x{index + 1 if index else ''} domain", "yref": f"y{index + 1 if index else ''}",
             "x0": 0, "x1": 1, "y0": panel.limit.value / panel.unit.divisor,
             "y1": panel.limit.value / panel.unit.divisor, "line": {"width": 1, "color": theme.BAD, "dash": "dash"}}
            for index, panel in enumerate(self.panels) if panel.limit is not None and panel.limit_drawn
        ]  # fmt: skip

    def _trace(self, panel: Panel, place: int, index: int) -> dict[str, Any]:
        series, suffix = panel.series[place], "" if index == 0 else str(index + 1)
        colour = panel.colour_of(place)
        moments, values = list(self.times), list(series.values)
        if panel.kind == "step":  # a level lasts as long as its bucket
            moments = [moment + edge for moment in moments for edge in (timedelta(), self.bucket)]
            values = [value for value in values for _ in range(2)]
        elif panel.kind != "bars":
            moments = [moment + self.bucket / 2 for moment in moments]
        trace: dict[str, Any] = {
            "name": series.name, "xaxis": f"x{suffix}", "yaxis": f"y{suffix}",
            "x": [_instant(moment) for moment in moments],
            "y": [None if value is None else value / panel.unit.divisor for value in values],
            "showlegend": len(panel.series) > 1,
        }  # fmt: skip
        if panel.kind == "bars":
            width = self.bucket.total_seconds() * 1000
            return trace | {"type": "bar", "marker": {"color": colour}, "offset": 0.1 * width, "width": 0.8 * width}
        lonely = [_is_lonely(values, place) for place in range(len(values))]  # a line of one point is no line
        marked = {"marker": {"color": colour, "size": [7 if alone else 0 for alone in lonely]}} if any(lonely) else {}
        return trace | marked | {
            "type": "scatter", "mode": "lines+markers" if marked else "lines", "connectgaps": False,
            "line": {"color": colour, "width": 2},
            **({"fill": "tozeroy", "fillcolor": _thinned(colour)} if panel.filled else {}),
        }  # fmt: skip

    @property
    def svg(self) -> str:
        """The chart as one SVG document of our own drawing."""
        return svg.draw(self)

    def __repr__(self) -> str:
        return self.words

    def _repr_mimebundle_(
        self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None
    ) -> dict[str, Any]:  # fmt: skip
        """Plotly for JupyterLab and VS Code, a picture for nbconvert and GitHub, words for everyone else."""
        bundle: dict[str, Any] = {"text/plain": self.words}
        if self.times:
            bundle |= {PLOTLY: self.plotly(), "image/svg+xml": self.svg}
        wanted = set(bundle if include is None else include) - set(exclude or ())
        return {kind: value for kind, value in bundle.items() if kind in wanted}


def _is_lonely(values: Sequence[float | None], place: int) -> bool:
    """Whether a value has a gap, or nothing, on both sides."""
    before = values[place - 1] if place else None
    after = values[place + 1] if place + 1 < len(values) else None
    return values[place] is not None and before is None and after is None


def _thinned(colour: str) -> str:
    """Return a colour of the theme (`#rrggbb`) as the tint of an area: gridlines stay visible through it."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},.16)"


def _instant(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"

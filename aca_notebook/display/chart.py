"""A chart as a value: panels over one time axis, shown as plotly, as our own SVG and as words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from aca_notebook.display import axes, svg, theme

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PLOTLY = "application/vnd.plotly.v1+json"


@dataclass(frozen=True, slots=True)
class Series:
    """One run of values, one a moment of the chart; None where there is no data."""

    name: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """One small plot. Values are in the base unit; `unit` says how they are shown."""

    title: str
    unit: axes.Unit
    series: tuple[Series, ...]
    kind: Literal["line", "area", "step", "bars"] = "line"
    stacked: bool = False
    colour: int = 0

    @property
    def greatest(self) -> float:
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
        return "\n".join([*lines, *([f"  {self.note}"] if self.note else [])])

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
        for words, x, anchor in ((f"<b>{theme.text(panel.title)}</b>", 0, "left"), (panel.unit.label, 1, "right")):
            layout["annotations"].append({
                "text": words, "xref": f"x{suffix} domain", "yref": f"y{suffix} domain",
                "x": x, "y": 1.03, "xanchor": anchor, "yanchor": "bottom", "showarrow": False,
            })  # fmt: skip

    def _trace(self, panel: Panel, place: int, index: int) -> dict[str, Any]:
        series, suffix = panel.series[place], "" if index == 0 else str(index + 1)
        colour = theme.SERIES[(panel.colour + place) % len(theme.SERIES)]
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
            **({"fill": "tozeroy", "fillcolor": _thinned(colour)} if panel.kind in {"area", "step"} else {}),
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
    before, after = values[:place][-1:], values[place + 1 : place + 2]
    return values[place] is not None and {*before, *after} <= {None}


def _thinned(colour: str) -> str:
    """Return a colour of the theme (`#rrggbb`) as the tint of an area: gridlines stay visible through it."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},.16)"


def _instant(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"

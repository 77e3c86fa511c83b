"""Which panels a table of metrics makes: what belongs together in one, split or not, many points as few."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from aca_notebook.display import axes, theme
from aca_notebook.display.chart import Limit, Panel, Series
from aca_notebook.display.downsampling import MOST_MOMENTS, envelope
from aca_notebook.model import metric

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Kind = Literal["line", "area", "step", "bars"]
Values = tuple["float | None", ...]

#: Below this many buckets, averages are drawn as what they are: level over their bucket.
_FEW = 8
_MOST_PARTS = 6
_STATUS_COLOURS = {"2xx": theme.SERIES[0], "3xx": theme.SERIES[2], "4xx": theme.SERIES[1], "5xx": theme.SERIES[7]}


@dataclass(frozen=True, slots=True)
class Wanted:
    """One panel: the columns it may have with the names of their series; one that is all zero may be left out."""

    title: str
    columns: tuple[tuple[str, str], ...]
    kind: Kind = "line"
    stacked: bool = False
    only_if_any: bool = False


REQUESTS = Wanted("Requests", ((metric.REQUESTS.column, "Requests"),), "bars")
STATUSES = Wanted("Requests", tuple((f"requests_{each}", each) for each in _STATUS_COLOURS), "bars", stacked=True)
REPLICAS = Wanted("Replicas", ((metric.REPLICAS.column, "Replicas"),), "step")
RESPONSE = Wanted("Response time", ((metric.RESPONSE_TIME.column, "Response time"),))
LATENCY = Wanted(
    "Latency",
    ((metric.RESPONSE_TIME.column, "mean"), *((each.column, f"{each.column[1:3]} %") for each in metric.PERCENTILES)),
)
CPU = Wanted("CPU", ((metric.CPU.column, "CPU"),))
MEMORY = Wanted("Memory", ((metric.MEMORY.column, "Memory"),), "area")
GPU = Wanted("GPU", ((metric.GPU.column, "GPU"),))
GPU_MEMORY = Wanted("GPU memory", ((metric.GPU_MEMORY.column, "GPU memory"),), "area")
NETWORK = Wanted("Network", ((metric.RECEIVED.column, "received"), (metric.SENT.column, "sent")))
RESTARTS = Wanted("Restarts", ((metric.RESTARTS.column, "Restarts"),), "bars", only_if_any=True)

EVERYTHING = (REQUESTS, REPLICAS, LATENCY, CPU, MEMORY, GPU, GPU_MEMORY, NETWORK, RESTARTS)
ACTIVITY = (REQUESTS, REPLICAS, RESPONSE)
UTILISATION = (CPU, MEMORY, GPU)


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a chart is made of; `points` is how many moments the table had, when it had more than are drawn."""

    times: tuple[datetime, ...]
    panels: tuple[Panel, ...]
    bucket: timedelta
    points: int = 0
    left_out: str = ""


def draw(frame: Any, wanted: Sequence[Wanted], limits: Mapping[str, Limit] | None = None) -> Drawn:
    """Return panels for what a table has; `limits` are by column.

    A table with a column named by `.attrs["by"]` gets a series for each of its values, the greatest six.
    """
    by = str(frame.attrs.get("by") or "")
    bucket = _bucket(frame)
    if by and by in frame.columns:
        return _draw_split(frame, wanted, by, bucket)
    others = tuple(Wanted(name, ((name, name),)) for name in frame.columns if _foreign(frame, name))
    names = [name for each in (*wanted, STATUSES, *others) for name, _ in each.columns]
    times, columns, drawn_bucket = read(frame, dict.fromkeys(names), bucket)
    panels: list[Panel] = []
    for each in (*wanted, *others):
        chosen = STATUSES if each is REQUESTS and _any_of(columns, STATUSES) else each
        series = tuple(
            Series(label, columns[name], _STATUS_COLOURS.get(label, "") if chosen.stacked else "")
            for name, label in chosen.columns
            if any(value is not None for value in columns.get(name, ()))
        )
        if not series or (each.only_if_any and not any(any(one.values) for one in series)):
            continue
        if chosen is LATENCY and [one.name for one in series] == ["mean"]:
            chosen, series = RESPONSE, (replace(series[0], name=RESPONSE.title),)
        limit = (limits or {}).get(each.columns[0][0])
        panels.append(_panel(frame, chosen, series, len(panels), (len(times), drawn_bucket > bucket), limit))
    points = len(frame) if drawn_bucket > bucket else 0
    return Drawn(times if panels else (), tuple(panels), drawn_bucket, points)


def _draw_split(frame: Any, wanted: Sequence[Wanted], by: str, bucket: timedelta) -> Drawn:
    parts, left = _greatest_parts(frame, by)
    others = tuple(Wanted(name, ((name, name),)) for name in frame.columns if name != by and _foreign(frame, name))
    names = [name for each in (*wanted, *others) for name, _ in each.columns if name in frame.columns]
    wide: dict[str, Any] = {}
    moments = frame.index.unique().sort_values()
    for name in dict.fromkeys(names):
        for part in parts:
            column = frame.loc[frame[by] == part, name]
            wide[f"{name}\0{part}"] = column[~column.index.duplicated()].reindex(moments)
    import pandas as pd

    table = pd.DataFrame(wide, index=moments)
    times, columns, drawn_bucket = read(table, dict.fromkeys(wide), bucket)
    panels: list[Panel] = []
    for each in (*wanted, *others):
        for name, label in each.columns:
            series = tuple(
                Series(part or "none", values, _STATUS_COLOURS.get(part, "") if by == "status" else "")
                for part, values in ((part, columns.get(f"{name}\0{part}", ())) for part in parts)
                if any(value is not None for value in values)
            )
            if series and not (each.only_if_any and not any(any(one.values) for one in series)):
                stacked = each.kind == "bars" and not each.only_if_any
                title = each.title if len(each.columns) == 1 else f"{each.title}, {label}"
                made = Wanted(title, ((name, label),), each.kind if stacked else "line", stacked)
                # The same colour for the same part in each panel.
                panels.append(_panel(frame, made, series, 0, (len(times), drawn_bucket > bucket), None))
    points = len(moments) if drawn_bucket > bucket else 0
    return Drawn(times if panels else (), tuple(panels), drawn_bucket, points, left)


def _greatest_parts(frame: Any, by: str) -> tuple[list[str], str]:
    """The parts to draw, by what they did, and what to say of the others."""
    parts = [str(each) for each in dict.fromkeys(frame[by])]
    if len(parts) <= _MOST_PARTS:
        return sorted(parts), ""
    weigh = next((name for name in (metric.REQUESTS.column, metric.CPU.column) if name in frame.columns), None)
    weights = frame.groupby(by)[weigh].sum() if weigh else frame[by].value_counts()
    chosen = [str(each) for each in weights.sort_values(ascending=False).index[:_MOST_PARTS]]
    return sorted(chosen), f"the busiest {_MOST_PARTS} of {len(parts)} {by}s"


def _foreign(frame: Any, name: str) -> bool:
    """Whether a column is a metric that has no name of ours."""
    known = {each.column for each in metric.EVERYTHING}
    labels = frame.attrs.get("labels") or {}
    return name in labels and name not in known and not str(name).startswith("requests_")


def _any_of(columns: Mapping[str, Values], wanted: Wanted) -> bool:
    return any(any(columns.get(name) or ()) for name, _ in wanted.columns)


def _panel(
    frame: Any, wanted: Wanted, series: tuple[Series, ...], colour: int, drawn: tuple[int, bool], limit: Limit | None
) -> Panel:  # fmt: skip
    moments, downsampled = drawn
    column = wanted.columns[0][0]
    unit = _unit_of(frame, column, [value for one in series for value in one.values])
    kind = wanted.kind
    if downsampled:
        kind = "line" if kind in {"bars", "step"} else kind  # what is between least and greatest is no level
    elif kind in {"line", "area"} and moments < _FEW:
        kind = "step"
    stacked = wanted.stacked and kind == "bars"
    return Panel(wanted.title, unit, series, kind=kind, stacked=stacked, colour=colour, limit=limit)


def _unit_of(frame: Any, column: str, values: Sequence[float | None]) -> axes.Unit:
    units = frame.attrs.get("units") or {}
    known = {each.column: each.unit for each in metric.EVERYTHING}
    status = metric.REQUESTS.unit if column.startswith("requests_") else ""
    return axes.unit_for(units.get(column) or known.get(column) or status, values)


def _bucket(frame: Any) -> timedelta:
    """Return how long a bucket is: as the table's `grain_seconds` says, or as its moments lie."""
    seconds = frame.attrs.get("grain_seconds")
    if seconds:
        return timedelta(seconds=float(seconds))
    moments = frame["at"] if "at" in frame.columns else frame.index
    return axes.bucket_width([_utc(moment) for moment in sorted(moments[:1000])])


def read(
    frame: Any, names: Mapping[str, None], bucket: timedelta
) -> tuple[tuple[datetime, ...], dict[str, Values], timedelta]:  # fmt: skip
    """Return moments, values and the width of a bucket as they are drawn, with a gap wherever nothing was measured.

    Rows of one moment are summed.
    """
    import numpy as np
    import pandas as pd

    present = [name for name in names if name in frame.columns]
    table = frame.set_index("at")[present] if "at" in frame.columns else frame[present]
    index = pd.DatetimeIndex(pd.to_datetime(table.index, utc=True))
    table = table.set_axis(index)
    if not index.is_unique:
        table = table.groupby(level=0).sum(min_count=1)
    if not table.index.is_monotonic_increasing:
        table = table.sort_index()
    micros = table.index.as_unit("us").asi8
    columns = {name: np.asarray(table[name].to_numpy(dtype="float64", na_value=np.nan)) for name in present}
    moments, drawn = envelope(micros, columns)
    if len(micros) > MOST_MOMENTS:
        bucket = max(bucket, timedelta(microseconds=(int(micros[-1]) - int(micros[0]) + 1) // (MOST_MOMENTS // 2) // 2))
    times = tuple(datetime.fromtimestamp(int(moment) / 1e6, UTC) for moment in moments)
    lists: dict[str, Values] = {
        name: tuple(None if value != value else value for value in column.tolist())  # noqa: PLR0124  # NaN alone is not itself
        for name, column in drawn.items()
    }
    return *_with_gaps(times, lists, bucket), bucket


def _with_gaps(
    times: Sequence[datetime], columns: dict[str, Values], bucket: timedelta
) -> tuple[tuple[datetime, ...], dict[str, Values]]:  # fmt: skip
    """Put one empty bucket where buckets are missing, so that no line is drawn over a time nobody measured."""
    kept: list[datetime] = []
    sources: list[int | None] = []
    for place, moment in enumerate(times):
        if kept and moment - kept[-1] > 1.5 * bucket:
            kept.append(kept[-1] + bucket)
            sources.append(None)
        kept.append(moment)
        sources.append(place)
    filled = {
        name: tuple(None if place is None else values[place] for place in sources) for name, values in columns.items()
    }
    return tuple(kept), filled


def _utc(moment: Any) -> datetime:
    """Return a pandas timestamp, or a datetime, as a plain aware datetime."""
    plain: datetime = moment.to_pydatetime(warn=False) if hasattr(moment, "to_pydatetime") else moment
    return plain.replace(tzinfo=UTC) if plain.tzinfo is None else plain.astimezone(UTC)

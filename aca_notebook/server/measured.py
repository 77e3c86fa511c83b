"""A table of metrics as the docks get it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from aca_notebook.server import protocol

if TYPE_CHECKING:
    import pandas as pd


def measured(app: str, frame: pd.DataFrame) -> protocol.Metrics:
    """Return a column a series; what nobody measured is null."""
    labels, units = frame.attrs.get("labels", {}), frame.attrs.get("units", {})
    series = tuple(
        protocol.Series(
            name=column, label=labels.get(column, column), unit=units.get(column, ""),
            values=tuple(None if math.isnan(value) else float(value) for value in frame[column]),
        )
        for column in frame.columns
    )  # fmt: skip
    moments = tuple(round(moment.timestamp() * 1000.0, 1) for moment in frame.index)
    return protocol.Metrics(
        app=app, at=moments, series=series, bucket_seconds=float(frame.attrs.get("grain_seconds", 60)),
        note=str(frame.attrs.get("note", "")),
    )  # fmt: skip

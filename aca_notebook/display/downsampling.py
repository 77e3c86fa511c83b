"""Many points drawn as few: the least and the greatest of each pixel column, which is all that a line can show.

Plain numpy: a library that does this for one series picks other moments for each, and ours share one time axis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Moments of a drawing: two for each of 800 pixel columns, as wide as a page.
MOST_MOMENTS = 1600


def envelope(
    moments: Any, columns: Mapping[str, Any], most: int = MOST_MOMENTS
) -> tuple[Any, dict[str, Any]]:  # fmt: skip
    """Return at most `most` moments and for each column its values there.

    `moments` are whole numbers in order, `columns` floats with NaN where there is no value; infinite ones count as
    none. Time is cut into `most / 2` equal parts; each gives two moments, its begin and its middle, which carry the
    least and the greatest value of the part in the order they came. A part without any value gives none.
    Few enough points come back as they are.
    """
    import numpy as np  # only for those who draw

    moments = np.asarray(moments, dtype=np.int64)
    values = {name: np.where(np.isfinite(column), column, np.nan) for name, column in columns.items()}
    if len(moments) <= most:
        return moments, values
    parts = max(1, most // 2)
    first, span = int(moments[0]), int(moments[-1]) - int(moments[0]) + 1
    edges = first + np.array([span * part // parts for part in range(parts + 1)], dtype=np.int64)
    starts = np.searchsorted(moments, edges[:-1], side="left")
    ends = np.searchsorted(moments, edges[1:], side="left")
    full = starts < ends
    starts, edges = starts[full], edges[np.append(full, False)]
    drawn = np.column_stack((edges, edges + span // parts // 2)).ravel()
    return drawn, {name: _extremes(column, starts) for name, column in values.items()}


def _extremes(values: Any, starts: Any) -> Any:
    """The least and the greatest of each run of values from one of `starts`, in the order they came; NaN for none."""
    import numpy as np

    least, greatest = np.fmin.reduceat(values, starts), np.fmax.reduceat(values, starts)
    lengths = np.diff(np.append(starts, len(values)))
    places = np.arange(len(values))
    first_least = np.minimum.reduceat(np.where(values == np.repeat(least, lengths), places, len(values)), starts)
    first_greatest = np.minimum.reduceat(np.where(values == np.repeat(greatest, lengths), places, len(values)), starts)
    rising = first_least <= first_greatest
    return np.column_stack((np.where(rising, least, greatest), np.where(rising, greatest, least))).ravel()

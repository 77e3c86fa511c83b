from __future__ import annotations

import pytest

from aca_notebook.display import theme

TONES = (theme.GOOD, theme.BAD, theme.BUSY, theme.WARN, theme.FAINT)


def luminance(colour: str) -> float:
    channels = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("background", ["#ffffff", "#111111"])
@pytest.mark.parametrize("tone", TONES)
def test_text_can_be_read_on_light_and_on_dark(tone: str, background: str) -> None:
    assert contrast(tone, background) >= 4


@pytest.mark.parametrize("background", ["#ffffff", "#111111"])
@pytest.mark.parametrize("colour", theme.SERIES)
def test_lines_can_be_seen_on_light_and_on_dark(colour: str, background: str) -> None:
    assert contrast(colour, background) >= 2.8


def test_series_differ() -> None:
    assert len(set(theme.SERIES)) == len(theme.SERIES)


def test_prices_are_no_formulas_to_a_page_that_typesets_them() -> None:
    html = theme.card("from $1 to $2", '<a title="$3 and $4">$5</a>', "<svg><text>$6 or $7</text></svg>")
    assert "from <span>$</span>1 to <span>$</span>2" in html
    assert '<a title="$3 and $4"><span>$</span>5</a>' in html
    assert "<svg><text>$6 or $7</text></svg>" in html

from __future__ import annotations

import pytest

from aca_notebook.display import amounts


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 ms"), (0.004, "4 ms"), (0.42, "0.42 s"), (12.34, "12.3 s"), (60, "1 min"), (125, "2 min 5 s"),
     (11400, "3 h 10 min"), (86400 * 2, "2 d")],
)  # fmt: skip
def test_seconds(value: float, text: str) -> None:
    assert amounts.seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (56 * 2**30, "56 GiB"), (2**41, "2 TiB")],
)
def test_sizes(value: int, text: str) -> None:
    assert amounts.size(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "$0"), (1234.5, "$1,234.50"), (0.5, "$0.50"), (0.034, "$0.034"), (0.0000072, "$0.0000072")],
)
def test_dollars_keep_two_digits_that_say_something(value: float, text: str) -> None:
    assert amounts.dollars(value) == text

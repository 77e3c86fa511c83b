"""Secret values that are known are taken out of text, and nothing else is."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

from hypothesis import assume, given
from hypothesis import strategies as some

from aca_notebook.model.redaction import SHOWN, Redactor

VALUES = some.lists(some.text(min_size=6, max_size=20), max_size=5)


def redactor(*values: str) -> Redactor:
    made = Redactor()
    made.learn(*values)
    return made


@given(VALUES, some.lists(some.text(max_size=20)), some.data())
def test_no_known_value_is_left_in_any_text(values, pieces, data) -> None:
    assume(not any(value in SHOWN or SHOWN in value for value in values))
    text = "".join(data.draw(some.permutations([*values, *pieces])))
    shown = redactor(*values).text(text)
    for value in values:
        assert value not in shown.replace(SHOWN, "\0")


@given(some.text())
def test_text_without_a_value_stays_as_it_is(text: str) -> None:
    assume("canary" not in text)
    assert redactor("canary-value").text(text) == text
    assert redactor().text(text) == text


def test_a_value_that_begins_another_leaves_nothing_of_it() -> None:
    assert redactor("secret-1", "secret-1-and-more").text("a secret-1-and-more b secret-1") == f"a {SHOWN} b {SHOWN}"


def test_short_values_strike_no_words_out_and_nothing_is_in_the_repr() -> None:
    known = redactor("the", "canary-value")
    assert known.text("the end") == "the end"
    assert repr(known) == "<Redactor of 1 values>"


def test_a_value_is_known_as_json_addresses_and_base64_write_it() -> None:
    value = 'pass "word"/ü'
    known = redactor(value)
    for written in (
        json.dumps(value), json.dumps(value, ensure_ascii=False), f"https://h/?key={quote(value, safe='')}",
        base64.b64encode(value.encode()).decode(), base64.urlsafe_b64encode(value.encode()).decode(),
    ):  # fmt: skip
        assert SHOWN in known.text(written)
        assert "word" not in known.text(written)

"""For any plain data: it comes back as it went, and equal data has an equal digest whatever its order."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from aca_notebook.packaging import data
from aca_notebook.packaging.emit import Piece, in_order
from aca_notebook.runner import plain

ATOMS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary() | st.dates()
JSON_LIKE = st.recursive(
    ATOMS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=5),
    max_leaves=20,
)


def nobody(_: object) -> str:
    return ""


def shuffled(value):
    """The same data with every dict in the opposite order."""
    if isinstance(value, dict):
        return {key: shuffled(each) for key, each in reversed(value.items())}
    return [shuffled(each) for each in value] if isinstance(value, list) else value


@given(JSON_LIKE)
def test_plain_data_comes_back_as_it_went(value):
    written = data.encode("x", value, nobody)

    assert plain.read(written.bytes, nobody) == value


@given(JSON_LIKE)
def test_a_literal_makes_an_equal_value_of_the_same_type(value):
    written = data.literal(value)

    if written:
        made = eval(written)
        assert made == value
        assert type(made) is type(value)


@given(JSON_LIKE)
def test_the_order_of_a_dict_makes_no_difference_to_the_digest(value):
    assert data.digest_of(value) == data.digest_of(shuffled(value))


@given(st.sets(st.integers() | st.text(max_size=3)))
def test_the_order_of_a_set_makes_no_difference_to_the_digest(value):
    in_another_order = set()
    for each in sorted(value, key=repr, reverse=True):
        in_another_order.add(each)

    assert data.digest_of(value) == data.digest_of(in_another_order)


@given(JSON_LIKE, JSON_LIKE)
def test_data_that_differs_has_another_digest(one, other):
    if repr(one) != repr(other) and one != other:
        assert data.digest_of(one) != data.digest_of(other)


@given(st.floats())
def test_any_number_travels(value):
    (back,) = plain.read(data.encode("x", [value], nobody).bytes, nobody)

    assert back == value or (math.isnan(back) and math.isnan(value))


@given(st.dictionaries(st.sampled_from("abcdef"), st.sets(st.sampled_from("abcdef")), min_size=1))
@settings(max_examples=200)
def test_every_piece_is_placed_once_and_below_what_it_needs(wanted):
    names = sorted(wanted)
    pieces = [  # only earlier letters are needed at once, so there is an order; later ones may be needed when called
        Piece(
            "definition", name, frozenset(name), frozenset(n for n in wanted[name] if n < name), frozenset(wanted[name])
        )
        for name in reversed(names)
    ]

    placed = [piece.text for piece in in_order(pieces)]

    assert sorted(placed) == names
    for piece in pieces:
        assert all(placed.index(n) < placed.index(piece.text) for n in piece.eager if n in placed)

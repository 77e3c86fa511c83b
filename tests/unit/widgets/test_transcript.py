"""What a console keeps for pages that open later."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.widgets.transcript import Transcript


def begun(cell: int) -> dict:
    return {"kind": "cell", "cell": cell, "code": f"cell {cell}"}


def text(cell: int, words: str, stream: str = "stdout") -> dict:
    return {"cell": cell, "kind": "text", "stream": stream, "text": words}


def test_text_that_comes_bit_by_bit_is_one_message_a_stream() -> None:
    kept = Transcript()
    for message in (begun(1), text(1, "a"), text(1, "b"), text(1, "c", "stderr"), begun(2), text(2, "d")):
        kept.add(message)
    assert kept.messages() == [begun(1), text(1, "ab"), text(1, "c", "stderr"), begun(2), text(2, "d")]


def test_outputs_that_were_cleared_are_not_told_again() -> None:
    kept = Transcript()
    for message in (begun(1), text(1, "10 %"), {"cell": 1, "kind": "clear"}, text(1, "20 %")):
        kept.add(message)
    assert kept.messages() == [begun(1), text(1, "20 %")]


def test_the_oldest_cell_goes_whole_and_is_said_to_be_left_out() -> None:
    kept = Transcript(most_bytes=200)
    for message in (begun(1), text(1, "x" * 100), begun(2), text(2, "y" * 150)):
        kept.add(message)
    note, *rest = kept.messages()
    assert note["text"] == "earlier outputs are left out\n"
    assert rest == [begun(2), text(2, "y" * 150)]


@given(st.lists(st.tuples(st.integers(0, 300), st.sampled_from(["stdout", "stderr"]))))
def test_however_much_a_cell_writes_its_code_and_the_newest_that_fits_are_kept(written) -> None:
    kept = Transcript(most_bytes=500)
    kept.add(begun(1))
    for length, stream in written:
        kept.add(text(1, "x" * length, stream))
    messages = [each for each in kept.messages() if each.get("stream") != "note"]
    assert messages[0] == begun(1)
    assert sum(len(each.get("text", "")) for each in messages) <= 500

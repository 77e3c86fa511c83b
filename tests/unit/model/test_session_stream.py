from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.model.session_stream import FrameReader, read_error, read_stderr

TEXT = st.text(alphabet='ab\n\x1e\x1f:aca{}"', max_size=40)


def frame(token: str = "T", **fields: object) -> str:
    return f"\x1eaca:{token}:{json.dumps(fields)}\x1f"


def read(pieces: list[str]) -> list[object]:
    """Everything read, neighbouring texts joined."""
    reader = FrameReader("T")
    found = [each for piece in pieces for each in reader.feed(piece)] + [reader.close()]
    joined: list[object] = []
    for each in found:
        if isinstance(each, str) and joined and isinstance(joined[-1], str):
            joined[-1] += each
        elif each != "":
            joined.append(each)
    return joined


def test_frames_and_text_come_in_their_order() -> None:
    assert read(["a" + frame(kind="begin") + "b" + frame(kind="end") + "c"]) == [
        "a", {"kind": "begin"}, "b", {"kind": "end"}, "c",
    ]  # fmt: skip


@given(st.lists(st.one_of(TEXT, st.just(frame(kind="display", data={"text/plain": "x"}))), max_size=8), st.data())
def test_where_the_text_is_cut_makes_no_difference(parts: list[str], data) -> None:
    whole = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert read(pieces) == read([whole])


@given(TEXT)
def test_no_text_is_lost(text: str) -> None:
    found = read([text])
    assert "".join(each for each in found if isinstance(each, str)) == text or any(isinstance(e, dict) for e in found)


def test_a_frame_of_another_token_is_text() -> None:
    assert read([frame("U", kind="error")]) == [frame("U", kind="error")]


def test_what_is_no_json_or_has_no_kind_is_text() -> None:
    assert read(["\x1eaca:T:nothing\x1f", frame(data=1)]) == ["\x1eaca:T:nothing\x1f" + frame(data=1)]


def test_a_frame_that_never_ends_is_text_after_a_megabyte() -> None:
    reader = FrameReader("T")
    assert reader.feed("\x1eaca:T:" + "x" * 2**20) != []


def test_an_error_of_any_shape_is_read() -> None:
    told = {"name": 3, "frames": [{"line": "x"}, 7, {"file": "Cell In[1]", "line": 2, "text": "1/0"}]}
    error = read_error(told)
    assert error.traceback.endswith("Cell In[1], line 2\n    1/0")
    assert read_error({"frames": "none"}).frames == ()


def test_the_last_line_of_a_traceback_in_text_names_the_error() -> None:
    error = read_stderr("Traceback (most recent call last):\n  File …\nZeroDivisionError: division by zero\n")
    assert (error.name, error.message) == ("ZeroDivisionError", "division by zero")
    assert read_stderr("").message == "the execution failed"
    error = read_stderr("ReferenceError: x is not defined\n    at session:2:1\n    at f (session:1:9)\n")
    assert (error.name, error.message) == ("ReferenceError", "x is not defined")

"""ZeroMQ's wire: what is framed is read however it is cut, what is too large is left out, garbage is no message."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.emulator.sessions.zmtp import NotZmtp, Reader, framed

GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01NULL" + bytes(48)
READY = b"\x04\x06\x05READY"
MOST = 1000
messages = st.lists(st.lists(st.binary(max_size=700), min_size=1, max_size=5), max_size=6)


def pieces(raw: bytes, cuts: list[int]) -> list[bytes]:
    at = sorted({cut % (len(raw) + 1) for cut in cuts} | {0, len(raw)})
    return [raw[begin:end] for begin, end in pairwise(at)]


@given(messages, st.lists(st.integers(min_value=0), max_size=12))
def test_whatever_is_sent_is_read_however_it_is_cut_and_no_more_than_there_is_room_for(
    sent: list[list[bytes]], cuts: list[int]
) -> None:
    reader = Reader(MOST)
    raw = GREETING + READY + b"".join(framed(message) for message in sent)
    read = [message for piece in pieces(raw, cuts) for message in reader.feed(piece)]
    assert read == [message for message in sent if sum(map(len, message)) <= MOST]
    assert reader.ready


def test_a_frame_that_is_too_large_is_not_kept_while_it_comes() -> None:
    reader = Reader(MOST)
    reader.feed(GREETING + b"\x02" + (10**9).to_bytes(8, "big"))
    for _ in range(100):
        assert reader.feed(bytes(65536)) == []
        assert len(reader._buffer) == 0


def test_a_message_of_more_frames_than_any_has_is_left_out() -> None:
    reader = Reader(MOST)
    assert reader.feed(GREETING + framed([b""] * 1000) + framed([b"next"])) == [[b"next"]]


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"HTTP/1.1 400 Bad Request" + bytes(64), id="another protocol"),
        pytest.param(b"\xff" + bytes(8) + b"\x7f\x01" + bytes(60), id="an older version"),
        pytest.param(GREETING + b"\x04\x06\x05ERROR", id="a refusal"),
        pytest.param(GREETING + b"\x06" + (10**6).to_bytes(8, "big"), id="a command without end"),
    ],
)
def test_what_is_no_zmtp_3_is_refused(raw: bytes) -> None:
    with pytest.raises(NotZmtp):
        Reader(MOST).feed(raw)

"""What the data plane's two streams send becomes lines, however it is cut into chunks."""

from __future__ import annotations

import itertools
import json
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aca_notebook.azure.logs import LineStream, Logs

STAMP = "2026-05-01T12:00:00.1234567+00:00"


class Content:
    """A response's body, in chunks."""

    def __init__(self, chunks: list[bytes]) -> None:
        self.chunks = chunks

    async def iter_any(self):
        for chunk in self.chunks:
            yield chunk


class Session:
    """Answers each GET with the same chunks."""

    def __init__(self, *chunks: bytes) -> None:
        self.response = SimpleNamespace(status=200, headers={}, content=Content(list(chunks)))

    def get(self, url, **named):
        self.asked = named
        return self

    async def __aenter__(self):
        return self.response

    async def __aexit__(self, *_):
        return None


def run(work):
    """Run what waits for nothing: a loop for each of a hundred examples would take seconds."""
    try:
        work.send(None)
    except StopIteration as ended:
        return ended.value
    raise AssertionError("it waits for something")


def read(*chunks: bytes, kind: str = "console"):
    async def reading():
        logs = Logs(SimpleNamespace(session=Session(*chunks)))
        opened = (
            logs.console("https://here", "token", tail=9, follow=False, replica="r1")
            if kind == "console"
            else logs.system("https://here", "token", tail=9, follow=False)
        )
        async with opened as stream:
            return [line async for line in stream]

    return run(reading())


def record(text: str, stamp: str | None = STAMP) -> bytes:
    return json.dumps({"TimeStamp": stamp, "Log": text}).encode() + b"\n"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=20), max_size=8), st.lists(st.integers(0, 400), max_size=6))
def test_lines_are_the_same_wherever_the_stream_is_cut_into_chunks(texts, cuts) -> None:
    body = b"".join(record(f"F {text}") for text in texts)
    places = sorted({0, len(body), *(min(cut, len(body)) for cut in cuts)})
    chunks = [body[start:end] for start, end in itertools.pairwise(places)]
    assert [line.text for line in read(*chunks)] == texts


def test_a_line_has_its_moment_to_the_microsecond_and_its_replica() -> None:
    (line,) = read(record("F hello"))
    assert (line.text, line.replica, line.level) == ("hello", "r1", "")
    assert line.at is not None
    assert line.at.isoformat() == "2026-05-01T12:00:00.123456+00:00"


@pytest.mark.parametrize("stamp", ["", None, "yesterday"])
def test_a_line_without_a_moment_that_can_be_read_is_kept(stamp) -> None:
    (line,) = read(record("F hello", stamp))
    assert (line.text, line.at) == ("hello", None)


def test_the_pieces_of_a_long_line_are_put_together() -> None:
    lines = read(record("P one "), record("P two "), record("F three"), record("F four"))
    assert [line.text for line in lines] == ["one two three", "four"]


def test_a_line_that_never_ends_is_cut_after_a_mebibyte() -> None:
    piece = "x" * 16384
    lines = read(*[record(f"P {piece}")] * 65)
    assert [len(line.text) for line in lines] == [64 * 16384]


def test_streams_are_told_apart_where_the_platform_says_so() -> None:
    lines = read(record("stderr F bad"), record("stdout P a"), record("stdout F b"), record("P lain text"))
    assert [(line.level, line.text) for line in lines] == [("stderr", "bad"), ("stdout", "ab")]


def test_banners_and_what_is_no_record_are_left_out() -> None:
    banner = record("Connecting to the container 'main'...", "2026-05-01T12:00:00.1")
    assert [line.text for line in read(banner, b"<html>\n", b'"text"\n', record("F one"))] == ["one"]


def test_a_record_that_was_cut_off_is_left_out() -> None:
    assert [line.text for line in read(record("F one"), record("F two")[:20])] == ["one"]


def test_an_event_has_the_platforms_words() -> None:
    event = {
        "TimeStamp": "2026-05-01 12:00:00.1234567 +0000 UTC", "Type": "Warning", "RevisionName": "a--1",
        "ReplicaName": None, "Msg": "no image", "Reason": "ImagePullBackOff", "Count": 3,
    }  # fmt: skip
    greeting = {"Reason": "ConnectedToEventsServer", "Msg": "Successfully connected to events server"}
    cold = {"Msg": "ColdStartEvents", "Count": 0}
    body = b"".join(json.dumps(each).encode() + b"\n" for each in (greeting, cold, event))
    (line,) = read(body, kind="system")
    assert (line.text, line.level, line.reason, line.count) == ("no image", "Warning", "ImagePullBackOff", 3)
    assert (line.revision, line.replica) == ("a--1", "")


def test_a_batch_is_what_came_together() -> None:
    async def reading():
        logs = Logs(SimpleNamespace(session=Session(record("F 1") + record("F 2"), record("F 3"))))
        async with logs.console("https://here", "token", tail=9, follow=False) as stream:
            assert isinstance(stream, LineStream)
            return [[line.text for line in batch] async for batch in stream.batches()]

    assert run(reading()) == [["1", "2"], ["3"]]

"""Arguments and results on the wire."""

from __future__ import annotations

import inspect
import json

import numpy as np
import pandas as pd
import pytest

from aca_notebook.api import codec
from aca_notebook.azure.calls import Reply
from aca_notebook.errors import CallFailed, InvalidArguments
from aca_notebook.runner import exchange, tables


def test_positional_arguments_get_their_names():
    assert codec.bind(codec.signature_of(("x", "y")), (1,), {"y": 2}) == {"x": 1, "y": 2}


@pytest.mark.parametrize(
    ("positional", "named"),
    [((1, 2, 3), {}), ((1,), {"x": 2}), ((), {"z": 1})],
    ids=["too many", "twice", "unknown"],
)
def test_arguments_that_do_not_fit_are_refused_with_the_signature(positional, named):
    with pytest.raises(InvalidArguments) as refused:
        codec.bind(codec.signature_of(("x", "y")), positional, named)
    assert "x=None, y=None" in refused.value.hint


def test_an_unknown_parameter_is_named_before_a_missing_one():
    def score(x, **more): ...
    def strict(x): ...

    with pytest.raises(InvalidArguments, match="no parameter `y`"):
        codec.bind(inspect.signature(strict), (), {"y": 9.0})
    with pytest.raises(InvalidArguments, match="missing a required argument: 'x'"):
        codec.bind(inspect.signature(score), (), {"y": 9.0})


def test_plain_data_travels_as_json():
    content_type, body = codec.encode({"x": 9.0, "rows": [1, None]}, "x")
    assert (content_type, json.loads(body)) == ("application/json", {"x": 9.0, "rows": [1, None]})


def test_a_lone_array_is_the_whole_body():
    content_type, body = codec.encode({"x": np.arange(3)}, "x")
    assert content_type == tables.NPY
    assert tables.read_array(body).tolist() == [0, 1, 2]


def test_an_array_that_is_not_the_first_parameter_keeps_its_name():
    content_type, body = codec.encode({"y": np.arange(3)}, "x")
    assert exchange.read_multipart(content_type, body)["y"][0] == tables.NPY


def test_frames_arrays_and_plain_data_travel_together_as_the_runner_reads_them():
    frame = pd.DataFrame({"a": [1, 2]}, index=pd.Index(["p", "q"], name="row"))
    parts = exchange.read_multipart(*codec.encode({"frame": frame, "weights": np.ones(2), "top": 3}, "frame"))
    assert {name: content_type for name, (content_type, _) in parts.items()} == {
        "frame": tables.ARROW, "weights": tables.NPY, "top": "application/json",
    }  # fmt: skip
    pd.testing.assert_frame_equal(tables.read_frame(parts["frame"][1]), frame)
    assert parts["top"][1] == b"3"


def test_an_argument_that_cannot_be_sent_is_named():
    with pytest.raises(InvalidArguments, match="'handle'"):
        codec.encode({"x": 1, "handle": object()}, "x")


def test_an_array_of_python_objects_is_not_pickled():
    with pytest.raises(InvalidArguments, match="'x'"):
        codec.encode({"x": np.array([object()])}, "x")


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        ("application/json", b'{"a": [1, null]}', {"a": [1, None]}),
        ("application/json", b"", None),
        ("text/plain", "grüß".encode(), "grüß"),
        ("image/png", b"\x89PNG", b"\x89PNG"),
    ],
)
def test_answers_are_read_by_their_content_type(content_type, body, expected):
    assert codec.decode(Reply(200, content_type, body, "c")) == expected


def test_arrays_and_frames_come_back_exactly():
    array, frame = np.eye(2, dtype="f4"), pd.DataFrame({"a": pd.to_datetime(["2026-01-01"])})
    back = codec.decode(Reply(200, tables.NPY, tables.write_array(array), ""))
    assert back.dtype == array.dtype
    assert (back == array).all()
    pd.testing.assert_frame_equal(codec.decode(Reply(200, tables.ARROW, tables.write_frame(frame), "")), frame)


@pytest.mark.parametrize("content_type", ["application/json", tables.NPY, tables.ARROW])
def test_a_body_that_is_not_what_it_says_is_an_error_with_the_call_id(content_type):
    with pytest.raises(CallFailed) as failed:
        codec.decode(Reply(200, content_type, b"\x80\x05pickle?", "call-1"))
    assert failed.value.call_id == "call-1"

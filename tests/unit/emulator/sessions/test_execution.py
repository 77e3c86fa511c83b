"""What an execution keeps of what it hears, and what it makes of it."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.emulator.sessions import replies
from aca_notebook.emulator.sessions.agent import read_line
from aca_notebook.emulator.sessions.execution import MOST_DISPLAYED, MOST_STREAM, Execution, Status, plain, scalar
from aca_notebook.emulator.sessions.kernel import read_output

PIXEL = "iVBORw0KGgo=\n"


def running() -> Execution:
    made = Execution("abcd", synchronous=True)
    made.begin()
    return made


def wrote(text: str, name: str = "stdout") -> dict[str, str]:
    return {"event": "stream", "name": name, "text": text}


@given(st.lists(st.text(max_size=2000), max_size=30))
def test_what_fits_is_kept_whole(texts: list[str]) -> None:
    execution = running()
    for text in texts:
        execution.hear(wrote(text))
    assert execution.stdout == "".join(texts)


def test_what_does_not_fit_is_left_out_with_a_note_and_not_told() -> None:
    execution = running()
    for _ in range(3):
        execution.hear(wrote("x" * MOST_STREAM))
    execution.end(Status.SUCCEEDED, milliseconds=1)
    assert len(execution.stdout) < MOST_STREAM + 200
    assert f"{2 * MOST_STREAM:,} more characters were left out" in execution.stdout
    told = asyncio.run(follow(execution))
    assert sum(len(each.get("text", "")) for each in told) < MOST_STREAM + 200


def test_too_many_pictures_are_left_out_with_a_note() -> None:
    execution = running()
    for _ in range(3):
        execution.hear({"event": "display", "data": {"image/png": "x" * (MOST_DISPLAYED // 2)}, "metadata": {}})
    assert "displays too much" in execution.stderr


async def follow(execution: Execution) -> list[dict[str, object]]:
    return [event async for event in execution.follow()]


def test_a_picture_is_the_result_whatever_the_last_expression_was() -> None:
    execution = running()
    execution.hear({"event": "result", "data": {"text/plain": "[<Line2D>]"}, "metadata": {}})
    execution.hear({"event": "display", "data": {"image/png": PIXEL, "text/plain": "<Figure>"}, "metadata": {}})
    assert execution.result == {"type": "image", "format": "png", "base64_data": "iVBORw0KGgo="}
    assert execution.stdout == ""


def test_what_is_displayed_without_a_picture_is_text() -> None:
    execution = running()
    execution.hear({"event": "display", "data": {"text/html": "<b>a</b>", "text/plain": "   a"}, "metadata": {}})
    assert (execution.stdout, execution.result) == ("   a\n", "")


@pytest.mark.parametrize(
    ("text", "value"),
    [("2", 2), ("-2.5", -2.5), ("1e3", 1000.0), ("True", True), ("'a'", "'a'"), ("nan", "nan"), ("1_000", "1_000"),
     ("9" * 400, "9" * 400), ("[1]", "[1]"), ("", "")],
)  # fmt: skip
def test_a_number_is_a_number_and_anything_else_a_text(text: str, value: object) -> None:
    assert scalar(text) == value
    assert type(scalar(text)) is type(value)


def test_colours_are_left_out_of_a_traceback() -> None:
    assert plain("\x1b[31mTrace\x1b[0m\x1b]8;;x\x07back") == "Traceback"


def test_nothing_is_heard_after_the_end() -> None:
    execution = running()
    execution.end(Status.SUCCEEDED, milliseconds=1)
    execution.hear(wrote("late"))
    assert execution.stdout == ""


def test_whoever_follows_is_told_all_from_the_start_and_then_the_rest() -> None:
    async def scenario() -> list[str]:
        execution = running()
        execution.hear(wrote("one"))
        following = asyncio.ensure_future(follow(execution))
        await asyncio.sleep(0)
        execution.hear(wrote("two"))
        execution.end(Status.SUCCEEDED, milliseconds=1)
        return [str(each.get("text", each["event"])) for each in await following]

    assert asyncio.run(scenario()) == ["running", "one", "two"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=8,
)  # fmt: skip
KINDS = st.sampled_from(
    ["stream", "display_data", "execute_result", "update_display_data", "error", "clear_output", "status", "x"]
)


@given(KINDS, st.dictionaries(st.sampled_from(["name", "text", "data", "metadata", "transient", "traceback"]), JSON))
def test_whatever_a_kernel_says_can_be_heard_and_answered(kind: str, content: dict[str, object]) -> None:
    execution = running()
    event = read_output(kind, content)
    if event is not None:
        execution.hear(event)
    execution.end(Status.FAILED, milliseconds=1)
    assert replies.encoded(replies.numbered(replies.executed(execution)))
    assert replies.encoded(asyncio.run(follow(execution)))


@given(st.binary(max_size=50) | JSON.map(replies.encoded))
def test_whatever_an_agent_says_is_an_event_or_nothing(line: bytes) -> None:
    event = read_line(line)
    assert event is None or event["event"] in {"ended", "stream", "error", "result"}


def test_text_that_is_no_unicode_is_answered_as_json_has_it() -> None:
    assert replies.encoded({"a": "\udc80é"}) == b'{"a":"\\udc80\\u00e9"}'
    assert replies.encoded({"a": "é"}) == '{"a":"é"}'.encode()

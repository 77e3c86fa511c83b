"""What the frames of an exec session mean."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.emulator.arm.exec import Size, command_of, failure, read_frame, whole_characters
from aca_notebook.emulator.wire import AzureError


@pytest.mark.parametrize(
    ("frame", "meant"),
    [
        (b"\0\0ls\n", b"ls\n"),
        (b"\0\0\x03", b"\x03"),
        (b"\0\0", b""),
        (b'\0\4{"Width": 80, "Height": 24}', Size(80, 24)),
        (b'\0\4{"Width": "80", "Height": -1}', Size(80, 0)),
        (b"", b""),
        (b"\0", b""),
        (b"\0\1out", b""),
        (b"\1\0info", b""),
        (b"\0\4", b""),
        (b"\0\4{", b""),
        (b"\0\4[1]", b""),
        (b"\0\4" + b"[" * 100_000, b""),
        (b'\0\4{"Width": 1e999, "Height": 1}', b""),
        (b'\0\4{"Width": 1}', b""),
    ],
)
def test_a_frame_is_input_or_a_size_or_nothing(frame: bytes, meant: bytes | Size) -> None:
    assert read_frame(frame) == meant


@given(st.text(), st.integers(min_value=1, max_value=9))
def test_characters_are_not_cut_wherever_the_text_is(text: str, step: int) -> None:
    written, rest, shown = text.encode("utf-8", "surrogatepass"), b"", ""
    for start in range(0, len(written), step):
        whole, rest = whole_characters(rest + written[start : start + step])
        shown += whole.decode("utf-8", "surrogatepass")
    assert (shown, rest) == (text, b"")


@given(st.lists(st.binary()))
def test_what_is_no_text_passes_too(pieces: list[bytes]) -> None:
    rest, passed = b"", b""
    for piece in pieces:
        whole, rest = whole_characters(rest + piece)
        passed += whole
        assert len(rest) < 4
    assert passed + rest == b"".join(pieces)


def test_a_command_is_its_words() -> None:
    assert command_of(" python -c  print(1) ") == ("python", "-c", "print(1)")
    with pytest.raises(AzureError):
        command_of("  ")


def test_an_error_is_what_azure_writes() -> None:
    text = failure("ClusterExecFailure", """exec: "x": it's gone""")
    assert text.startswith('{"Error":{"Code":"ClusterExecFailure","Message":"exec: ')
    assert '\\u0022x\\u0022: it\\u0027s gone","Details":null' in text
    assert json.loads(text)["Error"]["Message"].endswith("""exec: "x": it's gone""")

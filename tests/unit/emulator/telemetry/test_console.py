"""Reading a container's log: the last lines, and then every line once, across rotation."""

from __future__ import annotations

import random

import pytest

from aca_notebook.emulator.telemetry.console import ConsoleLine, LogReader, parse_line
from aca_notebook.emulator.telemetry.streams import until_next_look


def cri(number: int, tag: str = "F") -> bytes:
    return f"2026-01-01T00:00:00.{number:09d}+00:00 stdout {tag} line {number}\n".encode()


def numbers(lines: list[bytes]) -> list[int]:
    return [int(line.rsplit(b" ", 1)[1]) for line in lines]


def drained(reader: LogReader) -> list[int]:
    found: list[int] = []
    while lines := reader.read():
        found += numbers(lines)
    return found


def rotate(path) -> None:
    path.replace(path.with_name(path.name + ".1"))
    path.touch()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "main.log"


@pytest.mark.parametrize(
    ("tail", "first"), [(0, 10), (1, 9), (3, 7), (10, 0), (300, 0)], ids=["none", "one", "some", "all", "more than all"]
)
def test_the_tail_is_the_last_whole_lines(path, tail, first):
    path.write_bytes(b"".join(map(cri, range(10))))
    reader = LogReader(path, tail)

    assert drained(reader) == list(range(first, 10))
    reader.close()


def test_a_tail_reaches_back_into_the_file_before(path):
    path.write_bytes(b"".join(map(cri, range(5))))
    rotate(path)
    path.write_bytes(b"".join(map(cri, range(5, 7))))
    reader = LogReader(path, 4)

    assert drained(reader) == [3, 4, 5, 6]
    reader.close()


def test_a_tail_of_long_lines_is_found_over_many_blocks(path):
    path.write_bytes(b"".join(b"t stdout F " + b"x" * 20_000 + b" %d\n" % number for number in range(40)))
    reader = LogReader(path, 12)

    assert drained(reader) == list(range(28, 40))
    reader.close()


def test_a_line_that_is_half_written_waits_for_its_end(path):
    path.write_bytes(cri(0) + cri(1)[:-3])
    reader = LogReader(path, 10)
    assert drained(reader) == [0]

    with path.open("ab") as file:
        file.write(cri(1)[-3:])

    assert drained(reader) == [1]
    reader.close()


def test_a_file_that_is_not_there_yet_is_waited_for(path):
    reader = LogReader(path, 10)
    assert reader.read() == []

    path.write_bytes(cri(0))

    assert drained(reader) == [0]
    reader.close()


def test_a_torn_last_line_does_not_run_into_the_next_file(path):
    path.write_bytes(cri(0) + b"torn 7")
    reader = LogReader(path, 10)
    rotate(path)
    path.write_bytes(cri(1))

    assert drained(reader) == [0, 7, 1]
    reader.close()


@pytest.mark.parametrize("seed", range(20))
def test_following_loses_and_repeats_nothing_across_rotation(path, seed):
    chance = random.Random(seed)
    path.touch()
    reader = LogReader(path, 0)
    written, read, rotations = 0, [], 0
    for _ in range(300):
        with path.open("ab") as file:
            for _ in range(chance.randrange(5)):
                file.write(cri(written))
                written += 1
        if chance.random() < 0.2 and rotations < 2:
            rotate(path)
            rotations += 1
        if chance.random() < 0.4:
            read += drained(reader)
            rotations = 0
    read += drained(reader)
    reader.close()

    assert read == list(range(written))


def test_a_line_is_sent_with_seven_digits_and_its_tag():
    line = parse_line(b"2025-05-24T17:18:26.339312345+00:00 stderr F 2025/05/24 17:18:04 Listening on :80...")

    assert line == ConsoleLine("2025-05-24T17:18:26.3393123+00:00", "F 2025/05/24 17:18:04 Listening on :80...")


def test_bytes_that_are_no_line_of_a_runtime_are_kept_as_text():
    assert parse_line(b"\xff oops") == ConsoleLine("", "\ufffd oops")


@pytest.mark.parametrize(("quiet", "wait"), [(0, 0.01), (0.05, 0.01), (0.5, 0.05), (3, 0.1), (float("inf"), 0.1)])
def test_a_file_is_looked_at_after_a_tenth_of_the_time_it_was_quiet_within_bounds(quiet, wait):
    assert until_next_look(quiet) == pytest.approx(wait)

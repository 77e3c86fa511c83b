"""What calls ask for: paths, files, lists and numbers in a query."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.emulator.sessions import calls
from aca_notebook.emulator.sessions.instances import placed_in
from aca_notebook.emulator.sessions.levels import Levels
from aca_notebook.emulator.wire import AzureError


@given(st.lists(st.text(max_size=20), max_size=3))
def test_no_path_leads_out(parts: list[str]) -> None:
    try:
        found = calls.inner_path(*parts)
    except AzureError:
        return
    assert not found.startswith("/")
    assert ".." not in found.split("/")


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        (("", "a"), "a"), (("/mnt/data", "a"), "a"), (("sub", "/mnt/data/a"), "a"), (("/mnt/data/sub", "a"), "sub/a"),
        (("/mnt/database",), "mnt/database"), (("/here/data/x",), "x"),
    ],
)  # fmt: skip
def test_the_folders_own_name_may_stand_before_a_path(parts: tuple[str, ...], found: str) -> None:
    assert calls.inner_path(*parts, shown="/here/data") == found


@pytest.mark.parametrize(
    ("rest", "old", "asked"),
    [
        ("a.txt", False, ("a.txt", False)), ("a.txt/content", False, ("a.txt", True)),
        ("content/a.txt", True, ("a.txt", True)), ("content/a.txt", False, ("a.txt", True)),
        ("content/content", False, ("content", True)), ("content/content", True, ("content", True)),
        ("sub/a.txt/content", False, ("sub/a.txt", True)), ("content", False, ("content", False)),
    ],
)  # fmt: skip
def test_either_generation_says_which_file_and_whether_its_content(
    rest: str, *, old: bool, asked: tuple[str, bool]
) -> None:
    assert calls.file_asked(rest, old=old) == asked


@pytest.mark.parametrize(
    ("accept", "streams"),
    [
        ("application/x-ndjson", True), ("application/json, application/x-ndjson;q=0.5", True), ("*/*", False),
        ("", False), ("application/json", False),
    ],
)  # fmt: skip
def test_only_who_says_so_is_told_as_it_happens(accept: str, *, streams: bool) -> None:
    assert calls.wants_stream(accept) is streams


START = datetime(2026, 1, 1, tzinfo=UTC)


def test_levels_are_averaged_over_the_time_that_has_passed() -> None:
    levels = Levels()
    levels.note(START, ready=0, pending=1, executing=0)
    levels.note(START + timedelta(seconds=15), ready=1, pending=0, executing=0)
    levels.note(START + timedelta(seconds=45), ready=0, pending=0, executing=1)
    minute = (START, START + timedelta(minutes=1))
    found = levels.over("PoolReadyPodCount", *minute, START + timedelta(hours=1))
    assert (found.average, found.least, found.most) == (0.5, 0, 1)
    half = levels.over("PoolReadyPodCount", *minute, START + timedelta(seconds=30))
    assert half.average == 0.5
    assert levels.over("PoolReadyPodCount", START - timedelta(hours=1), START, START) is None
    later = levels.over("PoolExecutingPodCount", START + timedelta(hours=1), START + timedelta(hours=2), minute[1])
    assert later is None


@pytest.mark.parametrize(
    ("source", "placed"),
    [
        ("open('/mnt/data/a.csv')", "open('/here/data/a.csv')"), ("os.chdir('/mnt/data')", "os.chdir('/here/data')"),
        ("'/mnt/database'", "'/mnt/database'"), ("'/old/mnt/data'", "'/old/mnt/data'"), ("/mnt/data-2", "/mnt/data-2"),
    ],
)  # fmt: skip
def test_where_a_sandbox_has_no_names_of_its_own_the_folders_name_stands_for_it(source: str, placed: str) -> None:
    assert placed_in("/here/data", source) == placed
    assert placed_in("/mnt/data", source) == source

"""Eight replicas write at full speed: every line is in the stream and in the table, in each replica's order."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

import aca_notebook
from tests import chatter
from tests.real_emulator import RealEmulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aca_notebook.api.logs import LogStream

pytestmark = [pytest.mark.process, pytest.mark.timeout(240), pytest.mark.filterwarnings("ignore::ResourceWarning")]

REPLICAS = 8
LINES = 2_500  # of each; a hundred thousand together are `make bench logs`

ALL = """
ContainerAppConsoleLogs_CL | where Log_s startswith "line "
| project TimeGenerated, ContainerGroupName_s, number = toint(extract("^line ([0-9]+)", 1, Log_s))
| order by ContainerGroupName_s asc, TimeGenerated asc
"""


@pytest.fixture
def emulator(tmp_path) -> Iterator[RealEmulator]:
    """The emulator that the target `local` joins."""
    (tmp_path / "aca-home").mkdir()
    started = RealEmulator(tmp_path / "aca-home" / "emulator")
    yield started
    started.stop()


def read(stream: LogStream) -> dict[str, list[int]]:
    """Read on until each replica's last line has come; return the numbers of each."""
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    ended: set[str] = set()
    for line in stream:
        number = chatter.number_of(line.text)
        if number is not None:
            numbers[line.replica].append(number)
        if number == LINES - 1:
            ended.add(line.replica)
            if len(ended) == REPLICAS:
                return numbers
    raise AssertionError("the log ended before all lines had come")


def test_every_line_of_eight_replicas_is_in_the_stream_and_in_the_table(emulator: RealEmulator, tmp_path) -> None:
    go = tmp_path / "go"
    body = chatter.app(emulator.environment_id, chatter.command(go, LINES), REPLICAS)
    assert emulator.call("PUT", emulator.path("chatty"), body).status_code == 201
    with aca_notebook.connect("local") as workspace, workspace.apps["chatty"].logs(tail=300, follow=True) as stream:
        ready: set[str] = set()
        for line in stream:
            ready.add(line.replica)
            if len(ready) == REPLICAS:
                break
        go.touch()
        expected = list(range(LINES))
        streamed = read(stream)
        assert len(streamed) == REPLICAS
        assert all(numbers == expected for numbers in streamed.values())
        rows = workspace.query(ALL)
        while len(rows) < REPLICAS * LINES:  # taken in within a second or two
            rows = workspace.query(ALL)
        kept = rows.groupby("ContainerGroupName_s")["number"].agg(list)
        assert set(kept.index) == set(streamed)
        assert all(numbers == expected for numbers in kept)

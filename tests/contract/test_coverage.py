"""The coverage page does not boast: what a route says is checked by recorded traffic is asked by a recording."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from aca_notebook.emulator.main import compose
from aca_notebook.emulator.runtime.gpus import NoGpus
from aca_notebook.emulator.settings import Settings
from aca_notebook.emulator.wire import Check, RouteTable
from tests.contract.conftest import require_folder
from tests.contract.recorded import ARM, BLOB_HOSTS, DATA_PLANE, load
from tests.contract.test_recorded_traffic import ELSEWHERE, NOT_OFFERED, RECORDINGS
from tests.fakes.clock import ManualClock
from tests.fakes.spawn import FakeSpawn

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def table(tmp_path: Path) -> RouteTable:
    emulator = compose(Settings(tmp_path / "emulator"), ManualClock(), FakeSpawn(), NoGpus())
    asyncio.run(emulator.close())
    return emulator.table


def test_what_is_marked_as_recorded_is_recorded(table: RouteTable) -> None:
    asked = set()
    for file in require_folder(RECORDINGS).glob("*.yaml"):
        for seen in load(file).interactions:
            ours = seen.host == ARM or seen.host.endswith((DATA_PLANE, *BLOB_HOSTS))
            match = table.match(seen.method, seen.path) if ours else None
            if match is not None and seen.operation not in {*NOT_OFFERED, *ELSEWHERE}:
                asked.add(match.route.operation)
    marked = {route.operation for route in table.routes if Check.RECORDING in route.checked}
    assert marked <= asked
    assert len(marked) > 60

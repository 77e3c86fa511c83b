import asyncio
import shutil
import sys

import pytest

from aca_notebook.emulator.runtime.file_bells import FileBells
from tests.fakes.clock import ManualClock, settled

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's; elsewhere files are looked at by time"),
]


@pytest.fixture
async def bells():
    made = FileBells(ManualClock())
    yield made
    made.close()


async def rings(bell) -> bool:
    """Whether it rings, given as long as a slow machine needs: whoever never rings is woken by no clock here."""
    try:
        async with asyncio.timeout(10):
            await bell.wait(1e9)
    except TimeoutError:
        return False
    return True


async def test_a_line_that_is_written_rings(bells, tmp_path):
    async with bells.listen(tmp_path) as bell:
        assert bell.hears
        (tmp_path / "log").write_text("line\n")
        assert await rings(bell)


async def test_what_came_during_a_look_rings_again(bells, tmp_path):
    log = tmp_path / "log"
    log.write_text("first\n")
    async with bells.listen(tmp_path) as bell:
        for text in ("second\n", "third\n"):
            bell.still()
            with log.open("a") as file:
                file.write(text)
            assert await rings(bell)


async def test_only_the_bells_of_that_folder_ring(bells, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    async with bells.listen(here) as one, bells.listen(here) as other, bells.listen(there) as stranger:
        (here / "log").write_text("line\n")
        assert await rings(one)
        assert await rings(other)
        assert not stranger.rung.is_set()


async def test_a_bell_that_is_given_back_leaves_its_neighbour(bells, tmp_path):
    async with bells.listen(tmp_path) as staying:
        async with bells.listen(tmp_path):
            pass
        (tmp_path / "log").write_text("line\n")
        assert await rings(staying)


async def test_a_folder_that_goes_makes_its_bell_deaf(bells, tmp_path):
    folder = tmp_path / "replica"
    folder.mkdir()
    async with bells.listen(folder) as bell:
        shutil.rmtree(folder)
        assert await rings(bell)
        assert not bell.hears


async def test_a_folder_that_is_not_there_is_waited_for_by_time(tmp_path):
    clock = ManualClock()
    bells = FileBells(clock)
    async with bells.listen(tmp_path / "none") as bell:
        assert not bell.hears
        waiting = asyncio.create_task(bell.wait(5))
        await settled()
        assert not waiting.done()
        await clock.advance(5)
        assert waiting.done()
    bells.close()

"""What every `Spawn` does: the real one and the fake, held to the same."""

from __future__ import annotations

import sys

import pytest

from aca_notebook.emulator.runtime.process import Launch, StartFailed, SubprocessSpawn
from tests.fakes.spawn import Behaviour, FakeSpawn

pytestmark = [pytest.mark.anyio, pytest.mark.process]
RUNS = "import time; time.sleep(60)"


def behave(launch: Launch) -> Behaviour:
    if launch.argv[-1].startswith("raise SystemExit"):
        return Behaviour(exit_code=int(launch.argv[-1].partition("(")[2].rstrip(")")))
    if launch.argv[-1].startswith("print"):
        return Behaviour(exit_code=0, lines=["one", "two"])
    return Behaviour()


@pytest.fixture(params=["fake", "real"])
def spawn(request):
    return FakeSpawn(behave) if request.param == "fake" else SubprocessSpawn()


@pytest.fixture
def launch(tmp_path):
    def make(code: str, **variables) -> Launch:
        return Launch((sys.executable, "-I", "-S", "-c", code), variables, tmp_path, tmp_path / "logs" / "c.log", "m")

    return make


async def test_an_exit_code_is_reported(spawn, launch):
    child = await spawn.spawn(launch("raise SystemExit(3)"))
    await child.go()
    assert await child.exited() == 3


async def test_a_stop_ends_a_program_with_term(spawn, launch):
    child = await spawn.spawn(launch(RUNS))
    await child.go()
    child.stop(5)
    assert await child.exited() == 143


async def test_a_stop_without_grace_kills_at_once(spawn, launch):
    child = await spawn.spawn(launch(RUNS))
    await child.go()
    child.stop(0)
    assert await child.exited() == 137


async def test_a_stop_before_the_word_means_it_never_runs(spawn, launch, tmp_path):
    child = await spawn.spawn(launch(f"open({str(tmp_path / 'ran')!r}, 'w')"))
    child.stop(0)
    await child.exited()
    assert not (tmp_path / "ran").exists()


async def test_lines_are_in_the_log_when_the_exit_is_reported(spawn, launch):
    order = launch("print('one'); print('two')")
    child = await spawn.spawn(order)
    await child.go()
    await child.exited()
    lines = order.log_file.read_text().splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == ["stdout F one", "stdout F two"]


async def test_nothing_to_execute_is_refused(spawn, tmp_path):
    with pytest.raises(StartFailed):
        await spawn.spawn(Launch((), {}, tmp_path, tmp_path / "log", "m"))


async def test_an_exit_may_be_awaited_by_many_and_late(spawn, launch):
    child = await spawn.spawn(launch("raise SystemExit(0)"))
    await child.go()
    assert await child.exited() == 0
    assert await child.exited() == 0


async def test_a_child_has_a_pid_before_its_program_runs(spawn, launch):
    child = await spawn.spawn(launch(RUNS))
    assert child.pid > 0
    assert child.start_ticks >= 0
    child.stop(0)
    await child.exited()

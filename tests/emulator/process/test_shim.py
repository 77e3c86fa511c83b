"""Real children under the shim: signals, groups, those who run away, output races. Nothing may be left."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import signal
import subprocess
import sys
import textwrap
import time
from datetime import datetime
from pathlib import Path

import pytest

from aca_notebook.emulator.runtime import shim
from aca_notebook.emulator.runtime.process import (
    Launch,
    Leftover,
    StartFailed,
    SubprocessSpawn,
    marked_processes,
    new_mark,
    owner_mark,
    start_ticks,
)

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.process,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc, and macOS has no subreaper"),
]
ENVIRONMENT = {"PATH": os.environ["PATH"]}


@pytest.fixture(name="mark")
def _mark():
    mark = secrets.token_hex(8)
    yield mark
    left = marked_processes([mark])
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert left == [], "a process was left behind"


@pytest.fixture(name="launch")
def _launch(tmp_path, mark):
    def make(code: str, **variables) -> Launch:
        argv = (sys.executable, "-I", "-S", "-c", textwrap.dedent(code))
        return Launch(argv, ENVIRONMENT | variables, tmp_path, tmp_path / "c.log", mark)

    return make


def log(launch: Launch) -> list[str]:
    return [line.split(" ", 3)[3] for line in launch.log_file.read_text().splitlines()]


async def until(condition, seconds: float = 8.0):
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # processes announce nothing
            await asyncio.sleep(0.01)


async def running(launch: Launch, *, expect: str = "up"):
    child = await SubprocessSpawn().spawn(launch)
    pid = await child.go()
    await until(lambda: launch.log_file.exists() and expect in launch.log_file.read_text())
    return child, pid


IGNORES_TERM = """
    import os, signal, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.write(1, b"up\\n")
    time.sleep(60)
"""

#: A grandchild in a session of its own, whose parent is gone, which ignores TERM and hides its mark.
RUNAWAY = """
    import os, signal, time
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            code = "import os, time; os.write(1, b'up %d\\\\n' % os.getpid()); time.sleep(60)"
            os.execve(__import__("sys").executable, ["python", "-I", "-S", "-c", code], {})
        os._exit(0)
    os.wait()
    time.sleep(60)
"""


def runaway_pid(launch: Launch) -> int:
    (pid,) = [int(line.split()[1]) for line in log(launch) if line.startswith("up ")]
    return pid


async def test_what_ignores_term_is_killed_after_the_grace(launch):
    child, _ = await running(launch(IGNORES_TERM))
    child.stop(0.1)
    assert await child.exited() == 137


async def test_a_program_may_use_its_grace_to_finish(launch):
    order = launch("""
        import os, signal, sys, time
        def finish(*_):
            time.sleep(0.2)
            os.write(1, b"finished\\n")
            sys.exit(0)
        signal.signal(signal.SIGTERM, finish)
        os.write(1, b"up\\n")
        time.sleep(60)
    """)
    child, _ = await running(order)
    child.stop(10)
    assert await child.exited() == 0
    assert log(order)[-1] == "finished"


async def test_a_second_stop_can_only_shorten_the_grace(launch):
    child, _ = await running(launch(IGNORES_TERM))
    child.stop(60)
    child.stop(0.1)
    assert await child.exited() == 137


async def test_the_tree_goes_with_its_first_process_runaways_included(launch):
    order = launch(RUNAWAY)
    child, pid = await running(order)
    runaway = runaway_pid(order)
    os.kill(pid, signal.SIGKILL)
    assert await child.exited() == 137
    assert start_ticks(runaway) == 0


async def test_the_tree_goes_when_the_lifeline_breaks(launch, mark):
    order = launch(RUNAWAY)
    child, _ = await running(order)
    runaway = runaway_pid(order)
    child._lifeline.abort()
    await until(lambda: start_ticks(runaway) == 0 and not marked_processes([mark]))
    await child.exited()


async def test_a_shim_that_is_killed_takes_its_program_along(launch, mark):
    child, pid = await running(launch(IGNORES_TERM))
    os.kill(child.pid, signal.SIGKILL)
    assert await child.exited() == 137
    assert start_ticks(pid) == 0
    assert marked_processes([mark]) == []


async def test_an_emulator_that_is_killed_leaves_nothing(tmp_path, mark):
    script = f"""
        import asyncio, sys
        from pathlib import Path
        from aca_notebook.emulator.runtime.process import Launch, SubprocessSpawn
        async def main():
            folder = Path({str(tmp_path)!r})
            for number in range(3):
                argv = (sys.executable, "-I", "-S", "-c", {textwrap.dedent(RUNAWAY)!r})
                child = await SubprocessSpawn().spawn(
                    Launch(argv, dict(PATH="/usr/bin"), folder, folder / str(number), {mark!r}))
                await child.go()
            print("ready", flush=True)
            await asyncio.sleep(60)
        asyncio.run(main())
    """
    root = Path(__file__).parents[3]
    emulator = await asyncio.create_subprocess_exec(
        sys.executable, "-c", textwrap.dedent(script), stdout=subprocess.PIPE, env=ENVIRONMENT, cwd=root
    )
    assert await emulator.stdout.readline() == b"ready\n"
    logs = [tmp_path / str(number) for number in range(3)]
    await until(lambda: all(path.exists() and " up " in path.read_text() for path in logs))
    runaways = [int(re.search(r" up (\d+)", path.read_text())[1]) for path in logs]
    assert all(start_ticks(pid) for pid in runaways)
    emulator.kill()
    await emulator.wait()
    await until(lambda: not marked_processes([mark]) and not any(start_ticks(pid) for pid in runaways))


async def test_reaping_ends_a_tree_whose_shim_still_lives(launch, mark):
    order = launch(RUNAWAY)
    child, _ = await running(order)
    runaway = runaway_pid(order)
    killed = await SubprocessSpawn().reap([Leftover(child.pid, child.start_ticks, mark)])
    assert killed >= 1
    assert start_ticks(runaway) == 0
    assert marked_processes([mark]) == []
    await child.exited()


async def test_reaping_does_not_touch_a_process_that_took_over_the_pid():
    bystander = await asyncio.create_subprocess_exec(sys.executable, "-c", "import time; time.sleep(60)")
    ticks = start_ticks(bystander.pid)
    assert await SubprocessSpawn().reap([Leftover(bystander.pid, ticks - 1, secrets.token_hex(8))]) == 0
    assert bystander.returncode is None
    bystander.kill()
    await bystander.wait()


async def test_a_program_that_cannot_be_executed_says_why(tmp_path, mark):
    child = await SubprocessSpawn().spawn(Launch(("/no/such/program",), {}, tmp_path, tmp_path / "log", mark))
    with pytest.raises(StartFailed, match="No such file"):
        await child.go()
    await child.exited()


async def test_the_program_gets_its_environment_and_nothing_else(launch, monkeypatch):
    monkeypatch.setenv("CANARY_OF_THE_EMULATOR", "leaked")
    order = launch("import os; print(sorted(os.environ))", OWN="1")
    child = await SubprocessSpawn().spawn(order)
    await child.go()
    await child.exited()
    assert log(order) == [str(sorted(["ACA_EMULATOR_MARK", "OWN", "PATH"]))] or "CANARY" not in log(order)[0]


async def test_a_secret_is_in_no_command_line(launch):
    child, pid = await running(launch("import os, time; os.write(1, b'up\\n'); time.sleep(60)", KEY="s3cret-canary"))
    for each in (pid, child.pid):
        assert b"s3cret-canary" not in Path(f"/proc/{each}/cmdline").read_bytes()
    assert b"s3cret-canary" not in Path(f"/proc/{child.pid}/environ").read_bytes()
    child.stop(0)
    await child.exited()


async def test_what_nobody_wrote_down_is_reaped_by_its_owners_mark(tmp_path):
    folder, other = tmp_path / "data", tmp_path / "other"
    ours, theirs = new_mark(owner_mark(folder)), new_mark(owner_mark(other))
    programs = [
        subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"], env={"ACA_EMULATOR_MARK": mark}
        )
        for mark in (ours, theirs)
    ]
    try:
        assert await SubprocessSpawn().reap([], owner_mark(folder)) == 1
        assert programs[0].wait(5) == -signal.SIGKILL
        assert programs[1].poll() is None, "another emulator's programs are none of ours"
    finally:
        for program in programs:
            program.kill()
            program.wait()


async def test_all_output_is_there_however_fast_the_program_ends(launch):
    order = launch("import os; os.write(1, b''.join(b'%d\\n' % n for n in range(5000))); os._exit(0)")
    child = await SubprocessSpawn().spawn(order)
    await child.go()
    await child.exited()
    assert log(order) == [str(number) for number in range(5000)]


async def test_lines_carry_time_stream_and_whether_they_are_whole(launch):
    order = launch("import os; os.write(2, b'x' * 40000 + b'\\nlast')")
    child = await SubprocessSpawn().spawn(order)
    await child.go()
    await child.exited()
    lines = order.log_file.read_text().splitlines()
    pattern = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}\+00:00 stderr ([FP]) (.*)"
    found = [re.fullmatch(pattern, line) for line in lines]
    assert all(found)
    whole = "".join(match[2] + ("\n" if match[1] == "F" else "") for match in found)
    assert whole == "x" * 40000 + "\nlast\n"


def test_lines_that_came_together_have_moments_of_their_own_to_the_digits_that_azure_sends(tmp_path):
    path = tmp_path / "log"
    log = shim.Log(str(path).encode())
    for _ in range(20):
        log.write(b"stdout", [(b"F", b"the same")] * 50)
    os.close(log._file)
    stamps = [line[:27] for line in path.read_text().splitlines()]
    assert stamps == sorted(set(stamps))
    assert len(stamps) == 1000


def test_a_clock_that_is_set_back_far_is_believed(tmp_path):
    path = tmp_path / "log"
    log = shim.Log(str(path).encode())
    log._last = time.time_ns() + 3600 * 10**9
    log.write(b"stdout", [(b"F", b"now")])
    os.close(log._file)
    assert abs(datetime.fromisoformat(path.read_text().split(" ", 1)[0]).timestamp() - time.time()) < 60


def test_a_log_is_rotated_and_two_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(shim, "ROTATE_BYTES", 1000)
    path = tmp_path / "c.log"
    journal = shim.Log(os.fsencode(path))
    for number in range(100):
        journal.write(b"stdout", [(b"F", b"line %d" % number)])
    os.close(journal._file)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["c.log", "c.log.1"]
    assert "line 99" in (path.read_text() + (tmp_path / "c.log.1").read_text())


async def test_a_program_that_floods_its_output_is_not_lost_and_can_be_stopped(launch):
    child, _ = await running(launch("import os\nos.write(1, b'up\\n')\nwhile True: os.write(1, b'y' * 1000 + b'\\n')"))
    child.stop(5)
    assert await child.exited() == 143


async def test_many_start_and_stop_at_once(launch, mark):
    async def one():
        child = await SubprocessSpawn().spawn(launch("import time; time.sleep(60)"))
        await child.go()
        child.stop(5)
        return await child.exited()

    assert await asyncio.gather(*(one() for _ in range(10))) == [143] * 10
    assert marked_processes([mark]) == []


async def test_a_stop_that_comes_in_one_piece_with_the_go_is_obeyed(launch):
    child = await SubprocessSpawn().spawn(launch("import time; time.sleep(60)"))
    child._tell(b"go\nstop 5.000\n")
    async with asyncio.timeout(10):
        assert await child.exited() in {137, 143}  # TERM may come before the interpreter is one

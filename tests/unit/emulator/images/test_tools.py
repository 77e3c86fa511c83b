"""Tools end when we do."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import psutil
import pytest

from aca_notebook.emulator.runtime.tools import run_tool

pytestmark = pytest.mark.process
HERE = {"PATH": os.environ["PATH"]}


def test_a_tools_lines_and_exit_code_come_back():
    lines: list[str] = []

    code = asyncio.run(run_tool(["sh", "-c", "echo out; echo err >&2; exit 3"], environment=HERE, log=lines.append))

    assert code == 3
    assert sorted(lines) == ["err", "out"]


def test_what_a_tool_writes_may_be_read_by_others_however_private_the_emulator_is(tmp_path):
    before = os.umask(0o077)
    try:
        asyncio.run(run_tool(["sh", "-c", "echo x > made"], environment=HERE, log=lambda _: None, folder=tmp_path))
    finally:
        os.umask(before)
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o644


def test_a_tool_that_does_not_exist_is_exit_code_127():
    lines: list[str] = []

    assert asyncio.run(run_tool(["no-such-tool"], environment=HERE, log=lines.append)) == 127
    assert "no-such-tool" in lines[0]


def test_cancelling_leaves_no_process_of_the_tool():
    async def scenario() -> int:
        started: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(
            run_tool(["sh", "-c", "sleep 60 & echo $!; wait"], environment=HERE, log=started.set_result)
        )
        child = int(await started)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return child

    assert gone(asyncio.run(scenario()))


def test_a_tool_dies_when_the_process_that_runs_it_is_killed():
    program = (
        "import asyncio, os, sys\n"
        "from aca_notebook.emulator.runtime.tools import run_tool\n"
        "def log(line): print(line, flush=True)\n"
        "asyncio.run(run_tool(['sh', '-c', 'sleep 60 & echo $!; wait'], environment=dict(os.environ), log=log))\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as runner:
        assert runner.stdout is not None
        child = int(runner.stdout.readline())
        runner.send_signal(signal.SIGKILL)

    assert gone(child)


def gone(pid: int) -> bool:
    """Whether the process ends within five seconds; a zombie nobody reaps has ended."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return True
        process.wait(timeout=5)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return process.status() == psutil.STATUS_ZOMBIE
    return True

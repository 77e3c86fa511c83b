"""Readings of real processes, and what is said of GPUs that are not there."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from aca_notebook.emulator.runtime.gpus import NvmlGpus
from aca_notebook.emulator.telemetry.sampler import CpuMeter, NvmlGpuLoads, Reading, SystemProcesses

_FAMILY = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-S", "-c", "x = bytearray(50_000_000); print('ready', flush=True); input()"],
                         stdin=subprocess.PIPE)
input()
child.communicate(b"\\n")
"""


@pytest.mark.process
def test_a_reading_covers_a_program_and_all_that_it_started():
    with subprocess.Popen(
        [sys.executable, "-S", "-c", _FAMILY], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"

        family, nobody = SystemProcesses().read([[parent.pid], [2**22 + 1]])

        parent.communicate(b"\n")
    assert len(family.cpu_seconds) == 2
    assert family.resident_bytes > 50_000_000
    assert nobody == Reading({}, 0)


_FORKED = """
import mmap, os, sys
held = mmap.mmap(-1, 40_000_000)
held.write(b"x" * 40_000_000)
file = mmap.mmap(os.open(sys.argv[1], os.O_RDONLY), 30_000_000, prot=mmap.PROT_READ)
sum(file[::4096])
children = [os.fork() for _ in range(1)]
if children[0]:
    print("ready", flush=True)
sum(held[::4096])
sys.stdin.readline()
"""


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="smaps_rollup is Linux's")
def test_what_processes_hold_counts_shared_pages_once_and_pages_of_files_not_at_all(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"y" * 30_000_000)
    with subprocess.Popen(
        [sys.executable, "-S", "-c", _FORKED, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        processes = SystemProcesses()
        (family,) = processes.read([[parent.pid]])
        held = processes.held_bytes([parent.pid])
        parent.communicate(b"\n\n")
    assert 40_000_000 <= held < 70_000_000
    assert family.resident_bytes > held


@pytest.mark.process
def test_the_cpu_time_of_a_process_only_grows():
    processes = SystemProcesses()
    (before,) = processes.read([[os.getpid()]])
    sum(range(200_000))
    (after,) = processes.read([[os.getpid()]])

    (name,) = [key for key in before.cpu_seconds if key[0] == os.getpid()]
    assert after.cpu_seconds[name] >= before.cpu_seconds[name] > 0


def test_replicas_that_run_no_more_are_forgotten():
    meter = CpuMeter()
    reading = Reading({(1, 0.0): 5.0}, 0)
    meter.cores(("app", "a"), reading, now=5, first_seconds=5)
    meter.forget_all_but([])

    assert meter.cores(("app", "a"), reading, now=10, first_seconds=5) == 1.0


def test_nothing_is_said_of_a_gpu_that_is_not_there():
    assert NvmlGpuLoads().utilization("GPU-00000000-0000-0000-0000-000000000000") is None


@pytest.mark.gpu
def test_a_real_gpu_has_a_load_between_nothing_and_all():
    devices = NvmlGpus().devices()
    if not devices:
        pytest.skip("this machine has no NVIDIA device")

    load = NvmlGpuLoads().utilization(devices[0].uuid)

    assert load is not None
    assert 0 <= load <= 100

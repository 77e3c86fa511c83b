"""Where control groups can be made is read from the kernel's own tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from aca_notebook.emulator.sandbox import cgroups
from aca_notebook.emulator.sandbox.cgroups import Bounds, Group, Hierarchy, find_hierarchies

V1 = """\
33 32 0:28 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
34 32 0:29 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
35 32 0:30 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer
36 32 0:31 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
"""
MEMBERS = "4:pids:/\n3:memory:/docker/abc/inner\n2:cpu,cpuacct:/user.slice\n1:name=systemd:/x\n0::/\n"


def test_of_v1_our_own_group_is_taken_below_what_is_mounted() -> None:
    found = find_hierarchies(V1, MEMBERS)

    assert found == (
        Hierarchy(1, Path("/sys/fs/cgroup/cpu/user.slice"), ("cpu",)),
        Hierarchy(1, Path("/sys/fs/cgroup/memory/inner"), ("memory",)),
        Hierarchy(1, Path("/sys/fs/cgroup/pids"), ("pids",)),
    )


def v2(top: Path, own: str, giving: dict[str, str]) -> tuple[Hierarchy, ...]:
    (top / own).mkdir(parents=True)
    for path, controllers in giving.items():
        (top / path / "cgroup.subtree_control").write_text(controllers)
        (top / path / "cgroup.procs").touch()
    return find_hierarchies(f"30 1 0:26 / {top} rw - cgroup2 cgroup2 rw,nsdelegate\n", f"0::/{own}\n")


def test_of_v2_the_nearest_group_above_ours_that_gives_is_taken(tmp_path: Path) -> None:
    found = v2(tmp_path, "user/service/app", {"user": "cpu memory pids", "user/service": "memory pids io"})

    assert found == (Hierarchy(2, tmp_path / "user/service", ("memory", "pids")),)


def test_of_v2_our_own_group_is_not_taken_for_it_has_processes(tmp_path: Path) -> None:
    assert v2(tmp_path, "user/app", {"user/app": "memory pids"}) == ()


@pytest.mark.parametrize(("mounts", "members"), [("", ""), (V1, ""), ("", MEMBERS)])
def test_without_groups_there_are_none(mounts: str, members: str) -> None:
    assert find_hierarchies(mounts, members) == ()


@pytest.mark.parametrize(
    ("version", "files"),
    [
        (
            1,
            {
                "memory.limit_in_bytes": "1000",
                "pids.max": "7",
                "cpu.cfs_period_us": "20000",
                "cpu.cfs_quota_us": "10000",
            },
        ),
        (2, {"memory.max": "1000", "pids.max": "7", "cpu.max": "10000 20000"}),
    ],
)
def test_bounds_are_written_as_each_generation_has_them(tmp_path: Path, version: int, files: dict[str, str]) -> None:
    Group((Hierarchy(version, tmp_path, ("memory", "pids", "cpu")),), "me", Bounds(0.5, 1000, 7))

    assert {path.name: path.read_text() for path in (tmp_path / "aca-me").iterdir()} == files


def test_a_group_that_cannot_be_made_whole_leaves_nothing(tmp_path: Path) -> None:
    good, bad = Hierarchy(1, tmp_path, ()), Hierarchy(1, tmp_path / "missing", ("pids",))

    with pytest.raises(OSError):  # noqa: PT011  # whatever the system says
        Group((good, bad), "me", Bounds(1, 1, 1))

    assert list(tmp_path.iterdir()) == []


def test_leftovers_are_those_of_the_owner(tmp_path: Path) -> None:
    for name in ("aca-ours-1", "aca-ours-2", "aca-theirs-1", "system.slice"):
        (tmp_path / name).mkdir()

    found = cgroups.leftover_groups((Hierarchy(2, tmp_path, ()),), "ours")

    assert sorted(path.name for path in found) == ["aca-ours-1", "aca-ours-2"]

"""Users that no program and no file of this machine has: root gives one to each sandbox."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

#: The kernel's numbers that no convention gives to anybody, then those for services that come and go (systemd,
#: "Users, Groups, UIDs and GIDs"): a container may know only the first 65,536.
_RANGES = ((1_879_048_192, 2_147_352_575), (61_184, 65_519))


def free_users(uid_map: str) -> range:
    """Return numbers to take from, by the text of /proc/self/uid_map: empty if only a few users are known here."""
    for first, last in _RANGES:
        for line in uid_map.splitlines():
            start, _, count = (int(word) for word in line.split())
            if start <= first and last < start + count:
                return range(first, last + 1)
    return range(0)


def can_become_others() -> bool:
    """Whether we are root and there are users to become."""
    return os.geteuid() == 0 and bool(_here())


def new_user(chance: Random) -> int:
    """Return a user that runs nothing now. Blocks: looks at every process."""
    taken = {status.st_uid for status in _processes()}
    users = _here()
    while True:
        user = users[chance.randrange(len(users))]
        if user not in taken:
            return user


def processes_of(user: int) -> int:
    """Return how many threads a user runs. Blocks: looks at every process."""
    threads = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if folder.stat().st_uid == user:
                threads += len(os.listdir(folder / "task"))  # noqa: PTH208  # only how many
        except OSError:
            continue
    return threads


def _here() -> range:
    try:
        return free_users(Path("/proc/self/uid_map").read_text("ascii"))
    except OSError:
        return range(0)


def _processes() -> list[os.stat_result]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found.append(folder.stat())
        except OSError:
            continue
    return found

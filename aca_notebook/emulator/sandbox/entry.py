"""The last steps before a program that nobody trusts: gives away what it must not have, then becomes it.

Executed as a file (`python -I -S entry.py FD`) by the interpreter of the emulator, with the standard library alone and
as few imports as possible: it starts with every sandbox. `FD` holds the plan, a dictionary by `marshal`; `control` of
the plan is a socket on which it says `ready`, with the folders and the port that were asked for, or `failed TEXT`.
"""

from __future__ import annotations

import marshal
import os
import sys

TYPE_CHECKING = False  # as `typing` has it, without the import
if TYPE_CHECKING:
    from typing import Any

PR_SET_NO_NEW_PRIVS = 38


def main() -> None:
    """Read the plan, carry it out, execute the program."""
    plan = _read_plan(int(sys.argv[1]))
    import socket  # 3 ms, of which `selectors` is most: only to hand descriptors over

    control = socket.socket(fileno=plan["control"])
    os.set_inheritable(control.fileno(), False)  # noqa: FBT003  # the parameter has no name
    try:
        _limit(plan)
        os.chdir(plan["cwd"])
        _become(plan["uid"])
        _renounce()
        _find(plan["argv"][0])
    except BaseException as failure:
        control.send(b"failed " + f"{type(failure).__name__}: {failure}".encode())
        raise
    control.send(b"ready")
    control.close()
    os.execve(plan["argv"][0], plan["argv"], plan["env"])  # noqa: S606  # executing the program is the purpose


def _find(program: bytes) -> None:
    if not os.access(program, os.X_OK):
        raise PermissionError(f"{os.fsdecode(program)} cannot be executed there")


def _read_plan(file: int) -> dict[str, Any]:
    os.lseek(file, 0, os.SEEK_SET)
    with os.fdopen(file, "rb") as reader:
        plan: dict[str, Any] = marshal.loads(reader.read())  # noqa: S302  # the emulator wrote it
    return plan


def _limit(plan: dict[str, Any]) -> None:
    import resource  # not on every machine

    for name, most in plan["limits"].items():
        number = getattr(resource, name, None)
        if number is None:
            continue
        _, hard = resource.getrlimit(number)
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(number, (bound, bound))


def _become(uid: int | None) -> None:
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)


def _renounce() -> None:
    if sys.platform == "linux":
        import ctypes  # needless elsewhere

        if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "no new privileges")


if __name__ == "__main__":
    main()

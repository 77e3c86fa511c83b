"""The last steps before a program that nobody trusts: gives away what it must not have, then becomes it.

Executed as a file (`python -I -S entry.py FD`) by the interpreter of the emulator, inside the namespaces where there
are any, with the standard library alone and as few imports as possible: it starts with every sandbox. `FD` holds the
plan, a dictionary by `marshal` (`plans.Plan`). On the socket that the plan names it says `ready`, with the open
folders and the listening port that were asked for, or `failed TEXT`.

Everything is done in an order that counts: groups are joined, folders given and limits raised while that is still
allowed; then the user changes; then nothing can be gained any more; then calls are filtered.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # `signal` itself imports enum: 5 ms of 15
import _socket as socket  # as above
import ctypes
import marshal
import os
import resource
import sys

TYPE_CHECKING = False  # as `typing` has it, without the import
if TYPE_CHECKING:
    from typing import Any

PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 4, 22, 24, 38
SECCOMP_MODE_FILTER = 2
CLONE_NEWUSER = 0x10000000
#: landlock(7): numbers on every machine; what each ABI knows.
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
LANDLOCK_CREATE_RULESET_VERSION = 1
EXECUTE, READ_FILE, READ_DIR, IOCTL_DEV = 1 << 0, 1 << 2, 1 << 3, 1 << 15
OF_FILES = EXECUTE | 1 << 1 | READ_FILE | 1 << 14 | IOCTL_DEV
ACCESS_BY_ABI = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
TCP_SINCE, SCOPES_SINCE = 4, 6
READ = EXECUTE | READ_FILE | READ_DIR
SENDS_BACKLOG = 64


class Entry:
    """One plan, carried out from the top."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._plan = plan
        self._system = ctypes.CDLL(None, use_errno=True)

    def prepare(self) -> list[int]:
        """Do all but become it; return the descriptors that the emulator asked for."""
        plan = self._plan
        for file in plan["groups"]:
            os.write(file, b"0")
            os.close(file)
        asked = [self._opened(folder) for folder in plan["folders"]]
        if plan["port"]:
            asked.append(_listening(plan["port"]))
        self._become(plan["uid"])
        _limit(plan["limits"])
        os.umask(0o022)
        os.chdir(plan["cwd"])
        if sys.platform == "linux":
            self._call("no new privileges", self._system.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        if plan["landlock"] is not None:
            self._restrict(**plan["landlock"])
        if not os.access(plan["argv"][0], os.X_OK):
            name = os.fsdecode(plan["argv"][0])
            raise PermissionError(f"{name} cannot be executed there: a folder on its way lets no other user in")
        self._filter()
        return asked

    def _filter(self) -> None:
        program = self._plan["filter"]
        if program:
            length = len(program) // 8
            steps = ctypes.create_string_buffer(program, len(program))

            class Filter(ctypes.Structure):
                _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))

            loaded = Filter(length, ctypes.addressof(steps))
            number = ctypes.c_ulong(SECCOMP_MODE_FILTER)
            self._call("filter", self._system.prctl(PR_SET_SECCOMP, number, ctypes.byref(loaded), 0, 0))

    def _opened(self, folder: str) -> int:
        uid = self._plan["uid"]
        if uid is not None:
            os.chown(folder, uid, uid)
        return os.open(folder, os.O_RDONLY | os.O_DIRECTORY)

    def _become(self, uid: int | None) -> None:
        """Be somebody else for good, in a user namespace of one if the kernel makes it, with no power over that either.

        The limit on processes does not bind root, and counts by namespace.
        """
        if uid is None:
            return
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        shown = self._plan["shown_uid"]
        self._system.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # or /proc/self would still be root's
        if shown is None or self._system.unshare(CLONE_NEWUSER) != 0:
            return
        for name, text in (("setgroups", "deny"), ("gid_map", f"{shown} {uid} 1"), ("uid_map", f"{shown} {uid} 1")):
            with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123  # pathlib takes longer than starting
                file.write(text)
        for capability in range(64):
            self._system.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)

    def _restrict(self, readable: list[str], writable: list[str], abi: int) -> None:
        """Leave the paths that are named and no other; no TCP, no signal, no abstract socket out of here."""
        handled = (1 << ACCESS_BY_ABI[min(abi, 5)]) - 1
        attributes = handled.to_bytes(8, sys.byteorder)
        if abi >= TCP_SINCE:
            attributes += (0b11).to_bytes(8, sys.byteorder)
        if abi >= SCOPES_SINCE:
            attributes += (0b11).to_bytes(8, sys.byteorder)
        syscall = self._system.syscall
        rules = syscall(LANDLOCK_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
        self._call("landlock", rules)
        for paths, access in ((readable, READ), (writable, handled)):
            for path in paths:
                self._allow(rules, path, access & handled)
        self._call("landlock", syscall(LANDLOCK_RESTRICT_SELF, rules, 0))
        os.close(rules)

    def _allow(self, rules: int, path: str, access: int) -> None:
        try:
            file = os.open(path, os.O_PATH)
        except OSError:
            return  # not on this machine, or not for this user
        if not os.path.isdir(path):  # noqa: PTH112  # as above
            access &= OF_FILES
        rule = access.to_bytes(8, sys.byteorder) + file.to_bytes(4, sys.byteorder)
        added = self._system.syscall(LANDLOCK_ADD_RULE, rules, 1, rule, 0)
        os.close(file)
        self._call(f"landlock {path}", added)

    def _call(self, step: str, outcome: int) -> None:
        if outcome < 0:
            number = ctypes.get_errno()
            raise OSError(number, f"{step}: {os.strerror(number)}")


def main() -> None:
    """Read the plan, carry it out, execute the program."""
    plan = _read_plan(int(sys.argv[1]))
    control = socket.socket(fileno=plan["control"])
    entry = Entry(plan)
    try:
        asked = entry.prepare()
    except BaseException as failure:
        control.send(f"failed {type(failure).__name__}: {failure}".encode())
        raise
    rights = b"".join(file.to_bytes(4, sys.byteorder) for file in asked)
    control.sendmsg([b"ready"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)] if asked else [])
    for file in (control.detach(), *asked):
        os.close(file)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and who is executed would inherit that
        signal.signal(number, signal.SIG_DFL)
    os.execve(plan["argv"][0], plan["argv"], plan["env"])  # noqa: S606  # executing the program is the purpose


def landlock_abi() -> int:
    """Return what the kernel's Landlock knows, 0 for no Landlock."""
    version: int = ctypes.CDLL(None, use_errno=True).syscall(
        LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), LANDLOCK_CREATE_RULESET_VERSION
    )
    return max(0, version)


def _read_plan(file: int) -> dict[str, Any]:
    os.lseek(file, 0, os.SEEK_SET)
    with os.fdopen(file, "rb") as reader:
        plan: dict[str, Any] = marshal.loads(reader.read())  # noqa: S302  # the emulator wrote it
    return plan


def _listening(port: int) -> int:
    door = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    door.bind(("127.0.0.1", port))
    door.listen(SENDS_BACKLOG)
    return door.detach()


def _limit(limits: dict[str, int]) -> None:
    for name, most in limits.items():
        number = getattr(resource, name, None)
        if number is None:
            continue
        _, hard = resource.getrlimit(number)
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(number, (bound, bound))


if __name__ == "__main__":
    main()

"""Which system calls a sandboxed program may make, as a filter for the kernel: pure, from tables.

A list of what is refused, as flatpak's and Docker's are in effect: calls that change the machine, look into other
processes, make namespaces, or have been ways out of containers before (io_uring, keyrings, bpf, userfaultfd). A call
newer than the tables does not exist for the program (ENOSYS), so what a later kernel brings is refused too.
"""

from __future__ import annotations

import errno
import struct
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: seccomp(2), <linux/seccomp.h>, <linux/bpf_common.h>, <linux/audit.h>.
_KILL, _ERRNO, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
_LOAD, _EQUAL, _GREATER, _AND, _RETURN = 0x20, 0x15, 0x25, 0x54, 0x06
_NUMBER, _ARCHITECTURE, _FIRST, _SECOND = 0, 4, 16, 24  # offsets in `struct seccomp_data`; low halves, little endian

#: The tables end here (`set_mempolicy_home_node`, Linux 5.17); x86-64's other numbering begins at 2**30.
_LAST_KNOWN = 450

#: Not an error: the call does nothing and says that it did.
_PRETEND = 0

#: Flags of clone(2) that make a namespace.
_NAMESPACES = 0x7E020000
_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16
_SOCKET_KIND, _DATAGRAM, _RAW = 0xF, 2, 3
_TYPE_INTO_TERMINAL = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX: input into the terminal of whoever looks on
_PERSONALITIES = (0, 0xFFFFFFFF)  # Linux's own, and asking which


class Around(Enum):
    """What else stands between a program and the others of its user."""

    NAMESPACES = "namespaces"
    """Everything a namespace can part. Sockets are harmless, but for families no namespace knows (vsock, AF_ALG …)."""
    PATHS = "paths"
    """Landlock alone, which knows files, TCP and signals. So no sockets but unix ones, which may answer but not call;
    no shared memory by number or name, no limits or priorities of other processes. Calls that change a file's mode,
    owner, times or attributes by its path, wherever it is, do nothing and say they did."""


@dataclass(frozen=True, slots=True)
class _Machine:
    audit: int
    numbers: int  # which column of the tables


_MACHINES = {"x86_64": _Machine(0xC000003E, 0), "aarch64": _Machine(0xC00000B7, 1)}

#: Name: numbers on x86-64 and on arm64 (<asm/unistd_64.h>, <asm-generic/unistd.h>); None where there is no such call.
_REFUSED: dict[str, tuple[int | None, int | None]] = {
    # the machine itself
    "acct": (163, 89), "adjtimex": (159, 171), "clock_adjtime": (305, 266), "clock_settime": (227, 112),
    "settimeofday": (164, 170), "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "create_module": (174, None), "get_kernel_syms": (177, None), "query_module": (178, None), "ioperm": (173, None),
    "iopl": (172, None), "modify_ldt": (154, None), "kexec_load": (246, 104), "kexec_file_load": (320, 294),
    "lookup_dcookie": (212, 18), "nfsservctl": (180, 42), "quotactl": (179, 60), "quotactl_fd": (443, 443),
    "reboot": (169, 142), "sethostname": (170, 161), "setdomainname": (171, 162), "swapon": (167, 224),
    "swapoff": (168, 225), "syslog": (103, 116), "sysfs": (139, None), "_sysctl": (156, None), "uselib": (134, None),
    "ustat": (136, None), "vhangup": (153, 58), "vserver": (236, None), "afs_syscall": (183, None),
    # what is mounted, and files by number
    "chroot": (161, 51), "mount": (165, 40), "umount2": (166, 39), "mount_setattr": (442, 442), "pivot_root": (155, 41),
    "move_mount": (429, 429), "open_tree": (428, 428), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264),
    "fanotify_init": (300, 262),
    # namespaces
    "unshare": (272, 97), "setns": (308, 268),
    # other processes
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "pidfd_getfd": (438, 438),
    "kcmp": (312, 272), "process_madvise": (440, 440), "process_mrelease": (448, 448), "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    # keys, and doors into the kernel
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "memfd_secret": (447, 447),
}  # fmt: skip
#: Programs try these and do without when the kernel has none.
_MISSING = {
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "clone3": (435, 435),
}  # fmt: skip
#: Which processors, how urgently: ZeroMQ ends the program when it may not say that its threads are like any other.
_PINNING = {
    "sched_setaffinity": (203, 122), "sched_setscheduler": (144, 119), "sched_setparam": (142, 118),
    "sched_setattr": (314, 274),
}  # fmt: skip
#: Landlock asks nobody about these, and other processes and files of the same user can be had by them.
_UNASKED = {
    "shmget": (29, 194), "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180), "setpriority": (141, 140),
    "ioprio_set": (251, 30), "inotify_add_watch": (254, 27), "connect": (42, 203),
}  # fmt: skip
_PRETENDED = {
    "chmod": (90, None), "fchmodat": (268, 53), "chown": (92, None), "lchown": (94, None), "fchownat": (260, 54),
    "setxattr": (188, 5), "lsetxattr": (189, 6), "removexattr": (197, 14), "lremovexattr": (198, 15),
    "utime": (132, None), "utimes": (235, None), "futimesat": (261, None), "utimensat": (280, 88),
}  # fmt: skip
#: Memory that no limit of a process counts: bounded by a control group, or not to be had.
_UNCOUNTED = {"memfd_create": (319, 279), "shmget": (29, 194)}
_PRLIMIT = (302, 261)
_CLONE, _PERSONALITY, _IOCTL = (56, 220), (135, 92), (16, 29)
_SOCKET, _SOCKETPAIR = (41, 198), (53, 199)


def can_filter(machine: str) -> bool:
    """Whether there are tables for this machine (as `platform.machine()` says it)."""
    return machine in _MACHINES


def refused_calls() -> dict[str, tuple[int | None, int | None]]:
    """Return every call that is refused whatever its arguments, with its numbers on x86-64 and arm64."""
    return {**_REFUSED, **_MISSING}


def make_filter(machine: str, around: Around, *, pinned: bool = False, counted: bool = True) -> bytes:
    """Return the filter's program for prctl(2) or bubblewrap. Raises `KeyError` for a machine without tables.

    With `pinned`, the program changes nothing when it says which processors it runs on, or how urgently. Unless all of
    its memory is `counted` together, it gets none that its processes' own limits do not know.
    """
    known = _MACHINES[machine]
    column = known.numbers
    steps = [_step(_LOAD, _ARCHITECTURE), _step(_EQUAL, known.audit, 1, 0), _step(_RETURN, _KILL)]
    steps += [_step(_LOAD, _NUMBER), _step(_GREATER, _LAST_KNOWN, 0, 1), _refusal(errno.ENOSYS)]
    steps += _always(_REFUSED, column, errno.EPERM) + _always(_MISSING, column, errno.ENOSYS)
    if pinned or around is Around.PATHS:
        steps += _always(_PINNING, column, _PRETEND)
    if not counted:
        steps += _always(_UNCOUNTED, column, errno.ENOSYS)
    if around is Around.PATHS:
        steps += _always(_UNASKED, column, errno.EACCES) + _always(_PRETENDED, column, _PRETEND)
    steps += _by_arguments(column, around)
    steps.append(_step(_RETURN, _ALLOW))
    return b"".join(steps)


def _always(table: Mapping[str, tuple[int | None, int | None]], column: int, error: int) -> list[bytes]:
    numbers = [numbers[column] for numbers in table.values()]
    return [step for number in numbers if number is not None for step in (_step(_EQUAL, number, 0, 1), _refusal(error))]


def _by_arguments(column: int, around: Around) -> list[bytes]:
    namespaces = [_step(_LOAD, _FIRST), _step(_AND, _NAMESPACES), *_only((0,), errno.EPERM)]
    steps = _when(_CLONE[column], namespaces)
    steps += _when(_PERSONALITY[column], [_step(_LOAD, _FIRST), *_only(_PERSONALITIES, errno.EPERM)])
    steps += _when(_IOCTL[column], [_step(_LOAD, _SECOND), *_none_of(_TYPE_INTO_TERMINAL, errno.EPERM)])
    if around is Around.NAMESPACES:
        families = _only((_UNIX, _INET, _INET6, _NETLINK), errno.EAFNOSUPPORT)
        return steps + _when(_SOCKET[column], [_step(_LOAD, _FIRST), *families])
    # Not supported, not forbidden: ZeroMQ asks for the machine's interfaces and ends the program over the latter.
    # A datagram needs no `connect` to reach another program, so there are none.
    kinds = [_step(_LOAD, _SECOND), _step(_AND, _SOCKET_KIND), *_none_of((_DATAGRAM, _RAW), errno.EACCES)]
    steps += _when(_SOCKET[column], [_step(_LOAD, _FIRST), *_only_on((_UNIX,), errno.EOPNOTSUPP), *kinds])
    steps += _when(_SOCKETPAIR[column], kinds)
    return steps + _when(_PRLIMIT[column], [_step(_LOAD, _FIRST), *_only((0,), errno.EPERM)])


def _when(number: int, steps: list[bytes]) -> list[bytes]:
    """Do `steps`, all of whose ways end the program, for one call alone."""
    return [_step(_EQUAL, number, 0, len(steps)), *steps]


def _only(values: tuple[int, ...], error: int) -> list[bytes]:
    return [*_only_on(values, error), _step(_RETURN, _ALLOW)]


def _only_on(values: tuple[int, ...], error: int) -> list[bytes]:
    """Refuse unless what is loaded is one of these; go on behind if it is."""
    last = len(values)
    return [*(_step(_EQUAL, value, last - at, 0) for at, value in enumerate(values)), _refusal(error)]


def _none_of(values: tuple[int, ...], error: int) -> list[bytes]:
    refusals = [step for value in values for step in (_step(_EQUAL, value, 0, 1), _refusal(error))]
    return [*refusals, _step(_RETURN, _ALLOW)]


def _refusal(error: int) -> bytes:
    return _step(_RETURN, _ERRNO | error)


def _step(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("=HBBI", code, then, otherwise, value)

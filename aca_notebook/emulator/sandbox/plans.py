"""What is executed for a sandbox, decided: bubblewrap's arguments and the plan that the entry carries out. Pure."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from aca_notebook.emulator.sandbox import entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Who the program is, inside a user namespace.
INSIDE_UID = 1000
#: Where the program's way out listens, on its own loopback.
EGRESS_PORT = 3128
OPEN_FILES = 4096
_SHARED_BYTES = 64 * 1024 * 1024
_RUN_BYTES = 1024 * 1024
_MOST_TMP_BYTES = 256 * 1024 * 1024
_CAPABILITIES = ("CAP_SETUID", "CAP_SETGID", "CAP_CHOWN", "CAP_SETPCAP")
_TOP = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
#: Nothing of this names a user or holds a key.
_SETTINGS = (
    "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf", "/etc/ca-certificates.conf", "/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted",
    "/etc/localtime", "/etc/timezone", "/etc/nsswitch.conf", "/etc/mime.types", "/etc/fonts",
)  # fmt: skip
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
#: /proc holds every process: what libraries ask about the machine, and the program itself.
_FACTS = (
    "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/loadavg", "/proc/uptime", "/proc/version",
    "/proc/filesystems", "/proc/sys/kernel/osrelease", "/proc/sys/vm/overcommit_memory", "/sys/devices/system/cpu",
)  # fmt: skip
_NAMES = {
    "/etc/passwd": f"session:x:{INSIDE_UID}:{INSIDE_UID}::/mnt/data:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n",
    "/etc/group": f"session:x:{INSIDE_UID}:\nnogroup:x:65534:\n",
    "/etc/hosts": "127.0.0.1 localhost session\n::1 localhost\n",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """The program's folders by the names it sees: for its files, for what is passing, for its unix sockets."""

    data: str
    tmp: str
    run: str


#: Where namespaces can show anything anywhere.
APART = Shown("/mnt/data", "/tmp", "/run/session")  # noqa: S108  # of the program's own


def system_folders() -> tuple[str, ...]:
    """Return what every program may read, by its own path, links of the top folders left out."""
    real = tuple(path for path in _TOP if Path(path).is_dir() and not Path(path).is_symlink())
    return ("/usr", *real, *_SETTINGS)


def entry_files() -> tuple[str, ...]:
    """Return what the entry itself needs to run: the emulator's interpreter without its packages, and its text."""
    return (sys.base_prefix, entry.__file__)


def readable_paths(extra: Iterable[Path]) -> list[str]:
    """Return paths to be shown beside the system's, those above before those below, each once."""
    paths = dict.fromkeys([*entry_files(), *(str(path.absolute()) for path in extra)])
    return sorted((path for path in paths if path != "/usr" and not path.startswith("/usr/")), key=len)


@dataclass(frozen=True, slots=True)
class Bubble:
    """What bubblewrap is to build. `files` are the numbers of open files: of its filter, and of `fixed_texts`."""

    readable: list[str]
    file_bytes: int
    user_namespace: bool
    filter_file: int | None
    texts: Mapping[str, int]


def fixed_texts() -> dict[str, str]:
    """Return files of the sandbox's own /etc."""
    return _NAMES


def bubblewrap_arguments(bubble: Bubble) -> list[str]:
    """Return what bubblewrap is told, the command left out.

    The order matters: what is mounted later lies over what was mounted before. Everything that could be filled has a
    size: bubblewrap's own root and /dev are memory without one, so they end read-only.
    """
    words = ["--die-with-parent", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    words += ["--unshare-cgroup-try", "--hostname", "session", "--cap-drop", "ALL", *_who(bubble)]
    words += [
        *_system(),
        *_own_settings(bubble.texts),
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        *_writable(bubble.file_bytes),
    ]
    made: set[str] = set()
    for path in bubble.readable:
        words += [*_folders((str(Path(path).parent),), made), "--ro-bind", path, path]
    return [*words, "--remount-ro", "/dev", "--remount-ro", "/"]


def _who(bubble: Bubble) -> list[str]:
    """A namespace of our user's, or what root needs to become somebody else, which is gone when it has."""
    if bubble.user_namespace:
        words = ["--unshare-user", "--uid", str(INSIDE_UID), "--gid", str(INSIDE_UID)]
    else:
        words = [word for capability in _CAPABILITIES for word in ("--cap-add", capability)]
    return words if bubble.filter_file is None else [*words, "--seccomp", str(bubble.filter_file)]


def _system() -> list[str]:
    words = _folders(("/etc/ssl", "/etc/pki/tls", "/etc/pki/ca-trust", "/mnt", "/run"), set())
    words += ["--ro-bind", "/usr", "/usr"]
    for path in _TOP:
        if Path(path).is_symlink():
            words += ["--symlink", os.readlink(path), path]  # noqa: PTH115  # as it is written
        elif Path(path).is_dir():
            words += ["--ro-bind", path, path]
    return words


def _own_settings(texts: Mapping[str, int]) -> list[str]:
    words = [word for path in _SETTINGS for word in ("--ro-bind-try", path, path)]
    for path, file in texts.items():
        words += ["--perms", "0444", "--ro-bind-data", str(file), path]
    return words


def _writable(file_bytes: int) -> list[str]:
    tmp_bytes = min(file_bytes // 4, _MOST_TMP_BYTES)
    words = []
    for path, size, mode in (
        (APART.tmp, tmp_bytes, "1777"), (APART.data, file_bytes - tmp_bytes, "0755"), (APART.run, _RUN_BYTES, "0755"),
        ("/dev/shm", _SHARED_BYTES, "1777"),  # noqa: S108  # of the sandbox's own
    ):  # fmt: skip
        words += ["--perms", mode, "--size", str(size), "--tmpfs", path]
    return words


def _folders(paths: Iterable[str], made: set[str]) -> list[str]:
    """Make folders, and those above them, that everybody may enter: those that bubblewrap makes itself are root's."""
    words = []
    for path in paths:
        for folder in [*reversed(Path(path).parents), Path(path)][1:]:
            if str(folder) not in made:
                made.add(str(folder))
                words += ["--perms", "0755", "--dir", str(folder)]
    return words


def landlock_rules(abi: int, readable: list[str], home: Shown) -> dict[str, object]:
    """Return what Landlock leaves a program."""
    return {
        "abi": abi,
        "readable": [*system_folders(), *readable, *_FACTS],
        "writable": [home.data, home.tmp, home.run, *_DEVICES],
    }


@dataclass(frozen=True, slots=True)
class Plan:
    """What the entry is told. Descriptors are numbers that it gets; `folders` and `port` are what it sends back."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    cwd: str
    control: int
    limits: Mapping[str, int]
    groups: tuple[int, ...] = ()
    folders: tuple[str, ...] = ()
    port: int = 0
    uid: int | None = None
    shown_uid: int | None = None
    landlock: Mapping[str, object] | None = None
    filter: bytes = b""

    def encoded(self) -> dict[str, object]:
        """Return it as the entry reads it."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        plain["argv"] = [os.fsencode(word) for word in self.argv]
        plain["env"] = {os.fsencode(name): os.fsencode(value) for name, value in self.env.items()}
        plain["limits"] = dict(self.limits)
        return plain


def limits(memory_bytes: int | None, file_bytes: int, processes: int | None) -> dict[str, int]:
    """Return resource limits of each process; None for what something better bounds."""
    bounds = {"RLIMIT_CORE": 0, "RLIMIT_FSIZE": file_bytes, "RLIMIT_NOFILE": OPEN_FILES, "RLIMIT_MSGQUEUE": 0}
    if memory_bytes is not None:
        bounds["RLIMIT_DATA"] = memory_bytes
    if processes is not None:
        bounds["RLIMIT_NPROC"] = processes
    return bounds


def placed(text: str, shown: Shown) -> str:
    """Return a word with `{data}`, `{tmp}` and `{run}` replaced by the folders' names."""
    return text.replace("{data}", shown.data).replace("{tmp}", shown.tmp).replace("{run}", shown.run)

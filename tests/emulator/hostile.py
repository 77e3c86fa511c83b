"""Attacks on sandboxes: what is tried, how its outcome is seen, and where it is known to succeed.

The test holds each outcome against `Attack.open_at`; `python -m tests.emulator.isolation_page` runs the same and writes
the tables of docs/explanation/isolation.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from aca_notebook.emulator.runtime.process import marked_processes, new_mark
from aca_notebook.emulator.sandbox.drawer import NotInDrawer
from aca_notebook.emulator.sandbox.levels import Found, Level, find_level
from aca_notebook.emulator.sandbox.sandbox import Sandbox, Wanted, start

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

ATTACKS_FILE = Path(__file__).with_name("attacks.py")
MEBIBYTE = 1024 * 1024
MEMORY, FILES, PIDS, CORES = 128 * MEBIBYTE, 64 * MEBIBYTE, 40, 0.5
OWNER = "hostiletests"
FILLERS = ("fill_data", "fill_tmp", "fill_run", "hide_in_the_deep")
AT_ONCE, SECONDS = 4, 120.0


@dataclass(frozen=True)
class Outcome:
    """What came of an attack: whether it was held, and how that showed."""

    held: bool
    how: str


@dataclass(frozen=True)
class Attack:
    """One try. `judge` looks from outside, where the attacker cannot tell; it runs while the attack does.

    `open_at` are levels where it is known to succeed, with the reason. `harms` are levels where it is not tried because
    it would do harm to the machine of whoever runs the tests.
    """

    name: str
    words: str
    judge: Callable[[Host, Sandbox, Found], Awaitable[Outcome]] | None = None
    alone: bool = False
    open_at: tuple[Level, ...] = (Level.PROCESS,)
    harms: tuple[Level, ...] = ()


@dataclass
class Host:
    """What an attacker would like to have: victims, secrets and doors of this machine."""

    facts: dict[str, Any]
    folder: Path
    victim: subprocess.Popen[str]


@contextlib.asynccontextmanager
async def host(found: Found, interpreter: str) -> AsyncIterator[Host]:
    """Furnish a machine that has something to lose; what is made here is removed."""
    with contextlib.ExitStack() as stack:
        os.environ["ACA_TEST_SECRET"] = "of the emulator's environment"
        stack.callback(os.environ.pop, "ACA_TEST_SECRET")
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aca-hostile-")))
        folder.chmod(0o755)
        (folder / "secret").touch(0o600)
        (folder / "secret").write_text("top secret")
        (folder / "open").write_text("for every user")
        (folder / "open").chmod(0o666)
        victim = stack.enter_context(
            subprocess.Popen(
                (sys.executable, "-I", "-c", _VICTIM, "a-secret-argument"),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={"SECRET": "x"},
            )
        )  # fmt: skip
        stack.callback(victim.kill)
        address, key = (int(word) for word in victim.stdout.readline().split())
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        anywhere = stack.enter_context(socket.create_server(("0.0.0.0", 0)))
        udp = stack.enter_context(_echo())
        abstract = f"aca-hostile-{os.getpid()}"
        listening = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(2)]
        for door, name in zip(listening, ("\0" + abstract, str(folder / "unix")), strict=True):
            door.bind(name)
            door.listen(8)
        datagrams = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        datagrams.bind(str(folder / "datagrams"))
        for name in ("unix", "datagrams"):
            (folder / name).chmod(0o777)
        with socket.create_server(("127.0.0.1", 0)) as once:
            free_port = once.getsockname()[1]
        neighbour = await start(
            wanted(folder / "neighbour", (interpreter, "-c", "import time; time.sleep(600)")), found
        )
        try:
            with neighbour.files.writing("secret") as file:
                file.write(b"the neighbour's")
            inside = f"{neighbour.shown.data}/secret"
            if found.level is Level.BUBBLEWRAP:
                inside = f"/proc/{neighbour.pid}/root{inside}"
            yield Host(
                facts={
                    "secret": str(folder / "secret"), "open_secret": str(folder / "open"), "home": str(Path.home()),
                    "home_entries": sorted(path.name for path in Path.home().iterdir()),
                    "neighbour_file": inside,
                    "emulator": os.getpid(), "victim": victim.pid, "victim_address": address, "shared_key": key,
                    "port": tcp.getsockname()[1], "any_port": anywhere.getsockname()[1],
                    "datagram_port": udp.getsockname()[1], "address": _own_address(), "abstract": abstract,
                    "unix_socket": str(folder / "unix"), "unix_datagram": str(folder / "datagrams"),
                    "free_port": free_port, "root_outside": os.geteuid() == 0, "pids": PIDS, "memory_bytes": MEMORY,
                    "file_bytes": FILES, "noticed": noticed(found), "mark": "a daemon's mark",
                },
                folder=folder, victim=victim,
            )  # fmt: skip
        finally:
            await neighbour.close()


def noticed(found: Found) -> list[str]:
    """Name the attacks that nothing stops but being looked at, and which therefore stay."""
    files = [] if found.level is Level.BUBBLEWRAP else list(FILLERS)
    return files if "memory" in found.limits else [*files, "memory_by_many"]


def harmful(attack: Attack, found: Found) -> bool:
    """Whether this machine would suffer: bombs are for where what bounds processes was seen to bind."""
    unbounded = os.geteuid() == 0 and found.level is Level.PROCESS and "pids" not in found.limits
    return found.level in attack.harms or (unbounded and attack.name in {"fork_bomb", "many_processes"})


def wanted(folder: Path, command: tuple[str, ...], cores: float = 2.0) -> Wanted:
    """Describe a sandbox of the size that all attacks are made on; the processor matters to one of them alone."""
    return Wanted(
        command=command, folder=folder, env={}, cpu_cores=cores, memory_bytes=MEMORY, pids=PIDS, file_bytes=FILES,
        mark=new_mark(OWNER), readable=(Path(sys.prefix),),
    )  # fmt: skip


async def outcomes(found: Found, interpreter: str, names: tuple[str, ...] = ()) -> dict[str, Outcome]:
    """Try everything, or what is named, at one level. Attacks that end nothing share a sandbox, one after the other."""
    async with host(found, interpreter) as machine:
        tried = [attack for attack in ATTACKS if not harmful(attack, found) and (not names or attack.name in names)]
        seen = await _together(machine, found, interpreter, [attack.name for attack in tried if not attack.alone])
        few = asyncio.Semaphore(AT_ONCE)

        async def alone(attack: Attack) -> None:
            async with few:
                try:
                    async with asyncio.timeout(SECONDS):
                        seen[attack.name] = await _alone(machine, found, interpreter, attack)
                except TimeoutError:
                    seen[attack.name] = Outcome(held=False, how="nothing stopped it")

        await asyncio.gather(*(alone(attack) for attack in tried if attack.alone))
        assert machine.victim.poll() is None, "the victim was ended"
    return seen


async def _together(machine: Host, found: Found, interpreter: str, names: list[str]) -> dict[str, Outcome]:
    text = ATTACKS_FILE.read_text("utf-8")
    command = (interpreter, "-I", "-c", text, ",".join(names), json.dumps(machine.facts | {"run": "{run}"}))
    sandbox = await start(wanted(machine.folder / "together", command), found)
    try:
        await sandbox.wait()
        said = json.loads((sandbox.sockets / "outcome").read_text())
    finally:
        await sandbox.close()
    return {name: Outcome(not said[name]["escaped"], said[name]["how"]) for name in names}


async def _alone(machine: Host, found: Found, interpreter: str, attack: Attack) -> Outcome:
    text = ATTACKS_FILE.read_text("utf-8")
    command = (
        interpreter,
        "-I",
        "-c",
        text,
        attack.name,
        json.dumps(machine.facts | {"run": "{run}", "mark": daemon_of(attack)}),
    )
    wish = wanted(machine.folder / attack.name, command, CORES if attack.judge is _spinner else 2.0)
    sandbox = await start(wish, found)
    try:
        if attack.judge is not None:
            outcome = await attack.judge(machine, sandbox, found)
        else:
            code = await sandbox.wait()
            outcome = _said(sandbox, attack.name) or Outcome(held=True, how=f"ended with {code}")
    finally:
        await sandbox.close()
    left = marked_processes((wish.mark,))
    if attack.judge is _daemon:
        left += _with_argument(daemon_of(attack))
    if left or machine.victim.poll() is not None:
        return Outcome(held=False, how=f"{len(left)} processes were left")
    return outcome


def daemon_of(attack: Attack) -> str:
    """Return the last argument of the daemon that an attack leaves."""
    return f"daemon-of-{attack.name}-{os.getpid()}"


def _said(sandbox: Sandbox, name: str) -> Outcome | None:
    try:
        path = sandbox.sockets / "outcome"
        with sandbox.files.open("outcome") if not path.exists() or not path.stat().st_size else path.open("rb") as file:
            said = json.load(file)[name]
    except (OSError, ValueError, KeyError):
        return None
    return Outcome(not said["escaped"], said["how"])


async def _appears(sandbox: Sandbox, name: str) -> None:
    """Wait until the attacker has made a file, or is gone."""
    gone = asyncio.ensure_future(sandbox.wait())
    while name not in {entry.name for entry in sandbox.files.entries()} and not gone.done():  # noqa: ASYNC110  # a file
        await asyncio.sleep(0.02)
    gone.cancel()


# ---- judges: they look from outside


async def _links(_machine: Host, sandbox: Sandbox, _found: Found) -> Outcome:
    await sandbox.wait()
    followed = []
    for path in ("link.txt", "folder/secret", "pipe.txt", "loop/x"):
        try:
            sandbox.files.open(path).close()
        except NotInDrawer:
            continue
        followed.append(path)
    shown = {entry.name for entry in sandbox.files.entries()}
    if followed or shown:
        return Outcome(held=False, how=f"followed {followed}, shown {shown}")
    return Outcome(held=True, how="four of four refused")


async def _suicide(machine: Host, sandbox: Sandbox, _found: Found) -> Outcome:
    code = await sandbox.wait()
    return Outcome(machine.victim.poll() is None, f"it ended itself alone, with {code}")


async def _daemon(_machine: Host, sandbox: Sandbox, _found: Found) -> Outcome:
    """Whether anything outlives the end is looked for after `close`."""
    await sandbox.wait()
    return Outcome(held=True, how="nothing was left")


async def _squatter(machine: Host, sandbox: Sandbox, _found: Found) -> Outcome:
    await _appears(sandbox, "listens")
    try:
        with socket.create_connection(("127.0.0.1", machine.facts["free_port"]), 5):
            reached = "reached"
    except OSError:
        reached = "not-reached"
    with sandbox.files.writing(reached):
        pass
    await sandbox.wait()
    return _said(sandbox, "squat_on_a_port") or Outcome(held=False, how="it did not say")


async def _many(_machine: Host, sandbox: Sandbox, found: Found) -> Outcome:
    """A bomb that goes on until it is ended; what counts is how large it gets, and that it ends."""
    await _appears(sandbox, "started")
    most, steady = 0, 0
    while steady < 10:
        count = len(_tree(sandbox))
        most, steady = max(most, count), steady + 1 if count <= most else 0
        await asyncio.sleep(0.05)
    await sandbox.stop()
    counted = "pids" in found.limits or found.level is Level.BUBBLEWRAP  # else by user, with what else he runs
    return Outcome(most <= (PIDS if counted else 2 * PIDS), f"{most} processes of {PIDS}, ended")


async def _filler(_machine: Host, sandbox: Sandbox, found: Found) -> Outcome:
    """On a disk nothing stops it but being looked at."""
    code = await sandbox.wait()
    if found.level is Level.BUBBLEWRAP:
        said = [_said(sandbox, name) for name in FILLERS]
        return next((outcome for outcome in said if outcome), Outcome(held=False, how="it did not say"))
    return Outcome(code == 137, f"ended with {code} once that much was seen")


async def _hoarders(_machine: Host, sandbox: Sandbox, found: Found) -> Outcome:
    code = await sandbox.wait()
    if "memory" in found.limits:
        return _said(sandbox, "memory_by_many") or Outcome(held=True, how=f"ended with {code}")
    said = _said(sandbox, "memory_by_many")
    refused = said is not None and said.held
    return said if said and refused else Outcome(code == 137, f"ended with {code} once that much was seen")


async def _spinner(_machine: Host, sandbox: Sandbox, found: Found) -> Outcome:
    used: dict[int, float] = {}
    gone = asyncio.ensure_future(sandbox.wait())
    loop = asyncio.get_running_loop()
    started = loop.time()
    while loop.time() - started < 2.0 and not gone.done():
        for process in _tree(sandbox):
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                used[process.pid] = times.user + times.system
        await asyncio.sleep(0.1)
    wall = loop.time() - started
    gone.cancel()
    share = sum(used.values()) / wall
    allowed = CORES if "cpu" in found.limits else 1.0  # one processor, and no share of it
    return Outcome(share <= allowed * 1.3, f"{share:.2f} of a processor, {allowed} allowed")


async def _chatter(machine: Host, sandbox: Sandbox, _found: Found) -> Outcome:
    await sandbox.wait()
    kept = sum(path.stat().st_size for path in (machine.folder / "endless_output").glob("output.log*"))
    return Outcome(kept <= 32 * MEBIBYTE, f"{kept // MEBIBYTE} MiB kept of 200")


def _tree(sandbox: Sandbox) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        program = psutil.Process(sandbox.pid)
        return [program, *program.children(recursive=True)]
    return []


def _with_argument(argument: str) -> list[int]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.cmdline()[-1:] == [argument] and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
    return found


def _own_address() -> str:
    for addresses in psutil.net_if_addrs().values():
        for address in addresses:
            if address.family == socket.AF_INET and not address.address.startswith("127."):
                return address.address
    return ""


@contextlib.contextmanager
def _echo() -> Any:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(("127.0.0.1", 0))

        def answer() -> None:
            with contextlib.suppress(OSError):
                while (said := door.recvfrom(64))[0] != b"end":
                    door.sendto(said[0], said[1])

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield door
        finally:
            door.sendto(b"end", door.getsockname())
            thread.join()


#: Says where a secret lies in its memory, and under which key it shares some; goes on until its input ends.
_VICTIM = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
secret = ctypes.create_string_buffer(b"top secret")
key = 0x0aca0000 + os.getpid() % 65536
shared = libc.shmget(key, 16, 0o1666)
print(ctypes.addressof(secret), key, flush=True)
sys.stdin.read()
libc.shmctl(shared, 0, None)
"""

BOTH = (Level.LANDLOCK, Level.PROCESS)
NOWHERE: tuple[Level, ...] = ()
ONLY_PLAIN = (Level.PROCESS,)

ATTACKS = (
    # files
    Attack("read_secret", "read a file of the emulator's data folder"),
    Attack("read_open_secret", "read one that every user may read"),
    Attack("write_emulator", "write to it"),
    Attack("truncate_emulator", "cut it to nothing"),
    Attack("change_mode", "change its mode"),
    Attack("read_shadow", "read /etc/shadow"),
    Attack("list_home", "list the home folder"),
    Attack("read_neighbour", "read a file of another session"),
    Attack("read_emulator_environment", "read the environment of the emulator"),
    Attack("read_own_environment", "find something of the emulator's in its own environment", open_at=NOWHERE),
    Attack("read_other_commands", "read the command lines of other programs"),
    Attack("write_system", "write to the system, or to the interpreter that is shared"),
    Attack("open_by_number", "open a folder by its number on the disk (open_by_handle_at)"),
    Attack("make_device", "make a device file and read the disk through it"),
    Attack("write_kernel_settings", "set /proc/sys/kernel/core_pattern"),
    Attack("lay_links", "lay links, pipes and loops where we read its files", _links, alone=True, open_at=NOWHERE),
    # other processes
    Attack("signal_victim", "signal a process outside", harms=ONLY_PLAIN),
    Attack("trace_victim", "trace one (ptrace)"),
    Attack("read_victim_memory", "read its memory (process_vm_readv)"),
    Attack("open_victim_memory", "read its memory (/proc/PID/mem)"),
    Attack("limit_victim", "limit its processor time to nothing (prlimit)", harms=ONLY_PLAIN),
    Attack("renice_victim", "renice it"),
    Attack("share_victim_memory", "attach memory that it shares"),
    Attack("steal_a_file", "take an open file from it (pidfd_getfd)"),
    Attack("kill_everything", "kill every process it can", _suicide, alone=True, open_at=NOWHERE, harms=ONLY_PLAIN),
    Attack("kill_own_keepers", "kill the process that keeps it, after a daemon got away", _daemon, alone=True,
           open_at=NOWHERE),
    Attack("leave_a_daemon", "leave a daemon that ignores TERM", _daemon, alone=True, open_at=NOWHERE),
    # the network
    Attack("reach_loopback", "connect to a service on loopback"),
    Attack("reach_loopback_by_datagram", "send a datagram to one"),
    Attack("reach_own_address", "connect to a service by the machine's own address"),
    Attack("reach_metadata", "connect to 169.254.169.254", harms=ONLY_PLAIN),
    Attack("reach_abstract_socket", "connect to an abstract unix socket"),
    Attack("reach_unix_socket", "connect to a unix socket that every user may use"),
    Attack("write_unix_datagram", "send a unix datagram"),
    Attack("pair_into_datagram", "send one from half of a pair"),
    Attack("use_odd_families", "open a vsock, packet, alg or xdp socket"),
    Attack("squat_on_a_port", "listen on loopback where others would ask", _squatter, alone=True),
    # the kernel
    Attack("make_user_namespace", "make a user namespace (unshare)"),
    Attack("clone_user_namespace", "make one (clone)"),
    Attack("clone3_user_namespace", "make one (clone3)"),
    Attack("mount_something", "mount something", harms=ONLY_PLAIN),
    Attack("use_io_uring", "use io_uring"),
    Attack("use_keyring", "put a key on the kernel's ring"),
    Attack("use_bpf", "use bpf"),
    Attack("use_userfaultfd", "use userfaultfd"),
    Attack("use_perf", "use perf events"),
    Attack("become_root", "become root"),
    Attack("have_capabilities", "have a capability"),
    Attack("use_old_door", "call the kernel by `int 0x80`, where calls have other numbers"),
    # what there is only so much of
    Attack("many_processes", "start three times as many processes as it may", alone=True, open_at=NOWHERE),
    Attack("fork_bomb", "fork for ever", _many, alone=True),
    Attack("memory_bomb", "take three times the memory", alone=True, open_at=NOWHERE),
    Attack("memory_by_many", "take it by five processes", _hoarders, alone=True, open_at=NOWHERE),
    Attack("memory_by_files", "take it by files without a name", alone=True),
    Attack("fill_data", "fill its folder to twice its size", _filler, alone=True, open_at=NOWHERE),
    Attack("fill_tmp", "fill its temporary folder", _filler, alone=True, open_at=NOWHERE),
    Attack("hide_in_the_deep", "fill it 1,500 folders down, where no path reaches", _filler, alone=True,
           open_at=NOWHERE),
    Attack("fill_run", "fill the folder of its sockets", _filler, alone=True, open_at=NOWHERE),
    Attack("fill_elsewhere", "fill any other folder", alone=True, open_at=NOWHERE, harms=ONLY_PLAIN),
    Attack("fill_shared_memory", "fill /dev/shm", alone=True, open_at=NOWHERE, harms=ONLY_PLAIN),
    Attack("one_huge_file", "make a file of 1 TiB", open_at=NOWHERE),
    Attack("many_open_files", "open 20,000 files", open_at=NOWHERE),
    Attack("spin", "spin on four processors", _spinner, alone=True, open_at=NOWHERE),
    Attack("endless_output", "write 200 MiB to its output", _chatter, alone=True, open_at=NOWHERE),
)  # fmt: skip


#: An ordinary user, where the tests are root's: nobody's, and able to read what everybody may.
ORDINARY_USER = 3333
PLAIN_PYTHON = Path("/usr/bin/python3")


def interpreter_for(level: Level) -> Path:
    """Return one that the sandbox's own user may read: at Landlock's level, as root, ours may lie in a home folder."""
    return PLAIN_PYTHON if level is Level.LANDLOCK and os.geteuid() == 0 else Path(sys.executable)


def outcomes_as_user(levels: tuple[Level, ...], names: tuple[str, ...] = ()) -> dict[str, dict[str, Outcome]]:
    """Run attacks as an ordinary user, as whom root has neither users to give nor groups. Blocks."""
    with tempfile.TemporaryDirectory(prefix="aca-home-") as home:
        (Path(home) / "diary.txt").touch()
        os.chown(home, ORDINARY_USER, ORDINARY_USER)
        said = _as_user(home, ",".join(levels), ",".join(names))
    return {
        level: {name: Outcome(**outcome) for name, outcome in attacks.items()}
        for level, attacks in json.loads(said).items()
    }


def _as_user(home: str, *arguments: str) -> bytes:
    packages = Path(psutil.__file__).parents[1]
    return subprocess.run(
        (PLAIN_PYTHON, "-m", "tests.emulator.hostile", *arguments),
        env={"HOME": home, "PYTHONPATH": f"{Path.cwd()}:{packages}", "PYTHONDONTWRITEBYTECODE": "1",
             "PATH": os.environ["PATH"]},
        user=ORDINARY_USER, group=ORDINARY_USER, extra_groups=(), stdout=subprocess.PIPE, check=True,
    ).stdout  # fmt: skip


def found_at(level: Level) -> Found:
    """Find a level, for a test, which is skipped where this machine cannot keep it unless everything must run."""
    import pytest  # which the ordinary user's run goes without

    found = find_level(level, interpreter_for(level))
    if found.level is not level:
        if os.environ.get("REQUIRE_ALL"):
            pytest.fail(f"level {level}: {found.reason}")
        pytest.skip(f"level {level}: {found.reason}")
    return found


async def run_at(level: Level, names: tuple[str, ...] = ()) -> dict[str, Outcome]:
    """Run attacks, all if none are named, at a level; fails if this machine cannot keep it."""
    interpreter = interpreter_for(level)
    found = await asyncio.to_thread(find_level, level, interpreter)
    assert found.level is level, found.reason
    return await outcomes(found, str(interpreter), names)


def main() -> None:
    """Answer with the outcomes, as JSON: `LEVEL,LEVEL [ATTACK,ATTACK]`."""
    names = tuple(sys.argv[2].split(",")) if sys.argv[2:] and sys.argv[2] else ()
    levels = [Level(word) for word in sys.argv[1].split(",")]
    seen = {level: asyncio.run(run_at(level, names)) for level in levels}
    said = {
        level: {name: {"held": one.held, "how": one.how} for name, one in attacks.items()}
        for level, attacks in seen.items()
    }
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main()

"""What hostile code tries, executed inside a sandbox: `python -I -c TEXT NAME FACTS`, the standard library alone.

An attack that returns has succeeded, and what it returns says how; one that raises was held. `FACTS` is JSON: what the
attacker would have to find out, given to it as a present.
"""

import ctypes
import errno
import json
import mmap
import os
import platform
import resource
import signal
import socket
import sys
import time
from pathlib import Path

MEBIBYTE = 1024 * 1024
LIBRARY = ctypes.CDLL(None, use_errno=True)
X86 = platform.machine() == "x86_64"


def call(number_x86, number_arm, *arguments):
    """Make a system call by its number, as code that brings its own library would."""
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    outcome = LIBRARY.syscall(ctypes.c_long(number_x86 if X86 else number_arm), *words)
    if outcome < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return outcome


# ---- files


def read_secret(facts):
    return Path(facts["secret"]).read_text()


def read_open_secret(facts):
    return Path(facts["open_secret"]).read_text()


def write_emulator(facts):
    with open(facts["open_secret"], "a") as file:
        file.write("x")
    return "written"


def truncate_emulator(facts):
    os.truncate(facts["open_secret"], 0)
    return "truncated"


def change_mode(facts):
    before = os.stat(facts["open_secret"]).st_mode
    os.chmod(facts["open_secret"], before ^ 0o001)
    if os.stat(facts["open_secret"]).st_mode == before:
        raise PermissionError("nothing happened")
    return "changed"


def read_shadow(facts):
    return Path("/etc/shadow").read_text()[:20]


def list_home(facts):
    shown = set(os.listdir(facts["home"]))
    if not shown >= set(facts["home_entries"]):
        raise PermissionError("no more than the way to the interpreter")
    return sorted(shown)[:3]


def read_neighbour(facts):
    return Path(facts["neighbour_file"]).read_text()


def read_emulator_environment(facts):
    return len(Path(f"/proc/{facts['emulator']}/environ").read_bytes())


def read_own_environment(facts):
    found = [name for name in os.environ if name.startswith(("ACA_NOTEBOOK_", "ACA_TEST_"))]
    if not found:
        raise PermissionError("nothing of the emulator's")
    return found


def read_other_commands(facts):
    own = {str(os.getpid()), str(os.getppid()), "1"}
    for name in os.listdir("/proc"):
        if name.isdigit() and name not in own:
            text = Path(f"/proc/{name}/cmdline").read_bytes()
            if b"a-secret-argument" in text:
                return "a secret argument"
    raise PermissionError("no other process is seen")


def write_system(facts):
    for folder in ("/usr/lib", "/usr/bin", "/etc", "/", "/dev", str(Path(sys.executable).parent), sys.base_prefix):
        try:
            path = Path(folder) / ".aca-hostile"
            path.write_text("x")
            path.unlink()
        except OSError:
            continue
        return folder
    raise PermissionError("read-only everywhere")


def open_by_number(facts):
    # name_to_handle_at of a folder we may see, then open_by_handle_at walks from there to anything on the same disk
    handle = ctypes.create_string_buffer(136)
    handle[0:4] = (128).to_bytes(4, sys.byteorder)
    mount = ctypes.c_int()
    call(303, 264, -100, b"/usr", handle, ctypes.byref(mount), 0)
    folder = os.open("/usr", os.O_RDONLY)
    return call(304, 265, folder, handle, os.O_RDONLY)


def make_device(facts):
    os.mknod("disk", 0o600 | 0o060000, os.makedev(254, 0))
    with open("disk", "rb") as file:
        return len(file.read(512))


def write_kernel_settings(facts):
    path = Path("/proc/sys/kernel/core_pattern")
    text = path.read_text()
    path.write_text(text)
    return text


def lay_links(facts):
    """Held or not is for the outside to see: it reads these by name."""
    os.symlink(facts["secret"], "link.txt")
    os.symlink(os.path.dirname(facts["secret"]), "folder")
    os.mkfifo("pipe.txt")
    os.symlink("loop", "loop")
    return "laid"


# ---- other processes


def signal_victim(facts):
    os.kill(facts["victim"], signal.SIGUSR1)
    return "signalled"


def trace_victim(facts):
    call(101, 117, 16, facts["victim"], 0, 0)
    return "attached"


def read_victim_memory(facts):
    class Piece(ctypes.Structure):
        _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))

    into = ctypes.create_string_buffer(8)
    here, there = Piece(ctypes.addressof(into), 8), Piece(facts["victim_address"], 8)
    call(310, 270, facts["victim"], ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
    return "read"


def open_victim_memory(facts):
    with open(f"/proc/{facts['victim']}/mem", "rb") as file:
        file.seek(facts["victim_address"])
        return len(file.read(8))


def limit_victim(facts):
    resource.prlimit(facts["victim"], resource.RLIMIT_CORE, (0, 0))
    return "limited"


def renice_victim(facts):
    os.setpriority(os.PRIO_PROCESS, facts["victim"], 19)
    return "reniced"


def share_victim_memory(facts):
    return call(29, 194, facts["shared_key"], 16, 0)


def steal_a_file(facts):
    # pidfd_open, then a copy of the victim's descriptor 0
    victim = call(434, 434, facts["victim"], 0)
    return call(438, 438, victim, 0, 0)


def kill_everything(facts):
    os.kill(-1, signal.SIGKILL)
    return "killed"


def kill_own_keepers(facts):
    """The parent may be the shim: whoever ends it must not thereby get free."""
    keeper = os.getppid()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            Path("daemon").write_text("x")
            _sleep_as(facts["mark"])
        os._exit(0)
    while not Path("daemon").exists():
        time.sleep(0.01)
    os.kill(keeper, signal.SIGKILL)
    time.sleep(0.5)  # it lives on where the keeper is the first of its processes, which is told nothing from inside
    return "sent"


def leave_a_daemon(facts):
    for _ in range(2):
        if os.fork() != 0:
            os._exit(0)
        os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _sleep_as(facts["mark"])


def _sleep_as(mark):
    os.execv(sys.executable, [sys.executable, "-I", "-c", "import time; time.sleep(600)", mark])


# ---- the network


def reach_loopback(facts):
    socket.create_connection(("127.0.0.1", facts["port"]), 60).close()
    return "connected"


def reach_loopback_by_datagram(facts):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.settimeout(30)
        sender.connect(("127.0.0.1", facts["datagram_port"]))
        sender.send(b"hello")
        return sender.recv(16).decode()


def reach_own_address(facts):
    if not facts["address"]:
        raise OSError("this machine has no address but loopback")
    socket.create_connection((facts["address"], facts["any_port"]), 60).close()
    return "connected"


def reach_metadata(facts):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as caller:
        caller.settimeout(1)
        try:
            caller.connect(("169.254.169.254", 80))
        except TimeoutError:
            return "a packet left"
        return "connected"


def reach_abstract_socket(facts):
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect("\0" + facts["abstract"])
    return "connected"


def reach_unix_socket(facts):
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(facts["unix_socket"])
    return "connected"


def write_unix_datagram(facts):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"hello", facts["unix_datagram"])
    return "sent"


def pair_into_datagram(facts):
    ours, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.sendto(b"hello", facts["unix_datagram"])
    return "sent"


def use_odd_families(facts):
    for family, kind in ((40, 1), (17, 3), (38, 5), (44, 3)):  # vsock, packet, alg, xdp
        try:
            socket.socket(family, kind).close()
        except OSError:
            continue
        return f"family {family}"
    raise PermissionError("none")


def squat_on_a_port(facts):
    with socket.create_server(("127.0.0.1", facts["free_port"])):
        Path("listens").write_text("x")
        while True:
            if Path("reached").exists():
                return "reached"
            if Path("not-reached").exists():
                raise PermissionError("nobody came")
            time.sleep(0.01)


# ---- the kernel


def make_user_namespace(facts):
    return call(272, 97, 0x10000000)


def clone_user_namespace(facts):
    pid = call(56, 220, 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return "cloned"


def clone3_user_namespace(facts):
    arguments = (0x10000000).to_bytes(8, sys.byteorder) + bytes(24) + (17).to_bytes(8, sys.byteorder) + bytes(48)
    pid = call(435, 435, ctypes.create_string_buffer(arguments, 88), 88)
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return "cloned"


def mount_something(facts):
    if LIBRARY.mount(b"none", b".", b"tmpfs", 0, None) != 0:
        raise OSError(ctypes.get_errno(), "mount")
    return "mounted"


def use_io_uring(facts):
    return call(425, 425, 1, ctypes.create_string_buffer(120))


def use_keyring(facts):
    return call(248, 217, b"user", b"aca-hostile", b"x", 1, -2)


def use_bpf(facts):
    array = b"".join(word.to_bytes(4, sys.byteorder) for word in (2, 4, 4, 1))
    return call(321, 280, 0, ctypes.create_string_buffer(array, 128), 128)


def use_userfaultfd(facts):
    return call(323, 282, 0)


def use_perf(facts):
    attributes = ctypes.create_string_buffer((1).to_bytes(4, sys.byteorder) + (112).to_bytes(4, sys.byteorder), 112)
    return call(298, 241, attributes, 0, -1, -1, 0)


def become_root(facts):
    os.setuid(0)
    if facts["root_outside"] and os.getuid() == 0:
        return "root"
    raise PermissionError("not the machine's root")


def have_capabilities(facts):
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:") and int(line.split()[1], 16):
            return line
    raise PermissionError("none")


def use_old_door(facts):
    """`int 0x80` reaches the 32-bit calls, which have other numbers: ptrace is 26 there."""
    if not X86:
        raise OSError("there is no such door on this machine")
    code = bytes.fromhex("b814000000cd80c3")  # mov eax, 20 (getpid); int 0x80; ret
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    pid = os.fork()
    if pid == 0:
        function = ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
        os._exit(0 if function() > 0 else 1)
    _, status = os.waitpid(pid, 0)
    if status != 0:
        raise PermissionError(f"ended with {status}")
    return "answered"


# ---- what there is only so much of


def fork_bomb(facts):
    """Every process forks for ever; how many there are is counted from outside."""
    Path("started").write_text("x")
    while True:
        try:
            os.fork()
        except OSError:
            time.sleep(0.05)


def many_processes(facts):
    count = 0
    try:
        while count < facts["pids"] * 3:
            if os.fork() == 0:
                time.sleep(600)
            count += 1
    except OSError as refusal:
        raise OSError(refusal.errno, f"{count} of {facts['pids']}") from refusal
    return f"{count} processes"


def memory_bomb(facts):
    held = []
    for _ in range(facts["memory_bytes"] * 3 // (8 * MEBIBYTE)):
        piece = bytearray(8 * MEBIBYTE)
        for at in range(0, len(piece), 4096):
            piece[at] = 1
        held.append(piece)
    return f"{len(held) * 8} MiB"


def memory_by_many(facts):
    """Each process takes a bit more than half of what all may have."""
    size = facts["memory_bytes"] * 6 // 10
    children = []
    for _ in range(5):
        reads, writes = os.pipe()
        pid = os.fork()
        if pid == 0:
            held = bytearray(size)
            for at in range(0, size, 4096):
                held[at] = 1
            os.write(writes, b"x")
            time.sleep(600)
        os.close(writes)
        children.append((pid, reads))
    answered = [pid for pid, reads in children if os.read(reads, 1)]
    alive = [
        pid for pid in answered if os.waitpid(pid, os.WNOHANG)[0] == 0
    ]  # one may be killed for the next one's sake
    if len(alive) * size > facts["memory_bytes"] + facts["file_bytes"]:
        return f"{len(alive)} processes have {len(alive) * size // MEBIBYTE} MiB"
    raise MemoryError(f"{len(alive)} of 5 keep theirs")


def memory_by_files(facts):
    """Files without a name, which no limit on a process's memory knows."""
    total, files = 0, []
    while total < facts["memory_bytes"] * 3:
        file = os.memfd_create("held")
        files.append(file)
        total += os.write(file, bytes(8 * MEBIBYTE))
    return f"{total // MEBIBYTE} MiB"


def fill(facts, folder):
    total, number = 0, 0
    block = bytes(MEBIBYTE)
    stays = folder in {".", os.environ["TMPDIR"], facts.get("run")}
    try:
        while total < facts["file_bytes"] * 2:
            number += 1
            with open(f"{folder}/fill-{number}", "wb", buffering=0) as file:
                while total < facts["file_bytes"] * 2 and file.tell() < facts["file_bytes"] // 4:
                    total += file.write(block)
    except OSError as refusal:
        raise OSError(refusal.errno, f"{os.strerror(refusal.errno)} after {total // MEBIBYTE} MiB") from refusal
    finally:
        for path in [] if stays else Path(folder).glob("fill-*"):
            path.unlink()
    return f"{total // MEBIBYTE} MiB"


def fill_data(facts):
    return fill(facts, ".")


def fill_tmp(facts):
    return fill(facts, os.environ["TMPDIR"])


def fill_run(facts):
    return fill(facts, facts["run"])


def fill_elsewhere(facts):
    filled = []
    for folder in ("/", "/dev", "/run", "/etc", "/mnt", "/var", "/proc", "/home"):
        try:
            filled.append(f"{folder} {fill(facts, folder)}")
        except OSError:
            continue
    if not filled:
        raise PermissionError("nowhere")
    return filled


def fill_shared_memory(facts):
    return fill({"file_bytes": 256 * MEBIBYTE}, "/dev/shm")


def hide_in_the_deep(facts):
    """Folders in each other until no path can name the last: who counts by paths sees nothing there."""
    for _ in range(1500):
        os.mkdir("deeper")
        os.chdir("deeper")
    return fill(facts | {"run": "."}, ".")


def one_huge_file(facts):
    with open("huge", "wb") as file:
        file.truncate(1 << 40)
    return "1 TiB"


def many_files(facts):
    for number in range(10_000):
        with open(f"file-{number:05}", "wb"):
            pass
    return "10,000"


def many_open_files(facts):
    files = []
    while len(files) < 20_000:
        files.append(os.open("/dev/null", os.O_RDONLY))
    return len(files)


def spin(facts):
    """Four processes that never rest; how much they got is measured from inside, by both clocks."""
    for _ in range(3):
        if os.fork() == 0:
            while True:
                pass
    started = time.monotonic()
    while time.monotonic() - started < 2.0:
        pass
    return "spun"


def endless_output(facts):
    block = b"x" * 199 + b"\n"
    for _ in range(200 * MEBIBYTE // (200 * 500)):
        os.write(1, block * 500)
    return "written"


def attempt(name, facts):
    try:
        return {"escaped": True, "how": str(globals()[name](facts))}
    except (OSError, MemoryError, KeyError) as held:
        number = getattr(held, "errno", None)
        return {"escaped": False, "how": f"{errno.errorcode.get(number, '')} {held}".strip() or type(held).__name__}


def attempt_apart(name, facts):
    """Try it in a child, so that what it ends or opens is gone for the next."""
    reads, writes = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writes, json.dumps(attempt(name, facts)).encode())
        os._exit(0)
    os.close(writes)
    with os.fdopen(reads, "rb") as answer:
        said = answer.read()
    _, status = os.waitpid(pid, 0)
    return json.loads(said) if said else {"escaped": False, "how": f"ended with {status}"}


def main():
    names, facts = sys.argv[1].split(","), json.loads(sys.argv[2])
    attempts = attempt_apart if len(names) > 1 else attempt
    outcomes = {name: attempts(name, facts) for name in names}
    try:
        (Path(facts["run"]) / "outcome").write_text(json.dumps(outcomes))
    except OSError:
        Path("outcome").write_text(json.dumps(outcomes))
    if names[0] in facts["noticed"] and outcomes[names[0]]["escaped"]:
        time.sleep(600)  # until somebody notices


if __name__ == "__main__":
    main()

"""Tries to get out of the sandbox that it runs in, mildly, and says with which of these it succeeded.

Executed inside (`python -I -S -c TEXT …`) with a file of the emulator's, a port it listens on, its process id, and how
many processes are allowed. Needs the standard library alone.
"""

import os
import socket
import sys


def main() -> None:
    """Say what should not have been possible, one a line; exit 1 if there was any."""
    secret, port, pid, processes = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    escapes = {
        "a file of the emulator's can be read": lambda: open(secret).close(),  # noqa: PTH123  # few imports
        "a file of the emulator's can be written": lambda: open(secret, "a").close(),  # noqa: PTH123
        "a port of this machine can be reached": lambda: socket.create_connection(("127.0.0.1", port), 5).close(),
        "the emulator can be signalled": lambda: os.kill(pid, 0),
        "new privileges can be had": _gain,
        "processes are not bounded": lambda: _multiply(processes),
    }
    done = [name for name, escape in escapes.items() if _succeeds(escape)]
    with open("it-can-write", "w") as file:  # noqa: PTH123  # what it must be able to do
        file.write("yes")
    os.unlink("it-can-write")  # noqa: PTH108  # few imports
    print("\n".join(done))  # noqa: T201  # this is how it answers
    sys.exit(1 if done else 0)


def _succeeds(escape: object) -> bool:
    try:
        escape()  # type: ignore[operator]  # typing it would import `typing`
    except OSError:
        return False
    return True


def _gain() -> None:
    with open("/proc/self/status") as status:  # noqa: PTH123  # few imports
        if "NoNewPrivs:\t1" not in status.read():
            return
    raise PermissionError


def _multiply(most: int) -> None:
    """Start more processes than are allowed, at most twice as many; end them."""
    waiting, let_go = os.pipe()
    started = 0
    try:
        for _ in range(most * 2):
            if os.fork() == 0:
                os.close(let_go)
                os.read(waiting, 1)
                os._exit(0)
            started += 1
    finally:
        os.close(let_go)
        for _ in range(started):
            os.wait()


if __name__ == "__main__":
    main()

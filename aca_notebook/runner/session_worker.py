"""One session's interpreter: reads code from its commands, runs it, says how it ended. A process of the agent's.

Descriptor 0 brings a line of JSON a command and ends with the agent; 1 and 2 are what the code writes; the one named by
the argument takes a line a finished execution. Standard library alone: a session imports what its cells import.
"""

from __future__ import annotations

import asyncio
import json
import os
import queue
import signal
import sys
import threading
import traceback
from typing import Any

from aca_notebook.runner import session_cell


class Worker:
    """Takes commands on a thread of their own, and runs code on the main one: signals are heard there."""

    def __init__(self, says: int) -> None:
        self._says = says
        self._commands: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._loop = asyncio.new_event_loop()
        self._names: dict[str, Any] = sys.modules["__main__"].__dict__
        self._names |= {"__name__": "__main__", "display": session_cell.display}
        sys.modules[session_cell.NAME] = session_cell  # what a client would send along is here already

    def run(self) -> None:
        """Serve until the agent hangs up."""
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a pipe, and whoever reads it waits
        self._listen()
        while True:
            try:
                command = self._commands.get()
                if "fork" in command:
                    self._fork(command["fork"])
                else:
                    self._execute(command)
            except KeyboardInterrupt:
                continue  # it came when nothing ran any more

    def _listen(self) -> None:
        threading.Thread(target=self._read, name="commands", daemon=True).start()

    def _read(self) -> None:
        rest = b""
        while chunk := os.read(0, 65536):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._commands.put(json.loads(line))
        os.killpg(0, signal.SIGKILL)  # the agent is no more: all that this session started ends with it

    def _execute(self, command: dict[str, Any]) -> None:
        said: dict[str, Any] = {"id": command["id"], "ok": True, "result": None}
        try:
            said["result"] = _plain(self._evaluate(command["code"]))
        except BaseException as error:  # noqa: BLE001  # whatever the code raises; SystemExit does not end a session
            said["ok"] = False
            shown = traceback.format_exception(type(error), error, _below_us(error))
            print("".join(shown), end="", file=sys.stderr)  # noqa: T201  # as an interpreter does
        self._flush()
        os.write(self._says, json.dumps(said).encode() + b"\n")

    def _evaluate(self, code: str) -> Any:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        body, last = session_cell.compiled(code, "<session>")
        for each in body:
            self._value(each)
        return None if last is None else self._value(last)

    def _value(self, code: Any) -> Any:
        value = eval(code, self._names)  # noqa: S307  # running code is the purpose
        if session_cell.is_coroutine(code):
            return self._loop.run_until_complete(value)
        return value

    def _flush(self) -> None:
        for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
            try:
                stream.flush()  # type: ignore[union-attr]  # a closed or missing one raises
            except (AttributeError, OSError, ValueError):
                continue

    def _fork(self, where: str) -> None:
        """Go on twice: the copy speaks through the pipes in the folder `where`, and works in its folder `data`."""
        self._flush()
        pid = os.fork()
        if pid:
            return
        os.setsid()
        for descriptor, name, flags in (
            (0, "in", os.O_RDONLY), (1, "out", os.O_WRONLY), (2, "err", os.O_WRONLY), (self._says, "says", os.O_WRONLY),
        ):  # fmt: skip
            opened = os.open(f"{where}/{name}", flags)
            os.dup2(opened, descriptor)
            os.close(opened)
        os.environ["ACA_SESSION_FOLDER"] = f"{where}/data"
        os.chdir(f"{where}/data")
        os.write(self._says, json.dumps({"pid": os.getpid()}).encode() + b"\n")
        self._commands = queue.SimpleQueue()
        self._listen()


def _below_us(error: BaseException) -> Any:
    """Return the traceback from the code on."""
    found = error.__traceback__
    while found is not None and found.tb_frame.f_code.co_filename in {__file__, session_cell.__file__}:
        found = found.tb_next
    return found


def _plain(value: Any) -> Any:
    """Return a result as Azure answers it: a number, a text, a truth, or the text of anything else."""
    return value if isinstance(value, str | int | float | bool | None) else repr(value)


if __name__ == "__main__":
    sys.modules["__main__"] = type(sys)("__main__")  # a session begins with no names of ours
    Worker(int(sys.argv[1])).run()

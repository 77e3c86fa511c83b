"""A console for one session in the page: history, outputs, files, and a button that interrupts."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from aca_notebook.api.sessions_running import CellJob
from aca_notebook.display import session_outputs
from aca_notebook.display.session_text import plain_text
from aca_notebook.errors import AcaError
from aca_notebook.widgets.front_end import View, module, show_when_there, style
from aca_notebook.widgets.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_notebook.api.sessions import RunningCell, Session
    from aca_notebook.model.session import Output

    Send = Callable[[dict[str, Any]], None]
    Begin = Callable[[Callable[[], None]], None]

#: The longest code that a page may send.
_LONGEST_CODE = 2**20


class SessionConsoleView(View):
    """A page's copy of a console. What is shown travels in messages, which nobody saves."""

    _esm = module("session_console")
    _css = style("session_console")


class SessionConsole:
    """The kernel's side: runs what a page asks for, one cell after the other, and tells what comes of it."""

    def __init__(self, session: Session, send: Send, begin: Begin) -> None:
        self._session = session
        self._send = send
        self._begin = begin
        self._count = 0
        self._running: RunningCell | None = None
        self._told = Transcript()
        self._telling = threading.Lock()

    def greet(self) -> None:
        """Tell a view that was just opened all there is."""
        with self._telling:
            self._send({"kind": "session", "name": self._session.name, "place": self._session.place})
            for message in self._told.messages():
                self._send(message)

    def take(self, message: Mapping[str, Any]) -> None:
        """Do what a page asks for."""
        kind, code, running = message.get("kind"), message.get("code"), self._running
        if kind == "run" and isinstance(code, str) and len(code) <= _LONGEST_CODE and running is None:
            self._count += 1
            self._running = self._session.start(CellJob(code, f"Console {self._count}"))
            self._tell({"kind": "cell", "cell": self._count, "code": code})
            self._begin(self._follow)
        elif kind == "interrupt" and running is not None:
            running.interrupt()
        elif kind == "files":
            self._begin(self._list_files)
        elif kind == "view":
            self.greet()

    def _follow(self) -> None:
        running, cell = self._running, self._count
        if running is None:
            return
        said = ""
        try:
            self._show(running, cell)
        except AcaError as failed:
            said = plain_text("\n".join(failed._render_traceback_()))  # what IPython would show
        except Exception as failed:  # noqa: BLE001  # whatever it is, who waits for the cell is told
            said = plain_text(f"{type(failed).__name__}: {failed}")
        finally:
            self._running = None
            self._tell({"kind": "ended", "cell": cell, "error": said})
        self._list_files()

    def _show(self, running: RunningCell, cell: int) -> None:
        """Tell what a cell shows until it ends. Raises what it ended with."""
        network = self._has_network()
        for output in running:
            self._tell({"cell": cell, **_shown(output, network=network)})
        running.result()

    def _has_network(self) -> bool:
        """Whether what a session shows may load from elsewhere: not where nobody knows."""
        try:
            return self._session.pool().egress
        except AcaError:
            return False

    def _list_files(self) -> None:
        try:
            found = self._session.files.list()
        except AcaError:
            found = ()
        listed = [{"path": plain_text(each.path), "bytes": each.size_bytes} for each in found]
        self._send({"kind": "files", "files": listed})

    def _tell(self, message: dict[str, Any]) -> None:
        with self._telling:
            self._told.add(message)
            self._send(message)


def _shown(output: Output, *, network: bool) -> dict[str, Any]:
    """Return an output as the page takes it: text, a picture, or HTML that is safe in it."""
    if output.kind in {"stdout", "stderr", "note"}:
        return {"kind": "text", "stream": output.kind, "text": plain_text(output.text)}
    if output.kind == "clear":
        return {"kind": "clear"}
    bundle = session_outputs.bundle(output, network=network)
    picture = next(((mime, bundle[mime]) for mime in ("image/png", "image/jpeg", "image/gif") if mime in bundle), None)
    if picture:
        return {"kind": "picture", "source": f"data:{picture[0]};base64,{picture[1]}", "text": bundle["text/plain"]}
    if "text/html" in bundle:
        return {"kind": "html", "html": bundle["text/html"]}
    return {"kind": "text", "stream": "result", "text": plain_text(bundle["text/plain"]) + "\n"}


def in_thread(act: Callable[[], None]) -> None:
    """Run `act` in a thread that does not keep the kernel alive."""
    threading.Thread(target=act, name="aca-console", daemon=True).start()


def open_session_console(session: Session) -> SessionConsoleView:
    """Open a console, to be shown under the present cell when a page answers."""
    view = SessionConsoleView()
    console = SessionConsole(session, view.send, in_thread)
    show_when_there(view, lambda: None, console.take)  # each view asks for what there is
    return view

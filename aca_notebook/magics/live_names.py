"""The names that exist now, for completion: asked for in the background, so that a keystroke waits for nobody."""

from __future__ import annotations

import ast
import re
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aca_notebook.clock import Clock
    from aca_notebook.magics.notebook import Notebook

_ASSIGNED = re.compile(r"^([A-Za-z_]\w*)\s*(?::[^=\n]+)?=(?!=)", re.MULTILINE)
#: So many lists are kept: of sessions, pools, and the files or revisions of what was typed.
_MOST_LISTS = 32


def in_thread(act: Callable[[], None]) -> threading.Event:
    """Run `act` in a thread that does not keep the kernel alive; return what is set when it is done."""
    done = threading.Event()

    def run() -> None:
        try:
            act()
        finally:
            done.set()

    threading.Thread(target=run, name="aca-names", daemon=True).start()
    return done


class CachedNames:
    """Names that are asked for in the background, so that a keystroke never waits for the platform.

    An answer is fresh for two seconds; an older one is given, and another asked for. `ask` runs where `begin` runs it,
    and whatever it raises means "not known".
    """

    FRESH_SECONDS = 2.0
    #: How long the first keystroke waits for a target that answers at once.
    WAIT_SECONDS = 0.02

    def __init__(
        self, ask: Callable[[], Sequence[str]], clock: Clock,
        begin: Callable[[Callable[[], None]], threading.Event] = in_thread,
    ) -> None:  # fmt: skip
        self._ask = ask
        self._clock = clock
        self._begin = begin
        self._known: tuple[str, ...] | None = None
        self._asked_at = float("-inf")
        self._asking: threading.Event | None = None

    def get(self) -> tuple[str, ...]:
        """Return what is known; while nothing is, wait 20 ms for it."""
        self.refresh()
        if self._known is None and self._asking is not None:
            self._asking.wait(self.WAIT_SECONDS)
        return self._known or ()

    def refresh(self) -> None:
        """Ask, if what is known is not fresh and nobody asks already. Returns at once."""
        busy = self._asking is not None and not self._asking.is_set()
        if not busy and self._clock.monotonic() - self._asked_at > self.FRESH_SECONDS:
            self._asking = self._begin(self._read)

    def _read(self) -> None:
        try:
            self._known = tuple(self._ask())
        except Exception:  # noqa: BLE001  # a completion must not fail, whatever the platform does
            self._known = self._known or ()
        self._asked_at = self._clock.monotonic()


class LiveNames:
    """The names of one notebook and of its target; none of a target before one is in use, for completing starts none.

    `cell` is the text of the cell that is being written: its own variables come back from where it runs.
    """

    def __init__(self, notebook: Callable[[], Notebook], clock: Clock) -> None:
        self._notebook = notebook
        self._clock = clock
        self._apps = CachedNames(self._app_names, clock)
        self._lists: dict[tuple[str, str], CachedNames] = {}
        self.cell = ""

    def prepare(self) -> None:
        """Ask for the apps: a line has begun, and a name may be next."""
        if self._notebook().connected:
            self._apps.refresh()

    def apps(self) -> tuple[str, ...]:
        """Return the target's apps."""
        return self._apps.get() if self._notebook().connected else ()

    def live(self, kind: str, about: str) -> tuple[str, ...]:
        """Return sessions, pools, secrets, or with `about` the files of a session or the revisions of an app."""
        if not self._notebook().connected:
            return ()
        if kind == "secret":
            return tuple(self._notebook().workspace.secrets.names)
        if (kind, about) not in self._lists:
            if len(self._lists) >= _MOST_LISTS:
                del self._lists[next(iter(self._lists))]
            self._lists[kind, about] = CachedNames(lambda: self._ask(kind, about), self._clock)
        return self._lists[kind, about].get()

    def _app_names(self) -> Sequence[str]:
        return self._notebook().workspace.app_names()  # the workspace may be another by then

    def _ask(self, kind: str, about: str) -> Sequence[str]:
        workspace = self._notebook().workspace
        if kind == "pool":
            return list(workspace.session_pools)
        if kind == "revision":
            return [each.name for each in workspace.apps[about].revisions()] if about else ()
        if kind == "remote":
            session = workspace.session(about)
            session.state()  # listing the files of one that is not there would make it
            return list(session.files)
        return [each.name for each in workspace.sessions()]

    def functions(self) -> tuple[str, ...]:
        """Return the functions and classes the notebook defines, and those of the cell that is being written."""
        own = defined(self.cell, functions=True)
        return tuple(dict.fromkeys((*own, *self._notebook().callables())))

    def variables(self) -> tuple[str, ...]:
        """Return the notebook's variables, those of the cell that is being written first."""
        return tuple(dict.fromkeys((*defined(self.cell), *self._notebook().variables())))


def defined(cell: str, *, functions: bool = False) -> tuple[str, ...]:
    """Return the names that a cell defines at its top level; of a cell that is not Python yet, what looks like it."""
    lines = cell.splitlines()
    code = "\n".join(line for line in lines if not line.lstrip().startswith(("%", "!")))
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):
        pattern = re.compile(r"^(?:async\s+)?(?:def|class)\s+(\w+)", re.MULTILINE) if functions else _ASSIGNED
        return tuple(dict.fromkeys(pattern.findall(code)))
    found: list[str] = []
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found += [node.name] if functions else []
        elif not functions:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            found += [
                leaf.id for each in targets if each is not None for leaf in ast.walk(each) if isinstance(leaf, ast.Name)
            ]
    return tuple(dict.fromkeys(name for name in found if not name.startswith("_")))

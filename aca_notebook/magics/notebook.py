"""What a command needs of the notebook: its names, its cells, its outputs and the workspace it works in."""

from __future__ import annotations

import getpass
import inspect
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from aca_notebook import settings as read_settings
from aca_notebook.clock import SystemClock
from aca_notebook.errors import AcaError, UsageFailed
from aca_notebook.magics.live import LiveCard
from aca_notebook.packaging.cells import MAGIC_LINE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence

    from aca_notebook.api.signing_in import SignedIn
    from aca_notebook.api.workspace import Workspace
    from aca_notebook.azure.target import Target
    from aca_notebook.clock import Clock


class CellFailed(AcaError):
    """The cell raised in the kernel, and IPython has shown its traceback: nothing was deployed."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What was written under a magic, what tracebacks call the cell (`In[3]`), and the notebook it stands in."""

    source: str
    name: str
    notebook: str = ""


class Attended(Protocol):
    """An output that goes on after its cell."""

    def end(self) -> None:
        """Go on no more."""
        ...


class Notebook:
    """One IPython shell and the workspace its commands go to.

    `connect` makes a workspace from a target's name and settings; the first command that needs one makes it.
    """

    def __init__(self, shell: Any, connect: Callable[..., Workspace], clock: Clock | None = None) -> None:
        self._shell = shell
        self._connect = connect
        self._clock = clock or SystemClock()
        self._workspace: Workspace | None = None
        self.signed_in: SignedIn | None = None  #: what `%aca login` has come to in this kernel
        self._cells: dict[str, Cell] = {}
        self.stand_in = ""  #: for a value that would be asked for, while a command is shown and not done
        self._attended: dict[str, Attended] = {}

    @property
    def names(self) -> MutableMapping[str, object]:
        """The notebook's variables."""
        names: MutableMapping[str, object] = self._shell.user_ns
        return names

    @property
    def graphical(self) -> bool:
        """Whether outputs can change in place: a kernel's front end, not a terminal."""
        return getattr(self._shell, "kernel", None) is not None

    @property
    def in_page(self) -> bool:
        """Whether the cell that runs stands in a page, which may show widgets: pages give their cells ids.

        So do JupyterLab, Notebook 7 and VS Code; nbclient and consoles do not.
        """
        kernel = getattr(self._shell, "kernel", None)
        parent = kernel.get_parent("shell") if kernel is not None else {}
        return bool(parent.get("metadata", {}).get("cellId"))

    @property
    def workspace(self) -> Workspace:
        """The workspace of the present target; the default target's if none was chosen."""
        if self._workspace is None:
            self._workspace = self.open("", {})
        return self._workspace

    @property
    def connected(self) -> bool:
        """Whether a target was chosen or used already."""
        return self._workspace is not None

    def connect(self, target: str, settings: Mapping[str, str]) -> Workspace:
        """Change the target. Handles of the old one keep its workspace, and close it when the last of them goes."""
        opened = self.open(target, settings)
        self.adopt(opened, target)
        return opened

    def open(self, target: str, settings: Mapping[str, str], *, propose: bool = False) -> Workspace:
        """Return a workspace of its own, which the caller closes or lets the notebook `adopt`; nothing changes yet.

        Without a target's name it is the present one, with the names that it has, but for what `settings` say.
        `propose` gives names to what nobody has named, for a set-up to make.
        """
        named: dict[str, Any] = {"propose": True} if propose else {}
        if self.signed_in is not None:
            named["signed_in"] = self.signed_in
        if not target and self._workspace is not None:
            present = self._workspace.target
            target, settings = present.name, {**_names(present), **settings}
        path = os.environ.get("JPY_SESSION_NAME", "")
        if path and target:
            named["notebook"] = read_settings.read_notebook(read_settings.home(), path, target)
        return self._connect(target, **settings, **named)

    def adopt(self, workspace: Workspace, target: str = "") -> None:
        """Let commands go there from now on.

        Of a target that charges the names are remembered for this notebook, once it was chosen by name: its next
        kernel needs the target's name alone, and needs that.
        """
        chosen, path = workspace.target, os.environ.get("JPY_SESSION_NAME", "")
        by_name = target or self._workspace is not None
        self._workspace = workspace
        if path and by_name and chosen.charges:
            read_settings.write_notebook(read_settings.home(), path, chosen.name, _names(chosen))

    def close(self) -> None:
        """Let go of the workspace."""
        if self._workspace is not None:
            self._workspace.close()
            self._workspace = None

    def run(self, source: str) -> Cell:
        """Run a cell in the kernel, as if it had no magic on top, and return it.

        A line stands for the magic, so that lines count as the person sees them. Raises `CellFailed` when the cell
        raised; IPython has shown its traceback by then.
        """
        with self._numbered(self._number):
            result = self._shell.run_cell(f"{MAGIC_LINE}\n{source}", store_history=False)
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            raise CellFailed(
                f"nothing was deployed, because the cell failed here with {type(error).__name__}",
                hint="mend the cell and run it again",
            )
        return self._cell(f"\n{source}")

    def remote_cell(self, source: str) -> Cell:
        """Return a cell that runs elsewhere; a line stands for the magic, so that lines count as one sees them."""
        return self._cell(f"\n{source}")

    @property
    def file(self) -> str:
        """The notebook's file name; empty where nobody says."""
        return self._cell("").notebook

    @property
    def typed(self) -> str:
        """The cell that runs, as it was typed, magic lines and all."""
        return str(self._shell.history_manager.input_hist_raw[-1])

    @property
    def _number(self) -> int:
        """The number of the cell that holds us."""
        return len(self._shell.history_manager.input_hist_parsed) - 1

    def _cell(self, source: str) -> Cell:
        # Jupyter tells a kernel its notebook's path in this variable; only the file's name leaves the machine.
        return Cell(source, f"In[{self._number}]", Path(os.environ.get("JPY_SESSION_NAME", "")).name)

    @contextmanager
    def _numbered(self, number: int) -> Iterator[None]:
        """Let tracebacks and outputs carry a cell's number: IPython counts on before it runs the cell."""
        later = self._shell.execution_count
        self._shell.execution_count = number
        try:
            yield
        finally:
            self._shell.execution_count = later

    def remember(self, app: str, cell: Cell) -> None:
        """Keep a cell as the source of an app, so that `%aca plan NAME` finds it."""
        self._cells[app] = cell

    def recall(self, app: str, entry: str = "") -> Cell:
        """Return the cell an app was last deployed or planned from; an empty one to serve the `entry` of another.

        Raises `UsageFailed` when there is none.
        """
        if app not in self._cells and entry:
            return self._cell("")
        if app not in self._cells:
            raise UsageFailed(
                f"no cell of this notebook was deployed or planned as {app!r}",
                code="UsageError",
                hint=f"start the cell with %%aca deploy {app}, or name a function: %aca deploy {app} --entry FUNCTION",
            )
        return self._cells[app]

    def attend(self, app: str, card: Attended) -> None:
        """Keep what goes on about an app; what went on about it before ends."""
        before = self._attended.pop(app, None)
        if before is not None:
            before.end()
        self._attended[app] = card

    def define(self, handles: Mapping[str, object]) -> None:
        """Put handles in the place of the functions and classes that were deployed."""
        self._shell.push(dict(handles), interactive=True)

    def card(self) -> LiveCard:
        """Return an output that can change in place; a terminal shows its last state only."""
        from IPython.display import DisplayHandle  # present by then, and not needed to load

        return LiveCard(DisplayHandle(), self._clock, live=self.graphical)

    def ask_secret(self, prompt: str) -> str:
        """Ask the person for a value that is not echoed. Raises `UsageFailed` where nobody can be asked."""
        if self.stand_in:
            return self.stand_in
        try:
            return getpass.getpass(prompt)
        except (NotImplementedError, EOFError) as nobody:  # ipykernel's StdinNotImplementedError is one
            raise UsageFailed(
                "nobody can be asked for a value here",
                code="UsageError",
                hint="name a variable that has it: --from-env NAME",
            ) from nobody

    def consent(self, question: str, flag: str = "--yes") -> bool:
        """Ask the person yes or no; no answer is no. Raises `UsageFailed`, with the flag, where nobody can be asked."""
        if self.stand_in:
            return True
        try:
            answer = input(f"{question} [y/N] ")
        except (NotImplementedError, EOFError) as nobody:  # ipykernel's StdinNotImplementedError is one
            raise UsageFailed(
                "nobody can be asked for consent here", code="ConsentNeeded",
                hint=f"look at the plan, then run the same line with {flag}",
            ) from nobody  # fmt: skip
        return answer.strip().lower() in {"y", "yes"}

    def write(self, line: str) -> None:
        """Write a line to the terminal, for a log that is followed there."""
        sys.stdout.write(line + "\n")

    def callables(self) -> Sequence[str]:
        """Return the functions and classes that the notebook itself defines."""
        return sorted(self._callables())

    def variables(self) -> Sequence[str]:
        """Return the variables that the notebook itself defines: no modules, functions or classes."""
        hidden = getattr(self._shell, "user_ns_hidden", {})
        return sorted(
            name
            for name, value in list(self.names.items())
            if not name.startswith("_") and name not in hidden and not inspect.ismodule(value)
            and not inspect.isroutine(value) and not inspect.isclass(value)
        )  # fmt: skip

    def _callables(self) -> Iterator[str]:
        hidden = getattr(self._shell, "user_ns_hidden", {})
        for name, value in list(self.names.items()):
            if name.startswith("_") or name in hidden:
                continue
            plain = _deployed_from(value)
            if (inspect.isfunction(plain) or inspect.isclass(plain)) and plain.__module__ == "__main__":
                yield name


def _names(target: Target) -> dict[str, str]:
    """The names of a target, as settings say them."""
    return {
        "subscription_id": target.subscription_id, "resource_group": target.resource_group,
        "environment": str(target.environment_id) if target.environment_group else target.environment,
        "location": target.location, "registry": target.registry,
    }  # fmt: skip


def _deployed_from(value: object) -> object:
    """Return the function or class that a handle stands for; any other value is itself."""
    own = getattr(value, "__dict__", None)  # not by attribute: a handle answers for its class, and others for anything
    return own.get("__aca_local__", value) if isinstance(own, dict) else value

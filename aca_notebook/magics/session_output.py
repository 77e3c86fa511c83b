"""Where the outputs of a session's cell go: the output area of the cell that runs, from its own thread."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from aca_notebook.display import session_outputs

if TYPE_CHECKING:
    from collections.abc import Callable

    from aca_notebook.api.sessions import RunningCell
    from aca_notebook.model.session import Output


class SessionOutput:
    """Shows outputs as they come. What a session calls a display id is known here by another, for it may say any.

    `network` is whether the session has one: without, nothing it shows makes the page fetch or send anything.
    """

    def __init__(self) -> None:
        self.network = False
        self._handles: dict[str, Any] = {}

    def follow(self, cell: RunningCell) -> None:
        """Show all of a cell's outputs; Ctrl-C interrupts the cell, a second one leaves it to go on by itself."""
        outputs, interrupts = iter(cell), 0
        while True:
            try:
                output = next(outputs, None)
                if output is None:
                    return
                self.show(output)
            except KeyboardInterrupt:
                interrupts += 1
                (cell.interrupt if interrupts == 1 else cell.detach)()
                outputs = iter(cell)

    def show(self, output: Output) -> None:
        """Show one output."""
        act = _ACTS.get(output.kind)
        if act is not None:
            act(self, output)

    def _text(self, output: Output) -> None:
        stream = sys.stderr if output.kind == "stderr" else sys.stdout
        stream.write(output.text)
        stream.flush()

    def _display(self, output: Output) -> None:
        from IPython.display import DisplayHandle, display  # present by then, and not needed to load

        bundle = session_outputs.bundle(output, network=self.network)
        if not output.id:
            display(bundle, raw=True)
            return
        handle = self._handles.get(output.id)
        if handle is None and output.kind == "display":
            handle = self._handles[output.id] = DisplayHandle()
            handle.display(bundle, raw=True)
        elif handle is not None:
            handle.update(bundle, raw=True)

    def _clear(self, output: Output) -> None:
        from IPython.display import clear_output

        del output
        clear_output(wait=True)

    def _note(self, output: Output) -> None:
        from IPython.display import display

        display(session_outputs.note(output.text), raw=True)


_ACTS: dict[str, Callable[[SessionOutput, Output], None]] = {
    "stdout": SessionOutput._text,  # noqa: SLF001  # its own
    "stderr": SessionOutput._text,  # noqa: SLF001
    "display": SessionOutput._display,  # noqa: SLF001
    "update": SessionOutput._display,  # noqa: SLF001
    "result": SessionOutput._display,  # noqa: SLF001
    "clear": SessionOutput._clear,  # noqa: SLF001
    "note": SessionOutput._note,  # noqa: SLF001
}

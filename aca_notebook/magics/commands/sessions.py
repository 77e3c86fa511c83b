"""Running cells in sessions, and looking after those."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.display import cards, session_listings
from aca_notebook.display.session_outputs import note
from aca_notebook.display.values import Card, Line
from aca_notebook.errors import UsageFailed
from aca_notebook.magics.session_output import SessionOutput
from aca_notebook.model.deploy import DeployState
from aca_notebook.model.session import LONGEST_SECONDS, Output

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_notebook.api.sessions import Session
    from aca_notebook.magics.notebook import Notebook
    from aca_notebook.magics.subcommands.sessions import OneSession, SessionCell
    from aca_notebook.model.deploy import DeployProgress


def run(notebook: Notebook, given: SessionCell, source: str) -> object:
    """Run the cell in its session and show what it shows; variables that come back are defined here."""
    from aca_notebook.api.sessions_running import CellJob

    missing = [name for name in given.input if name not in notebook.names]
    if missing:
        raise UsageFailed(
            f"there is no variable {missing[0]!r} here to give to the session", code="UsageError",
            hint=f"define {missing[0]}, or take it out of --input",
        )  # fmt: skip
    if given.pip and not given.gpu:
        raise UsageFailed(
            "--pip is for sessions with a GPU: a pool's have the packages they have", code="UsageError",
            hint="with --egress on, `!pip install PACKAGE` in the cell installs one",
        )  # fmt: skip
    session = notebook.workspace.session(
        given.name, pool=given.pool, gpu=given.gpu, ttl=given.ttl,
        egress=None if not given.egress else given.egress == "on", require_isolation=given.require_isolation,
        notebook=notebook.file, pip=given.pip, on_progress=_follower(notebook) if given.gpu else None,
    )  # fmt: skip
    output = SessionOutput()
    if not session.used:
        output.show(Output("note", _introduction(session)))
    output.network = session.pool().egress
    cell = notebook.remote_cell(source)
    seconds = LONGEST_SECONDS if given.timeout is None else given.timeout.total_seconds()
    inputs = {name: notebook.names[name] for name in given.input}
    running = session.start(CellJob(cell.source, f"Cell {cell.name}", inputs, given.output, seconds))
    output.follow(running)
    notebook.define(running.result().values)
    return None


def _follower(notebook: Notebook) -> Callable[[DeployProgress], None]:
    """Return what shows how an agent's app is deployed, with what it costs; nothing where it is there already."""
    card = notebook.card()

    def follow(progress: DeployProgress) -> None:
        card.show(lambda: cards.deployment(progress), last=progress.state is not DeployState.RUNNING)

    return follow


def _introduction(session: Session) -> str:
    """Say once where a session is and how far from here: `lab: session pool python, isolated (…)`."""
    said = f"{session.name}: {session.place}, {session.isolation().words}"
    return f"{said}. {session.note}" if session.note else said


def list_(notebook: Notebook, given: OneSession) -> object:
    """List every session that lives."""
    del given
    workspace = notebook.workspace
    return session_listings.sessions(workspace.sessions(), target=workspace.target.name)


def show(notebook: Notebook, given: OneSession) -> object:
    """Show one session."""
    session = _session(notebook, given)
    state = session.state()
    return Card(state, session_listings.session(state, session.pool(), [entry.path for entry in session.files.list()]))


def files(notebook: Notebook, given: OneSession) -> object:
    """List a session's files."""
    session = _session(notebook, given)
    return session_listings.files(session.files.list(given.path), session=session.name)


def upload(notebook: Notebook, given: OneSession) -> object:
    """Put a file into a session and list what is there then."""
    session = _session(notebook, given)
    session.upload(given.path, given.target)
    return session_listings.files(session.files.list(), session=session.name)


def download(notebook: Notebook, given: OneSession) -> object:
    """Fetch a file and say where it is now."""
    place = _session(notebook, given).download(given.path, given.target, overwrite=given.overwrite)
    return Line(f"{place} ({place.stat().st_size} bytes)")


def console(notebook: Notebook, given: OneSession) -> object:
    """Open a console beside its card, which stays when no page shows it."""
    session = _session(notebook, given)
    if notebook.graphical:
        from aca_notebook.widgets.session_console import open_session_console  # anywidget takes 0.2 s to import

        open_session_console(session)
    words = f"console of {session.name} in {session.place}; it lasts as long as this kernel"
    return Card(session, note(f"{words}, and `%%aca session {session.name}` does the same in a cell"))


def attach(notebook: Notebook, given: OneSession) -> object:
    """Show the rest of a cell that was left, and define the variables that come back of it."""
    session = _session(notebook, given)
    running = session.attach()
    output = SessionOutput()
    output.network = session.pool().egress
    output.follow(running)
    notebook.define(running.result().values)
    return None


def restart(notebook: Notebook, given: OneSession) -> object:
    """Make a session anew."""
    session = _session(notebook, given).restart()
    return Card(session, note(f"{session.name} is fresh: no variables, no files"))


def stop(notebook: Notebook, given: OneSession) -> object:
    """End a session and list those that are left."""
    _session(notebook, given).stop()
    return list_(notebook, given)


def _session(notebook: Notebook, given: OneSession) -> Session:
    return notebook.workspace.session(given.name, pool=given.pool, gpu=given.gpu, notebook=notebook.file)


LINE: Mapping[str, Callable[[Notebook, Any], object]] = {
    "session list": list_,
    "session show": show,
    "session files": files,
    "session upload": upload,
    "session download": download,
    "session console": console,
    "session attach": attach,
    "session restart": restart,
    "session stop": stop,
}
CELL: Mapping[str, Callable[[Notebook, Any, str], object]] = {"session": run}

"""Cells in a sandbox, and the sessions they run in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aca_notebook.magics import readers
from aca_notebook.magics.grammar import Command, Option

if TYPE_CHECKING:
    from datetime import timedelta


@dataclass(frozen=True, slots=True)
class SessionCell:
    """A cell to run in a session: which one, what it may, what goes in and what comes out."""

    name: str = ""
    pool: str = ""
    gpu: str = ""
    ttl: timedelta | None = None
    egress: str = ""
    input: tuple[str, ...] = ()
    output: tuple[str, ...] = ()
    timeout: timedelta | None = None
    pip: tuple[str, ...] = ()
    require_isolation: bool = False


@dataclass(frozen=True, slots=True)
class OneSession:
    """What to do with one session; without a name it is the notebook's own."""

    action: str
    name: str = ""
    pool: str = ""
    gpu: str = ""
    path: str = ""
    target: str = ""
    overwrite: bool = False


def names(text: str) -> tuple[str, ...]:
    """Return variables written `a,df`. Raises `ValueError` for a word that is none."""
    return tuple(readers.variable(each.strip()) for each in text.split(",") if each.strip())


def switch(text: str) -> str:
    """Return `on` or `off`."""
    if text.lower() not in {"on", "off"}:
        raise ValueError(f"{text!r} is neither on nor off")
    return text.lower()


_NAME = Option(("name",), "the session (default: this notebook's own)", completes="session", optional=True)
_NAMED = Option(("name",), "the session", completes="session")
_POOL = Option(("--pool",), "the pool it is in (default: one of ours)", completes="pool", metavar="NAME")
_GPU = Option(
    ("--gpu",), "run it in our agent in an app with this GPU: pools have none", read=readers.gpu_model,
    values=("T4", "A100"),
)  # fmt: skip
_WHERE = (_POOL, _GPU)
_PATH = Option(("path",), "the file in the session, relative to /mnt/data", completes="remote", metavar="PATH")

COMMANDS = (
    Command(
        "session", "Run the cell in a sandbox, which keeps its variables and files for the next cell of that name.",
        SessionCell,
        (
            _NAME, _POOL, _GPU,
            Option(("--ttl",), "end the session after so long without use: 5m to 60m", read=readers.duration,
                   metavar="SPAN"),
            Option(("--egress",), "whether it reaches the network (default: off)", read=switch, values=("on", "off")),
            Option(("--input", "-i"), "variables it gets: frames as Arrow, arrays as npy, the rest as JSON", read=names,
                   metavar="a,df", completes="variables"),
            Option(("--output", "-o"), "variables of the cell that come back, the same way", read=names,
                   metavar="result", completes="variables"),
            Option(("--timeout",), "how long the cell may take, at most 220s", read=readers.duration, metavar="SPAN"),
            Option(("--pip",), "packages for a session with a GPU", repeats=True, metavar="PACKAGE"),
            Option(("--require-isolation",), "refuse where sessions are not isolated", read=None),
        ),
        ("%%aca session", "%%aca session lab -i df -o result", "%%aca session lab --gpu T4 --timeout 60s"),
        "az containerapp session code-interpreter execute --name POOL --identifier NAME --code CODE",
        cell=True, line=False,
    ),
    Command(
        "session list", "List the sessions that live.", OneSession, (),
        ("%aca session list", "table = %aca session list", "%aca session list  # pools and agents"),
        fixed={"action": "list"},
    ),
    Command(
        "session show", "Show one session: where it is, how isolated, until when, and its files.", OneSession,
        (_NAME, *_WHERE), ("%aca session show", "%aca session show lab", "%aca session show lab --pool mypool"),
        fixed={"action": "show"},
    ),
    Command(
        "session files", "List the files of a session.", OneSession,
        (_NAME, Option(("path",), "a folder", completes="remote", optional=True, metavar="PATH"), *_WHERE),
        ("%aca session files", "%aca session files lab", "%aca session files lab plots"),
        "az containerapp session code-interpreter list-files --name POOL --identifier NAME", fixed={"action": "files"},
    ),
    Command(
        "session upload", "Put a file of this machine into a session.", OneSession,
        (
            _NAMED, Option(("path",), "the file here", completes="file", metavar="FILE"),
            Option(("target",), "what it is called there (default: its own name)", optional=True, metavar="PATH"),
            *_WHERE,
        ),
        ("%aca session upload lab sales.csv", "%aca session upload lab ../data/big.bin data.bin",
         "%aca session upload lab model.json --pool mypool"),
        "az containerapp session code-interpreter upload-file --name POOL --identifier NAME --filepath FILE",
        fixed={"action": "upload"},
    ),
    Command(
        "session download", "Fetch a file of a session.", OneSession,
        (
            _NAMED, _PATH, Option(("target",), "where to (default: here)", completes="file", optional=True,
                                  metavar="FILE"),
            Option(("--overwrite",), "replace a file that is there", read=None), *_WHERE,
        ),
        ("%aca session download lab report.csv", "%aca session download lab plots/a.png figures/",
         "%aca session download lab report.csv --overwrite"),
        "az containerapp session code-interpreter show-file-content --name POOL --identifier NAME --filename FILE",
        fixed={"action": "download"},
    ),
    Command(
        "session console", "Open a console of a session in the page: history, outputs, files, a button to interrupt.",
        OneSession, (_NAME, *_WHERE),
        ("%aca session console", "%aca session console lab", "%aca session console lab --gpu T4"),
        fixed={"action": "console"},
    ),
    Command(
        "session attach", "Show the rest of a cell that a second Ctrl-C left to go on by itself.", OneSession,
        (_NAME, *_WHERE),
        ("%aca session attach", "%aca session attach lab", "%aca session attach lab --pool mypool"),
        fixed={"action": "attach"},
    ),
    Command(
        "session restart", "End a session and make it anew, empty.", OneSession, (_NAME, *_WHERE),
        ("%aca session restart", "%aca session restart lab", "%aca session restart lab --gpu T4"),
        fixed={"action": "restart"},
    ),
    Command(
        "session stop", "End a session: its variables and files are gone.", OneSession, (_NAME, *_WHERE),
        ("%aca session stop", "%aca session stop lab", "%aca session stop lab --pool mypool"), fixed={"action": "stop"},
    ),
)  # fmt: skip

"""Runs one cell inside a session: this file travels as source into whatever interpreter the session has.

Standard library alone, Python 3.8 or later, no file of ours beside it but `session_values`. What a notebook would show
leaves as frames in the text of stdout, in order with it: `RS aca:TOKEN:JSON US`. Whoever reads them trusts nothing in
them: the cell may write frames of its own.

Kinds of frames: `begin` (mark, age_seconds), `display`, `update`, `result` (data, metadata, id), `clear`, `value`
(name, format, data or file), `error` (name, message, frames, cause), `file` (path: the frame is in that file), `end`.
"""

from __future__ import annotations

import ast
import base64
import builtins
import inspect
import io
import json
import linecache
import os
import re
import signal
import sys
import threading
import time
import uuid
import warnings
from typing import TYPE_CHECKING, Any

from aca_notebook.runner.session_values import LONGEST_FRAME, folder, read_value, type_of, write_value

if TYPE_CHECKING:
    from collections.abc import Callable

#: The name of this module inside a session; another version is another module.
NAME = "_aca_session_cell_1"
_WATCH_SECONDS = 0.1
_MOST_FRAMES = 64

#: Which interpreter this is, and since when: a client notices by it that its session is another one.
MARK = uuid.uuid4().hex
_BEGAN = time.monotonic()

#: What must arrive even when the cell wrote more to stdout than a session passes on: in a file, until the next cell.
_LAST = frozenset({"error", "value", "end", "result"})
_METHODS = (
    ("text/html", "_repr_html_"), ("text/markdown", "_repr_markdown_"), ("image/svg+xml", "_repr_svg_"),
    ("image/png", "_repr_png_"), ("image/jpeg", "_repr_jpeg_"), ("text/latex", "_repr_latex_"),
    ("application/json", "_repr_json_"),
)  # fmt: skip


class Cell:
    """One run of one cell: where its frames go, and what it has shown."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.asked = asked
        self.out = sys.stdout  # whatever the cell puts in its place
        self.count = 0
        self.drawn: list[int] = []
        self.last: list[str] = []

    def tell(self, kind: str, **fields: Any) -> None:
        """Write one frame."""
        told = json.dumps({"kind": kind, **fields}, default=str)
        if len(told) > LONGEST_FRAME:
            self.count += 1
            path = f".aca-{self.asked['token']}-{self.count}.json"
            with open(os.path.join(folder(), path), "w", encoding="utf-8") as file:  # noqa: PTH118, PTH123
                file.write(told)
            told = json.dumps({"kind": "file", "path": path})
        if kind in _LAST:
            self.last.append(told)
        self.out.write(f"\x1eaca:{self.asked['token']}:{told}\x1f")
        self.out.flush()

    def show(self, kind: str, value: Any, **fields: Any) -> None:
        """Write a value as a notebook would show it."""
        self.tell(kind, data=_plain_bundle(bundle_of(value)), **fields)

    def publish(self, data: Any, metadata: Any = None, **named: Any) -> None:
        """Stand where IPython's display publisher does."""
        transient = named.get("transient") or {}
        kind = "update" if named.get("update") else "display"
        self.tell(kind, data=_plain_bundle(data), metadata=metadata or {}, id=str(transient.get("display_id") or ""))

    def figures(self) -> None:
        """Write matplotlib's open figures, and close them."""
        pyplot = sys.modules.get("matplotlib.pyplot")
        if pyplot is None:
            return
        for number in pyplot.get_fignums():
            figure = pyplot.figure(number)
            if id(figure) not in self.drawn:
                self.show("display", figure)
        pyplot.close("all")


class _Now:
    """The cell that runs at present; matplotlib's `show` and `display` find it here."""

    cell: Cell | None = None
    settled = False


def run(asked: dict[str, Any]) -> None:
    """Run a cell: `code`, `name` (what tracebacks call it), `token`, `mark`, `given`, `wanted`, `quiet`.

    With a `mark` that is not this interpreter's nothing is run: the frame `absent` says so.
    """
    coroutine = arun(asked)
    try:
        coroutine.send(None)
    except StopIteration:
        return
    try:
        coroutine.throw(RuntimeError("the cell waits for something in a place where this session cannot"))
    except StopIteration:
        return


async def arun(asked: dict[str, Any]) -> None:
    """Run a cell that may await at its top."""
    cell = Cell(asked)
    if asked.get("mark") not in ("", None, MARK):
        cell.tell("absent")
        return
    began = time.monotonic()
    cell.tell("begin", mark=MARK, age_seconds=began - _BEGAN)
    _Now.cell = cell
    restore = _settle(cell)
    stop = _watch(asked["token"])
    try:
        await _execute(cell, asked)
    except BaseException as error:  # noqa: BLE001  # whatever the cell raises is told, SystemExit too
        cell.tell("error", **told_of(error))
    finally:
        stop()
        restore()
        _Now.cell = None
    cell.tell("end", seconds=time.monotonic() - began)
    _keep(cell)


def _keep(cell: Cell) -> None:
    """Write down what must arrive, in place of what the cell before left."""
    try:
        for name in os.listdir(folder()):  # noqa: PTH208
            if name.startswith(".aca-") and name.endswith("-last"):
                os.remove(os.path.join(folder(), name))  # noqa: PTH107, PTH118
        with open(os.path.join(folder(), f".aca-{cell.asked['token']}-last"), "w", encoding="utf-8") as file:  # noqa: PTH118, PTH123
            file.write("\n".join(cell.last))
    except OSError:
        return  # a full disk, say: then stdout alone tells it


async def _execute(cell: Cell, asked: dict[str, Any]) -> None:
    names = sys.modules["__main__"].__dict__
    names.setdefault("display", display)
    for name, given in (asked.get("given") or {}).items():
        names[name] = read_value(given)
    body, last = compiled(asked["code"], asked["name"])
    try:
        for code in body:
            await _evaluated(code, names)
        if last is not None:
            value = await _evaluated(last, names)
            if value is not None and not asked.get("quiet"):
                names["_"] = value
                cell.show("result", value)
    finally:
        cell.figures()
    for name in asked.get("wanted") or ():
        if name not in names:
            raise NameError(f"the cell leaves no variable {name!r}")
        cell.tell("value", name=name, **write_value(name, names[name], asked["token"]))


def compiled(code: str, name: str) -> tuple[list[Any], Any]:
    """Compile all but a last expression, and that one; lines are the cell's own."""
    shell = _shell()
    transformed = code
    if shell is not None:  # which drops empty lines at the top: lines count as the person sees them
        transformed = "\n" * (len(code) - len(code.lstrip("\n"))) + shell.transform_cell(code)
    linecache.cache[name] = (len(code), None, transformed.splitlines(keepends=True), name)
    tree = ast.parse(transformed, name)
    body, last = list(tree.body), None
    if body and isinstance(body[-1], ast.Expr):
        last = ast.Expression(body.pop().value)  # type: ignore[attr-defined]  # narrowed above
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT

    def made(part: Any, mode: str) -> Any:
        return compile(part, name, mode, flags=flags, dont_inherit=True)

    module = ast.Module(body=body, type_ignores=[])
    return [made(module, "exec")], None if last is None else made(last, "eval")


async def _evaluated(code: Any, names: dict[str, Any]) -> Any:
    value = eval(code, names)  # noqa: S307  # running the person's code is the purpose
    return await value if is_coroutine(code) else value


def is_coroutine(code: Any) -> bool:
    """Tell whether evaluating it gives something to await."""
    return bool(code.co_flags & inspect.CO_COROUTINE)


def awaits(code: str) -> bool:
    """Tell whether a cell awaits at its top, or may: one that is no Python is judged by its words."""
    try:
        code_of_it = compile(code, "cell", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except (SyntaxError, ValueError):  # a cell with magics is no Python yet
        return bool(re.search(r"\bawait\b|\basync\s+(?:with|for)\b", code))
    return is_coroutine(code_of_it)


# -- what a value looks like --------------------------------------------------------------------------------------


def display(*values: Any, **named: Any) -> None:
    """Show values in the output of the cell, for interpreters that have no IPython."""
    cell = _Now.cell
    for value in values:
        if cell is None:
            print(value)  # noqa: T201  # a thread that outlived its cell
        else:
            cell.show("display", value, id=str(named.get("display_id") or ""))


def bundle_of(value: Any) -> dict[str, Any]:
    """Return a value's MIME bundle."""
    if hasattr(value, "to_plotly_json") and hasattr(value, "to_json"):
        return {"application/vnd.plotly.v1+json": json.loads(value.to_json()), "text/plain": type_of(value)}
    if _is_figure(value):
        return _drawn(value)
    shell = _shell()
    if shell is not None:
        data: dict[str, Any] = dict(shell.display_formatter.format(value)[0])
        return data or {"text/plain": _repr(value)}
    return _by_methods(value)


def _by_methods(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if not isinstance(value, type):
        whole = _called(value, "_repr_mimebundle_")
        whole = whole[0] if isinstance(whole, tuple) and whole else whole
        found.update(whole if isinstance(whole, dict) else {})
        for mime, method in _METHODS:
            if mime not in found and (made := _called(value, method)) is not None:
                found[mime] = made[0] if isinstance(made, tuple) else made
    found.setdefault("text/plain", _repr(value))
    return found


def _called(value: Any, method: str) -> Any:
    try:
        bound = getattr(value, method, None)
        return bound() if callable(bound) else None
    except Exception:  # noqa: BLE001  # as IPython: a broken representation is none
        return None


def _repr(value: Any) -> str:
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001  # the person's own class
        return f"<{type_of(value)}: its repr raised {type(error).__name__}>"


def _is_figure(value: Any) -> bool:
    module = sys.modules.get("matplotlib.figure")
    return module is not None and isinstance(value, module.Figure)


def _drawn(figure: Any) -> dict[str, Any]:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight")
    if _Now.cell is not None:
        _Now.cell.drawn.append(id(figure))
    return {"image/png": buffer.getvalue(), "text/plain": _repr(figure)}


def _plain_bundle(data: Any) -> dict[str, Any]:
    """Return a bundle that JSON can hold: bytes as base64."""
    return {
        str(mime): base64.b64encode(made).decode() if isinstance(made, (bytes, bytearray)) else made
        for mime, made in dict(data).items()
    }


# -- the interpreter around the cell ------------------------------------------------------------------------------


def _shell() -> Any:
    """Return IPython's shell where the session is a Jupyter kernel."""
    find = getattr(builtins, "get_ipython", None) or sys.modules["__main__"].__dict__.get("get_ipython")
    return find() if callable(find) else None


def _settle(cell: Cell) -> Callable[[], None]:
    """Take the place of what shows things here; the answer gives it back."""
    os.environ.setdefault("MPLBACKEND", f"module://{NAME}")
    os.environ.setdefault("PLOTLY_RENDERER", "plotly_mimetype")
    if not os.path.samefile(os.getcwd(), folder()) and not _Now.settled:  # noqa: PTH109, PTH121
        os.chdir(folder())
    _Now.settled = True
    shell = _shell()
    undo: list[Callable[[], Any]] = []
    publisher = getattr(shell, "display_pub", None)
    if publisher is not None:
        publisher.publish = cell.publish
        publisher.clear_output = lambda wait=False: cell.tell("clear", wait=bool(wait))
        undo += [lambda: vars(publisher).pop("publish", None), lambda: vars(publisher).pop("clear_output", None)]
    if threading.current_thread() is threading.main_thread():
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        undo.append(lambda: signal.signal(signal.SIGINT, before))

    def restore() -> None:
        for each in undo:
            each()

    return restore


def _watch(token: str) -> Callable[[], None]:
    """Interrupt the cell when a file of its token appears: the one way in that every session has."""
    path, done = os.path.join(folder(), f".aca-interrupt-{token}"), threading.Event()  # noqa: PTH118
    main = threading.main_thread().ident

    def look() -> None:
        while not done.wait(_WATCH_SECONDS):
            if os.path.exists(path):  # noqa: PTH110
                try:
                    os.remove(path)  # noqa: PTH107
                except OSError:
                    continue
                if not done.is_set() and main is not None:
                    signal.pthread_kill(main, signal.SIGINT)  # wakes a sleep too, which interrupt_main does not

    thread = threading.Thread(target=look, name="aca-interrupt", daemon=True)
    thread.start()

    def stop() -> None:
        done.set()
        thread.join()

    return stop


def __getattr__(name: str) -> Any:
    """Be a matplotlib backend where the session has no other: figures are drawn without a screen."""
    if name != "FigureCanvas":
        raise AttributeError(name)
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    globals()[name] = FigureCanvasAgg  # matplotlib looks among the names of the module next
    return FigureCanvasAgg


def show(*_: Any, **__: Any) -> None:
    """Stand for `matplotlib.pyplot.show` of that backend."""
    if _Now.cell is not None:
        _Now.cell.figures()


# -- errors -------------------------------------------------------------------------------------------------------


def told_of(error: BaseException) -> dict[str, Any]:
    """Describe an exception: its type, text, frames from the cell on, and what caused it."""
    found, traceback = [], error.__traceback__
    ours = {told_of.__code__.co_filename, folder.__code__.co_filename}
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if code.co_filename not in ours:
            found.append(_frame(code.co_filename, traceback.tb_lineno, code.co_name))
        traceback = traceback.tb_next
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        place = _frame(error.filename, error.lineno, "")
        found = [dict(place, text=(error.text or place["text"]).strip("\n"), column=error.offset or 0)]
    if len(found) > _MOST_FRAMES:
        found = found[: _MOST_FRAMES // 2] + found[-_MOST_FRAMES // 2 :]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    told = {"name": type(error).__name__, "message": _text_of(error), "frames": found}
    if cause is not None:
        told["cause"] = f"{type(cause).__name__}: {_text_of(cause)}"
    return told


def _frame(file: str, line: int, function: str) -> dict[str, Any]:
    text = linecache.getline(file, line).strip()
    file = re.sub(r"^.*/(?:site-packages|dist-packages|python3\.\d+)/", "", file)
    return {"file": file, "line": line, "function": "" if function == "<module>" else function, "text": text}


def _text_of(error: BaseException) -> str:
    try:
        text = error.msg if isinstance(error, SyntaxError) else str(error)
        return str(text).encode(errors="backslashreplace").decode()
    except Exception as worse:  # noqa: BLE001  # the person's own class
        return f"(its text could not be made: {type(worse).__name__})"


warnings.filterwarnings("ignore", message=".*is non-interactive, and thus cannot be shown.*")

"""Sessions end to end: our client, a real server, real processes; streamed, and as Azure answers, at the end."""

from __future__ import annotations

import asyncio
import base64
import threading

import numpy as np
import pandas as pd
import pytest

from aca_notebook.api.loop import PrivateLoop
from aca_notebook.api.sessions_running import CellJob
from aca_notebook.clock import SystemClock
from aca_notebook.errors import (
    Detached,
    Interrupted,
    InvalidArguments,
    NotFound,
    RemoteError,
    ServiceFailed,
    SessionGone,
    UsageFailed,
)
from aca_notebook.model.session import Isolation
from tests.fakes.sessions import served_sessions, session_at

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def loop():
    made = PrivateLoop()
    yield made
    made.close()


@pytest.fixture(scope="module", params=[False, True], ids=["streamed", "as Azure answers"])
def server(request, tmp_path_factory):
    with served_sessions(str(tmp_path_factory.mktemp("sessions")), azures_way=request.param) as served:
        served.azures_way = request.param
        yield served


@pytest.fixture
def session(server, loop, request):
    name = f"s{abs(hash(request.node.name)) % 10**12}"
    made, access = session_at(server.url, loop, SystemClock(), name)
    yield made
    made.stop()
    loop.run(access.close())


def test_variables_stay_and_the_last_expression_is_the_result(session) -> None:
    first = session.run("a = 6\nprint('six')\na * 7")
    assert (first.stdout, first.result, first.error) == ("six\n", "42", None)
    assert session.run("a + 1").result == "7"
    assert session.run("a + 1;").result == ""


def test_text_and_displays_keep_their_order(session) -> None:
    run = session.run("print('one'); display({'a': 1}); print('two')")
    assert [output.kind for output in run.outputs] == ["stdout", "display", "stdout"]


def test_what_is_heard_is_what_was_written(session, server) -> None:
    heard: list[str] = []
    session.run("import sys\nfor n in range(3): print(n)\nprint('e', file=sys.stderr)", on_stdout=heard.append)
    assert "".join(heard) == "0\n1\n2\n"


def test_a_cell_may_await_at_its_top(session) -> None:
    assert session.run("import asyncio\nawait asyncio.sleep(0)\n'awaited'").result == "'awaited'"


def test_an_error_tells_its_type_and_the_lines_of_the_cell(session) -> None:
    with pytest.raises(RemoteError) as caught:
        session.run("\ndef f():\n    raise KeyError('k')\nf()", name="Cell In[3]")
    assert caught.value.type_name == "KeyError"
    assert "Cell In[3], line 4\n    f()\n  Cell In[3], line 3, in f" in caught.value.remote_traceback
    assert session.run("1 +", check=False).error.name == "SyntaxError"
    assert session.run("raise SystemExit(3)", check=False).error.name == "SystemExit"
    assert session.run("'still here'").result == "'still here'"


def test_variables_go_in_and_out_small_and_large(session) -> None:
    frame = pd.DataFrame({"k": ["a", "b"], "v": [1.5, None]})
    array = np.arange(200_000.0)
    given = {"frame": frame, "array": array, "plain": {"x": [1, "é"]}, "series": frame.v}
    run = session.run("back = array * 2", given=given, wanted=["frame", "back", "plain", "series"])
    pd.testing.assert_frame_equal(run.values["frame"], frame)
    np.testing.assert_array_equal(run.values["back"], array * 2)
    assert run.values["plain"] == {"x": [1, "é"]}
    pd.testing.assert_series_equal(run.values["series"], frame.v)
    assert session.files.list() == ()


def test_what_cannot_travel_is_refused_by_name(session) -> None:
    with pytest.raises(InvalidArguments, match="'thing'"):
        session.run("1", given={"thing": object()})
    with pytest.raises(RemoteError, match="'thing' cannot leave the session"):
        session.run("thing = object()", wanted=["thing"])
    with pytest.raises(RemoteError, match="leaves no variable 'nothing'"):
        session.run("1", wanted=["nothing"])


def test_a_pickle_that_comes_out_is_not_loaded(session) -> None:
    """The session says that it is an array; numpy would run it, if it were let."""
    forged = (
        "import pickle, base64, json, io, sys\n"
        "cell = sys.modules['_aca_session_cell_1']._Now.cell\n"
        "class Bomb:\n    def __reduce__(self): return (exec, ('import builtins; builtins.exploded = 1',))\n"
        "data = base64.b64encode(b'\\x93NUMPY\\x01\\x00v\\x00' + pickle.dumps(Bomb())).decode()\n"
        "cell.tell('value', name='x', format='npy', data=data)\nx = 1"
    )
    with pytest.raises(ServiceFailed, match="cannot be read"):
        session.run(forged, wanted=["x"])
    assert not hasattr(__builtins__, "exploded")


def test_a_forged_frame_reads_no_other_file(session) -> None:
    session.upload(b"mine", "private.txt")
    run = session.run(
        "import sys; cell = sys.modules['_aca_session_cell_1']._Now.cell\n"
        "cell.tell('file', path='private.txt'); cell.tell('file', path='../../etc/passwd')\n"
        "cell.tell('error', name=[]); cell.tell('end', seconds='x')\n"
        "cell.tell('display', data=7); cell.tell('update', id={})\n"
        "cell.tell('begin', mark=3)",
        check=False,
    )
    assert run.stdout == ""
    assert "private.txt" in session.files


def test_escapes_do_not_come_through(session) -> None:
    assert session.run("print('\\x1b]0;title\\x07\\x1b[31mred\\x1b[0m')").stdout == "\x1b[31mred\x1b[0m\n"


def test_the_end_of_a_cell_is_found_however_much_it_writes(session) -> None:
    run = session.run("print('x' * 3_000_000)\nraise ValueError('after all that')", check=False)
    assert (run.error.name, run.error.message) == ("ValueError", "after all that")


def test_files_go_in_and_out_under_any_name(session, tmp_path) -> None:
    content = bytes(range(256)) * 100
    for name in ("a.bin", "né mit blank.txt", "plots/deep/x.png"):
        session.upload(content, name)
        assert session.files[name] == content
    assert [each.path for each in session.files.list(recursive=True) if not each.directory] == [
        "a.bin", "né mit blank.txt", "plots/deep/x.png",
    ]  # fmt: skip
    assert session.download("plots/deep/x.png", tmp_path).read_bytes() == content
    with pytest.raises(UsageFailed, match="already"):
        session.download("plots/deep/x.png", tmp_path)
    session.download("plots/deep/x.png", tmp_path, overwrite=True)
    session.files.delete("a.bin")
    assert "a.bin" not in session.files
    with pytest.raises(NotFound):
        session.files.read("a.bin")


def test_no_path_leads_out_of_the_folder(session) -> None:
    session.run("import os; os.symlink('/etc', 'etc'); os.symlink('/etc/passwd', 'passwd')")
    for path in ("../x", "etc/passwd", "passwd", "a/../../x"):
        with pytest.raises(ServiceFailed):
            session.files.read(path)
    with pytest.raises(ServiceFailed):
        session.upload(b"x", "etc/x")


def test_a_file_that_no_session_takes_is_not_sent(session) -> None:
    with pytest.raises(UsageFailed, match="128 MB"):
        session.upload(bytes(128 * 2**20 + 1), "large.bin")


def test_an_interrupt_ends_the_cell_and_keeps_the_session(session) -> None:
    session.run("kept = 1")
    running = session.start(CellJob("import time\nprint('asleep', flush=True)\ntime.sleep(120)"))
    threading.Thread(target=running.interrupt).start()
    list(running)
    with pytest.raises(Interrupted):
        running.result()
    assert session.run("kept").result == "1"


def test_a_cell_that_is_left_goes_on(session) -> None:
    running = session.start(CellJob("import time\nwhile True: time.sleep(1)"))
    running.detach()
    list(running)
    with pytest.raises(Detached):
        running.result()


def test_a_cell_that_was_left_is_listened_to_again(session) -> None:
    source = "import os, time\nprint('begun')\nwhile not os.path.exists('go'): time.sleep(0.01)\nprint('rest')\nx = 5"
    running = session.start(CellJob(source, wanted=("x",)))
    running.detach()
    list(running)
    with pytest.raises(Detached, match="session attach"):
        running.result()
    session.upload(b"", "go")
    again = session.attach()
    said = "".join(output.text for output in again if output.kind == "stdout")
    assert said.endswith("rest\n")
    assert (again.result().values, again.result().stdout) == ({"x": 5}, "begun\nrest\n")
    with pytest.raises(UsageFailed, match="was left to go on"):
        session.attach()


def test_cancelling_what_awaits_a_cell_interrupts_it(session) -> None:
    async def impatient() -> None:
        task = asyncio.create_task(session.run.aio("import time; time.sleep(120)"))
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(impatient())
    assert session.run("'free again'").result == "'free again'"


def test_a_session_that_died_says_so_and_the_next_cell_gets_a_fresh_one(session) -> None:
    session.run("x = 1")
    with pytest.raises(SessionGone, match="ended while the cell ran"):
        session.run("import os; os._exit(1)")
    assert session.run("'x' in globals()").result == "False"


def test_a_session_that_was_ended_elsewhere_does_not_run_the_cell(session, loop, server) -> None:
    session.run("x = 1")
    other, access = session_at(server.url, loop, SystemClock(), session.name)
    other.stop()
    loop.run(access.close())
    with pytest.raises(SessionGone, match="seconds old") as gone:
        session.run("open('ran', 'w')")
    assert "was not run" in gone.value.detail
    assert "ran" not in session.files


def test_where_isolation_is_required_and_there_is_none_nothing_runs(session) -> None:
    async def not_isolated(_: object) -> Isolation:
        return Isolation(isolated=False, level="process")

    session._place.isolation = not_isolated
    session.require_isolation = True
    with pytest.raises(UsageFailed, match=r"not isolated \(process\)"):
        session.run("1")


def test_a_fork_goes_on_from_where_the_first_is(session, server) -> None:
    if server.azures_way:
        pytest.skip("pools cannot")
    session.run("a = 1; open('f.txt', 'w').write('x')")
    copy = session.fork()
    assert copy.run("a += 1; a, open('f.txt').read()").result == "(2, 'x')"
    assert session.run("a").result == "1"
    copy.stop()
    assert session.run("'alone'").result == "'alone'"


def test_a_picture_of_a_figure_comes_back(session) -> None:
    png = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
    run = session.run(
        f"class Picture:\n    def _repr_png_(self): return __import__('base64').b64decode({png!r})\nPicture()"
    )
    assert run.figures == (b"\x89PNG\r\n\x1a\n",)

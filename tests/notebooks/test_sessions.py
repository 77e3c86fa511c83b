"""Session cells in a real kernel, against a real emulator: what a front end gets, and Ctrl-C by a real SIGINT."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from jupyter_client.manager import start_new_kernel

from aca_notebook import launcher

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.process, pytest.mark.timeout(240), pytest.mark.filterwarnings("ignore::ResourceWarning")]

PATIENCE = 120
STUBBORN = """%%aca session stubborn
import time
def wait():
    while True:
        try:
            print("waiting", flush=True)
            time.sleep(120)
        except KeyboardInterrupt:
            print("caught", flush=True)
wait()
"""


SHOWN = {"display_data", "update_display_data", "execute_result"}


class Told:
    """What a cell sent to its front end."""

    def __init__(self, reply: dict[str, Any], messages: list[dict[str, Any]]) -> None:
        self.status = reply["content"]["status"]
        self.error = reply["content"].get("ename", "")
        self.traceback = "\n".join(reply["content"].get("traceback", ()))
        self.text = "".join(each["content"]["text"] for each in messages if each["msg_type"] == "stream")
        self.bundles = [each["content"]["data"] for each in messages if each["msg_type"] in SHOWN]


class Kernel:
    """A real kernel; `run` may watch the text and act on it."""

    def __init__(self, manager, client) -> None:
        self.manager = manager
        self._client = client

    def run(self, code: str, acts: dict[str, Callable[[], None]] | None = None) -> Told:
        """Run a cell; each of `acts` is done once, when its word has come, in their order."""
        waiting, messages, text = list((acts or {}).items()), [], ""
        sent = self._client.execute(code)
        while True:
            message = self._client.get_iopub_msg(timeout=PATIENCE)
            if message["parent_header"].get("msg_id") != sent:
                continue
            messages.append(message)
            text += message["content"].get("text", "") if message["msg_type"] == "stream" else ""
            while waiting and waiting[0][0] in text:
                waiting.pop(0)[1]()
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                break
        reply = self._client.get_shell_msg(timeout=PATIENCE)
        while reply["parent_header"].get("msg_id") != sent:
            reply = self._client.get_shell_msg(timeout=PATIENCE)
        return Told(reply, messages)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    manager, client = start_new_kernel(kernel_name="python3", env=os.environ | {"ACA_NOTEBOOK_HOME": str(home)})
    try:
        kernel = Kernel(manager, client)
        assert kernel.run("%load_ext aca_notebook\n%aca target local").status == "ok"
        yield kernel
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        launcher.stop_emulator(launcher.data_dir(home))


def test_a_cell_shows_text_and_its_value_and_keeps_its_variables(kernel) -> None:
    first = kernel.run("%%aca session first\na = 6\nprint('six')\na * 7")
    assert first.text == "six\n"
    assert [bundle["text/plain"] for bundle in first.bundles[1:]] == ["42"]
    assert "session pool 'python'" in first.bundles[0]["text/plain"]
    assert kernel.run("%%aca session first\na + 1").bundles[-1]["text/plain"] == "7"


def test_a_traceback_counts_lines_as_the_person_sees_them(kernel) -> None:
    failed = kernel.run("%%aca session fails\ndef half(x):\n    return x / 0\n\nhalf(1)")
    assert failed.error == "RemoteError"
    assert "line 5\n    half(1)" in failed.traceback
    assert "line 3, in half\n    return x / 0" in failed.traceback
    assert "ZeroDivisionError: division by zero" in failed.traceback


def test_variables_go_in_and_come_back(kernel) -> None:
    kernel.run("import numpy as np, pandas as pd\ndf = pd.DataFrame({'k': list('aba'), 'v': [1, 2, 3]}); a = np.eye(2)")
    told = kernel.run(
        "%%aca session values -i a,df -o sums,b,told\nsums = df.groupby('k').sum()\nb = a * 2\ntold = {'n': len(df)}"
    )
    assert told.status == "ok", told.traceback
    shown = kernel.run("import json; print(json.dumps([sums.v.to_dict(), b.tolist(), told]))")
    assert json.loads(shown.text) == [{"a": 4, "b": 2}, [[2.0, 0.0], [0.0, 2.0]], {"n": 3}]


def test_one_interrupt_ends_the_cell_and_keeps_the_session(kernel) -> None:
    told = kernel.run(
        "%%aca session kept\nstayed = 1\nimport time\nprint('asleep', flush=True)\ntime.sleep(120)",
        {"asleep": kernel.manager.interrupt_kernel},
    )
    assert (told.status, told.error) == ("error", "Interrupted")
    assert "'kept' keeps its variables" in told.traceback
    assert kernel.run("%%aca session kept\nstayed + 1").bundles[-1]["text/plain"] == "2"


def test_a_second_interrupt_leaves_the_cell_to_go_on(kernel) -> None:
    interrupt = kernel.manager.interrupt_kernel
    told = kernel.run(STUBBORN, {"waiting": interrupt, "caught": interrupt})
    assert (told.status, told.error) == ("error", "Detached")
    assert "`%aca session stop stubborn` ends it" in told.traceback
    assert "stubborn" in kernel.run("%aca session list").bundles[-1]["text/plain"]
    assert "stubborn" not in kernel.run("%aca session stop stubborn").bundles[-1]["text/plain"]


def test_a_session_that_ended_is_gone_with_its_age_and_the_next_cell_gets_a_fresh_one(kernel) -> None:
    kernel.run("%%aca session mortal\nx = 1")
    ended = kernel.run("%%aca session mortal\nimport os; os._exit(1)")
    assert ended.error == "SessionGone"
    assert "seconds old" in ended.traceback
    assert "exit code 1" in ended.traceback
    fresh = kernel.run("%%aca session mortal\n'x' in globals()")
    assert fresh.bundles[-1]["text/plain"] == "False"


def test_a_session_with_a_gpu_runs_in_our_agent_on_a_gpu_app(kernel) -> None:
    """Without the packages that data people want: they take long to install."""
    kernel.run("from aca_notebook.api.sessions_agents import SessionAgents; SessionAgents.packages = ()")
    first = kernel.run("%%aca session onagpu --gpu T4\nimport sys\na = 1\nprint('here')\na")
    assert (first.status, first.text) == ("ok", "here\n"), first.traceback
    shown = "\n".join(bundle["text/plain"] for bundle in first.bundles)
    assert "✓ sessions-t4: deployed in" in shown
    assert "  costs " in shown
    assert "session agent 'sessions-t4', not isolated (container)" in shown
    asked = "import aca_notebook as aca\nwith aca.connect('local') as ws: print(ws.apps['sessions-t4'].state.gpu)"
    assert kernel.run(asked).text == "T4\n"
    assert kernel.run("%%aca session onagpu --gpu T4\na + 1").bundles[-1]["text/plain"] == "2"
    asleep = kernel.run(
        "%%aca session onagpu --gpu T4\nimport time\nprint('asleep', flush=True)\ntime.sleep(120)",
        {"asleep": kernel.manager.interrupt_kernel},
    )
    assert asleep.error == "Interrupted"
    assert kernel.run("%%aca session onagpu --gpu T4\na + 2").bundles[-1]["text/plain"] == "3"
    refused = kernel.run("%%aca session onagpu --gpu T4 --require-isolation\n1")
    assert refused.error == "UsageFailed"
    assert "not isolated" in refused.traceback


def test_names_of_sessions_and_their_files_complete(kernel) -> None:
    kernel.run("%%aca session keeps\nopen('sales.csv', 'w').write('a')")
    client = kernel._client
    for line, expected in (("%aca session show kee", "keeps"), ("%aca session download keeps sa", "sales.csv")):
        found: list[str] = []
        while expected not in found:  # the answer comes in the background: asking again finds it
            client.complete(line, len(line))
            found = client.get_shell_msg(timeout=PATIENCE)["content"]["matches"]
        assert expected in found

"""The magic in a real Jupyter kernel: what a front end gets over the wire."""

from __future__ import annotations

import sys

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient

pytestmark = [pytest.mark.process, pytest.mark.timeout(60), pytest.mark.filterwarnings("ignore::ResourceWarning")]

CARD_FROM_A_THREAD = """
import threading
from IPython.display import DisplayHandle
from aca_notebook.clock import SystemClock
from aca_notebook.magics.live import LiveCard

card = LiveCard(DisplayHandle(), SystemClock())
def work():
    for step in range(200):
        card.show(lambda: {"text/plain": f"step {step}", "text/html": f"<b>step {step}</b>"})
    card.show(lambda: {"text/plain": "done", "text/html": "<b>done</b>"}, last=True)
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


@pytest.fixture(scope="module")
def kernel():
    manager, client = start_new_kernel(kernel_name="python3")
    client.execute_interactive("%load_ext aca_notebook", timeout=30)
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def completed(kernel, code: str, cursor: int | None = None) -> list[str]:
    asked = kernel.complete(code, len(code) if cursor is None else cursor)
    while True:
        answer = kernel.get_shell_msg(timeout=20)
        if answer["parent_header"].get("msg_id") == asked:  # and not one that another question was late to read
            return answer["content"]["matches"]


def test_a_front_end_is_offered_subcommands_flags_and_values(kernel) -> None:
    assert completed(kernel, "%aca lo") == ["login", "logs"]
    assert completed(kernel, "%aca logs scorer --fo") == ["--follow"]
    cell = "%%aca deploy scorer --gpu A"
    assert completed(kernel, f"{cell}\ndef score(x): return x", len(cell)) == ["A100"]


def test_an_error_reaches_the_front_end_as_three_lines(kernel) -> None:
    told: list[dict] = []
    reply = kernel.execute_interactive("%aca deplyo scorer", timeout=20, output_hook=told.append)
    assert reply["content"]["status"] == "error"
    (error,) = [message["content"] for message in told if message["msg_type"] == "error"]
    assert error["ename"] == "UsageFailed"
    assert len(error["traceback"]) == 3
    assert "did you mean `deploy`" in error["traceback"][0]


def test_a_card_updated_from_a_thread_is_one_output_with_its_last_state() -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CARD_FROM_A_THREAD)])
    NotebookClient(notebook, timeout=30, kernel_name="python3").execute()
    (output,) = notebook.cells[0].outputs
    assert output.output_type == "display_data"
    assert output.data["text/html"] == "<b>done</b>"


def test_the_kernel_is_this_interpreter(kernel) -> None:
    told: list[dict] = []
    kernel.execute_interactive("import sys; print(sys.executable)", timeout=20, output_hook=told.append)
    (text,) = [message["content"]["text"] for message in told if message["msg_type"] == "stream"]
    assert text.strip() == sys.executable


IN_PAGE = "from aca_notebook.magics.notebook import Notebook; print(Notebook(get_ipython(), None).in_page)"


def test_a_cell_stands_in_a_page_when_the_front_end_gives_it_an_id(kernel) -> None:
    told: list[dict] = []
    kernel.execute_interactive(IN_PAGE, timeout=20, output_hook=told.append)
    asked = kernel.session.msg("execute_request", {
        "code": IN_PAGE, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False,
        "stop_on_error": True,
    }, metadata={"cellId": "c01"})  # fmt: skip
    kernel.shell_channel.send(asked)
    while True:
        message = kernel.get_iopub_msg(timeout=20)
        if message["parent_header"].get("msg_id") == asked["header"]["msg_id"] and message["msg_type"] == "stream":
            told.append(message)
            break
    assert [each["content"]["text"].strip() for each in told if each["msg_type"] == "stream"] == ["False", "True"]

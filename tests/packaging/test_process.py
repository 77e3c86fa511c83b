"""The runner as a process: how it starts, what it says when it cannot, and how it ends."""

from __future__ import annotations

import io
import signal
import sys
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from aca_notebook.packaging import bundle
from aca_notebook.packaging.requirements import Lock, runner_lock
from tests.fakes.notebook import Notebook
from tests.packaging.served import Served

pytestmark = pytest.mark.process


@pytest.fixture
def start(tmp_path):
    """Return a function that serves a capture with this interpreter."""
    running = []

    def serve(captured, **variables) -> Served:
        with tarfile.open(fileobj=io.BytesIO(bundle.build(captured, Lock(runner_lock())).archive())) as archive:
            archive.extractall(tmp_path / "bundle", filter="data")
        running.append(Served(sys.executable, tmp_path / "bundle", **variables))
        return running[-1]

    yield serve
    for served in running:
        served.__exit__()


def test_an_import_that_fails_is_one_line_of_the_log_and_exit_status_1(start, monkeypatch):
    monkeypatch.setenv("ONLY_HERE", "1")
    notebook = Notebook("import os")
    served = start(notebook.deploy("K = os.environ['ONLY_HERE']\ndef f(): return K"))

    error = served.event("import_failed")["error"]

    assert (error["code"], error["type"]) == ("ImportFailed", "KeyError")
    assert error["traceback"][0] == {
        "cell": "In[2]", "line": 1, "function": "<module>", "text": "K = os.environ['ONLY_HERE']",
    }  # fmt: skip
    assert served.process.wait(10) == 1


def test_a_hook_that_fails_is_told_the_same_way(start):
    notebook = Notebook("import aca_notebook.runner.standin as aca")
    served = start(
        notebook.deploy(
            """
            @aca.cls
            class M:
                @aca.enter
                async def load(self):
                    raise OSError('no weights')
                def go(self): pass
            """
        )
    )

    error = served.event("import_failed")["error"]
    assert (error["code"], error["message"]) == ("EnterFailed", "no weights")
    assert error["traceback"][-1]["line"] == 5
    assert served.process.wait(10) == 1


def test_an_application_that_does_not_start_is_told_the_same_way(start):
    notebook = Notebook("from contextlib import asynccontextmanager\nfrom starlette.applications import Starlette")
    served = start(
        notebook.deploy(
            """
            @asynccontextmanager
            async def _life(app):
                raise OSError('no weights')
                yield
            app = Starlette(lifespan=_life)
            """
        )
    )

    assert "no weights" in served.event("import_failed")["error"]["message"]
    assert served.process.wait(10) != 0


def test_health_is_answered_while_a_function_computes(start):
    served = start(
        Notebook().deploy("def spin(n: int):\n    total = 0\n    for i in range(n): total += i\n    return total")
    )
    served.event("ready")
    busy = threading.Thread(target=served.call, args=("/spin", {"n": 10_000_000}))
    busy.start()
    health = served.call("/_aca/health/live", method="GET")
    still_busy = busy.is_alive()
    busy.join()

    assert health.status == 200
    assert still_busy


def test_the_key_is_asked_for_and_appears_nowhere(start):
    served = start(Notebook().deploy("import os\ndef f(): return 1"))
    served.event("ready")

    assert served.call("/f", {}).json == 1
    refused = served.call("/f", {}, key="")
    served.event("call")
    served.event("call")

    assert refused.status == 401
    assert "the-key-of-this-endpoint" not in str(served.log) + refused.body.decode()


def test_a_public_endpoint_needs_no_key(start):
    served = start(Notebook().deploy("def f(): return 1"), key="", ACA_NOTEBOOK_PUBLIC="1")
    served.event("ready")

    assert served.call("/f", {}, key="").json == 1


def test_being_told_to_stop_lets_a_running_call_finish(start):
    served = start(
        Notebook("import time").deploy(
            "def f():\n    print('{\"event\": \"began\"}')\n    time.sleep(0.5)\n    return 'done'"
        )
    )
    served.event("ready")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(served.call, "/f", {})
        served.event("began")
        served.process.send_signal(signal.SIGTERM)

        assert answer.result(10).json == "done"
    assert served.process.wait(10) in {0, -signal.SIGTERM}

"""What must hold on every target: plain functions of a Workspace, each leaving nothing behind.

They use the library as a person does, and nothing of a target's own.
"""

from __future__ import annotations

import asyncio
import linecache
import subprocess
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import numpy as np
import pandas as pd
import pytest

from aca_notebook import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aca_notebook.api.app import App
    from aca_notebook.api.deployment import Deployment
    from aca_notebook.api.workspace import Workspace
    from aca_notebook.model.log import LogLine

SCORE = """import math
def score(x: float) -> float:
    "Twice the square root."
    print("scoring", x)
    return SCALE * math.sqrt(x)
"""

BROKEN_THERE = """import os
if "CONTAINER_APP_NAME" in os.environ:
    raise RuntimeError("no weights here")
"""


def run_cell(source: str, names: dict[str, Any] | None = None, cell: str = "In[2]") -> dict[str, Any]:
    """Run a cell as a notebook does: its names stay, and its lines can be read back."""
    namespace: dict[str, Any] = {"__name__": "__main__", **(names or {})}
    linecache.cache[f"<{cell}>"] = (len(source), None, source.splitlines(keepends=True), f"<{cell}>")
    exec(compile(source, f"<{cell}>", "exec"), namespace)
    return namespace


@contextmanager
def deployed(ws: Workspace, source: str = SCORE, name: str = "scorer", **options: Any) -> Iterator[Deployment]:
    """Deploy a cell, and take the app down again."""
    names = options.pop("names", {"SCALE": 2.0})
    try:
        yield ws.deploy(name, source, run_cell(source, names), cell="In[2]", **options)
    finally:
        ws.apps.get(name) and ws.apps[name].down()


def soon(condition: Callable[[], Any], what: str, seconds: float = 20.0) -> Any:
    """Wait for something another process does."""
    for _ in range(int(seconds / 0.1)):
        if found := condition():
            return found
        threading.Event().wait(0.1)
    pytest.fail(f"not within {seconds:g} s: {what}")


def http_status(url: str, key: str = "", body: bytes = b'{"x": 9.0}') -> tuple[int, str]:
    """Call as a client that knows nothing of us."""
    headers = {"Content-Type": "application/json", **({"X-Api-Key": key} if key else {})}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


# What a person does first


def deploy_then_invoke(ws: Workspace) -> None:
    with deployed(ws, max_replicas=3) as deployment:
        score = deployment.handles["score"]
        assert score(9.0) == 6.0
        assert score.remote(9.0) == 6.0
        assert ws.apps["scorer"].invoke(16.0) == 8.0
        assert ws.apps["scorer"].call("score", x=4.0) == 4.0
        assert deployment.app.functions == ("score",)
        assert all(phase.seconds >= 0 for phase in deployment.progress.phases)
    assert "scorer" not in ws.apps


def an_update_answers_anew_and_the_key_stays(ws: Workspace) -> None:
    with deployed(ws) as first:
        key = first.app.key()
        changed = SCORE.replace("SCALE *", "10 *")
        second = ws.deploy("scorer", changed, run_cell(changed, {"SCALE": 0.0}), cell="In[3]")
        assert second.app.invoke(4.0) == 20.0
        assert second.app.revision != first.app.revision
        assert second.app.key() == key


def the_same_cell_again_makes_no_revision(ws: Workspace) -> None:
    with deployed(ws) as first:
        second = ws.deploy("scorer", SCORE, run_cell(SCORE, {"SCALE": 2.0}), cell="In[2]")
        assert second.plan.unchanged
        assert second.app.revision == first.app.revision
        assert len(second.app.revisions()) == 1


def an_app_needs_its_key_unless_it_is_public(ws: Workspace) -> None:
    with deployed(ws) as deployment:
        status, body = http_status(f"{deployment.app.url}/")
        assert status == 401
        assert '"hint"' in body
        assert http_status(f"{deployment.app.url}/", "wrong")[0] == 401
        assert http_status(f"{deployment.app.url}/", deployment.app.key()) == (200, "6.0")
    with deployed(ws, name="open", public=True) as deployment:
        assert http_status(f"{deployment.app.url}/") == (200, "6.0")


def the_curl_line_works_as_pasted_and_shows_no_key(ws: Workspace) -> None:
    with deployed(ws) as deployment:
        line = deployment.app.curl()
        assert deployment.app.key() not in line
        said = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True)
        assert said.stdout == "6.0"


def a_link_lets_a_browser_in_for_a_minute_without_showing_the_key(ws: Workspace) -> None:
    with deployed(ws) as deployment:
        app = deployment.app
        now = int(ws.clock.now().timestamp())
        link, stale = (ws.loop.run(app.endpoint.open_link(now + seconds)) for seconds in (60, -1))
        assert app.key() not in link
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with browser.open(link, timeout=20) as page:
            assert page.url == f"{app.url}/docs"
            assert "score" in page.read().decode()
        with browser.open(f"{app.url}/openapi.json", timeout=20) as document:
            assert document.status == 200
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(stale, timeout=20)


# Kinds of cells


def a_fitted_estimator_travels_along(ws: Workspace) -> None:
    from sklearn.linear_model import LinearRegression

    model = LinearRegression().fit(np.array([[0.0], [1.0]]), np.array([1.0, 3.0]))
    cell = (
        "def predict(rows: list[float]) -> list[float]:\n"
        "    return [float(value) for value in MODEL.predict([[row] for row in rows])]\n"
    )
    with deployed(ws, cell, names={"MODEL": model}) as deployment:
        assert deployment.app.invoke([0.0, 2.0]) == pytest.approx([1.0, 5.0])


def a_class_loads_once_a_replica_and_takes_frames_and_arrays(ws: Workspace) -> None:
    cell = (
        "import aca_notebook as aca\n"
        "import numpy as np\n"
        "import pandas as pd\n"
        "@aca.cls\n"
        "class Model:\n"
        "    @aca.enter\n"
        "    def load(self):\n"
        "        self.loads = getattr(self, 'loads', 0) + 1\n"
        "    @aca.method\n"
        "    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:\n"
        "        return frame.assign(y=frame['x'] * 2, loads=self.loads)\n"
        "    @aca.method\n"
        "    def double(self, rows: np.ndarray) -> np.ndarray:\n"
        "        return rows * 2\n"
    )
    with deployed(ws, cell, names={}) as deployment:
        model = deployment.handles["Model"]
        frame = pd.DataFrame({"x": [1.0, 2.0]}, index=pd.Index(["a", "b"]))
        for _ in range(2):
            answer = model.predict.remote(frame)
            pd.testing.assert_frame_equal(answer, frame.assign(y=[2.0, 4.0], loads=1))
        assert model.double.remote(np.arange(3)).tolist() == [0, 2, 4]
        assert model().predict(frame)["loads"].tolist() == [1, 1], "here, too"


# What goes wrong


def an_exception_comes_back_as_its_own_type_with_the_cells_lines(ws: Workspace) -> None:
    with deployed(ws) as deployment, pytest.raises(ValueError, match="math domain error") as raised:
        deployment.handles["score"].remote(-1.0)
    assert "line 5, in score" in raised.value.__notes__[0]
    assert "return SCALE * math.sqrt(x)" in raised.value.__notes__[0]


def wrong_arguments_name_the_parameter_and_its_type(ws: Workspace) -> None:
    with deployed(ws) as deployment:
        with pytest.raises(errors.InvalidArguments, match="x"):
            deployment.app.invoke("nine")
        with pytest.raises(errors.InvalidArguments):
            deployment.app.invoke(1.0, 2.0)
        with pytest.raises(errors.NotFound, match="score"):
            deployment.app.call("nonesuch", x=1.0)
        with pytest.raises(errors.NotFound, match="score"):
            deployment.app.call("nonesuch", x=1.0, y=2.0)


def a_cell_that_cannot_be_imported_there_fails_with_its_own_lines(ws: Workspace) -> None:
    cell = BROKEN_THERE + "def f() -> int:\n    return 1\n"
    try:
        with pytest.raises(errors.DeploymentFailed) as failed:
            ws.deploy("scorer", cell, run_cell(cell), cell="In[2]")
        assert "RuntimeError: no weights here" in str(failed.value)
        assert "line 3" in failed.value.traceback
        # Its replica is gone: from then on the log tables know, those of Azure after minutes.
        soon(lambda: "no weights here" in ws.apps["scorer"].why().cause, "the cause, by the tables", seconds=900)
    finally:
        ws.apps["scorer"].down()


def a_bad_update_leaves_the_old_revision_serving(ws: Workspace) -> None:
    with deployed(ws) as first:
        bad = BROKEN_THERE + "def score(x: float) -> float:\n    return x\n"
        with pytest.raises(errors.DeploymentFailed):
            ws.deploy("scorer", bad, run_cell(bad), cell="In[3]")
        assert first.app.invoke(9.0) == 6.0


def two_deployments_at_once_end_with_the_later_one(ws: Workspace) -> None:
    cells = [SCORE.replace("SCALE *", f"{factor} *") for factor in (3, 5)]
    begun = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        try:
            first = pool.submit(
                ws.deploy, "scorer", cells[0], run_cell(cells[0]), cell="In[2]", on_progress=lambda _: begun.set()
            )
            assert begun.wait(10)
            second = pool.submit(ws.deploy, "scorer", cells[1], run_cell(cells[1]), cell="In[3]")
            assert second.result().app.invoke(4.0) == 10.0
            assert isinstance(first.exception(), errors.Superseded | None)
            assert ws.apps["scorer"].invoke(4.0) == 10.0
        finally:
            ws.apps.get("scorer") and ws.apps["scorer"].down()


# Watching


def scale_to_zero_and_back(ws: Workspace) -> None:
    with deployed(ws, cooldown_seconds=2.0) as deployment:
        app: App = deployment.app
        assert app.invoke(9.0) == 6.0
        soon(lambda: not app.replicas(), "no replica is left", 45)
        assert app.invoke(9.0) == 6.0
        assert app.replicas()


def logs_tell_what_the_cell_printed_and_what_the_platform_did(ws: Workspace) -> None:
    with deployed(ws) as deployment:
        deployment.app.invoke(9.0)

        def printed() -> list[LogLine]:
            return [line for line in deployment.app.logs(tail=50).lines if line.text == "scoring 9.0"]

        assert len(soon(printed, "the printed line")) == 1
        reasons = {line.reason for line in deployment.app.logs(tail=100, source="system").lines}
        assert {"RevisionCreation", "RevisionReady"} & reasons, reasons
        frame = deployment.app.logs(tail=50).to_frame()
        assert "scoring 9.0" in frame["text"].tolist()


def a_followed_log_goes_on_until_it_is_stopped(ws: Workspace) -> None:
    with deployed(ws) as deployment:
        stream = deployment.app.logs(tail=50, follow=True)
        assert stream.running
        for value in (1.0, 4.0, 9.0):
            deployment.app.invoke(value)
        soon(lambda: sum(line.text.startswith("scoring") for line in stream.lines) == 3, "three lines")
        stream.stop()
        soon(lambda: not stream.running, "it has ended")
        assert [line.text for line in stream.lines if line.text.startswith("scoring")] == [
            "scoring 1.0", "scoring 4.0", "scoring 9.0",
        ]  # fmt: skip


def metrics_count_the_calls_and_cost_the_seconds(ws: Workspace) -> None:
    with deployed(ws, name="metered") as deployment:
        for _ in range(5):
            deployment.handles["score"].remote(9.0)
        soon(lambda: deployment.app.metrics()["requests"].sum() == 5, "five requests", 75)
        frame = deployment.app.metrics()
        assert frame["replicas"].max() > 0
        cost = deployment.app.cost()
        assert 0 < cost["replica_seconds"].sum() < 300
        assert (cost["vcpu_usd"] + cost["memory_usd"]).sum() == pytest.approx(
            cost["replica_seconds"].sum() * (0.5 * 0.000024 + 1 * 0.000003), rel=1e-6
        )
        assert ws.cost()["total_usd"].sum() >= cost["total_usd"].sum()


# Steering


def stop_and_start(ws: Workspace) -> None:
    with deployed(ws) as deployment:
        app = deployment.app
        app.stop()
        assert app.state.running_status == "Stopped"
        with pytest.raises(errors.AcaError):
            app.invoke(9.0)
        app.start()
        assert app.invoke(9.0) == 6.0


def a_gpu_app_has_a_gpus_profile_and_runs(ws: Workspace) -> None:
    with deployed(ws, gpu="T4") as deployment:
        assert deployment.app.invoke(9.0) == 6.0
        state = deployment.app.state
        assert (state.gpu, state.gpus, state.cpu_cores) == ("T4", 1, 8.0)


ECHO = """
async def application(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"hello"})
    elif scope["path"] == "/refused":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept", "subprotocol": (scope["subprotocols"] or [None])[0]})
        while (message := await receive())["type"] == "websocket.receive":
            if message.get("text") == "bye":
                await send({"type": "websocket.close", "code": 4001, "reason": "as you wish"})
                return
            await send({"type": "websocket.send"} | {key: message.get(key) for key in ("text", "bytes")})
"""


def a_websocket_passes_whole_in_both_directions(ws: Workspace) -> None:
    with deployed(ws, ECHO, name="echo", names={}) as deployment:
        address, key = deployment.app.url, {"X-Api-Key": deployment.app.key()}

        async def talk() -> None:
            async with aiohttp.ClientSession(headers=key) as session:
                async with session.ws_connect(f"{address}/talk", protocols=["chat"]) as socket:
                    assert socket.protocol == "chat"
                    for size in (0, 1, 126, 65536, 1_000_000):
                        await socket.send_bytes(bytes(size))
                        assert await socket.receive_bytes() == bytes(size)
                    many = [f"line {number}" for number in range(200)]
                    for text in many:
                        await socket.send_str(text)
                    assert [await socket.receive_str() for _ in many] == many
                    await socket.send_str("bye")
                    assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
                    assert socket.close_code == 4001
                async with session.get(address) as answer:
                    assert await answer.text() == "hello", "the same address answers HTTP as well"

        asyncio.run(talk())


def an_upgrade_that_nobody_takes_is_refused_in_plain_http(ws: Workspace) -> None:
    with deployed(ws, ECHO, name="echo", names={}) as deployment, deployed(ws) as other:

        async def refused(url: str, key: str) -> int:
            async with aiohttp.ClientSession(headers={"X-Api-Key": key}) as session:
                with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                    await session.ws_connect(url)
                async with session.get(f"{url.rpartition('/')[0]}/_aca/health/live") as answer:
                    assert answer.status == 200, "the connection after that one works"
            return caught.value.status

        app = deployment.app
        assert asyncio.run(refused(f"{app.url}/refused", app.key())) == 403
        assert asyncio.run(refused(f"{app.url}/talk", "wrong")) == 403
        assert asyncio.run(refused(f"{other.app.url}/score", other.app.key())) in {403, 404, 405}


SCENARIOS: tuple[Callable[[Workspace], None], ...] = (
    deploy_then_invoke,
    an_update_answers_anew_and_the_key_stays,
    the_same_cell_again_makes_no_revision,
    an_app_needs_its_key_unless_it_is_public,
    the_curl_line_works_as_pasted_and_shows_no_key,
    a_link_lets_a_browser_in_for_a_minute_without_showing_the_key,
    a_fitted_estimator_travels_along,
    a_class_loads_once_a_replica_and_takes_frames_and_arrays,
    an_exception_comes_back_as_its_own_type_with_the_cells_lines,
    wrong_arguments_name_the_parameter_and_its_type,
    a_cell_that_cannot_be_imported_there_fails_with_its_own_lines,
    a_bad_update_leaves_the_old_revision_serving,
    two_deployments_at_once_end_with_the_later_one,
    scale_to_zero_and_back,
    logs_tell_what_the_cell_printed_and_what_the_platform_did,
    a_followed_log_goes_on_until_it_is_stopped,
    metrics_count_the_calls_and_cost_the_seconds,
    stop_and_start,
    a_websocket_passes_whole_in_both_directions,
    an_upgrade_that_nobody_takes_is_refused_in_plain_http,
    a_gpu_app_has_a_gpus_profile_and_runs,
)

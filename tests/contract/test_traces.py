"""A traced call on a real emulator: Microsoft's exporter in a real replica, over https, and what is found of it."""

from __future__ import annotations

import json

import pytest
import requests

from aca_notebook import launcher
from aca_notebook.api.workspace import connect
from aca_notebook.clock import SystemClock
from aca_notebook.errors import NotFound
from tests.contract.scenarios import deployed, run_cell, soon
from tests.real_emulator import RealEmulator

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

CELL = """import time
from opentelemetry import trace
tracer = trace.get_tracer("cell")
time.sleep(0.05)
def score(x: float) -> float:
    with tracer.start_as_current_span("tokenise"):
        print("scoring", x)
    if x < 0:
        raise ValueError("negative")
    return x
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    home = tmp_path_factory.mktemp("traces")
    folder = launcher.data_dir(home)
    launcher.ensure_emulator(folder)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("ACA_NOTEBOOK_HOME", str(home))
        with connect("local") as ws:
            yield ws
    launcher.stop_emulator(folder)


def found(ask):
    """Wait until what was sent has come in, whole."""

    def look():
        try:
            trace = ask()
        except NotFound:
            return None
        return trace if not trace.trace.note else None

    return soon(look, "the trace", 30)


def test_a_cold_call_is_drawn_from_the_queue_to_the_cells_own_spans(workspace):
    with deployed(workspace, CELL, traces=True, cooldown_seconds=1.0) as deployment:
        assert any("local-traces" in each for each in deployment.progress.plan.warnings)
        app, score = deployment.app, deployment.handles["score"]
        soon(lambda: not app.replicas(), "no replica is left", 45)
        assert score.remote(3.0) == 3.0
        trace = found(app.trace)
        names = [each.name for each in trace.spans]
        assert set(names) >= {"POST /score", "queue", "replica start", "import", "run score", "tokenise"}, names
        depth = {each.name: each.depth for each in trace.spans}
        assert (depth["POST /score"], depth["queue"], depth["import"], depth["tokenise"]) == (0, 1, 2, 2)
        frame = trace.frame.set_index("name")
        assert frame.loc["queue", "milliseconds"] >= frame.loc["import", "milliseconds"] >= 50
        assert trace.trace.is_cold
        assert trace.trace.root.app == app.name
        assert trace.trace.root.revision == app.refresh().revision
        assert {each.replica for each in trace.spans if each.source != "platform"} == {trace.trace.root.replica}
        (line,) = [each for each in app.logs(tail=50).lines if trace.call in each.text]
        assert json.loads(line.text)["id"] == trace.call  # the call's id, found in the log, finds the trace
        assert found(lambda: workspace.trace(trace.call)).spans == trace.spans
        assert_failure(workspace, app, score)
        assert_no_key(workspace, app, trace)


def assert_failure(workspace, app, score):
    with pytest.raises(ValueError, match="negative"):
        score.remote(-1.0)

    def failed():
        trace = found(app.trace)
        return trace if not trace.trace.root.success else None

    trace = soon(failed, "the trace of the failed call", 30)
    assert [each.words for each in trace.trace.events] == ["ValueError: negative"]
    raised = workspace.query("AppExceptions | project ExceptionType, OuterMessage")
    assert raised.to_numpy().tolist() == [["ValueError", "negative"]]


def assert_no_key(workspace, app, trace):
    async def read():
        services = workspace._access.services
        sent = await services.traces.ensure("local-traces", {})
        document = await services.apps.document(app.name)
        revisions = [str(each) for each in await services.apps.revisions(app.name)]
        return sent, [json.dumps(document), *revisions, repr(sent)]

    sent, told = workspace.loop.run(read())
    key = dict(part.partition("=")[::2] for part in sent.connection_string.split(";"))["InstrumentationKey"]
    told += [line.text for source in ("console", "system") for line in app.logs(tail=300, source=source).lines]
    told += [repr(app), repr(trace), *app._repr_mimebundle_().values(), *trace._repr_mimebundle_().values()]
    assert [each for each in told if key in each] == []


def test_an_app_that_is_not_traced_says_so(workspace):
    with deployed(workspace, "def plain(x: float) -> float:\n    return x\n", name="plain") as deployment:
        assert deployment.handles["plain"].remote(1.0) == 1.0
        with pytest.raises(NotFound, match="no call of 'plain' was traced"):
            deployment.app.trace()


def test_a_deployment_makes_the_component_once_on_the_environments_workspace(workspace):
    names = run_cell("def f(x: int) -> int:\n    return x\n")
    plan = workspace.plan("planned", "def f(x: int) -> int:\n    return x\n", names, traces=True)
    assert plan.traces == "local-traces"

    async def ensure():
        traces = workspace._access.services.traces
        return [await traces.ensure("other-traces", {"a": "b"}) for _ in range(2)]

    first, second = workspace.loop.run(ensure())
    assert first.connection_string == second.connection_string
    assert "InstrumentationKey" not in repr(first)


def test_what_was_taken_in_outlives_a_kill(tmp_path):
    emulator = RealEmulator(tmp_path / "emulator")
    try:
        told = emulator.environment
        path = emulator.path("").partition("/providers/")[0] + "/providers/Microsoft.Insights/components/traces"
        made = emulator.call("PUT", path, {"location": "eastus", "kind": "web", "properties": {}}, "2020-02-02")
        key = made.json()["properties"]["InstrumentationKey"]
        for number in range(3):
            base = {"id": f"{number}", "duration": "00:00:01", "name": "x"}
            item = {
                "name": "Request", "time": SystemClock().now().isoformat(), "iKey": key, "tags": {},
                "data": {"baseType": "RequestData", "baseData": base},
            }  # fmt: skip
            url = f"{emulator.ready['url']}/v2.1/track"
            answer = requests.post(url, json=[item], verify=str(emulator.folder / "roots.pem"), timeout=30)
            assert answer.status_code == 200
        emulator.kill()
        emulator.start()
        token = requests.post(
            f"{emulator.ready['http_url']}/{told['AZURE_TENANT_ID']}/oauth2/v2.0/token",
            data={
                "grant_type": "client_credentials", "client_id": told["AZURE_CLIENT_ID"],
                "client_secret": told["AZURE_CLIENT_SECRET"], "scope": "https://api.loganalytics.io/.default",
            },
            timeout=30,
        ).json()["access_token"]  # fmt: skip
        query = {"query": "AppRequests | order by Id asc | project Id"}
        answer = requests.post(
            f"{emulator.ready['http_url']}/v1{path}/query", json=query,
            headers={"Authorization": f"Bearer {token}"}, timeout=30,
        )  # fmt: skip
        assert answer.json()["tables"][0]["rows"] == [["0"], ["1"], ["2"]]
    finally:
        emulator.stop()

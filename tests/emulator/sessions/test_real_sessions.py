"""Sessions of real programs in the sandbox that this machine can have: what they run, and that nothing stays."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from aca_notebook.emulator.runtime.process import marked_processes, owner_mark
from aca_notebook.emulator.sandbox.levels import Level, find_level
from tests.real_emulator import RealEmulator

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]
_SERVER = """
import json, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        sent = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        about = {"pid": os.getpid(), "path": self.path, "sent": sent, "key": os.environ.get("KEY"),
                 "authorization": self.headers.get("authorization"), "msi": os.environ.get("IDENTITY_ENDPOINT")}
        body = json.dumps(about).encode()
        self.send_response(201)
        self.send_header("content-length", str(len(body)))
        self.send_header("x-own", "yes")
        self.end_headers()
        self.wfile.write(body)
        if self.path.startswith("/exit"):
            os._exit(3)
    def log_message(self, *_): pass
print("it serves", file=sys.stderr, flush=True)
HTTPServer(("127.0.0.1", int(os.environ["CONTAINER_APP_PORT"])), Handler).serve_forever()
"""

#: Echoes what it is sent over a WebSocket; is healthy until it is told to sicken, or never when it is told so.
_ECHO = """
import http, os, sys
from websockets.sync.server import serve
healthy = [sys.argv[1] != "never"]
def answer(connection, request):
    if request.path.startswith("/health"):
        status = http.HTTPStatus.OK if healthy[0] else http.HTTPStatus.SERVICE_UNAVAILABLE
        return connection.respond(status, "")
    if request.path.startswith("/no"):
        return connection.respond(http.HTTPStatus.NOT_FOUND, "")
def echo(connection):
    for message in connection:
        if message == "sicken":
            healthy[0] = False
        if message == "bye":
            return connection.close(4001)
        connection.send(message)
address = "127.0.0.1", int(os.environ["CONTAINER_APP_PORT"])
with serve(echo, *address, process_request=answer, subprotocols=["talk"]) as server:
    server.serve_forever()
"""


class Pools:
    """An emulator, and calls into pools of it."""

    def __init__(self, emulator: RealEmulator) -> None:
        self.emulator = emulator
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.verify = str(emulator.folder / "roots.pem")
        self.renew()

    def renew(self) -> None:
        self.http.headers["Authorization"] = f"Bearer {self.token('https://dynamicsessions.io')}"

    def token(self, audience: str) -> str:
        environment = self.emulator.environment
        answer = self.http.post(
            f"{self.emulator.ready['url']}/{environment['AZURE_TENANT_ID']}/oauth2/v2.0/token", timeout=30,
            data={
                "grant_type": "client_credentials", "client_id": environment["AZURE_CLIENT_ID"],
                "client_secret": environment["AZURE_CLIENT_SECRET"], "scope": f"{audience}/.default",
            },
        )  # fmt: skip
        return answer.json()["access_token"]

    def make(self, name: str, kind: str, **properties: Any) -> None:
        path = self.emulator.path("x").replace("containerApps/x", f"sessionPools/{name}")
        body = {"location": "eastus", "properties": {"containerType": kind, **properties}}
        body |= {"identity": {"type": "SystemAssigned"}} if "managedIdentitySettings" in properties else {}
        made = self.emulator.call("PUT", path, body, "2025-07-01")
        assert made.status_code in {200, 201}, made.text
        status = made.headers.get("Azure-AsyncOperation")
        while status and self.emulator.call("GET", path).json()["properties"]["provisioningState"] == "InProgress":
            time.sleep(0.05)  # noqa: TID251  # another process is waited for

    def call(self, method: str, pool: str, path: str, body: Any = None, identifier: str = "abcd", **options: Any):
        group = self.emulator.path("group-x").rpartition("/")[0]
        url = f"{self.emulator.ready['url']}{group}/{self.emulator.environment['AZURE_RESOURCE_GROUP']}"
        params = {"api-version": "2025-02-02-preview", "identifier": identifier}
        return self.http.request(
            method, f"{url}/sessionPools/{pool}/{path}", params=params, json=body, timeout=120, **options
        )

    def query(self, text: str) -> list[list[Any]]:
        """Ask the workspace of the environment until there are rows, or nothing more can come."""
        environment = self.emulator.call("GET", self.emulator.environment_id).json()["properties"]
        workspace = environment["appLogsConfiguration"]["logAnalyticsConfiguration"]["customerId"]
        for _ in range(20):
            answer = self.http.post(
                f"{self.emulator.ready['url']}/v1/workspaces/{workspace}/query", json={"query": text}, timeout=60,
                headers={"Authorization": f"Bearer {self.token('https://api.loganalytics.io')}"},
            )  # fmt: skip
            rows = answer.json()["tables"][0]["rows"]
            if rows:
                return rows
        return []

    def run(self, pool: str, code: str, identifier: str = "abcd", **also: Any) -> dict[str, Any]:
        for _ in range(60):
            answer = self.call("POST", pool, "executions", {"code": code, **also}, identifier)
            if answer.status_code != 503:  # a busy machine may take longer to start one than a call waits
                break
        assert answer.status_code == 202, answer.text
        body = answer.json()
        return body["result"] | {"status": body["status"]}


@pytest.fixture(scope="module")
def pools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pools]:
    folder = tmp_path_factory.mktemp("sessions")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACA_NOTEBOOK_SESSION_PACKAGES", str(folder / "none"))
        emulator = RealEmulator(folder / "emulator")
    made = Pools(emulator)
    made.make("python", "PythonLTS")
    try:
        yield made
    finally:
        made.http.close()
        emulator.stop()
        assert left_of(emulator.folder) == []


def left_of(folder: Path) -> list[str]:
    """What is left of sessions of an emulator: processes, folders of sandboxes, folders of its own."""
    owner = owner_mark(folder)
    found = [f"process {pid}" for pid in marked_processes((f"{owner}-",))]
    found += [str(each) for each in Path(tempfile.gettempdir()).glob(f"*{owner}*")]
    return found + [str(each) for each in (folder / "sessions").glob("*")]


def test_python_keeps_its_state_and_reads_and_writes_files(pools: Pools) -> None:
    assert pools.run("python", "x = 20\nprint('hi')")["stdout"] == "hi\n"
    assert pools.run("python", "x + 1")["executionResult"] == 21
    assert pools.call("POST", "python", "files", files={"file": ("ünï.csv", b"a\n1\n2\n")}).status_code == 200
    read = "import pandas as pd\ntotal = int(pd.read_csv('ünï.csv').a.sum())\nopen('out.bin', 'wb').write(b'\\x00ab')"
    assert pools.run("python", f"{read}\ntotal")["executionResult"] == 3
    assert pools.call("GET", "python", "files/out.bin/content").content == b"\x00ab"
    failed = pools.run("python", "def f():\n    return 1 / 0\nf()")
    assert failed["status"] == "Failed"
    assert "ZeroDivisionError: division by zero" in failed["stderr"]
    assert "\x1b" not in failed["stderr"]


def test_what_a_child_of_the_code_writes_is_heard(pools: Pools) -> None:
    assert "from a child" in pools.run("python", "import os; _ = os.system('echo from a child')")["stdout"]


@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="matplotlib is not installed")
def test_a_figure_is_the_result(pools: Pools) -> None:
    found = pools.run("python", "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()")
    assert found["executionResult"]["type"] == "image"
    assert found["executionResult"]["base64_data"].startswith("iVBOR")


def test_output_without_end_is_cut_and_interrupted(pools: Pools) -> None:
    found = pools.run("python", "while True: print('y' * 1000)", timeoutInSeconds=1)
    assert found["status"] == "Failed"
    assert "more characters were left out" in found["stdout"]
    assert "timed out after 1 s" in found["stderr"]
    assert len(found["stdout"]) < 2**21
    assert pools.run("python", "1 + 1")["executionResult"] == 2


def test_text_comes_while_the_code_still_runs_and_the_code_can_be_stopped(pools: Pools) -> None:
    headers = {"Accept": "application/x-ndjson"}
    body = {"code": "import time\nprint('begun', flush=True)\ntime.sleep(200)"}
    with pools.call("POST", "python", "executions", body, headers=headers, stream=True) as answer:
        lines = answer.iter_lines()
        id_ = json.loads(next(lines))["id"]
        while json.loads(next(lines)).get("text") != "begun\n":
            pass
        assert pools.call("GET", "python", f"executions/{id_}").json()["status"] == "Running"
        pools.call("POST", "python", f"executions/{id_}/cancel")
        last = json.loads(list(lines)[-1])
    assert (last["event"], last["status"]) == ("finished", "Canceled")
    assert "KeyboardInterrupt" in last["result"]["stderr"]


def test_a_session_that_ends_itself_is_gone_and_the_next_is_new(pools: Pools) -> None:
    pools.run("python", "kept = 1", "mortal")
    died = pools.run("python", "import os; os._exit(3)", "mortal")
    assert died["status"] == "Failed"
    assert "The session has ended: its program ended with exit code 3" in died["stderr"]
    assert "NameError" in pools.run("python", "kept", "mortal")["stderr"]


def test_sessions_run_at_once_and_know_nothing_of_each_other(pools: Pools) -> None:
    names = [f"beside-{number}" for number in range(3)]
    with ThreadPoolExecutor(3) as workers:
        list(workers.map(lambda name: pools.run("python", f"mine = {name!r}; open(mine, 'w').close()", name), names))
        found = list(workers.map(lambda name: pools.run("python", "import os; f'{mine} {os.listdir()}'", name), names))
    for name, each in zip(names, found, strict=True):
        assert each["executionResult"] == repr(f"{name} ['{name}']")
    for name in names:
        assert pools.call("DELETE", "python", "session", identifier=name).status_code == 204


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
def test_node_keeps_its_state(pools: Pools) -> None:
    pools.make("nodejs", "NodeLTS")
    first = pools.run("nodejs", "let x = await Promise.resolve(20); console.log('hi', x)")
    assert first["stdout"] == "hi 20\n"
    assert pools.run("nodejs", "x + 1")["executionResult"] == 21
    failed = pools.run("nodejs", "x.y.z")
    assert failed["status"] == "Failed"
    assert "TypeError" in failed["stderr"]
    assert "node_repl" not in failed["stderr"]
    late = pools.run("nodejs", "while (true) {}", timeoutInSeconds=1)
    assert "timed out" in late["stderr"]
    assert pools.run("nodejs", "x + 1")["executionResult"] == 21


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
@pytest.mark.parametrize("forever", ["while (true) {}", "await new Promise(() => setInterval(() => {}, 1000))"])
def test_node_can_be_interrupted_and_keeps_its_state(pools: Pools, forever: str) -> None:
    pools.make("nodejs", "NodeLTS")
    pools.run("nodejs", "globalThis.kept = 7", "stopped")
    headers = {"Accept": "application/x-ndjson"}
    body = {"code": f"console.log('begun'); {forever}"}
    with pools.call("POST", "nodejs", "executions", body, "stopped", headers=headers, stream=True) as answer:
        lines = answer.iter_lines()
        id_ = json.loads(next(lines))["id"]
        seen = [json.loads(next(lines))]
        while seen[-1].get("text") != "begun\n":
            assert seen[-1].get("event") != "finished", f"it ended before it had begun: {seen}"
            seen.append(json.loads(next(lines)))
        pools.call("POST", "nodejs", f"executions/{id_}/cancel", identifier="stopped")
        last = json.loads(list(lines)[-1])
    assert (last["event"], last["status"]) == ("finished", "Canceled")
    assert pools.run("nodejs", "kept", "stopped")["executionResult"] == 7


def test_a_shell_keeps_its_state_and_answers_exit_codes(pools: Pools) -> None:
    pools.make("shell", "Shell")

    def sh(command: str, **also: Any) -> dict[str, Any]:
        body = pools.call("POST", "shell", "executions", {"shellCommand": command, **also}).json()
        return body["result"] | {"status": body["status"]}

    assert sh("mkdir sub && cd sub && here=5")["status"] == "0"
    found = sh("basename $PWD; echo $here >&2; exit 7")
    assert (found["status"], found["stdout"], found["stderr"]) == ("7", "sub\n", "5\n")
    assert sh("no-such-program")["status"] == "127"
    assert sh("sleep 60", timeoutInSeconds=1)["status"] != "0"
    arguments = {"execCommandAndArgs": ["echo", "a  b", "$HOME"]}
    assert pools.call("POST", "shell", "executions", arguments).json()["result"]["stdout"] == "a  b $HOME\n"


def test_calls_are_handed_on_to_the_container_of_a_session(pools: Pools, tmp_path: Path) -> None:
    server = tmp_path / "server.py"
    server.write_text(_SERVER)
    control = {"Authorization": f"Bearer {(pools.emulator.folder / 'control-token').read_text().strip()}"}
    image = {"image": "mine:1", "command": [sys.executable, str(server)]}
    url = f"{pools.emulator.ready['url']}/_emulator/images"
    assert pools.http.put(url, json=image, headers=control, timeout=30).status_code == 200
    pools.make(
        "custom", "CustomContainer", environmentId=pools.emulator.environment_id,
        scaleConfiguration={"maxConcurrentSessions": 3, "readySessionInstances": 1},
        secrets=[{"name": "key", "value": "value-of-it"}],
        managedIdentitySettings=[{"identity": "system", "lifecycle": "Main"}],
        customContainerTemplate={
            "containers": [{"image": "mine:1", "name": "main", "env": [{"name": "KEY", "secretRef": "key"}]}],
            "ingress": {"targetPort": 80},
        },
    )  # fmt: skip
    answer = pools.call("POST", "custom", "v1/run%20it", {"a": 1})
    assert (answer.status_code, answer.headers["x-own"]) == (201, "yes")
    found = answer.json()
    assert found["path"] == "/v1/run%20it?api-version=2025-02-02-preview&identifier=abcd"
    assert (json.loads(found["sent"]), found["key"], found["authorization"]) == ({"a": 1}, "value-of-it", None)
    assert found["msi"] == f"{pools.emulator.ready['http_url']}/msi/token"
    assert pools.call("POST", "custom", "again").json()["pid"] == found["pid"]
    assert pools.call("POST", "custom", "again", identifier="other").json()["pid"] != found["pid"]
    rows = pools.query("AppEnvSessionConsoleLogs_CL | where SessionPoolName_s == 'custom' | project Stream_s, Log_s")
    assert ["stderr", "it serves"] in rows
    assert pools.query("ContainerAppConsoleLogs_CL | where Log_s == 'it serves'") == []
    pools.call("POST", "custom", "exit")
    while pools.call("POST", "custom", ".management/getSession").status_code == 200:
        pass  # its end is noticed a moment later
    said = pools.call("POST", "custom", ".management/getSession").json()["error"]["message"]
    assert "exit code 3" in said


def make_echo(pools: Pools, folder: Path, word: str, name: str, **startup: Any) -> None:
    server = folder / "echo.py"
    server.write_text(_ECHO)
    control = {"Authorization": f"Bearer {(pools.emulator.folder / 'control-token').read_text().strip()}"}
    image = {"image": f"{name}:1", "command": [sys.executable, str(server), word]}
    url = f"{pools.emulator.ready['url']}/_emulator/images"
    assert pools.http.put(url, json=image, headers=control, timeout=30).status_code == 200
    health = {"httpGet": {"path": "/health", "port": 80}, "periodSeconds": 1, "timeoutSeconds": 20}
    probes = [{"type": "Startup", **health, **startup}, {"type": "Liveness", **health, "failureThreshold": 2}]
    pools.make(
        name, "CustomContainer", environmentId=pools.emulator.environment_id,
        scaleConfiguration={"maxConcurrentSessions": 3, "readySessionInstances": 0},
        customContainerTemplate={
            "containers": [{"image": f"{name}:1", "name": "main", "probes": probes}], "ingress": {"targetPort": 80},
        },
    )  # fmt: skip


def test_a_socket_reaches_the_container_of_a_session_until_it_is_not_healthy(pools: Pools, tmp_path: Path) -> None:
    make_echo(pools, tmp_path, "well", "echoes", failureThreshold=60)
    group = pools.emulator.path("group-x").rpartition("/")[0]
    base = f"{pools.emulator.ready['http_url'].replace('http', 'ws', 1)}{group}/local/sessionPools/echoes"
    token = {"Authorization": str(pools.http.headers["Authorization"])}

    def socket(path: str, **options: Any) -> ClientConnection:
        also = {"additional_headers": token, "proxy": None, "subprotocols": ["other", "talk"]}
        return connect(f"{base}/{path}?identifier=abcd", **also | options)

    with socket("talk") as talk:
        assert talk.subprotocol == "talk"
        for message in ("text", b"\x00bytes", "x" * 200_000):
            talk.send(message)
            assert talk.recv() == message
        talk.send("bye")
        with pytest.raises(ConnectionClosed):
            talk.recv()
        assert talk.close_code == 4001
    with pytest.raises(InvalidStatus) as missing:
        socket("no")
    assert missing.value.response.status_code == 404
    with pytest.raises(InvalidStatus) as stranger:
        socket("talk", additional_headers={})
    assert stranger.value.response.status_code == 401
    with socket("talk") as talk:
        talk.send("sicken")
        assert talk.recv() == "sicken"
        with pytest.raises(ConnectionClosed):  # its session is taken out of the pool, and the socket goes with it
            talk.recv()
    while pools.call("POST", "echoes", ".management/getSession").status_code == 200:
        pass
    said = pools.call("POST", "echoes", ".management/getSession").json()["error"]["message"]
    assert "not healthy: Liveness probe failed: HTTP probe of /health failed with statuscode: 503" in said


def test_a_container_whose_startup_probe_does_not_pass_is_no_session(pools: Pools, tmp_path: Path) -> None:
    make_echo(pools, tmp_path, "never", "ails", failureThreshold=1)
    answer = pools.call("GET", "ails", "anything")
    assert answer.status_code == 503
    assert "not healthy: Startup probe failed" in answer.json()["error"]["message"]


def readable_python() -> Path:
    """An interpreter that another user may execute: root's sessions are other users', and ours may be in /root."""
    system = Path("/usr/bin", f"python{sys.version_info[0]}.{sys.version_info[1]}")
    return system if os.geteuid() == 0 and system.exists() else Path(sys.executable)


@pytest.mark.skipif(sys.platform != "linux", reason="Landlock is Linux's")
def test_sessions_are_kept_at_the_level_that_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = readable_python()
    if find_level(Level.LANDLOCK, python).level is not Level.LANDLOCK:
        pytest.skip("this machine has no Landlock that holds")
    packages = str(Path(requests.__file__).parents[1])
    monkeypatch.setenv("ACA_NOTEBOOK_SESSION_ISOLATION", "landlock")
    monkeypatch.setenv("ACA_NOTEBOOK_SESSION_PACKAGES", packages)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(Path.cwd()), packages)))
    emulator = RealEmulator(tmp_path / "emulator", interpreter=str(python))
    pools = Pools(emulator)
    try:
        pools.make("python", "PythonLTS")
        assert (
            pools.run("python", "open('/mnt/data/a', 'w').write('kept'); open('a').read()")["executionResult"]
            == "'kept'"
        )
        assert "PermissionError" in pools.run("python", f"open({str(emulator.folder / 'control-token')!r})")["stderr"]
        about = pools.call("GET", "python", "metadata").json()["isolation"]
        assert (about["level"], about["isolated"]) == ("landlock", True)
    finally:
        pools.http.close()
        emulator.stop()
    assert left_of(emulator.folder) == []


def test_a_killed_emulator_fails_the_call_and_leaves_nothing(tmp_path: Path) -> None:
    emulator = RealEmulator(tmp_path / "emulator")
    pools = Pools(emulator)
    pools.make("python", "PythonLTS")
    pools.run("python", "kept = 1")
    failures: list[BaseException | None] = []

    def execute() -> None:
        try:
            pools.call(
                "POST", "python", "executions", {"code": "open('begun', 'w').close()\nimport time\ntime.sleep(99)"}
            )
            failures.append(None)
        except requests.RequestException as failure:
            failures.append(failure)

    thread = threading.Thread(target=execute)
    other = Pools(emulator)
    thread.start()
    while other.call("GET", "python", "files/begun").status_code != 200:
        pass  # asking takes the emulator a turn or more
    emulator.kill()
    thread.join(30)
    assert isinstance(failures[0], requests.ConnectionError)
    emulator.start()
    try:
        other.renew()
        answer = other.call("GET", "python", "session")
        assert answer.status_code == 400
        assert "the emulator that ran it has ended" in answer.json()["error"]["message"]
        assert "NameError" in other.run("python", "kept")["stderr"]
    finally:
        for each in (pools, other):
            each.http.close()
        emulator.stop()
    assert left_of(emulator.folder) == []

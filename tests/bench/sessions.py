"""Sessions: a call into one against the same kernel without us, a new one against a cold kernel, many at once."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import queue
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psutil
import requests
from jupyter_client.blocking import BlockingKernelClient

from aca_notebook.emulator.runtime.process import marked_processes, owner_mark
from tests.bench.figures import Figure
from tests.real_emulator import RealEmulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_CALLS = 200
_AT_ONCE = 50


def call_into_a_session(home: Path, rounds: int = 5) -> list[Figure]:
    """Execute `1 + 1` over HTTP, and in a kernel of the same kind by jupyter_client alone, call by call."""
    ours: dict[float, list[float]] = {0.5: [], 0.99: []}
    raw: dict[float, list[float]] = {0.5: [], 0.99: []}
    with pool(home) as one, kernel(home) as client, one.kept_connection() as execute:
        for _ in range(rounds):
            pairs = [(_milliseconds(execute), _milliseconds(lambda: _execute(client))) for _ in range(_CALLS)]
            for found, taken in zip((ours, raw), map(sorted, zip(*pairs, strict=True)), strict=True):
                for share, values in found.items():
                    values.append(taken[int(share * len(taken))])
    return [
        Figure(f"session: execute `1 + 1`, p{round(100 * share)}", "ms", tuple(ours[share]), limit=1.5,
               peer_name="jupyter_client on an ipykernel", peer=tuple(raw[share]))
        for share in ours
    ]  # fmt: skip


def new_session(home: Path, rounds: int = 9) -> list[Figure]:
    """The first answer of a session that a ready instance is handed out for, against that of a cold kernel."""
    ours: list[float] = []
    cold: list[float] = []
    streamed: list[float] = []
    with pool(home) as one:
        for number in range(rounds):
            one.wait_until_ready()
            ours.append(_milliseconds(lambda name=f"new-{number}": one.run("1 + 1", name)))
            streamed.append(one.first_line(f"new-{number}"))
            cold.append(_milliseconds(lambda: _cold(home)))
    return [
        Figure("session: first answer of a new one, from a ready instance", "ms", tuple(ours), limit=0.1,
               peer_name="a cold ipykernel's", peer=tuple(cold)),
        Figure("session: a line that is printed reaches who follows", "ms", tuple(streamed), limit=150),
    ]  # fmt: skip


def many_sessions(home: Path) -> list[Figure]:
    """Fifty sessions at once: none is lost, and what each takes of memory (shared pages by share)."""
    with pool(home, most=_AT_ONCE + 2) as one:
        names = [f"at-once-{number}" for number in range(_AT_ONCE)]
        began = time.monotonic()
        with ThreadPoolExecutor(_AT_ONCE) as workers:
            list(workers.map(lambda name: one.run(f"mine = {name!r}", name), names))
            started = time.monotonic() - began
            kept = list(workers.map(lambda name: one.run("mine", name), names))
        lost = [name for name, each in zip(names, kept, strict=True) if each["executionResult"] != repr(name)]
        memory = _memory_megabytes(one.emulator) / (_AT_ONCE + 1)
    return [
        Figure(f"session: {_AT_ONCE} at once, memory of each", "MB", (memory,), limit=120),
        Figure(f"session: {_AT_ONCE} at once, lost", "", (float(len(lost)),), limit=0),
        Figure(f"session: {_AT_ONCE} begun at once, until all have answered", "s", (started,)),
    ]


class Pool:
    """A pool of an emulator, and calls into it on one connection a thread."""

    def __init__(self, emulator: RealEmulator, most: int) -> None:
        self.emulator = emulator
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=_AT_ONCE))
        environment = emulator.environment
        answer = requests.post(
            f"{emulator.ready['url']}/{environment['AZURE_TENANT_ID']}/oauth2/v2.0/token", timeout=30,
            verify=str(emulator.folder / "roots.pem"),
            data={
                "grant_type": "client_credentials", "client_id": environment["AZURE_CLIENT_ID"],
                "client_secret": environment["AZURE_CLIENT_SECRET"], "scope": "https://dynamicsessions.io/.default",
            },
        )  # fmt: skip
        self._http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        path = emulator.path("x").replace("containerApps/x", "sessionPools/bench")
        scale = {"maxConcurrentSessions": most}
        body = {"location": "eastus", "properties": {"containerType": "PythonLTS", "scaleConfiguration": scale}}
        emulator.call("PUT", path, body)
        group = path.partition("/providers/")[0]
        self._url = f"{emulator.ready['http_url']}{group}/sessionPools/bench"

    def call(self, method: str, path: str, identifier: str, body: Any = None, **options: Any) -> requests.Response:
        params = {"api-version": "2025-02-02-preview", "identifier": identifier}
        return self._http.request(method, f"{self._url}/{path}", params=params, json=body, timeout=300, **options)

    def run(self, code: str, identifier: str = "bench") -> dict[str, Any]:
        answer = self.call("POST", "executions", identifier, {"code": code})
        while answer.status_code == 503:
            answer = self.call("POST", "executions", identifier, {"code": code})
        answer.raise_for_status()
        return answer.json()["result"]

    @contextlib.contextmanager
    def kept_connection(self) -> Iterator[Callable[[], None]]:
        """What executes `1 + 1` on one connection with no more of a client than HTTP takes."""
        address = urlsplit(self._url)
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=300)
        path = f"{address.path}/executions?api-version=2025-02-02-preview&identifier=bench"
        headers = {"Authorization": str(self._http.headers["Authorization"]), "Content-Type": "application/json"}

        def execute() -> None:
            connection.request("POST", path, body=b'{"code":"1 + 1"}', headers=headers)
            answer = json.loads(connection.getresponse().read())
            assert answer["result"]["executionResult"] == 2

        with contextlib.closing(connection):
            yield execute

    def wait_until_ready(self) -> None:
        while self.call("GET", "metadata", "bench").json()["instances"]["ready"] < 1:
            time.sleep(0.1)
        time.sleep(0.5)

    def first_line(self, identifier: str) -> float:
        """Milliseconds from a line's printing, by the kernel's clock, to its arrival here, by the same."""
        code = "import time\nprint(time.time(), flush=True)\ntime.sleep(0.3)"
        headers = {"Accept": "application/x-ndjson"}
        with self.call("POST", "executions", identifier, {"code": code}, headers=headers, stream=True) as answer:
            for line in answer.iter_lines():
                event = json.loads(line)
                if event["event"] == "stream":
                    return 1000 * (time.time() - float(event["text"]))
        raise AssertionError("nothing was printed")

    def close(self) -> None:
        self._http.close()


@contextlib.contextmanager
def pool(home: Path, most: int = 20) -> Iterator[Pool]:
    """A pool whose kernel `bench` is warm."""
    os.environ["ACA_NOTEBOOK_SESSION_PACKAGES"] = str(home / "none")
    emulator = RealEmulator(home / "data")
    made = Pool(emulator, most)
    try:
        made.run("1 + 1")
        yield made
        made.call("DELETE", "session", "bench")
    finally:
        made.close()
        emulator.stop()


@contextlib.contextmanager
def kernel(home: Path) -> Iterator[BlockingKernelClient]:
    """A kernel in a process of its own and nothing else, over the same kind of sockets."""
    about = home / "kernel.json"
    key = "bench"
    ports = dict(zip(("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port"), range(1, 6), strict=True))
    about.write_text(json.dumps({"transport": "ipc", "ip": str(home / "k"), "key": key, **ports,
                                 "signature_scheme": "hmac-sha256"}))  # fmt: skip
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", str(about), "--HistoryManager.enabled=False"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=home)
    client = BlockingKernelClient(connection_file=str(about))
    client.load_connection_file()
    client.start_channels(hb=False, stdin=False)  # it would be asked for its pulse before it has one
    try:
        _await_output(client)
        yield client
    finally:
        client.stop_channels()
        process.kill()
        process.wait()
        for left in home.glob("k-*"):
            left.unlink()


def _await_output(client: BlockingKernelClient) -> None:
    """Ask until an answer comes on the output channel too: what is said before it has subscribed never arrives."""
    for _ in range(60):
        client.kernel_info(reply=True, timeout=60)
        with contextlib.suppress(queue.Empty):
            client.get_iopub_msg(timeout=1)
            return
    raise TimeoutError("the kernel's output channel says nothing")


def _execute(client: BlockingKernelClient) -> None:
    client.execute_interactive("1 + 1", output_hook=lambda _: None, allow_stdin=False)


def _cold(home: Path) -> None:
    with kernel(home) as client:
        _execute(client)


def _milliseconds(call: Any) -> float:
    began = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - began)


def _memory_megabytes(emulator: RealEmulator) -> float:
    found = 0
    for pid in _below(emulator):
        with contextlib.suppress(psutil.Error):
            found += psutil.Process(pid).memory_full_info().pss
    return found / 1e6


def _below(emulator: RealEmulator) -> set[int]:
    """Every process of sessions: what carries the emulator's mark, and what descends from that."""
    marked = marked_processes((f"{owner_mark(emulator.folder)}-",))
    found = set(marked)
    for pid in marked:
        with contextlib.suppress(psutil.Error):
            found |= {each.pid for each in psutil.Process(pid).children(recursive=True)}
    return found

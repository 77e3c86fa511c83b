"""Exec sessions: real programs at real terminals, opened as the Azure CLI opens them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import ssl
import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import psutil
import pytest
import requests
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from aca_notebook.emulator.runtime.process import marked_processes, owner_mark
from tests.real_emulator import RealEmulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from websockets.sync.client import ClientConnection

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc, and macOS has no subreaper"),
]

JOB_IMAGE = "mcr.microsoft.com/k8se/quickstart-jobs:latest"
PATIENCE_SECONDS = 60


class Shell:
    """One end of a socket, as the CLI holds it: it types text frames and reads binary ones."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.said: list[str] = []
        self.shown = b""

    def type(self, text: str) -> None:
        self.connection.send(f"\0\0{text}")

    def until(self, pattern: str) -> re.Match[str]:
        """Read until the screen shows something."""
        while True:
            found = re.search(pattern, self.shown.decode("utf-8", "replace"))
            if found:
                return found
            self._take(self.connection.recv(PATIENCE_SECONDS))

    def until_closed(self) -> int:
        """Read to the end; returns the closing code."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                self._take(self.connection.recv(PATIENCE_SECONDS))
        return self.connection.close_code or 0

    def _take(self, frame: str | bytes) -> None:
        assert isinstance(frame, bytes)
        if frame[0] == 0:
            assert frame[1] == 1
            frame[2:].decode()  # each by itself, as the CLI does
            self.shown += frame[2:]
        else:
            self.said.append(f"{'-IE'[frame[0]]} {frame[1:].decode()}")


class World:
    """A real emulator with one app, whose containers are to be looked into."""

    def __init__(self, emulator: RealEmulator) -> None:
        self.emulator = emulator
        assert emulator.put("app-1", "x").status_code == 201
        eventually(lambda: emulator.get("app-1")["properties"]["provisioningState"] == "Succeeded")

    @property
    def revision(self) -> str:
        return self.emulator.get("app-1")["properties"]["latestRevisionName"]

    def replicas(self) -> list[dict[str, Any]]:
        path = f"{self.emulator.path('app-1')}/revisions/{self.revision}/replicas"
        found = self.emulator.call("GET", path).json()["value"]
        return [each for each in found if any(one["ready"] for one in each["properties"]["containers"])]

    def endpoint(self) -> str:
        """The address of a container that runs."""
        return self.replicas()[0]["properties"]["containers"][0]["execEndpoint"]

    def token(self, path: str) -> str:
        return self.emulator.call("POST", f"{path}/getAuthToken").json()["properties"]["token"]

    def open(self, command: str = "sh", *, endpoint: str = "", token: str | None = None) -> ClientConnection:
        url = f"{endpoint or self.endpoint()}?command={quote_plus(command)}"
        shown = self.token(self.emulator.path("app-1")) if token is None else token
        secure = ssl.create_default_context(cafile=self.emulator.folder / "roots.pem")
        headers = {"Authorization": f"Bearer {shown}"} if shown else {}
        return connect(
            url, ssl=secure if url.startswith("wss:") else None, additional_headers=headers, compression=None,
            max_size=None, open_timeout=PATIENCE_SECONDS, ping_interval=None, close_timeout=1,
        )  # fmt: skip

    def refusal(self, **options: Any) -> tuple[int, str]:
        with pytest.raises(InvalidStatus) as refused, self.open(**options):
            pass
        return refused.value.response.status_code, json.loads(refused.value.response.body)["error"]["code"]


def eventually(holds: Callable[[], Any]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.02)


@pytest.fixture(scope="module", name="world")
def _world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    emulator = RealEmulator(tmp_path_factory.mktemp("exec") / "emulator")
    try:
        yield World(emulator)
    finally:
        emulator.stop()
        assert marked_processes([owner_mark(emulator.folder)]) == []


def test_a_shell_has_a_terminal_and_what_the_container_has(world: World) -> None:
    with world.open() as connection:
        shell = Shell(connection)
        connection.send('\0\4{"Width": 97, "Height": 31}')
        shell.type("tty; stty size; env; ls -a; exit\n")
        assert shell.until_closed() == 1000
    replica = world.replicas()[0]["name"]
    assert shell.said == [
        "I Connecting to the container 'hello'...",
        f"I Successfully connected to container: 'hello'. [ Revision: '{world.revision}', Replica: '{replica}']",
    ]
    shown = shell.shown.decode()
    assert re.search(r"/dev/\w+", shown)
    assert "31 97" in shown
    assert "control-token" not in shown  # its folder is the replica's own, not the emulator's
    assert {"CONTAINER_APP_NAME=app-1", f"CONTAINER_APP_REPLICA_NAME={replica}", "TERM=xterm"} <= set(shown.split())


def test_a_command_is_cut_at_blanks_and_no_shell_reads_it(world: World) -> None:
    with world.open("printf [%s] one 'two three'") as connection:
        shell = Shell(connection)
        assert shell.until_closed() == 1000
    assert shell.shown == b"[one]['two][three']"


def test_a_program_that_is_not_there_is_an_error_in_azures_words(world: World) -> None:
    with world.open("no-such-program -x") as connection:
        shell = Shell(connection)
        assert shell.until_closed() == 1000
    error = json.loads(shell.said[-1].removeprefix("E "))["Error"]
    assert error["Code"] == "ClusterExecFailure"
    assert 'exec: "no-such-program": executable file not found in $PATH' in error["Message"]


def test_control_c_ends_what_runs_and_not_the_shell(world: World) -> None:
    with world.open() as connection:
        shell = Shell(connection)
        shell.type("echo =$$=; sleep 10000\n")
        pid = int(shell.until(r"=(\d+)=").group(1))
        eventually(lambda: [each for each in psutil.Process(pid).children() if "10000" in each.cmdline()])
        connection.send(b"\0\0\x03")
        shell.type("echo; echo alive; exit\n")
        shell.until(r"\nalive\r\n")
        assert shell.until_closed() == 1000


def test_sessions_do_not_disturb_each_other(world: World) -> None:
    with world.open() as first, world.open() as second, world.open("cat") as third:
        shells = [Shell(each) for each in (first, second, third)]
        for number, shell in enumerate(shells):
            shell.type(f"echo $$-{number}\n")
        pids = [shell.until(r"(\d+)-\d\r\n").group(1) for shell in shells[:2]]
        shells[2].until(r"echo \$\$-2\r\necho \$\$-2")  # typed, and written
        assert pids[0] != pids[1]


def test_the_whole_tree_goes_when_the_client_does(world: World) -> None:
    with world.open() as connection:
        shell = Shell(connection)
        shell.type("trap '' TERM HUP; sleep 10000 & echo =$!=$$=\n")
        pids = [int(text) for text in shell.until(r"=(\d+)=(\d+)=").groups()]
        assert all(psutil.pid_exists(pid) for pid in pids)
        connection.socket.shutdown(2)  # without a word
    eventually(lambda: not any(psutil.pid_exists(pid) for pid in pids))


def test_a_session_ends_with_its_replica(world: World) -> None:
    with world.open() as connection:
        shell = Shell(connection)
        shell.type("trap '' TERM HUP; echo =$$=\n")
        pid = int(shell.until(r"=(\d+)=").group(1))
        before = world.replicas()[0]["name"]
        path = f"{world.emulator.path('app-1')}/revisions/{world.revision}/restart"
        assert world.emulator.call("POST", path).status_code == 200
        assert shell.until_closed() == 1000
    assert not psutil.pid_exists(pid)
    eventually(lambda: any(each["name"] != before for each in world.replicas()))
    eventually(lambda: all(each["name"] != before for each in world.replicas()))


def test_neither_a_slow_reader_nor_a_program_that_does_not_read_holds_up_others(world: World) -> None:
    with world.open("yes") as unread, world.open("sleep 10000") as deaf:
        unread.recv(PATIENCE_SECONDS)
        for _ in range(64):
            deaf.send(b"\0\0" + b"x" * 8000 + b"\n")
        eventually(lambda: {"yes", "sleep"} <= set(programs(world)))
        yes = programs(world)["yes"]

        def waits() -> bool:
            before = yes.io_counters().write_chars
            time.sleep(0.3)
            return before == yes.io_counters().write_chars

        eventually(waits)
        assert world.emulator.get("app-1")["name"] == "app-1"
    eventually(lambda: not {"yes", "sleep"} & set(programs(world)))


def programs(world: World) -> dict[str, psutil.Process]:
    """What runs below the emulator, by name."""
    found = {}
    for each in psutil.Process(world.emulator.process.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            found[each.name()] = each
    return found


def test_what_is_typed_and_shown_arrives_whole(world: World) -> None:
    lines = "".join(f"{number} grüße-日本-🙂 {'x' * (number % 97)}\n" for number in range(3000))
    with world.open() as connection:
        shell = Shell(connection)
        shell.type("stty -echo; echo; echo ready; exec cat\n")
        before = shell.until(r"\nready\r\n").end()
        sent = lines.encode()
        for start in range(0, len(sent), 1000):
            connection.send(b"\0\0" + sent[start : start + 1000])
        shell.type("\x04")
        assert shell.until_closed() == 1000
    assert shell.shown.decode()[before:].replace("\r\n", "\n") == lines


def test_nobody_gets_in_without_the_apps_own_token(world: World) -> None:
    environment = world.emulator.path("").replace("/containerApps/", "/managedEnvironments/local")
    assert world.refusal(token="") == (401, "AuthenticationFailed")
    assert world.refusal(token="nonsense") == (401, "InvalidAuthenticationToken")
    arm = world.emulator.environment["ACCESS_TOKEN"]
    assert world.refusal(token=arm) == (401, "InvalidAuthenticationTokenAudience")
    assert world.refusal(token=world.token(environment)) == (403, "AuthorizationFailed")


def test_what_is_not_there_is_refused_before_the_upgrade(world: World) -> None:
    endpoint = world.endpoint()
    replica = world.replicas()[0]["name"]
    assert world.refusal(endpoint=endpoint.replace(replica, "gone")) == (404, "ReplicaNotFound")
    assert world.refusal(endpoint=endpoint.replace("/containers/hello", "/containers/x")) == (404, "ReplicaNotFound")
    assert world.refusal(command=" ") == (400, "InvalidParameter")
    assert world.refusal(endpoint=endpoint.replace("/exec", "/logstream")) == (400, "WebSocketNotSupported")
    plain = requests.get(
        endpoint.replace("wss://", "https://"), timeout=30, verify=str(world.emulator.folder / "roots.pem"),
        headers={"Authorization": f"Bearer {world.token(world.emulator.path('app-1'))}"},
    )  # fmt: skip
    assert (plain.status_code, plain.headers["Upgrade"]) == (426, "websocket")


def test_the_same_port_speaks_it_without_tls(world: World) -> None:
    with world.open("echo plain", endpoint=world.endpoint().replace("wss://", "ws://")) as connection:
        shell = Shell(connection)
        assert shell.until_closed() == 1000
    assert shell.shown == b"plain\r\n"


def test_a_frame_that_is_too_large_ends_the_session(world: World) -> None:
    with world.open("cat") as connection:
        connection.send(b"\0\0" + b"x" * 2**20)
        assert Shell(connection).until_closed() == 1009
    with world.open("cat") as connection:
        for frame in (b"", b"\0", b"\7\7\7", b"\0\4{", b"\0\4[]", b'\0\4{"Width":1e999,"Height":{}}', b"\0\0ok\n"):
            connection.send(frame)
        Shell(connection).until("ok\r\nok")


def test_an_execution_of_a_job_can_be_looked_into(world: World) -> None:
    job = world.emulator.path("").replace("/containerApps/", "/jobs/train")
    body = world.emulator.job()
    body["properties"]["template"]["containers"][0] |= {"image": JOB_IMAGE, "command": ["sleep", "10000"]}
    world.emulator.call("PUT", job, body)
    eventually(lambda: world.emulator.call("GET", job).json()["properties"]["provisioningState"] == "Succeeded")
    execution = world.emulator.call("POST", f"{job}/start").json()["name"]

    def containers() -> list[dict[str, Any]]:
        answer = requests.get(
            f"{world.emulator.ready['http_url']}{job}/executions/{execution}/replicas",
            params={"api-version": "2023-11-02-preview"}, timeout=30,
            headers={"Authorization": f"Bearer {world.emulator.environment['ACCESS_TOKEN']}"},
        )  # fmt: skip
        return [each for one in answer.json()["value"] for each in one["properties"]["containers"]]

    eventually(lambda: [each for each in containers() if each["runningState"] == "Running"])
    named = containers()[0]["execEndpoint"]
    assert f"/containerApps/train/revisions/{execution}/" in named
    like_its_logs = containers()[0]["logStreamEndpoint"].replace("logstream", "exec").replace("http", "ws")
    for endpoint in (named.replace("wss://", "ws://"), like_its_logs):
        with world.open("printenv CONTAINER_APP_JOB_EXECUTION_NAME", endpoint=endpoint, token=world.token(job)) as it:
            shell = Shell(it)
            assert shell.until_closed() == 1000
        assert shell.shown.decode().strip() == execution
    assert world.emulator.call("POST", f"{job}/stop/{execution}").status_code == 200


def test_nothing_is_left_of_a_session_when_the_emulator_is_killed(world: World) -> None:
    with world.open() as connection:
        shell = Shell(connection)
        shell.type("trap '' TERM HUP; setsid sleep 10000 & sleep 9999 & echo =$!=$$=\n")
        pids = [int(text) for text in shell.until(r"=(\d+)=(\d+)=").groups()]
        os.kill(world.emulator.process.pid, signal.SIGKILL)
        world.emulator.process.wait()
        eventually(lambda: not any(psutil.pid_exists(pid) for pid in pids))
    eventually(lambda: not marked_processes([owner_mark(world.emulator.folder)]))
    world.emulator.process.stdout.close()
    world.emulator.start()
    eventually(world.replicas)

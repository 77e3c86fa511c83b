"""Logs, metrics and a terminal of what runs."""

from __future__ import annotations

import json
import os
import pty
import signal
from typing import TYPE_CHECKING

import pytest

from tests.azure_cli.shell import HELLO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.azure_cli.shell import Az


@pytest.fixture(scope="module")
def app(az: Az, environment: str) -> str:
    """The name of an app with one replica."""
    create = f"containerapp create -n talker --environment {environment} --image {HELLO} --ingress external"
    az(f"{create} --target-port 80 --min-replicas 1 --max-replicas 1")
    return "talker"


@pytest.fixture(scope="module")
def address(az: Az, app: str) -> str:
    return az(f"containerapp show -n {app}")["properties"]["configuration"]["ingress"]["fqdn"]


def test_console_lines_are_shown_as_json_and_as_text(az: Az, app: str, address: str) -> None:
    az.call(address, "/first-call").raise_for_status()
    lines = az.text(f"containerapp logs show -n {app} --tail 50").splitlines()
    assert any("GET /first-call" in json.loads(line)["Log"] for line in lines)
    assert all(json.loads(line)["TimeStamp"] for line in lines)
    assert "GET /first-call" in az.text(f"containerapp logs show -n {app} --tail 50 --format text")


def test_system_lines_tell_how_the_replica_started(az: Az, app: str, environment: str) -> None:
    lines = az.text(f"containerapp logs show -n {app} --type system --tail 50").splitlines()
    told = [json.loads(line) for line in lines]
    assert {"ContainerStarted", "AssigningReplica"} & {each["Reason"] for each in told}
    assert app in {each["ContainerAppName"] for each in told}
    assert "ConnectedToEventsServer" in az.text(f"containerapp env logs show -n {environment} --tail 5")


@pytest.mark.parametrize("kind", ["console", "system"])
def test_following_shows_what_happens_meanwhile(az: Az, app: str, address: str, kind: str) -> None:
    following = az.start(f"containerapp logs show -n {app} --type {kind} --follow --tail 5")
    try:
        lines = iter(following.stdout or ())
        _wait_for(lines, "Successfully Connected" if kind == "console" else "Successfully connected to events server")
        if kind == "console":
            az.call(address, "/meanwhile").raise_for_status()
            _wait_for(lines, "GET /meanwhile")
        else:
            revision = az(f"containerapp show -n {app}")["properties"]["latestRevisionName"]
            az(f"containerapp revision restart -n {app} --revision {revision}")
            _wait_for(lines, "ContainerTerminated")
            az.until(f"containerapp replica list -n {app}", lambda seen: len(seen) == 1)
    finally:
        os.killpg(following.pid, signal.SIGKILL)
        following.wait()
        following.stdout.close()


def test_replicas_are_listed_and_shown(az: Az, app: str) -> None:
    revision = az(f"containerapp show -n {app}")["properties"]["latestRevisionName"]
    listed = az.until(f"containerapp replica list -n {app}", lambda seen: len(seen) == 1)
    name = listed[0]["name"]
    shown = az(f"containerapp replica show -n {app} --replica {name} --revision {revision}")
    assert shown["name"] == name
    assert [each["name"] for each in shown["properties"]["containers"]] == [app]


def test_metrics_are_listed_and_watched(az: Az, app: str) -> None:
    id_ = az(f"containerapp show -n {app}")["id"]
    offered = az.text(f"monitor metrics list-definitions --resource {id_} --query [].name.value -o tsv").split()
    assert {"Replicas", "Requests", "UsageNanoCores", "WorkingSetBytes"} <= set(offered)
    answer = az(f"monitor metrics list --resource {id_} --metric Replicas --interval PT1M --offset 1h")
    (series,) = answer["value"][0]["timeseries"]
    assert max(point.get("maximum") or 0 for point in series["data"]) >= 1
    alert = "monitor metrics alert {} -n busy"
    condition = ("--condition", "avg Requests > 100")
    az(f"{alert.format('create')} --scopes {id_} --window-size 5m --evaluation-frequency 1m", *condition)
    (kept,) = az("monitor metrics alert list")
    assert kept["criteria"]["allOf"][0]["metricName"] == "Requests"
    az(alert.format("delete"))
    assert az("monitor metrics alert list") == []


def test_a_command_runs_in_the_container(az: Az, app: str) -> None:
    """`az` wants a terminal of its own, and puts it into raw mode."""
    keeper, terminal = pty.openpty()
    running = az.start(f"containerapp exec -n {app} --command 'echo from inside'", terminal=terminal)
    os.close(terminal)
    said = b""
    try:
        while chunk := _read(keeper):
            said += chunk
        assert running.wait() == 0, said.decode()
    finally:
        os.close(keeper)
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
    assert b"from inside" in said


def _wait_for(lines: Iterator[str], wanted: str) -> None:
    seen = []
    for line in lines:
        seen.append(line)
        if wanted in line:
            return
    pytest.fail(f"no line has {wanted!r}: {seen}")


def _read(keeper: int) -> bytes:
    """What was printed, b"" when nobody has the terminal any more."""
    try:
        return os.read(keeper, 65536)
    except OSError:  # Linux says EIO where others say end of file
        return b""

"""GPU figures that the runner keeps, read where Azure Monitor has none."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from aca_notebook.api.runner_gpus import GpuReport, gpu_points, read_report, read_runner_gpus
from aca_notebook.azure.calls import Reply
from aca_notebook.errors import Unreachable
from aca_notebook.model.metric import GPU, GPU_MEMORY
from aca_notebook.runner.gpus import GpuMinutes, Gpus, GpuSample

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
SPAN = (NOON - timedelta(hours=1), NOON)


def at(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def said(replica: str = "a") -> Reply:
    """What the runner itself answers."""
    minutes = GpuMinutes(Gpus(""), NOON.timestamp)
    minutes.add([GpuSample("GPU-1", 40, 2**30, 2**34)])
    document = minutes.document(revision="scorer--1", replica=replica)
    return Reply(200, "application/json", json.dumps(document).encode(), "")


class Replicas:
    """An app whose ingress gives each call to the next of its replicas; access and endpoint in one."""

    url = "http://127.0.0.1:1"

    def __init__(self, *answers: Reply | Exception) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.calls = self

    async def key(self) -> str:
        return "key"

    async def ask(self, question):
        return await question(self)

    async def get(self, url: str, key: str) -> Reply:
        answer = self.answers[len(self.asked) % len(self.answers)]
        self.asked.append(url)
        if isinstance(answer, Exception):
            raise answer
        return answer


def read(app: Replicas, replicas: int):
    return asyncio.run(read_runner_gpus(app, app, replicas, SPAN))  # type: ignore[arg-type]  # a fake


def test_what_the_runner_writes_is_read():
    assert read_report(said()) == GpuReport("scorer--1", "a", ((NOON, 1, 40.0, float(2**30)),))


def test_each_running_replica_is_heard_once_and_over_a_connection_that_is_no_plain_one():
    app = Replicas(said("a"), said("a"), said("b"))
    heard = read(app, replicas=2)
    assert [report.replica for report in heard.reports] == ["a", "b"]
    assert (heard.asked, heard.note) == (3, "GPU: the runner's own figures (NVML), because Azure Monitor has none")
    assert app.asked[0] == f"https://127.0.0.1:1/_aca/gpus?since={int(SPAN[0].timestamp() // 60)}"


def test_an_app_without_replicas_is_not_called_for_that_would_start_one():
    app = Replicas(said())
    assert read(app, replicas=0).reports == ()
    assert app.asked == []


def test_who_cannot_be_heard_is_told_of():
    heard = read(Replicas(said("a")), replicas=3)
    assert heard.asked == 12
    assert "1 of 3 replicas" in heard.note


@pytest.mark.parametrize(
    "answer",
    [
        Unreachable("gone", refused=True),
        Reply(404, "application/json", b'{"code": "NotFound"}', ""),
        Reply(200, "text/html", b"<p>an app of somebody else</p>", ""),
        Reply(200, "application/json", b'{"minutes": [{"minute": "x"}]}', ""),
        Reply(200, "application/json", b"[]", ""),
    ],
    ids=["nobody", "an older runner", "a page", "other JSON", "a list"],
)
def test_an_app_that_says_nothing_of_the_kind_is_asked_once(answer):
    app = Replicas(answer)
    heard = read(app, replicas=2)
    assert (heard.reports, heard.note, len(app.asked)) == ((), "", 1)


def test_buckets_are_the_mean_of_all_samples_and_the_most_memory_of_a_replica():
    reports = (
        GpuReport("scorer--1", "a", ((at(0), 12, 600.0, 4.0), (at(1), 12, 0.0, 2.0), (at(5), 12, 120.0, 9.0))),
        GpuReport("scorer--1", "b", ((at(1), 24, 2400.0, 3.0),)),
    )
    whole = gpu_points(reports, timedelta(minutes=5))
    assert [(point.at, point.value) for point in whole[GPU]] == [(at(0), 3000 / 48), (at(5), 10.0)]
    assert [point.value for point in whole[GPU_MEMORY]] == [4.0, 9.0]
    split = gpu_points(reports, timedelta(minutes=5), "replica")[GPU]
    assert [(point.replica, point.value) for point in split] == [("a", 25.0), ("b", 100.0), ("a", 10.0)]

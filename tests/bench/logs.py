"""How fast lines come to a reader and into the log tables, and what KQL costs over the same question in SQL."""

from __future__ import annotations

import subprocess
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psutil

from aca_notebook.emulator.telemetry.logs.lines import Destination, Source
from aca_notebook.emulator.telemetry.logs.store import LogStore, Question, Reading
from tests import chatter
from tests.bench.figures import Figure
from tests.bench.starting import local_workspace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from aca_notebook.api.logs import LogStream

LINES = 100_000
ROWS = 10_000_000
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
EVER = (datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))
WORKSPACE = "11111111-2222-3333-4444-555555555555"
#: Each question in KQL and in the SQL that a person would write over the stored rows.
QUESTIONS = {
    "count by five minutes": (
        "ContainerAppConsoleLogs_CL | summarize n = count() by bin(TimeGenerated, 5m)",
        "SELECT count(*), time_bucket(INTERVAL 5 MINUTE, moment) AS t FROM console_lines GROUP BY t",
    ),
    "errors by app": (
        'ContainerAppConsoleLogs_CL | where Log_s contains "error" | summarize n = count() by ContainerAppName_s',
        "SELECT count(*), app FROM console_lines WHERE log ILIKE '%error%' GROUP BY app",
    ),
    "the latest hundred": (
        "ContainerAppConsoleLogs_CL | project TimeGenerated, Log_s | top 100 by TimeGenerated desc",
        "SELECT moment, log FROM console_lines ORDER BY moment DESC LIMIT 100",
    ),
}


REPLICAS = 8
TICKS = 200
TICK_SECONDS = 0.02
#: Ten minutes of a replica that writes a thousand lines a second, as fast as they can be had.
NOISE = 600_000
MEGABYTE = 1_000_000


def followed_logs(home: Path, rounds: int = 5) -> list[Figure]:
    """Lines a second from programs to a reader, how long one takes, and what a noisy replica leaves in memory."""
    with local_workspace(home) as workspace:
        # First: later, memory that other rounds have used is there to be used again.
        grown = tuple(_growth(workspace, home / f"n{number}") for number in range(2))
        rates = [_rates(workspace, home / str(number)) for number in range(rounds)]
        ours, theirs = zip(*rates, strict=True)
        delays = [(_delays(workspace, home / f"d{number}"), _tail_delays(home / f"t{number}")) for number in range(3)]
    tail = "8 × `tail -f` through pipes"
    p50, p50_peer, p99, p99_peer = zip(
        *((*a, *b) for a, b in (zip(*each, strict=True) for each in delays)), strict=True
    )
    return [
        Figure(
            f"log: {LINES:,} lines of {REPLICAS} replicas, from the programs to `app.logs(follow=True)`", "/s", ours,
            peer_name=tail, peer=theirs, higher_is_better=True,
            note="the peer reads the programs' own files and makes nothing of their lines; ours go through the shim's "
            "stamps, the log stream over HTTPS, and are parsed, filtered and merged by time",
        ),
        Figure("log: a line from the program to the reader, p50", "ms", p50, 50, "", (), note=_AGAINST_TAIL),
        Figure("log: … against `tail -f`, p50", "ms", p50, peer_name="`tail -f` through a pipe", peer=p50_peer),
        Figure("log: a line from the program to the reader, p99", "ms", p99, peer_name="`tail -f` through a pipe",
               peer=p99_peer),
        Figure(f"log: memory that {NOISE:,} followed lines add to a full stream", "MB", grown, 30),
    ]  # fmt: skip


_AGAINST_TAIL = "both are told by the kernel; ours goes on over HTTPS, and is parsed and merged by time"


def _rates(workspace, folder: Path) -> tuple[float, float]:
    each = LINES // REPLICAS
    with _chatty(workspace, folder, each, REPLICAS) as (stream, go):
        go.touch()
        started = time.perf_counter()
        seen = _counted(stream, each, REPLICAS)
        ours = LINES / (time.perf_counter() - started)
        assert seen == LINES
    return ours, _tail_rate(folder, each)


def _counted(stream: LogStream, each: int, replicas: int) -> int:
    """Read until the last line of each replica; return how many there were. Each is in its replica's order."""
    seen: Counter[str] = Counter()
    ended = 0
    for line in stream:
        number = chatter.number_of(line.text)
        if number is None:
            continue
        assert number == seen[line.replica]
        seen[line.replica] += 1
        ended += number == each - 1
        if ended == replicas:
            break
    return seen.total()


@contextmanager
def _chatty(
    workspace, folder: Path, lines: int, replicas: int = 1, seconds: float = 1000.0
) -> Iterator[tuple[LogStream, Path]]:  # fmt: skip
    """An app whose replicas wait for a file, and its followed log, in which all of them have spoken."""
    folder.mkdir(parents=True)
    go = folder / "go"
    body = chatter.app(str(workspace.target.environment_id), chatter.command(go, lines, seconds), replicas)

    async def put() -> None:
        operation = await workspace._access.ask(lambda services: services.apps.put("chatty", body))
        await operation.result()

    workspace.loop.run(put())
    with workspace.apps["chatty"].logs(tail=300, follow=True) as stream:
        ready = set()
        for line in stream:
            ready.add(line.replica)
            if len(ready) == replicas:
                break
        yield stream, go
    workspace.apps["chatty"].down()


def _tail_rate(folder: Path, each: int) -> float:
    """The same programs, writing to files of their own that `tail -f` reads into pipes."""
    go = folder / "go-tail"
    with _tails(folder, chatter.command(go, each), REPLICAS) as pipes:
        started = time.perf_counter()
        go.touch()
        threads = [threading.Thread(target=_read_to, args=(pipe, each)) for pipe in pipes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return LINES / (time.perf_counter() - started)


def _read_to(pipe: Iterable[str], each: int) -> None:
    for text in pipe:
        if chatter.number_of(text) == each - 1:
            return


@contextmanager
def _tails(folder: Path, program: list[str], count: int) -> Iterator[list[Iterator[str]]]:
    with ExitStack() as held:
        pipes = []
        for number in range(count):
            file = folder / f"{number}.log"
            writer = subprocess.Popen(program, stdout=held.enter_context(file.open("wb")))
            tail = subprocess.Popen(["tail", "-n", "+1", "-f", str(file)], stdout=subprocess.PIPE, text=True)
            for process in (writer, tail):
                held.callback(process.wait)
                held.callback(process.kill)
            assert tail.stdout is not None
            held.callback(tail.stdout.close)
            pipes.append(iter(tail.stdout))
        for pipe in pipes:
            assert next(pipe) == "ready\n"
        yield pipes


def _delays(workspace, folder: Path) -> tuple[float, float]:
    with _chatty(workspace, folder, 0, seconds=TICK_SECONDS) as (stream, go):
        go.touch()
        return _spread(line.text for line in stream)


def _tail_delays(folder: Path) -> tuple[float, float]:
    folder.mkdir()
    go = folder / "go"
    with _tails(folder, chatter.command(go, 0, TICK_SECONDS), 1) as (pipe,):
        go.touch()
        return _spread(pipe)


def _spread(texts: Iterable[str]) -> tuple[float, float]:
    """Return p50 and p99 of the milliseconds from when a line was written until it is here."""
    taken: list[float] = []
    for text in texts:
        word, _, written = text.partition(" ")
        if word == "tick":
            taken.append((time.time_ns() - int(written)) / 1e6)
        if len(taken) == TICKS:
            break
    taken.sort()
    return taken[TICKS // 2], taken[int(TICKS * 0.99)]


def _growth(workspace, folder: Path) -> float:
    """Follow a noisy replica and return by how much this process grew since its stream was full."""
    with _chatty(workspace, folder, NOISE) as (stream, go):
        go.touch()
        me = psutil.Process()
        full = 0
        for line in stream:
            number = chatter.number_of(line.text)
            if number is not None and number >= 2 * LINES and not full:
                full = me.memory_info().rss
            if number == NOISE - 1:
                break
        return (me.memory_info().rss - full) / MEGABYTE


def log_tables(home: Path, rounds: int = 5) -> list[Figure]:
    """Lines taken in a second, and three questions over ten million rows."""
    store = LogStore(home / "logs.duckdb")
    try:
        return [_taken_in(store, rounds), *_asked(store, rounds)]
    finally:
        store.close()


def _taken_in(store: LogStore, rounds: int) -> Figure:
    line = "2026-05-01T12:00:00.123456789+00:00 stdout F GET /score 200 12 ms request "
    raw = "".join(f"{line}{number}\n" for number in range(LINES)).encode()
    rates = []
    for number in range(rounds):
        reading = Reading(_source(number))
        started = time.perf_counter()
        store.add_output(reading, raw, NOW)
        rates.append(LINES / (time.perf_counter() - started))
    return Figure("log tables: lines taken in, durable, a batch of 100,000", "/s", tuple(rates), higher_is_better=True)


def _asked(store: LogStore, rounds: int) -> list[Figure]:
    connection = store._connection
    connection.execute("DELETE FROM console_lines")
    connection.execute(
        "INSERT INTO console_lines SELECT ?::TIMESTAMP - to_seconds(n % 86400), ?, 'custom', '/r', 'env', 'eastus',"
        " 'app-' || (n % 20), NULL, 'rev', 'replica-' || (n % 50), 'main', 'id', 'image', 'stdout',"
        " CASE WHEN n % 100 = 0 THEN 'error in call ' ELSE 'GET /score 200 ' END || n, ?::TIMESTAMP"
        " FROM range(?) t(n)",
        (NOW.replace(tzinfo=None), WORKSPACE, NOW.replace(tzinfo=None), ROWS),
    )  # fmt: skip
    connection.execute("CHECKPOINT")
    figures = []
    for name, (kql, sql) in QUESTIONS.items():
        pairs = [(_ask(store, kql), _query(store, sql)) for _ in range(rounds)]
        ours, theirs = zip(*pairs, strict=True)
        figures.append(Figure(f"KQL over 10,000,000 lines: {name}", "s", ours, 2, "DuckDB, SQL by hand", theirs))
    return figures


def _ask(store: LogStore, kql: str) -> float:
    asked = Question(
        query=kql, workspaces=(WORKSPACE,), resource="", first=EVER[0], end=EVER[1], until=NOW + timedelta(1), now=NOW,
        most_rows=500_000,
    )  # fmt: skip
    started = time.perf_counter()
    assert store.ask(asked, [].append).rows
    return time.perf_counter() - started


def _query(store: LogStore, sql: str) -> float:
    started = time.perf_counter()
    assert store._connection.cursor().execute(sql).fetchall()
    return time.perf_counter() - started


def _source(number: int) -> Source:
    to = Destination(WORKSPACE, "custom", "env", "eastus")
    return Source(f"/{number}", "/r", "scorer", "", "rev", f"r{number}", "main", "id", "image", to)

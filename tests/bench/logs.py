"""How fast lines come into the log tables, and what KQL costs over the same question in SQL."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from aca_notebook.emulator.telemetry.logs.lines import Destination, Source
from aca_notebook.emulator.telemetry.logs.store import LogStore, Question, Reading
from tests.bench.figures import Figure

if TYPE_CHECKING:
    from pathlib import Path

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

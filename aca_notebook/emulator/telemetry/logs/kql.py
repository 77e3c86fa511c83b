"""KQL, run on DuckDB: translated by `duckdb-kql`, with what it leaves out put in front of it.

`make-series` is run by itself, and the rest of the query on what it gave; `search`, `project-reorder`,
`percentiles`, `column_ifexists` and `serialize` are written in the words that are translated. Everything else that
is not translated is refused with its name and place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.telemetry.logs import rewriting, series
from aca_notebook.emulator.telemetry.logs.refusals import QueryRefused, syntax_error, unresolved, unsupported
from aca_notebook.emulator.telemetry.logs.text import Part, cut, line_and_column, position_of, without_comments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from duckdb import DuckDBPyConnection
    from duckdb_kql import KqlSyntaxError

_RENDER = "render"
_LITERAL = re.compile(r"'(?:[^']|'')*'")
_NAME = re.compile(r'"((?:[^"]|"")*)"')
_MADE = re.compile(r'"((?:[^"]|"")*)"(?:\s*\([^)]*\))?\s+AS\s+(?:NOT\s+)?(?:MATERIALIZED\s*)?\(')
_READ = re.compile(r'\b(?:FROM|JOIN)\s+("(?:[^"]|"")*"(?:\."(?:[^"]|"")*")*)(?=\s|\)|,|$)')
_MISSING_COLUMN = re.compile(
    r'Referenced column "([^"]+)" (?:not found|was not found)|does not have a column named "([^"]+)"'
)
_MISSING_TABLE = re.compile(r"Table with name (\S+) does not exist")
#: `bin` of a moment is translated by way of seconds and time zones: seven times slower than DuckDB's own word for it,
#: and counted from 1970. Kusto counts from year 1, so that its weeks begin on Mondays.
_BIN = re.compile(
    r"to_timestamp\(floor\(epoch\((?P<moment>.+?)\) / epoch\((?P<step>INTERVAL '[^']+')\)\) \* epoch\((?P=step)\)\)"
    r" AT TIME ZONE 'UTC'"
)
_BUCKET = r"time_bucket(\g<step>, CAST(\g<moment> AS TIMESTAMP), TIMESTAMP '0001-01-01')"
#: With an escape character DuckDB no longer sees a plain search in a pattern: twice as slow, and needless where the
#: text has nothing to escape.
_ESCAPED = re.compile(
    r"'%' \|\| replace\(replace\(replace\('(?P<text>(?:[^'%_\\]|'')*)', '\\', '\\\\'\), "
    r"'%', '\\%'\), '_', '\\_'\) \|\| '%' ESCAPE '\\'"
)
_PLAIN = r"'%\g<text>%'"


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows with DuckDB's column types, and what the `render` operator said."""

    columns: tuple[tuple[str, str], ...]
    rows: list[tuple[Any, ...]]
    render: dict[str, Any] | None


class Kql:
    """Runs queries on a connection of the caller's.

    `tables` maps the names a query may read to their columns; nothing else on the connection can be read.
    """

    def __init__(self, connection: DuckDBPyConnection, tables: Mapping[str, Sequence[str]], now: datetime) -> None:
        self._connection = connection
        self._tables = {name: list(columns) for name, columns in tables.items()}
        self._now = now.replace(tzinfo=None)
        self._series = 0

    def run(self, query: str, most_rows: int) -> Answer:
        """Run a query; of its rows at most `most_rows` and one more.

        Raises `QueryRefused` for what does not parse, names what is not there, or is not supported.
        """
        query = rewriting.without_serialize(without_comments(query))
        statements = [part for part in cut(query, ";") if part.text.strip()]
        if not statements:
            raise syntax_error("The query is empty", line=1, column=1)
        *lets, main = statements
        bound = [part for part in lets if part.operator in {"let", "set", "declare"}]
        steps = cut(main.text, "|", main.start)
        render = rewriting.read_render(steps[-1]) if steps[-1].operator == _RENDER else None
        steps = [step for step in steps if step.operator != _RENDER]
        context = "".join(f"{part.text};" for part in bound)
        source = self._simplified(query, context, steps)
        cursor = self._execute(query, context, source)
        columns = tuple((each[0], str(each[1])) for each in cursor.description or ())
        return Answer(columns, cursor.fetchmany(most_rows + 1), render)

    def columns(self, query: str, context: str, source: str) -> list[str]:
        """Return the columns that a query would give."""
        return [name for name, _ in self.described(query, context, source)]

    def described(self, query: str, context: str, source: str) -> list[tuple[str, str]]:
        """Return the columns that a query would give, with DuckDB's types."""
        sql, parameters = self._translate(query, context, source)
        rows = self._bound(query, f"DESCRIBE {sql}", parameters).fetchall()
        return [(str(row[0]), str(row[1])) for row in rows]

    def value(self, query: str, context: str, expression: str) -> Any:
        """Return what a scalar expression is."""
        row = self._execute(query, context, f"print value = ({expression})").fetchone()
        return row[0] if row else None

    def single(self, sql: str, parameters: dict[str, Any]) -> Any:
        """Return the one value that SQL gives."""
        row = self._connection.execute(sql, parameters).fetchone()
        return row[0] if row else None

    def keep(self, sql: str, parameters: dict[str, Any], columns: Sequence[str]) -> str:
        """Keep what SQL gives as a table that the rest of the query can read; returns its name."""
        name = f"_series_{self._series}"
        self._series += 1
        self._connection.execute(f'CREATE OR REPLACE TEMP TABLE "{name}" AS {sql}', parameters)
        self._tables[name] = list(columns)
        return name

    def sql(self, query: str, context: str, source: str) -> tuple[str, dict[str, Any]]:
        """Return the SQL of a query and its parameters."""
        return self._translate(query, context, source)

    def _simplified(self, query: str, context: str, steps: list[Part]) -> str:
        """Return the steps as one query of what is translated; runs what must be run by itself."""
        done = ""
        for number, step in enumerate(steps):
            here = step.text.strip()
            if number and step.operator == "make-series":
                here = series.run(self, query, context, done, step)
                done = here
                continue
            if number:
                here = rewriting.rewritten(step, partial(self.columns, query, context, done))
            done = f"{done} | {here}" if done and here else done or here
        return done

    def _translate(self, query: str, context: str, source: str) -> tuple[str, dict[str, Any]]:
        from duckdb_kql import KqlSchemaError, KqlSyntaxError, KqlUnsupportedError, to_sql

        try:
            made = to_sql(f"{context}{source}", schema=self._tables, allow_write=False, query_now=self._now)
        except KqlUnsupportedError as refused:
            raise _located(query, refused.construct, refused.hint or "") from refused
        except KqlSchemaError as refused:
            raise self._unresolved(query, refused.name) from refused
        except KqlSyntaxError as refused:
            raise _unreadable(query, refused) from refused
        if made.unbound:
            raise self._unresolved(query, made.unbound[0])
        for name in _tables_in(str(made)):
            if name not in self._tables:
                raise self._unresolved(query, name)
        return _ESCAPED.sub(_PLAIN, _BIN.sub(_BUCKET, str(made))), dict(made.parameters)

    def _execute(self, query: str, context: str, source: str) -> DuckDBPyConnection:
        sql, parameters = self._translate(query, context, source)
        return self._bound(query, sql, parameters)

    def _bound(self, query: str, sql: str, parameters: dict[str, Any]) -> DuckDBPyConnection:
        import duckdb

        try:
            return self._connection.execute(sql, parameters)
        except duckdb.InterruptException:
            raise
        except duckdb.Error as refused:
            text = str(refused)
            found = _MISSING_COLUMN.search(text) or _MISSING_TABLE.search(text)
            if found is not None:
                raise self._unresolved(query, next(each for each in found.groups() if each)) from refused
            raise QueryRefused("SemanticError", "SEM0025", text.partition("\n")[0], line=1, column=1) from refused

    def _unresolved(self, query: str, name: str) -> QueryRefused:
        found = re.search(rf"\b{re.escape(name)}\b", query)
        line, column = line_and_column(query, found.start() if found else 0)
        return unresolved(name, line=line, column=column + 1)


def _unreadable(query: str, refused: KqlSyntaxError) -> QueryRefused:
    """Say where the whole query, not the piece that was tried, does not parse."""
    from duckdb_kql import KqlSyntaxError, validate

    try:
        found = validate(query)
    except KqlSyntaxError as failed:
        found = failed.diagnostics
    first = (found or refused.diagnostics)[0]
    at = position_of(query, first.span.line, first.span.column)
    word = re.match(r"\s*(\S+)", query[at:])
    token = word[1] if word else ""
    line, column = first.span.line, first.span.column + 1
    reason = first.message.partition(" expecting {")[0]  # it would go on for a hundred words
    said = f"Query could not be parsed at '{token}' on line [{line},{column}]: {reason}"
    return syntax_error(said, line=line, column=column, token=token)


def _tables_in(sql: str) -> list[str]:
    """Return the tables that translated SQL reads, each as `name` or `database.name`; those it makes left out."""
    sql = _LITERAL.sub("''", sql)
    made = {name.replace('""', '"') for name in _MADE.findall(sql)}
    read = [".".join(part.replace('""', '"') for part in _NAME.findall(names)) for names in _READ.findall(sql)]
    return [name for name in read if name not in made]


def _located(query: str, construct: str, hint: str) -> QueryRefused:
    """Name an operator or a function as the query writes it, and where."""
    name = _written(construct)
    found = re.search(rf"\b{re.escape(name)}\b", query)
    line, column = line_and_column(query, found.start() if found else 0)
    return unsupported(name, line=line, column=column + 1, hint="" if "wave" in hint else hint)


def _written(construct: str) -> str:
    """`MakeSeriesOperator` is `make-series`, `function:prev` is `prev`."""
    name = construct.rpartition(":")[2]
    if not name.endswith(("Operator", "OperatorPart")):
        return name
    words = re.findall(r"[A-Z][a-z0-9]*", name.removesuffix("Part").removesuffix("Operator"))
    return {"reduce-by": "reduce"}.get(joined := "-".join(words).lower(), joined)

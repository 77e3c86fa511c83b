"""Operators that are not translated, said in words that are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.telemetry.logs.text import Part, cut, find_call, is_string

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_RENDER = re.compile(r"\s*render\s+(?P<kind>\w+)(?:\s+with\s*\((?P<options>.*)\))?\s*$", re.DOTALL | re.IGNORECASE)
_OPTION = re.compile(r"(\w+)\s*=\s*(\"[^\"]*\"|'[^']*'|[\w.]+(?:\s*,\s*[\w.]+(?!\s*=))*)")
_RENDER_OPTIONS = {
    "title": None, "accumulate": False, "isQuerySorted": False, "kind": None, "legend": None, "series": None,
    "yMin": "NaN", "yMax": "NaN", "xAxis": None, "xColumn": None, "xTitle": None, "yAxis": None, "yColumns": None,
    "ySplit": None, "yTitle": None, "anomalyColumns": None,
}  # fmt: skip


def rewritten(step: Part, columns: Callable[[], Sequence[str]]) -> str:
    """Return one operator in words that are translated; `columns` says what comes into it."""
    text = step.text.strip()
    if step.operator == "serialize":
        rest = text.removeprefix("serialize").strip()
        return f"extend {rest}" if rest else ""
    if step.operator == "search":
        return _search(text, columns())
    if step.operator == "project-reorder":
        return _reorder(text, columns())
    if step.operator == "summarize":
        text = _percentiles(text)
    return _column_if_exists(text, columns)


def without_serialize(query: str) -> str:
    """Blank out `| serialize` without columns: rows keep their order here anyway."""
    for part in cut(query, "|")[1:]:
        if part.text.strip() == "serialize":
            end = part.start + len(part.text)
            query = query[: part.start - 1] + " " * (end - part.start + 1) + query[end:]
    return query


def read_render(step: Part) -> dict[str, Any] | None:
    """Return what `render` asks for as Log Analytics answers it, or None when it cannot be read."""
    found = _RENDER.match(step.text)
    if found is None:
        return None
    given = {name.lower(): value.strip("\"'") for name, value in _OPTION.findall(found["options"] or "")}
    return {"visualization": found["kind"].lower()} | {
        name: given.get(name.lower(), default) for name, default in _RENDER_OPTIONS.items()
    }


def _search(text: str, columns: Sequence[str]) -> str:
    """`search "word"` is `has` on each column; other terms stay what they are."""
    term = text.removeprefix("search").strip()
    term = re.sub(r"^kind\s*=\s*\w+\s*", "", term)
    if not is_string(term):
        return f"where {term}"
    return "where " + " or ".join(f"tostring({_quoted(name)}) has {term}" for name in columns)


def _reorder(text: str, columns: Sequence[str]) -> str:
    named = [part.text.strip() for part in cut(text.removeprefix("project-reorder"), ",")]
    first: list[str] = []
    for entry in named:
        name, _, direction = entry.partition(" ")
        pattern = re.compile(re.escape(name).replace(r"\*", ".*"))
        found = [each for each in columns if each not in first and pattern.fullmatch(each)]
        if direction.strip() in {"asc", "desc"}:
            found.sort(reverse=direction.strip() == "desc")
        first += found
    return "project " + ", ".join(_quoted(each) for each in [*first, *(each for each in columns if each not in first)])


def _percentiles(text: str) -> str:
    """`percentiles(x, 50, 95)` is `percentile_x_50 = percentile(x, 50), percentile_x_95 = percentile(x, 95)`."""
    while (found := find_call(text, "percentiles")) is not None:
        start, end = found
        of, *ranks = (part.text.strip() for part in cut(text[text.index("(", start) + 1 : end - 1], ","))
        name = re.sub(r"\W+", "", of) if re.fullmatch(r"[\w.]+", of) else ""
        each = [f"percentile_{name}_{rank.replace('.', '_')} = percentile({of}, {rank})" for rank in ranks]
        text = text[:start] + ", ".join(each) + text[end:]
    return text


def _column_if_exists(text: str, columns: Callable[[], Sequence[str]]) -> str:
    for name in ("column_ifexists", "columnifexists"):
        while (found := find_call(text, name)) is not None:
            start, end = found
            wanted, default = (part.text.strip() for part in cut(text[text.index("(", start) + 1 : end - 1], ","))
            there = wanted.strip("\"'") in columns()
            text = text[:start] + (_quoted(wanted.strip("\"'")) if there else default) + text[end:]
    return text


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_]\w*", name) else f"['{name}']"

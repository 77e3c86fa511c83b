"""What advice looks like: each setting with its value now, the one proposed and why, and what that comes to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.display import amounts, theme
from aca_notebook.display.costs import money, standing
from aca_notebook.display.tables import Cell, Table
from aca_notebook.model.quantities import format_memory

if TYPE_CHECKING:
    from datetime import timedelta

    from aca_notebook.display.cards import Bundle
    from aca_notebook.model.advice import Advice, AppSettings


def advice(app: str, found: Advice, *, since: timedelta, charged: bool, applied: bool = False) -> Bundle:
    """Return the card of an app's advice, with the line that follows it."""
    seen = found.observed
    facts = {
        "seen": f"{amounts.seconds(seen.replica_seconds)} of replicas in {amounts.span(since)} at most, "
        f"{seen.requests:,.0f} requests, {seen.idle_share:.0%} of the time without one",
        "peaks": ", ".join(_peaks(found)),
    }  # fmt: skip
    if found.refusal:
        title, mark, tone = f"{app}: too little to advise by", "–", theme.WARN
        facts["needed"] = found.refusal
    elif not found.proposals:
        title, mark, tone = f"{app}: the right size", "✓", theme.GOOD
        facts["a month"] = f"{money(found.monthly_now)} if it goes on like this ({standing(charged=charged)})"
    else:
        done = "changed" if applied else "could change"
        title = f"{app}: {amounts.plural(len(found.proposals), 'setting')} {done}, {_difference(found)}"
        mark, tone = ("✓", theme.GOOD) if applied else ("●", theme.BUSY)
        facts["a month"] = (
            f"{money(found.monthly_now)} now, {money(found.monthly_wanted)} then, if it goes on like this "
            f"({standing(charged=charged)})"
        )
    rows = tuple(
        (Cell(each.name.replace("_", " ")), Cell(each.now), Cell(each.proposed), Cell(each.why))
        for each in found.proposals
    )
    table = Table("", ("setting", "now", "proposed", "why"), rows)
    command = "" if applied or not found.proposals else command_for(app, found)
    text = [
        f"{mark} {title}", *(f"  {name:<9} {value}" for name, value in facts.items() if value),
        *(repr(table).split("\n")[1:] if rows else ()), *([f"  run       {command}"] if command else []),
    ]  # fmt: skip
    html = theme.card(
        title, theme.pairs({name: theme.text(value) for name, value in facts.items() if value}),
        _table_html(rows) if rows else "", theme.pre(command) if command else "", mark=mark, tone=tone,
    )  # fmt: skip
    return {"text/plain": "\n".join(text), "text/html": html}


def command_for(app: str, found: Advice) -> str:
    """Return the exact line that does what is advised."""
    if found.wanted.gpu != found.settings.gpu:
        return f"%aca deploy {app} {_flags(found.wanted)}"
    return f"%aca advise {app} --apply"


def _flags(wanted: AppSettings) -> str:
    flags = {
        "--gpu": wanted.gpu, "--cpu": "" if wanted.gpu else f"{wanted.cpu_cores:g}",
        "--memory": "" if wanted.gpu else format_memory(wanted.memory_bytes),
        "--min-replicas": str(wanted.min_replicas) if wanted.min_replicas else "",
        "--max-replicas": str(wanted.max_replicas), "--concurrency": str(wanted.concurrency),
    }  # fmt: skip
    return " ".join(f"{name} {value}" for name, value in flags.items() if value)


def _difference(found: Advice) -> str:
    if abs(found.saves) < 0.005:
        return "at the same price"
    return f"{money(abs(found.saves))} a month {'less' if found.saves > 0 else 'more'}"


def _peaks(found: Advice) -> list[str]:
    seen, now = found.observed, found.settings
    said = []
    if seen.cpu_peak_cores is not None:
        said.append(f"{seen.cpu_peak_cores:.2f} of {now.cpu_cores:g} vCPU")
    if seen.memory_peak_bytes is not None:
        said.append(f"{amounts.size(seen.memory_peak_bytes)} of {amounts.size(now.memory_bytes)}")
    if now.gpu:
        busy = "not measured" if seen.gpu_peak_percent is None else f"{seen.gpu_peak_percent:.0f} % busy"
        said.append(f"{now.gpu} {busy}")
    if seen.replicas_peak:
        said.append(f"{seen.replicas_peak:.0f} of {now.max_replicas} replicas")
    return said


def _table_html(rows: tuple[tuple[Cell, ...], ...]) -> str:
    head = "".join(
        f'<th style="text-align:left;padding:.15em 1em .15em 0;font-weight:600">{name}</th>'
        for name in ("setting", "now", "proposed", "why")
    )
    body = "".join(
        theme.ROW
        + "".join(
            f'<td style="text-align:left;padding:.15em 1em .15em 0;vertical-align:top">{theme.text(cell.text)}</td>'
            for cell in row
        )
        + "</tr>"
        for row in rows
    )
    return f'<table style="{theme.TABLE}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'

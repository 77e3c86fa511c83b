"""The cards of a set-up: what would be made and why, how far it is, and what is about to be taken down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.display import amounts, theme
from aca_notebook.display.costs import NOT_BILLED
from aca_notebook.model.deploy import PhaseState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_notebook.display.cards import Bundle
    from aca_notebook.model.setup import SetUpPlan, SetUpProgress, StepProgress

_MARKS = {
    PhaseState.PENDING: ("·", theme.FAINT),
    PhaseState.RUNNING: ("●", theme.BUSY),
    PhaseState.DONE: ("✓", theme.GOOD),
    PhaseState.SKIPPED: ("–", theme.FAINT),
    PhaseState.FAILED: ("✗", theme.BAD),
}
_CELL = '<td style="text-align:left;padding:.1em 1em .1em 0;vertical-align:top">'
_SHORT = _CELL.replace("text-align", "white-space:nowrap;text-align")


def plan(planned: SetUpPlan) -> Bundle:
    """Return the card of a plan: a line for each thing to make, with why and its price, and what is there already."""
    where = f"{planned.target} · {planned.wanted.location}"
    if planned.blocked:
        title, mark, tone = "set-up: something stands in the way", "✗", theme.BAD
    elif not planned.steps:
        title, mark, tone = "set-up: nothing to do", "✓", theme.GOOD
    else:
        title, mark, tone = f"set-up: {amounts.plural(len(planned.steps), 'step')}", "", ""
    wide = max((len(f"{step.act} {step.part} {step.name}") for step in planned.steps), default=0)
    text = [f"{mark} {title}  ({where})".lstrip()]
    rows = []
    for step in planned.steps:
        what = f"{step.act} {step.part} {step.name}"
        text += [f"  {what:<{wide}}  {step.why}", f"  {'':<{wide}}  {step.price}"]
        rows.append(
            f"{theme.ROW}{_SHORT}{theme.faint(step.act)}</td>{_SHORT}{theme.text(step.part)}</td>"
            f"{_SHORT}{theme.code(step.name)}</td>{_CELL}{theme.text(step.why)}<br>{theme.faint(step.price)}</td></tr>"
        )
    facts = _facts(planned)
    text += [f"  {name:<8} {value}" for name, value in facts.items() if value]
    html = theme.card(
        title,
        f'<table style="{theme.TABLE}"><tbody>{"".join(rows)}</tbody></table>' if rows else "",
        theme.pairs({name: theme.text(value) for name, value in facts.items() if value}),
        mark=mark, tone=tone, aside=where,
    )  # fmt: skip
    return {"text/plain": "\n".join(text), "text/html": html}


def _facts(planned: SetUpPlan) -> dict[str, str]:
    unbilled = "" if planned.charges else f" ({NOT_BILLED})"
    more = "" if planned.priced else ", and what we have no price of"
    costs = f"{amounts.dollars(planned.hourly_usd)} an hour while nothing runs{more}{unbilled}" if planned.steps else ""
    return {
        "blocked": planned.blocked,
        "there": ", ".join(planned.present),
        "costs": f"{costs}; list prices of {planned.price_region}" if costs else "",
        "run": "%aca setup, with the same flags, makes them; %aca down --all takes them down"
        if planned.steps and not planned.blocked
        else "",
    }


def progress(now: SetUpProgress) -> Bundle:
    """Return the card of a set-up under way, or of how it ended."""
    name = now.plan.wanted.environment
    if now.error:
        title, mark, tone = f"{name}: set-up stopped after {amounts.seconds(now.seconds)}", "✗", theme.BAD
    elif now.finished:
        title, mark, tone = f"{name}: set up in {amounts.seconds(now.seconds)}", "✓", theme.GOOD
    else:
        title, mark, tone = f"{name}: setting up, {amounts.seconds(now.seconds)}", "●", theme.BUSY
    where = f"{now.plan.target} · {now.plan.wanted.location}"
    wide = max((len(f"{each.step.part} {each.step.name}") for each in now.steps), default=0)
    text = [f"{mark} {title}  ({where})"]
    rows = []
    for each in now.steps:
        sign, colour = _MARKS[each.state]
        what = f"{each.step.part} {each.step.name}"
        text.append(f"  {sign} {what:<{wide}}  {_took(each):>10}  {each.note}".rstrip())
        rows.append(
            f"{theme.ROW}{_SHORT}{theme.coloured(sign, colour)}</td>{_SHORT}{theme.text(each.step.part)}</td>"
            f"{_SHORT}{theme.code(each.step.name)}</td>{_SHORT}{_took(each)}</td>{_CELL}{theme.faint(each.note)}</td></tr>"
        )
    said = [line for line in now.error if line] or ([_settles(now)] if now.finished else [])
    text += [f"  {line}" for line in said if line]
    html = theme.card(
        title, f'<table style="{theme.TABLE}"><tbody>{"".join(rows)}</tbody></table>',
        "".join(f'<div style="white-space:pre-wrap">{theme.text(line)}</div>' for line in said if line),
        mark=mark, tone=tone, aside=where,
    )  # fmt: skip
    return {"text/plain": "\n".join(text), "text/html": html}


def _took(each: StepProgress) -> str:
    return amounts.seconds(each.seconds) if each.seconds or each.state is PhaseState.DONE else ""


def _settles(now: SetUpProgress) -> str:
    """Say that the role is young: a deploy in that time waits for it, which nobody should take for a fault."""
    if not now.settles_seconds:
        return ""
    return (
        f"AcrPull may take up to {amounts.seconds(now.settles_seconds)} more to be in effect; "
        "a first deploy before that waits for it"
    )


def removal(
    names: Sequence[tuple[str, str]], *, target: str, gone: bool, going: str = "",
    kept: Sequence[tuple[str, str, str]] = (), notes: Sequence[str] = (),
) -> Bundle:  # fmt: skip
    """Return the card of what is about to be taken down, is being, or was; each is a kind and a name.

    `kept` is what stays all the same, each a kind, a name and why; `notes` are sentences on what may be left.
    """
    what = amounts.plural(len(names), "thing")
    if not names:
        title = f"nothing of yours on {target} can be taken down"
    elif gone:
        title = f"{what} taken down on {target}"
    else:
        title = f"{what} of yours on {target}, to be taken down in this order"
    mark, tone = ("✓", theme.GOOD) if gone else ("●", theme.BUSY) if going else ("!", theme.WARN)
    lines = [*((kind, name, "") for kind, name in names), *((kind, name, f"kept: {why}") for kind, name, why in kept)]
    wide = max((len(kind) for kind, _, _ in lines), default=0)
    broad = max((len(name) for _, name, why in lines if why), default=0)
    text = [f"{mark} {title}"]
    text += [
        f"  {kind:<{wide}}  {name:<{broad}}  {why}" if why else f"  {kind:<{wide}}  {name}" for kind, name, why in lines
    ]
    said = [*([f"deleting {going}"] if going else []), *notes]
    text += [f"  {each}" for each in said]
    rows = "".join(
        f"{theme.ROW}{_CELL}{theme.faint(kind)}</td>{_CELL}{theme.code(name)}</td>"
        + (f"{_CELL}{theme.faint(why)}</td>" if kept else "") + "</tr>"
        for kind, name, why in lines
    )  # fmt: skip
    table = f'<table style="{theme.TABLE}"><tbody>{rows}</tbody></table>'
    html = theme.card(
        title, table, "".join(f"<div>{theme.faint(each)}</div>" for each in said), mark=mark, tone=tone
    )  # fmt: skip
    return {"text/plain": "\n".join(text), "text/html": html}

"""Cards: what a deployment, an app, a plan or an error looks like, as text and as HTML.

Each function takes a value of `model` and returns a MIME bundle, `{"text/plain": …, "text/html": …}`. Nothing here
knows a key; addresses shown are the app's own, never signed ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.display import amounts, theme
from aca_notebook.display.costs import NOT_BILLED
from aca_notebook.model.app import EVERY_PATH
from aca_notebook.model.deploy import DeployState, PhaseState
from aca_notebook.model.price import ReplicaSize, hourly_cost, price_list

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_notebook.model.app import AppState
    from aca_notebook.model.deploy import DeployPlan, DeployProgress, Phase, Shipped

Bundle = dict[str, str]

_MARKS = {
    PhaseState.PENDING: ("·", theme.FAINT),
    PhaseState.RUNNING: ("●", theme.BUSY),
    PhaseState.DONE: ("✓", theme.GOOD),
    PhaseState.SKIPPED: ("–", theme.FAINT),
    PhaseState.FAILED: ("✗", theme.BAD),
}
_OUTCOMES = {
    DeployState.RUNNING: ("●", theme.BUSY, "deploying"),
    DeployState.SUCCEEDED: ("✓", theme.GOOD, "deployed in"),
    DeployState.FAILED: ("✗", theme.BAD, "failed after"),
    DeployState.SUPERSEDED: ("–", theme.WARN, "superseded by a later deploy after"),
    DeployState.INTERRUPTED: ("✗", theme.WARN, "interrupted after"),
    DeployState.DETACHED: ("●", theme.WARN, "detached after"),
}
_BAR = 24


def deployment(progress: DeployProgress, *, brief: bool = False, meter: str = "") -> Bundle:
    """Return the card of a deployment: its phases as a waterfall of seconds, then where it answers or what failed.

    `brief` leaves the failure out, for a card that stands above the error itself; `meter` is a line of its meter's.
    """
    mark, tone, verb = _OUTCOMES[progress.state]
    title = f"{progress.app}: {verb} {amounts.seconds(progress.seconds)}"
    plan = progress.plan
    on = plan.gpu and f"GPU {_on_cpu(plan.gpu, progress.gpu_note)}"
    aside = " · ".join(part for part in (plan.target, on, progress.revision) if part)
    facts = {**_facts(progress), **(dict(plan.hosting) if progress.state is DeployState.SUCCEEDED else {})}
    facts["meter"] = meter
    failed = [line for line in progress.error if line and not brief]
    traceback = "" if brief else progress.traceback
    log = progress.log_tail if progress.state is DeployState.RUNNING or failed else ()
    warnings = [f"note: {warning}" for warning in (*plan.warnings, progress.gpu_note) if warning]
    text = [
        f"{mark} {title}  ({aside})", *_waterfall_text(progress),
        *(f"    {line}" for line in log), *([traceback.rstrip()] if traceback else []),
        *(f"  {line}" for line in failed), *(f"  {warning}" for warning in warnings),
        *(f"  {name:<9} {value}" for name, value in facts.items() if value),
    ]  # fmt: skip
    html = theme.card(
        title,
        _waterfall_html(progress),
        theme.pre("\n".join(log)) if log else "",
        theme.pre(traceback) if traceback else "",
        _error_html(failed),
        "".join(f"<div>{theme.coloured(warning, theme.WARN)}</div>" for warning in warnings),
        theme.pairs({name: _value_html(name, value) for name, value in facts.items()}),
        mark=mark, tone=tone, aside=aside,
    )  # fmt: skip
    return {"text/plain": "\n".join(text), "text/html": html}


def _facts(progress: DeployProgress) -> dict[str, str]:
    if progress.state is not DeployState.SUCCEEDED:
        return {}
    plan = progress.plan
    door = "open to anyone" if plan.public else "with its key"
    return {
        "url": f"{progress.url} ({door})" if progress.url else "",
        "serves": ", ".join(_call(name, plan.entry) for name in plan.functions),
        "replicas": f"{plan.min_replicas} to {plan.max_replicas}, {_replica(plan)}",
        "costs": f"{_price(plan)}{_unbilled(charged=plan.charges)}",
        "calls": _calls(plan),
        "expires": expiry(plan),
    }


def _call(name: str, entry: str) -> str:
    if name == EVERY_PATH:
        return "the routes of its own application"
    return f"/{name} and /" if name == entry else f"/{name}"


def _waterfall_text(progress: DeployProgress) -> list[str]:
    lines = []
    for phase, start, length in _bars(progress.phases):
        bar = " " * round(start * _BAR) + "━" * max(round(length * _BAR), 1 if phase.seconds else 0)
        spent = amounts.seconds(phase.seconds) if phase.seconds or phase.state is PhaseState.DONE else ""
        lines.append(f"  {_MARKS[phase.state][0]} {phase.name:<10}{spent:>10}  {bar:<{_BAR}}  {phase.note}".rstrip())
    return lines


def _waterfall_html(progress: DeployProgress) -> str:
    rows = []
    for phase, start, length in _bars(progress.phases):
        mark, tone = _MARKS[phase.state]
        spent = amounts.seconds(phase.seconds) if phase.seconds or phase.state is PhaseState.DONE else ""
        bar = (
            f'<div style="width:12em;height:.55em;background:{theme.TINT};border-radius:3px">'
            f'<div style="margin-left:{start * 100:.1f}%;width:{max(length * 100, 1.5 if phase.seconds else 0):.1f}%;'
            f'max-width:{100 - start * 100:.1f}%;height:100%;background:{tone};border-radius:3px"></div></div>'
        )
        rows.append(
            f'{theme.ROW}<td style="text-align:left;padding:.1em .5em .1em 0;white-space:nowrap">'
            f"{theme.coloured(mark, tone)} {phase.name}</td>"
            f'<td style="text-align:right;padding:.1em .8em;white-space:nowrap">{spent}</td>'
            f"<td>{bar}</td>"
            f'<td style="text-align:left;padding:.1em 0 .1em .8em">{theme.faint(phase.note)}</td></tr>'
        )
    return f'<table style="{theme.TABLE}">{"".join(rows)}</table>'


def _bars(phases: Sequence[Phase]) -> list[tuple[Phase, float, float]]:
    """Return each phase with where its bar starts and how long it is, as shares of the whole.

    What was not needed, and has nothing to say of why, is left out.
    """
    phases = [phase for phase in phases if phase.state is not PhaseState.SKIPPED or phase.note]
    whole = sum(phase.seconds for phase in phases) or 1.0
    placed, start = [], 0.0
    for phase in phases:
        placed.append((phase, start / whole, phase.seconds / whole))
        start += phase.seconds
    return placed


def _entrance(state: AppState) -> str:
    """Who gets in; of an app that was not deployed from a notebook nobody here can say."""
    if state.tags.public:
        return "(open to anyone)"
    return "(with its key)" if state.tags.digest else ""


def app(state: AppState, notes: Sequence[str] = ()) -> Bundle:
    """Return the card of an app: where it answers, what it serves, how it runs, what an hour costs; `notes` besides."""
    mark, tone = standing(state)
    facts = {
        "state": status(state),
        "url": " ".join(filter(None, (state.url, _entrance(state)))) if state.url else "",
        "serves": ", ".join(_call(name, state.functions[0]) for name in state.functions),
        "replicas": _replicas(state),
        "size": _replica(state),
        "note": "; ".join(filter(None, (state.gpu_note, state.idle_note, state.drift_note, *notes))),
        "costs": _rate(hourly(state), state.min_replicas) + _unbilled(charged=state.charges),
        "revision": state.latest_revision,
        "environment": " · ".join(part for part in (state.environment, state.location) if part),
        "expires": expiry(state),
    }
    title, aside = state.name, state.gpu and f"GPU {gpu(state)}"
    text = [f"{mark} {title}" + (f"  ({aside})" if aside else "")]
    text += [f"  {name:<13}{value}" for name, value in facts.items() if value]
    html = theme.card(
        title,
        theme.pairs({name: _value_html(name, value) for name, value in facts.items()}),
        mark=mark, tone=tone, aside=aside,
    )  # fmt: skip
    return {"text/plain": "\n".join(text), "text/html": html}


def standing(state: AppState) -> tuple[str, str]:
    """Return the mark and tone of an app's state."""
    if state.provisioning_state in {"Failed", "Canceled"} or state.running_state in {"Failed", "ActivationFailed"}:
        return "✗", theme.BAD
    if state.provisioning_state not in {"Succeeded", ""} or state.running_state in {"Processing", "Activating"}:
        return "●", theme.BUSY
    if state.running_state in {"Degraded", "Unknown"}:
        return "!", theme.WARN
    return ("–", theme.FAINT) if state.running_status == "Stopped" else ("✓", theme.GOOD)


def status(state: AppState) -> str:
    """Return the one of the four states that says most."""
    if state.provisioning_state not in {"Succeeded", ""}:
        return state.provisioning_state
    if state.running_status == "Stopped":
        return "Stopped"
    return state.running_state or state.running_status or state.provisioning_state


def gpu(state: AppState) -> str:
    """Return the GPU of an app, and that its replicas run without it where that is so; empty when it asks for none."""
    return _on_cpu(state.gpu, state.gpu_note)


def _on_cpu(gpu_name: str, note: str) -> str:
    return f"{gpu_name}, on the CPU" if note else gpu_name


def expiry(what: AppState | DeployPlan) -> str:
    """Return when the time of an app is over, and that nobody takes it down then where that is so."""
    if what.expires_at is None:
        return "never"
    moment = amounts.moment(what.expires_at)
    return moment if what.expiry_enforced else f"{moment} (not enforced there: take it down yourself)"


def hourly(state: AppState) -> float:
    """Return list-price dollars an hour of one active replica: by the package's prices where no others were asked."""
    if state.hourly_usd is not None:
        return state.hourly_usd
    size = ReplicaSize(state.cpu_cores, state.memory_bytes, state.gpu, state.gpus)
    return hourly_cost(size, price_list(state.location))


def _replicas(state: AppState) -> str:
    limits = f"{state.min_replicas} to {state.max_replicas}"
    now = f"{state.replicas} now, {limits}" if state.replicas is not None else limits
    return (
        now
        if state.min_replicas
        else f"{now}; to zero after {amounts.seconds(state.cooldown_seconds)} without requests"
    )


def _replica(what: AppState | DeployPlan) -> str:
    gpu = f", {what.gpus or 1} × {what.gpu}" if what.gpu else ""
    return f"{amounts.cores(what.cpu_cores)}, {amounts.size(what.memory_bytes)}{gpu} each"


def _price(plan: DeployPlan) -> str:
    """One replica's price an hour: working, waiting, and when there is none."""
    active, idle = amounts.dollars(plan.hourly_active_usd), amounts.dollars(plan.hourly_idle_usd)
    rates = f"{active} active or idle: a GPU has one rate" if plan.gpu else f"{active} active, {idle} idle"
    least = plan.hourly_idle_usd * plan.min_replicas
    end = f"never less than {amounts.dollars(least)}" if plan.min_replicas else "nothing at zero replicas"
    return f"an hour of a replica is {rates}; {end}"


def _calls(plan: DeployPlan) -> str:
    """What calls cost while a replica is there anyway: one at a time, and as many at once as it takes."""
    alone, together = (amounts.dollars(plan.thousand_calls_usd(share)) for share in (1, plan.concurrency))
    shared = f", {together} when {plan.concurrency} run at once" if plan.concurrency > 1 else ""
    return f"1,000 of {amounts.brief(plan.call_seconds)} each: {alone} one after the other{shared}"


def _rate(hourly_active_usd: float, min_replicas: int) -> str:
    least = "nothing" if not min_replicas else f"up to {amounts.dollars(hourly_active_usd * min_replicas)} an hour"
    return f"{amounts.dollars(hourly_active_usd)} an hour for each active replica; {least} when idle"


def _unbilled(*, charged: bool) -> str:
    return "" if charged else f" ({NOT_BILLED})"


def plan(planned: DeployPlan) -> Bundle:
    """Return the card of a plan: what ships, where it runs, what it costs, when it ends."""
    what = "would change nothing" if planned.unchanged else "would update" if planned.updates else "would create"
    title = f"{what} {planned.app}"
    sourced = f"list prices of {planned.price_region}" + (
        f", {planned.price_as_of:%d %b %Y}" if planned.price_as_of else ""
    )
    most = planned.hourly_active_usd * planned.max_replicas
    facts = {
        "where": f"target {planned.target}, group {planned.resource_group}, environment {planned.environment}, "
                 f"{planned.location}",
        "runs on": planned.workload_profile + " (added to the environment)" * planned.adds_workload_profile,
        "replicas": f"{planned.min_replicas} to {planned.max_replicas}, {_replica(planned)}",
        "costs": f"{_price(planned)}, never more than {amounts.dollars(most)} ({sourced})"
                 + _unbilled(charged=planned.charges),
        "calls": _calls(planned),
        "serves": ", ".join(_call(name, planned.entry) for name in planned.functions),
        **dict(planned.hosting),
        "door": _door(planned),
        "expires": expiry(planned),
        "ships": _ships(planned),
    }  # fmt: skip
    text = [f"plan: {title}", *(f"  {name:<10}{value}" for name, value in facts.items() if value)]
    text += [f"    {item.kind:<10}{item.name:<28}{_weight(item):>10}  {item.note}".rstrip() for item in planned.ships]
    text += [f"  note: {warning}" for warning in planned.warnings]
    html = theme.card(
        f"plan: {title}",
        theme.pairs({name: theme.text(value) for name, value in facts.items() if value}),
        _shipped_html(planned.ships),
        "".join(f"<div>{theme.coloured('note: ' + warning, theme.WARN)}</div>" for warning in planned.warnings),
        aside=planned.gpu and f"GPU {planned.gpu}",
    )
    return {"text/plain": "\n".join(text), "text/html": html}


def _ships(planned: DeployPlan) -> str:
    """What leaves the notebook; nothing with a finished image."""
    if not planned.python:
        return ""
    items = amounts.plural(len(planned.ships), "item")
    return f"{items}, {amounts.size(planned.size_bytes)}, for Python {planned.python}"


def _door(planned: DeployPlan) -> str:
    """Who may call: anyone, holders of the key, or the environment; an image without ingress has no door."""
    ingress = dict(planned.hosting).get("ingress", "")
    inside = "the environment alone" if ingress.startswith("internal") else ""
    if not planned.python:
        return "" if ingress == "none" else inside or "open to anyone"
    return ", ".join(filter(None, ("open to anyone" if planned.public and not inside else "its key", inside)))


def _weight(item: Shipped) -> str:
    return amounts.size(item.size_bytes) if item.size_bytes else ""


def _shipped_html(ships: Sequence[Shipped]) -> str:
    cell = "text-align:left;padding:.05em 1em .05em 0"
    rows = "".join(
        f'{theme.ROW}<td style="{cell}">{theme.faint(item.kind)}</td><td style="{cell}">{theme.code(item.name)}</td>'
        f'<td style="{cell};text-align:right">{_weight(item)}</td><td style="{cell}">{theme.faint(item.note)}</td></tr>'
        for item in ships
    )
    return f'<table style="{theme.TABLE}">{rows}</table>' if rows else ""


def facts(title: str, told: dict[str, str]) -> Bundle:
    """Return a card of names and values; empty values are left out."""
    shown = {name: value for name, value in told.items() if value}
    width = max((len(name) for name in shown), default=0)
    text = [title, *(f"  {name:<{width}}  {value}" for name, value in shown.items())]
    table = theme.pairs({name: _value_html(name, value) for name, value in shown.items()})
    return {"text/plain": "\n".join(text), "text/html": theme.card(title, table)}


def error(name: str, lines: Sequence[str]) -> Bundle:
    """Return the card of an error's three lines: what happened, the platform's words, what to run next."""
    shown = [line for line in lines if line]
    text = "\n".join([f"✗ {name}: {shown[0] if shown else ''}", *(f"  {line}" for line in shown[1:])])
    return {"text/plain": text, "text/html": theme.card(name, _error_html(shown), mark="✗", tone=theme.BAD)}


def _error_html(lines: Sequence[str]) -> str:
    if not lines:
        return ""
    first, *rest = lines
    return f'<div style="margin-top:.4em">{theme.coloured(first, theme.BAD)}</div>' + "".join(
        f'<div style="white-space:pre-wrap">{theme.text(line)}</div>' for line in rest
    )


def _value_html(name: str, value: str) -> str:
    """Return a fact as HTML: an address becomes a link, followed by what stands after it."""
    if name == "meter" and value:  # a live view beside the card shows later figures, and stands for this one
        return f"<span data-aca-static>{theme.text(value)}</span>"
    address, _, rest = value.partition(" ")
    return f"{theme.link(address)} {theme.faint(rest)}" if name == "url" and value else theme.text(value)

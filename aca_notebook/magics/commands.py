"""What each sub-command does: arguments in, a call of the library, a value out. Nothing here prints or speaks HTTP."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aca_notebook.display import amounts, cards, charts, listings
from aca_notebook.display import logs as log_cards
from aca_notebook.display.values import Card, Line
from aca_notebook.errors import AcaError, EmulatorFailed, UsageFailed
from aca_notebook.magics import arguments
from aca_notebook.magics.live import FollowedLog, LiveCard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_notebook.api.app import App
    from aca_notebook.api.workspace import Workspace
    from aca_notebook.magics.notebook import Cell, Notebook
    from aca_notebook.model.deploy import DeployProgress


def run(notebook: Notebook, name: str, given: Any, cell: str | None) -> object:
    """Run one sub-command and return what it is worth to the notebook."""
    if cell is not None:
        return _CELL[name](notebook, given, cell)
    return _LINE[name](notebook, given)


def target(notebook: Notebook, given: arguments.Target) -> object:
    """Choose or show the target."""
    settings = {
        "resource_group": given.resource_group, "environment": given.environment, "location": given.location,
        "subscription_id": given.subscription, "registry": given.registry,
    }  # fmt: skip
    said = {name: value for name, value in settings.items() if value}
    if given.target or said:
        notebook.connect(given.target, said)
    workspace = notebook.workspace
    if given.pace:
        workspace.rehearsal.set_pace(given.pace)
    chosen = workspace.target
    return Card(chosen, cards.facts(f"target {chosen.name}", {
        "resource group": chosen.resource_group, "environment": chosen.environment, "location": chosen.location,
        "registry": chosen.registry_server, "url": chosen.resource_manager, "note": chosen.notice,
        **_rehearsed(workspace),
    }))  # fmt: skip


def _rehearsed(workspace: Workspace) -> dict[str, str]:
    """What somebody has told the target to do otherwise, so that nobody wonders."""
    if not workspace.rehearsal.possible:
        return {}
    try:
        pace, faults = workspace.rehearsal.pace(), workspace.rehearsal.faults()
    except EmulatorFailed:  # one of an older version, which has neither
        return {}
    return {"pace": amounts.pace(pace) if pace else "", "faults": "; ".join(each.fault for each in faults)}


def deploy(notebook: Notebook, given: arguments.Deploy, source: str) -> object:
    """Run the cell here, deploy it with a card that follows, and leave handles in place of its functions."""
    cell = notebook.run(source)
    return _plan(notebook, given, cell) if given.dry_run else _deploy(notebook, given, cell)


def deploy_again(notebook: Notebook, given: arguments.Deploy) -> object:
    """Deploy the cell that was last deployed or planned under that name, or the `--entry` of an earlier cell."""
    cell = notebook.recall(given.name, given.entry)
    return _plan(notebook, given, cell) if given.dry_run else _deploy(notebook, given, cell)


def _deploy(notebook: Notebook, given: arguments.Deploy, cell: Cell) -> object:
    """Return nothing: the card is the output, and `%aca show NAME` returns the app."""
    notebook.remember(given.name, cell)
    card = notebook.card()
    seen: list[DeployProgress] = []

    def follow(progress: DeployProgress) -> None:
        seen.append(progress)
        card.show(lambda: cards.deployment(progress))

    try:
        deployment = notebook.workspace.deploy(
            given.name, cell.source, notebook.names, on_progress=follow, **_options(given, cell)
        )
    except (AcaError, KeyboardInterrupt):
        if seen:
            # The error below the card says the rest.
            card.show(lambda: cards.deployment(seen[-1], brief=True), last=True)
        raise
    card.show(lambda: cards.deployment(deployment.progress), last=True)
    notebook.define(deployment.handles)
    return None


def plan(notebook: Notebook, given: arguments.Plan, source: str) -> object:
    """Run the cell here and show what deploying it would do."""
    return _plan(notebook, given, notebook.run(source))


def plan_again(notebook: Notebook, given: arguments.Plan) -> object:
    """Show what deploying the remembered cell again would do."""
    return _plan(notebook, given, notebook.recall(given.name, given.entry))


def _plan(notebook: Notebook, given: arguments.Deploy, cell: Cell) -> Card:
    notebook.remember(given.name, cell)
    planned = notebook.workspace.plan(given.name, cell.source, notebook.names, **_options(given, cell))
    return Card(planned, cards.plan(planned))


def _options(given: arguments.Deploy, cell: Cell) -> dict[str, Any]:
    return {
        "gpu": given.gpu, "min_replicas": given.min_replicas, "max_replicas": given.max_replicas, "cpu": given.cpu,
        "memory": given.memory, "concurrency": given.concurrency, "pip": given.pip,
        "requirements": Path(given.requirements) if given.requirements else None, "entry": given.entry,
        "public": given.public, "keep": given.keep, "ttl": given.ttl, "env": given.env_vars, "cell": cell.name,
        "notebook": cell.notebook,
    }  # fmt: skip


def ps(notebook: Notebook, given: arguments.Listing) -> object:
    """List the apps."""
    del given
    workspace = notebook.workspace
    return listings.apps([app.state for app in workspace.apps.values()], target=workspace.target.name)


def show(notebook: Notebook, given: arguments.OneApp) -> App:
    """Return an app, freshly read; while it is being changed, follow that to its end, or to Ctrl-C."""
    app = notebook.workspace.apps[given.name]
    if not app.state.settled:
        _follow(app, notebook.card())
    return app


def _follow(app: App, card: LiveCard) -> None:
    """Show what is going on as long as it does; what is left in its place is one line."""
    try:
        app.wait(lambda state: card.show(lambda: cards.app(state)))
    except KeyboardInterrupt:  # how a person ends it
        pass
    finally:
        card.show(lambda: {"text/plain": f"{app.name}: {cards.status(app.state)}"}, last=True)


def logs(notebook: Notebook, given: arguments.Logs) -> object:
    """Return lines, or with `--follow` a stream that goes on."""
    app = notebook.workspace.apps[given.name]
    revision = given.revision if not given.revision or "--" in given.revision else f"{app.name}--{given.revision}"
    stream = app.logs(
        tail=given.tail, follow=given.follow, source=given.type, revision=revision, replica=given.replica,
        since=given.since, level=given.level, grep=given.grep, call=given.call,
    )  # fmt: skip
    if given.output:
        notebook.define({given.output: stream if given.follow else stream.to_frame()})
        return None
    if not given.follow:
        return Card(stream, log_cards.log(app.name, stream.lines))
    if notebook.graphical:
        return FollowedLog(app.name, stream, notebook.card)
    try:
        for line in stream:
            notebook.write(log_cards.text_of(line))
    except KeyboardInterrupt:  # how a person ends it
        stream.stop()
    return None


def invoke(notebook: Notebook, given: arguments.Invoke) -> object:
    """Call an app with JSON values."""
    app = notebook.workspace.apps[given.name]
    places, named = _call_arguments(given)
    return app.call(given.function, *places, **named) if given.function else app.invoke(*places, **named)


def _call_arguments(given: arguments.Invoke) -> tuple[list[Any], dict[str, Any]]:
    places: list[Any] = []
    named: dict[str, Any] = {}
    for word in given.values:
        name, equals, value = word.partition("=")
        if equals and name.isidentifier():
            named[name] = _json(value)
        else:
            places.append(_json(word))
    if given.json:
        whole = _json(given.json)
        if not isinstance(whole, dict):
            raise UsageFailed(
                "--json takes one object of parameters", code="UsageError",
                hint=f"""%aca invoke {given.name} --json '{{"x": 9.0}}'""",
            )  # fmt: skip
        named |= whole
    return places, named


def _json(word: str) -> Any:
    """Return the JSON value of a word; a word that is no JSON is text."""
    try:
        return json.loads(word)
    except json.JSONDecodeError:
        return word


def curl(notebook: Notebook, given: arguments.OneApp) -> object:
    """Return a shell command that calls the app."""
    return Line(notebook.workspace.apps[given.name].curl())


def open_app(notebook: Notebook, given: arguments.OneApp) -> object:
    """Open the app's page in a browser."""
    return notebook.workspace.apps[given.name].open()


def metrics(notebook: Notebook, given: arguments.Metrics) -> object:
    """Return what an app did, as a DataFrame or a chart."""
    frame = notebook.workspace.apps[given.name].metrics(since=given.since, interval=given.interval)
    return charts.metrics(frame, app=given.name, note=frame.attrs.get("note", "")) if given.plot else frame


def top(notebook: Notebook, given: arguments.Top) -> object:
    """List what each app does just now."""
    workspace = notebook.workspace
    minutes = given.since.total_seconds() / 60
    return listings.usage(workspace.top(since=given.since), target=workspace.target.name, minutes=minutes)


def query(notebook: Notebook, given: arguments.Query, source: str = "") -> object:
    """Ask the history of logs and return a DataFrame, into a variable when one is named."""
    if given.list:
        return listings.named_queries()
    text = source.strip() or given.text
    if not text:
        raise UsageFailed("KQL is missing", code="UsageError", hint="%aca query --list shows queries that have a name")
    frame = notebook.workspace.query(text, app=given.app, since=given.since)
    if given.output:
        notebook.define({given.output: frame})
        return None
    return frame


def cost(notebook: Notebook, given: arguments.Cost) -> object:
    """Return what an app, or all of them, cost, as a DataFrame or a chart."""
    where = notebook.workspace.apps[given.name] if given.name else notebook.workspace
    frame = where.cost(since=given.since)
    return charts.cost(frame, app=given.name, note=_cost_note(frame.attrs)) if given.plot else frame


def _cost_note(attrs: Mapping[str, Any]) -> str:
    note = (
        f"{attrs.get('estimate', 'estimate')}; list prices of {attrs.get('price_region')}, {attrs.get('price_as_of')}"
    )
    unpriced = attrs.get("unpriced") or ()
    if unpriced:
        note += f"; no price is known for {', '.join(unpriced)}"
    return "; ".join(filter(None, (note, attrs.get("gpu_note"))))


def revision(notebook: Notebook, given: arguments.Revision) -> object:
    """List an app's revisions, or change one and list them."""
    app = notebook.workspace.apps[given.name]
    if given.action != "list":
        name = given.revision if given.revision.startswith(f"{app.name}--") else f"{app.name}--{given.revision}"
        getattr(app, f"{given.action}_revision")(name)
    return listings.revisions(app.name, app.revisions())


def start(notebook: Notebook, given: arguments.OneApp) -> App:
    """Start an app and return it."""
    app = notebook.workspace.apps[given.name]
    app.start()
    return app


def stop(notebook: Notebook, given: arguments.OneApp) -> App:
    """Stop an app and return it."""
    app = notebook.workspace.apps[given.name]
    app.stop()
    return app


def down(notebook: Notebook, given: arguments.Down) -> object:
    """Delete apps and list those that are left."""
    workspace = notebook.workspace
    names = [app.name for app in workspace.apps.values() if _mine(app)] if given.all else list(given.names)
    if not names and not given.all:
        raise UsageFailed("NAME is missing", code="UsageError", hint="%aca down NAME, or %aca down --all")
    for name in names:
        workspace.apps[name].down()
    return ps(notebook, arguments.Listing())


def _mine(app: App) -> bool:
    """Whether this person deployed it from a notebook: what `down --all` may delete in a shared group."""
    tags = app.state.tags
    return bool(tags.digest) and tags.owner in {"", getpass.getuser()}


def fault(notebook: Notebook, given: arguments.Fault) -> object:
    """Put a fault in force, or end some, and list those in force."""
    workspace = notebook.workspace
    rehearsal = workspace.rehearsal
    if given.action == "add":
        rehearsal.add(" ".join((given.kind, *given.parameters)))
    elif given.action == "clear":
        rehearsal.clear(given.id)
    return listings.faults(rehearsal.faults(), target=workspace.target.name)


def gpu(notebook: Notebook, given: arguments.Listing) -> object:
    """List the GPUs there are, at the present target's prices."""
    del given
    return listings.gpus(notebook.workspace.target.location) if notebook.connected else listings.gpus()


def prices(notebook: Notebook, given: arguments.Listing) -> object:
    """List the prices that estimates use."""
    del notebook, given
    return listings.prices()


def limits(notebook: Notebook, given: arguments.Listing) -> object:
    """List the platform's limits."""
    del notebook, given
    return listings.limits()


_CELL: Mapping[str, Callable[[Notebook, Any, str], object]] = {"deploy": deploy, "plan": plan, "query": query}
_LINE: Mapping[str, Callable[[Notebook, Any], object]] = {
    "target": target, "deploy": deploy_again, "plan": plan_again, "ps": ps, "show": show, "logs": logs,
    "invoke": invoke, "curl": curl, "open": open_app, "metrics": metrics, "cost": cost, "query": query, "top": top,
    **{f"revision {action}": revision for action in ("list", "activate", "deactivate", "restart")},
    **{f"fault {action}": fault for action in ("list", "add", "clear")},
    "start": start, "stop": stop, "down": down, "gpu": gpu, "prices": prices, "limits": limits,
}  # fmt: skip

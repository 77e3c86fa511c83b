"""Deploying, calling and ending apps."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aca_notebook.api.owner import owner
from aca_notebook.display import cards, listings, saved
from aca_notebook.display.values import Card, Line
from aca_notebook.errors import AcaError, UsageFailed
from aca_notebook.magics import live_apps
from aca_notebook.magics.commands import hosting, setup
from aca_notebook.magics.deploy_card import follow_deployment
from aca_notebook.magics.live_value import LiveValue
from aca_notebook.magics.subcommands.setup import SetUp
from aca_notebook.magics.subcommands.shared import Listing
from aca_notebook.model.fingerprint import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_notebook.api.app import App
    from aca_notebook.api.workspace import Workspace
    from aca_notebook.magics.live import LiveCard
    from aca_notebook.magics.notebook import Cell, Notebook
    from aca_notebook.magics.subcommands.apps import Deploy, Down, Invoke, Plan
    from aca_notebook.magics.subcommands.shared import OneApp
    from aca_notebook.model.app import AppState
    from aca_notebook.model.deploy import DeployProgress


def deploy(notebook: Notebook, given: Deploy, source: str) -> object:
    """Run the cell here, deploy it with a card that follows, and leave handles in place of its functions."""
    _refuse_image(given)
    cell = notebook.run(source)
    return _plan(notebook, given, cell) if given.dry_run else _deploy(notebook, given, cell)


def deploy_again(notebook: Notebook, given: Deploy) -> object:
    """Deploy an `--image`, the cell that was last deployed or planned under that name, or the `--entry` of one."""
    cell = _cell(notebook, given)
    return _plan(notebook, given, cell) if given.dry_run else _deploy(notebook, given, cell)


def _deploy(notebook: Notebook, given: Deploy, cell: Cell) -> object:
    """Return nothing: the card is the output, and `%aca show NAME` returns the app."""
    if not given.image:
        notebook.remember(given.name, cell)
    card = notebook.card()
    source = fingerprint(notebook.typed)
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
    done = deployment.progress

    def bundle(meter: str = "") -> Mapping[str, Any]:
        return saved.beside(cards.deployment(done, meter=meter), saved.deployment(done, source))

    card.show(bundle, last=True)
    notebook.define(deployment.handles)
    if notebook.in_page:
        notebook.attend(given.name, follow_deployment(notebook.workspace, deployment, card, bundle))
    return None


def plan(notebook: Notebook, given: Plan, source: str) -> object:
    """Run the cell here and show what deploying it would do."""
    if not given.name:
        raise UsageFailed("NAME is missing", code="UsageError", hint="%%aca plan NAME")
    _refuse_image(given)
    return _plan(notebook, given, notebook.run(source))


def plan_again(notebook: Notebook, given: Plan) -> object:
    """Show what deploying an `--image`, or the remembered cell again, would do; without a name, what a set-up would."""
    if not given.name:
        return setup.setup(notebook, SetUp(dry_run=True, gpu=(given.gpu,) if given.gpu else ()))
    return _plan(notebook, given, _cell(notebook, given))


def rehearse(notebook: Notebook, given: Deploy, source: str | None) -> None:
    """Ask for what a deployment asks for; the cell runs here, as it does before a deployment."""
    if source is not None:
        _refuse_image(given)
    cell = notebook.run(source) if source is not None else _cell(notebook, given)
    if not given.image:
        notebook.remember(given.name, cell)
    notebook.workspace.rehearse(given.name, cell.source, notebook.names, **_options(given, cell))


def _cell(notebook: Notebook, given: Deploy) -> Cell:
    """The cell to deploy; an image has none."""
    if given.image:
        return replace(notebook.remote_cell(""), name="")
    return notebook.recall(given.name, given.entry)


def _refuse_image(given: Deploy) -> None:
    if given.image:
        raise UsageFailed(
            "an image runs in place of a cell, and this is a cell", code="UsageError",
            hint=f"%aca deploy {given.name} --image {given.image}, with one percent sign",
        )  # fmt: skip


def _plan(notebook: Notebook, given: Deploy, cell: Cell) -> Card:
    if not given.image:
        notebook.remember(given.name, cell)
    planned = notebook.workspace.plan(given.name, cell.source, notebook.names, **_options(given, cell))
    return Card(planned, cards.plan(planned))


def _options(given: Deploy, cell: Cell) -> dict[str, Any]:
    hosted = hosting.options(given)
    return {
        **hosted, "secrets": {**hosted["secrets"], **given.secret}, "gpu": given.gpu or given.gpu_type,
        "min_replicas": given.min_replicas, "max_replicas": given.max_replicas, "cpu": given.cpu,
        "memory": given.memory, "concurrency": given.concurrency, "cooldown_seconds": given.cooldown,
        "pip": given.pip,
        "requirements": Path(given.requirements) if given.requirements else None, "entry": given.entry,
        "public": given.public, "traces": given.traces, "keep": given.keep,
        "keep_failed": given.keep_failed, "ttl": given.ttl,
        "call_seconds": given.call_seconds, "cell": cell.name, "notebook": cell.notebook,
    }  # fmt: skip


def ps(notebook: Notebook, given: Listing) -> object:
    """List the apps."""
    del given
    workspace = notebook.workspace
    states = [_drifted(workspace, app.state) for app in workspace.apps.values()]
    table = listings.apps(states, target=workspace.target.name)
    return LiveValue(table, lambda: live_apps.open_view(states, workspace)) if notebook.in_page else table


def show(notebook: Notebook, given: OneApp) -> App:
    """Return an app, freshly read; while it is being changed, follow that to its end, or to Ctrl-C."""
    app = notebook.workspace.apps[given.name]
    if not app.state.settled:
        _follow(app, notebook.card())
    app.state = _drifted(notebook.workspace, app.state)
    return app


def _drifted(workspace: Workspace, state: AppState) -> AppState:
    """Add how what runs differs from the cell in the notebook."""
    return replace(state, drift_note=workspace.drift(state))


def _follow(app: App, card: LiveCard) -> None:
    """Show what is going on as long as it does; what is left in its place is one line."""
    try:
        app.wait(lambda state: card.show(lambda: cards.app(state)))
    except KeyboardInterrupt:  # how a person ends it
        pass
    finally:
        card.show(lambda: {"text/plain": f"{app.name}: {cards.status(app.state)}"}, last=True)


def invoke(notebook: Notebook, given: Invoke) -> object:
    """Call an app with JSON values."""
    app = notebook.workspace.apps[given.name]
    places, named = _call_arguments(given)
    return app.call(given.function, *places, **named) if given.function else app.invoke(*places, **named)


def _call_arguments(given: Invoke) -> tuple[list[Any], dict[str, Any]]:
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


def curl(notebook: Notebook, given: OneApp) -> object:
    """Return a shell command that calls the app."""
    return Line(notebook.workspace.apps[given.name].curl())


def open_app(notebook: Notebook, given: OneApp) -> object:
    """Open the app's page in a browser."""
    return notebook.workspace.apps[given.name].open()


def start(notebook: Notebook, given: OneApp) -> App:
    """Start an app and return it."""
    app = notebook.workspace.apps[given.name]
    app.start()
    return app


def stop(notebook: Notebook, given: OneApp) -> App:
    """Stop an app and return it."""
    app = notebook.workspace.apps[given.name]
    app.stop()
    return app


def down(notebook: Notebook, given: Down) -> object:
    """Delete apps and list those that are left."""
    workspace = notebook.workspace
    if given.all and setup.take_down(notebook, yes=given.yes):
        return None
    names = [app.name for app in workspace.apps.values() if _mine(app)] if given.all else list(given.names)
    if not names and not given.all:
        raise UsageFailed("NAME is missing", code="UsageError", hint="%aca down NAME, or %aca down --all")
    for name in names:
        workspace.apps[name].down()
    return ps(notebook, Listing())


def _mine(app: App) -> bool:
    """Whether this person deployed it from a notebook: what `down --all` may delete in a shared group."""
    tags = app.state.tags
    return bool(tags.digest) and tags.owner in {"", owner()}


LINE: Mapping[str, Callable[[Notebook, Any], object]] = {
    "deploy": deploy_again,
    "plan": plan_again,
    "ps": ps,
    "show": show,
    "invoke": invoke,
    "curl": curl,
    "open": open_app,
    "start": start,
    "stop": stop,
    "down": down,
}
CELL: Mapping[str, Callable[[Notebook, Any, str], object]] = {"deploy": deploy, "plan": plan}

"""Making what a target lacks."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from aca_notebook.display import setup as cards
from aca_notebook.display.values import Card, Line
from aca_notebook.errors import AcaError, UsageFailed
from aca_notebook.model.gpu import find_profile_type, gpu_profile_type
from aca_notebook.model.setup import Profile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_notebook.api.tearing_down import Doomed
    from aca_notebook.magics.notebook import Notebook
    from aca_notebook.magics.subcommands.setup import SetUp
    from aca_notebook.model.setup import SetUpPlan, SetUpProgress


def setup(notebook: Notebook, given: SetUp) -> object:
    """Plan, show the plan, ask, and make; the card of what was made is the output.

    Until somebody consents, commands go where they went before: the next deploy may cost what nobody agreed to.
    """
    profiles, said = _profiles(given), _names(given)
    fresh = bool(given.target or said or not notebook.connected)
    workspace = notebook.open(given.target, said, propose=True) if fresh else notebook.workspace
    with ExitStack() as unless_adopted:
        if fresh:
            unless_adopted.callback(workspace.close)
        planned = workspace.setup.plan(profiles=profiles, pool=given.pool)
        shown = Card(planned, cards.plan(planned))
        if given.dry_run or planned.blocked or not (planned.steps or given.yes):
            return shown
        if planned.steps:
            notebook.card().show(lambda: shown.bundle, last=True)
        if not given.yes and not notebook.consent(f"Make these on {planned.target}?"):
            return Line("nothing was made")
        if fresh:
            notebook.adopt(workspace, given.target)
            unless_adopted.pop_all()
    if not planned.steps:
        return shown
    _make(notebook, planned)
    return None


def _names(given: SetUp) -> dict[str, str]:
    names = {
        "resource_group": given.resource_group, "environment": given.environment, "location": given.location,
        "subscription_id": given.subscription, "registry": given.registry,
    }  # fmt: skip
    return {name: value for name, value in names.items() if value}


def _profiles(given: SetUp) -> tuple[Profile, ...]:
    serverless = tuple(Profile(gpu_profile_type(each)) for each in dict.fromkeys(given.gpu))
    dedicated = find_profile_type(given.workload_profile) if given.workload_profile else None
    if dedicated is None:
        if given.max_nodes or given.min_nodes != 1:
            raise UsageFailed(
                "only a dedicated profile has nodes", code="UsageError",
                hint="%aca setup --workload-profile NC24-A100 --min-nodes 1",
            )  # fmt: skip
        return serverless
    if dedicated.serverless:
        raise UsageFailed(
            f"{dedicated.name} is serverless: it has no nodes", code="UsageError",
            hint=f"%aca setup --gpu {dedicated.gpu_model or 'T4'}",
        )  # fmt: skip
    nodes = (given.min_nodes, max(given.max_nodes or given.min_nodes, 1))
    if nodes[0] > nodes[1]:
        raise UsageFailed(
            f"{nodes[0]} to {nodes[1]} nodes cannot be", code="UsageError", hint="give --max-nodes at least --min-nodes"
        )
    return (*serverless, Profile(dedicated, nodes))


def _make(notebook: Notebook, planned: SetUpPlan) -> None:
    card = notebook.card()
    seen: list[SetUpProgress] = []

    def follow(progress: SetUpProgress) -> None:
        seen.append(progress)
        card.show(lambda: cards.progress(progress))

    try:
        done = notebook.workspace.setup.run(planned, follow)
    except (AcaError, KeyboardInterrupt):
        if seen:
            card.show(lambda: cards.progress(seen[-1]), last=True)
        raise
    card.show(lambda: cards.progress(done), last=True)


def take_down(notebook: Notebook, *, yes: bool) -> bool:
    """Take down what carries our tags and is this person's: list it, ask, delete in order, and wait.

    Returns whether that was to do. Where nothing is charged and there are only apps it was not: whoever wrote `--all`
    has said so already. On a target that charges we ask, for an owner is but the name of an account on some machine.
    """
    workspace = notebook.workspace
    doomed = workspace.setup.doomed()
    goes = [each for each in doomed if not each.note]
    names = [(each.kind, each.name) for each in goes]
    kept = [(each.kind, each.name, each.note) for each in doomed if each.note]
    where, card = workspace.target.name, notebook.card()
    asks = workspace.target.charges or any(each.foundation for each in goes)
    if not names:
        if kept:
            card.show(lambda: cards.removal(names, target=where, gone=False, kept=kept), last=True)
        return False
    if not asks and not kept and all(each.is_app for each in goes):
        return False
    card.show(lambda: cards.removal(names, target=where, gone=False, kept=kept), last=True)
    if asks and not yes and not notebook.consent(f"Delete {_these(len(names))} on {where}?"):
        card.show(lambda: {"text/plain": "nothing was deleted"}, last=True)
        return True

    def follow(going: Doomed) -> None:
        said = f"{going.kind} {going.name}"
        card.show(lambda: cards.removal(names, target=where, gone=False, going=said, kept=kept))

    notes = workspace.setup.take_down(doomed, follow)
    card.show(lambda: cards.removal(names, target=where, gone=True, kept=kept, notes=notes), last=True)
    return True


def _these(count: int) -> str:
    return "this one" if count == 1 else f"these {count}"


LINE: Mapping[str, Callable[[Notebook, Any], object]] = {"setup": setup}

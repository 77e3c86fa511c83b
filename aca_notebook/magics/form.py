"""`%aca` alone and `aca_notebook.form()`: a form to deploy with. Opening it sends nothing and starts nothing."""

from __future__ import annotations

import contextvars
from typing import TYPE_CHECKING

from aca_notebook.display import amounts, cards, forms
from aca_notebook.display.costs import NOT_BILLED
from aca_notebook.errors import AcaError, UsageFailed
from aca_notebook.model.gpu import GPU_NAMES
from aca_notebook.model.price import ReplicaSize, hourly_cost, price_list
from aca_notebook.model.quantities import GIB

if TYPE_CHECKING:
    from collections.abc import Callable

    from aca_notebook.magics.notebook import Notebook
    from aca_notebook.model.deploy_line import DeployChoice
    from aca_notebook.model.rate import PriceList
    from aca_notebook.widgets.deploy_form import DeployFields

#: Where prices are from before a target is in use.
_LOCATION = "eastus"


class DeployForm:
    """A form to deploy a function of this notebook: in a page its widgets, everywhere else what it would offer.

    `run` runs a magic line and returns what it is worth; `fields` are the widgets, for a front end that shows widgets
    but does not say so: `display(form.fields.box)`.
    """

    def __init__(self, notebook: Notebook, run: Callable[[str], object]) -> None:
        self._notebook = notebook
        self._run = run
        self._cell = contextvars.copy_context()
        self._fields: DeployFields | None = None

    @property
    def fields(self) -> DeployFields:
        """The widgets. Raises `UsageFailed` in a notebook without a function."""
        from aca_notebook.widgets.deploy_form import DeployFields, Offers  # ipywidgets takes a while to import

        functions = self._notebook.callables()
        if not functions:
            raise UsageFailed(
                "there is no function in this notebook to deploy", code="UsageError",
                hint="run a cell that defines one, such as def score(x: float) -> float: return 2 * x",
            )  # fmt: skip
        if self._fields is None:
            self._fields = DeployFields(Offers(
                functions, [(gpu, self._gpu_label(gpu)) for gpu in GPU_NAMES], self._secrets, self._price, self._plan,
                self._deploy,
            ))  # fmt: skip
        return self._fields

    @property
    def _secrets(self) -> tuple[str, ...]:
        return tuple(self._notebook.workspace.secrets.names) if self._notebook.connected else ()

    @property
    def _prices(self) -> PriceList:
        return self._notebook.workspace.costs.prices() if self._notebook.connected else price_list(_LOCATION)

    def _gpu_label(self, gpu: str) -> str:
        profile = GPU_NAMES[gpu]
        size = ReplicaSize(profile.cores, profile.memory_gib * GIB, gpu, profile.gpus)
        return f"{gpu}, {profile.gpu_memory_gib} GiB: {amounts.dollars(hourly_cost(size, self._prices))} an hour"

    def _price(self, choice: DeployChoice) -> str:
        profile = GPU_NAMES.get(choice.gpu)
        size = (
            ReplicaSize(profile.cores, profile.memory_gib * GIB, choice.gpu, profile.gpus)
            if profile
            else ReplicaSize(choice.cpu, int(2 * choice.cpu * GIB))
        )
        prices = self._prices
        each = hourly_cost(size, prices)
        most = choice.max_replicas or max(1 if profile else 10, choice.min_replicas)
        idle = hourly_cost(size, prices, idle=not profile) * choice.min_replicas
        billed = f"; {NOT_BILLED}" if self._notebook.connected and not self._notebook.workspace.target.charges else ""
        return (
            f"{amounts.dollars(each)} an hour for each replica that runs, at most {amounts.dollars(each * most)}; "
            f"{'nothing' if not idle else 'never less than ' + amounts.dollars(idle)} when nobody calls "
            f"(list prices of {prices.region}{billed})"
        )

    def _plan(self, choice: DeployChoice) -> str:
        return self._done(choice.line("plan"))

    def _deploy(self, choice: DeployChoice) -> str:
        return self._done(choice.line())

    def _done(self, line: str) -> str:
        """Run a line as if it stood in the form's cell, and return what it says; a deployment shows its own card."""
        try:
            value = self._cell.copy().run(self._run, line)
        except AcaError as failed:
            return cards.error(type(failed).__name__, failed.lines())["text/html"]
        except KeyboardInterrupt:
            return cards.error("Interrupted", ("it was interrupted",))["text/html"]
        html = getattr(value, "_repr_html_", None)
        return str(html()) if callable(html) else ""

    def _ipython_display_(self) -> None:
        from IPython.display import display

        self._cell = contextvars.copy_context()
        display(self._bundle(), raw=True)
        if self._notebook.in_page and self._notebook.callables():
            from aca_notebook.widgets.deploy_form import open_deploy_form

            open_deploy_form(self.fields)

    def _bundle(self) -> dict[str, str]:
        return forms.deploy_form(self._notebook.callables())

    def __repr__(self) -> str:
        return self._bundle()["text/plain"]


def form() -> DeployForm:
    """Return a form to deploy a function of this notebook: pick it, its GPU, scale and secrets; see the plan; deploy.

    Opening it sends nothing. Raises `UsageFailed` outside of a notebook.
    """
    from IPython.core.getipython import get_ipython

    from aca_notebook.magics.aca import load

    shell = get_ipython()
    if shell is None:
        raise UsageFailed(
            "a form needs a notebook", code="UsageError",
            hint="in plain Python: aca_notebook.connect().deploy(name, source, globals())",
        )  # fmt: skip
    return load(shell).form()

"""The form that deploys, in ipywidgets: a function, a GPU, the scale, secrets, a plan with its price, and the line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ipywidgets
import traitlets

from aca_notebook.display import theme
from aca_notebook.model.deploy_line import CORES, SPANS, DeployChoice, app_name_of
from aca_notebook.widgets.front_end import View, module, show_when_there, style

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_WIDE = {"description_width": "8em"}
_ROW = {"width": "26em"}
_COLUMN = {"width": "28em", "overflow": "visible"}
_MOST_REPLICAS = 1000


class FormView(View):
    """A place for widgets: what they show is their own."""

    _esm = module("form_place")
    _css = style("form_place")

    children: Any = traitlets.List().tag(sync=True, **ipywidgets.widget_serialization)

    def __init__(self, child: Any) -> None:
        super().__init__()
        self.children = [child]


@dataclass(frozen=True, slots=True)
class Offers:
    """What there is to choose from, and what is done with a choice.

    `price` tells what a choice costs an hour, in words; `plan` and `deploy` return HTML of what came of it.
    """

    functions: Sequence[str]
    gpus: Sequence[tuple[str, str]]
    secrets: Sequence[str]
    price: Callable[[DeployChoice], str]
    plan: Callable[[DeployChoice], str]
    deploy: Callable[[DeployChoice], str]


class DeployFields:
    """The widgets of the form. Making them does nothing but show; only its two buttons act."""

    def __init__(self, offers: Offers) -> None:
        self._offers = offers
        self._named = False
        self._naming = False
        self.function = ipywidgets.Dropdown(options=list(offers.functions), description="Function", **_look())
        self.name = ipywidgets.Text(app_name_of(offers.functions[0]), description="App's name", **_look())
        self.gpu = ipywidgets.Dropdown(
            options=[("none", ""), *((label, gpu) for gpu, label in offers.gpus)], description="GPU", **_look()
        )
        self.cpu = ipywidgets.Dropdown(
            options=[(f"{each:g} vCPU, {2 * each:g} GiB", each) for each in CORES],
            value=0.5,
            description="Size",
            **_look(),
        )
        self.least = ipywidgets.BoundedIntText(0, 0, _MOST_REPLICAS, description="Min replicas", **_look())
        self.most = ipywidgets.BoundedIntText(10, 1, _MOST_REPLICAS, description="Max replicas", **_look())
        self.ttl = ipywidgets.Dropdown(
            options=[("never" if each == "keep" else f"in {each}", each) for each in SPANS], value="8h",
            description="Expires", **_look(),
        )  # fmt: skip
        self.secrets = ipywidgets.SelectMultiple(
            options=list(offers.secrets), rows=max(2, min(4, len(offers.secrets))), description="Secrets", **_look()
        )
        self.public = ipywidgets.Checkbox(False, description="Answer without a key", indent=True, **_look())  # noqa: FBT003
        self.price = ipywidgets.HTML()
        self.line = ipywidgets.HTML()
        self.plan = ipywidgets.Button(
            description="Plan", tooltip="Show what would ship and what it would cost; sends nothing"
        )
        self.deploy = ipywidgets.Button(
            description="Deploy",
            button_style="primary",
            tooltip="Run the line: this makes an app, which may cost money",
        )
        self.outcome = ipywidgets.HTML()
        self._follow()
        self._say()

    @property
    def choice(self) -> DeployChoice:
        """What is chosen."""
        usual = 1 if self.gpu.value else 10
        return DeployChoice(
            self.function.value, self.name.value.strip(), self.gpu.value, self.cpu.value, self.least.value,
            0 if self.most.value == usual and self.least.value <= usual else self.most.value,
            tuple(self.secrets.value), self.ttl.value, self.public.value,
        )  # fmt: skip

    @property
    def box(self) -> Any:
        """All of it."""
        no_secrets = ipywidgets.HTML(theme.faint("no secrets are kept in this kernel: %aca secret set NAME keeps one"))
        sides = (
            [self.function, self.name, self.gpu, self.cpu, self.public],
            [self.least, self.most, self.ttl, self.secrets if self._offers.secrets else no_secrets],
        )
        columns = ipywidgets.HBox(
            [ipywidgets.VBox(side, layout=ipywidgets.Layout(**_COLUMN)) for side in sides],
            layout=ipywidgets.Layout(flex_flow="row wrap", overflow="visible"),
        )
        return ipywidgets.VBox([
            ipywidgets.HTML("<strong>Deploy a function</strong>"), columns, self.price, self.line,
            ipywidgets.HBox([self.plan, self.deploy]), self.outcome,
        ])  # fmt: skip

    def _follow(self) -> None:
        self.function.observe(self._rename, "value")
        self.name.observe(self._keep_name, "value")
        self.gpu.observe(self._resize, "value")
        for each in (
            self.function,
            self.name,
            self.gpu,
            self.cpu,
            self.least,
            self.most,
            self.ttl,
            self.secrets,
            self.public,
        ):
            each.observe(lambda _: self._say(), "value")
        self.plan.on_click(lambda _: self._act(self._offers.plan))
        self.deploy.on_click(lambda _: self._act(self._offers.deploy))

    def _rename(self, _: object) -> None:
        """Name the app after its function, unless the person has named it."""
        if not self._named:
            self._naming = True
            self.name.value = app_name_of(self.function.value)
            self._naming = False

    def _keep_name(self, _: object) -> None:
        self._named = self._named or not self._naming

    def _resize(self, _: object) -> None:
        self.cpu.disabled = bool(self.gpu.value)
        self.most.value = max(1 if self.gpu.value else 10, self.least.value)

    def _say(self) -> None:
        choice = self.choice
        self.price.value = theme.without_formulas(theme.text(self._offers.price(choice)))
        self.line.value = f"{theme.faint('the same by a line: ')}{theme.code(choice.line())}"

    def _act(self, act: Callable[[DeployChoice], str]) -> None:
        for each in (self.plan, self.deploy):
            each.disabled = True
        try:
            self.outcome.value = act(self.choice)
        finally:
            for each in (self.plan, self.deploy):
                each.disabled = False


def _look() -> dict[str, Any]:
    return {"style": _WIDE, "layout": ipywidgets.Layout(**_ROW)}


def open_deploy_form(fields: DeployFields) -> FormView:
    """Open the form, to be shown under the present cell when a page answers."""
    view = FormView(fields.box)
    show_when_there(view, lambda: None, lambda _: None)
    return view

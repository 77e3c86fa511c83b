"""The form's own widgets: what they choose, the line they show, and that nothing happens before a button."""

from __future__ import annotations

import json

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from aca_notebook.widgets.deploy_form import DeployFields, FormView, Offers


class Desk:
    """What a form does, kept."""

    def __init__(self) -> None:
        self.planned, self.deployed, self.priced = [], [], []

    def offers(self, **changed) -> Offers:
        return Offers(**{
            "functions": ("score", "SentenceModel"), "gpus": (("T4", "T4: $1.56 an hour"),), "secrets": ("hf-token",),
            "price": lambda choice: self.priced.append(choice) or "$1 & <b>",
            "plan": lambda choice: self.planned.append(choice) or "<p>planned</p>",
            "deploy": lambda choice: self.deployed.append(choice) or "", **changed,
        })  # fmt: skip


@pytest.fixture
def desk(monkeypatch) -> Desk:
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    monkeypatch.setattr(InteractiveShell, "_instance", shell)
    return Desk()


def test_opening_the_form_does_nothing_but_show_a_line_and_a_price(desk):
    fields = DeployFields(desk.offers())
    assert (desk.planned, desk.deployed) == ([], [])
    assert "%aca deploy" in fields.line.value
    assert "<b>" not in fields.price.value, "a price is text"
    assert "&amp;" in fields.price.value


def test_every_choice_changes_the_line(desk):
    fields = DeployFields(desk.offers())
    fields.gpu.value = "T4"
    fields.secrets.value = ("hf-token",)
    fields.ttl.value = "keep"
    fields.public.value = True
    fields.least.value = 2
    fields.most.value = 3
    assert fields.choice.line() == (
        "%aca deploy score --entry score --gpu T4 --min-replicas 2 --max-replicas 3 --secret HF_TOKEN=hf-token"
        " --keep --public"
    )
    assert fields.cpu.disabled, "a GPU's machine is taken whole"


def test_usual_scales_are_not_written(desk):
    fields = DeployFields(desk.offers())
    assert (fields.most.value, fields.choice.max_replicas) == (10, 0)
    fields.gpu.value = "T4"
    assert (fields.most.value, fields.choice.max_replicas) == (1, 0)
    fields.gpu.value = ""
    assert (fields.most.value, fields.choice.max_replicas) == (10, 0)


def test_the_name_follows_the_function_until_the_person_gives_one(desk):
    fields = DeployFields(desk.offers())
    fields.function.value = "SentenceModel"
    assert fields.name.value == "sentence-model"
    fields.name.value = "mine"
    fields.function.value = "score"
    assert fields.name.value == "mine"


def test_buttons_act_on_what_is_chosen_and_rest_while_they_do(desk):
    busy = []
    fields = DeployFields(desk.offers(plan=lambda choice: busy.append(fields.deploy.disabled) or choice.name))
    fields.plan.click()
    assert busy == [True]
    assert not fields.deploy.disabled
    assert fields.outcome.value == "score"
    fields.deploy.click()
    assert [choice.name for choice in desk.deployed] == ["score"]


def test_a_button_works_again_after_what_it_did_has_failed(desk):
    def fail(_):
        raise RuntimeError("no")

    fields = DeployFields(desk.offers(plan=fail))
    with pytest.raises(RuntimeError):
        fields._act(fail)
    assert not fields.plan.disabled


def test_the_place_refers_to_the_widgets_and_holds_nothing_of_them(desk):
    view = FormView(DeployFields(desk.offers()).box)
    state = view.get_state()
    (child,) = state["children"]
    assert child.startswith("IPY_MODEL_")
    assert "hf-token" not in json.dumps({name: value for name, value in state.items() if name != "layout"}, default=str)

"""The line that a form shows says what was chosen, to the grammar that reads it."""

from __future__ import annotations

import shlex

from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.api.plan import check_name
from aca_notebook.magics import words
from aca_notebook.magics.subcommands import GRAMMAR
from aca_notebook.model.deploy_line import CORES, SPANS, DeployChoice, app_name_of, variable_of

NAMES = st.from_regex(r"[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,8})?[a-z0-9]", fullmatch=True)
CHOICES = st.builds(
    DeployChoice, function=st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,12}", fullmatch=True), name=NAMES,
    gpu=st.sampled_from(["", "T4", "A100"]), cpu=st.sampled_from(CORES), min_replicas=st.integers(0, 5),
    max_replicas=st.integers(0, 20), secrets=st.lists(NAMES, max_size=3, unique_by=variable_of).map(tuple),
    ttl=st.sampled_from(SPANS), public=st.booleans(),
)  # fmt: skip


@given(CHOICES)
def test_the_line_means_what_was_chosen(choice: DeployChoice):
    sign, *rest = shlex.split(choice.line())
    assert sign == "%aca"
    words.refuse_secrets(rest)
    command, asked = GRAMMAR.parse(rest)
    assert command.name == "deploy"
    assert (asked.name, asked.entry, asked.gpu) == (choice.name, choice.function, choice.gpu)
    assert (asked.min_replicas, asked.max_replicas) == (choice.min_replicas, choice.max_replicas)
    assert choice.gpu or (asked.cpu or 0.5) == choice.cpu
    assert asked.secret == {variable_of(name): name for name in choice.secrets}
    assert (asked.keep, asked.public) == (choice.ttl == "keep", choice.public)
    assert asked.keep or asked.ttl == choice.ttl


def test_a_choice_of_defaults_is_a_short_line():
    assert DeployChoice("score", "scorer").line() == "%aca deploy scorer --entry score"
    assert DeployChoice("score", "scorer", gpu="T4").line("plan") == "%aca plan scorer --entry score --gpu T4"


@given(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,60}", fullmatch=True))
def test_every_function_has_a_name_that_azure_takes(function: str):
    check_name(app_name_of(function))


def test_names_read_like_the_function():
    assert [app_name_of(each) for each in ("score", "SentenceModel", "_x", "f")] == [
        "score", "sentence-model", "app-x", "app-f",
    ]  # fmt: skip

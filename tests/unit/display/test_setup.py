"""The cards of set-up, sign-in and identities say what they must, and let nothing of a name into HTML."""

from __future__ import annotations

from dataclasses import replace

from aca_notebook.display import identities, setup, signing_in
from aca_notebook.model.deploy import PhaseState
from aca_notebook.model.gpu import SERVERLESS_T4, find_profile_type
from aca_notebook.model.identity import Grant, IdentityState
from aca_notebook.model.price import price_list
from aca_notebook.model.setup import Found, Profile, SetUpProgress, StepProgress, Wanted, plan_setup
from aca_notebook.model.signing import Attempt, Outcome
from tests.unit.display.examples import HOSTILE
from tests.unit.display.test_cards import Tidy

WANTED = Wanted("s", "research", "eastus", "gpu-env", "reg", (Profile(SERVERLESS_T4),), "python")
PLAN = plan_setup(Found({}), WANTED, price_list("eastus"), target="azure")
PAGE = ("https://microsoft.com/devicelogin", "BCDFGHJKL", "23 Nov 16:55 UTC")


def test_a_plan_says_what_why_and_for_how_much() -> None:
    card = setup.plan(PLAN)
    for said in (card["text/plain"], Tidy(card["text/html"]).words):
        assert "builds and keeps the images" in said
        assert "$5.00 a month (Basic)" in said
        assert "$1.56 an hour of a replica; nothing without one" in said
        assert "$0.0069 an hour while nothing runs" in said
    assert "%aca down --all takes them down" in card["text/plain"]


def test_what_has_no_known_price_is_not_left_out_of_the_sum() -> None:
    dedicated = find_profile_type("NC24-A100")
    assert dedicated is not None
    wanted = replace(WANTED, profiles=(Profile(dedicated, (1, 2)),))
    card = setup.plan(plan_setup(Found({}), wanted, price_list("eastus"), target="azure"))
    assert "while nothing runs, and what we have no price of" in card["text/plain"]


def test_what_stands_in_the_way_is_the_only_thing_to_do() -> None:
    card = setup.plan(replace(PLAN, steps=(), blocked="the quota is 0"))
    assert card["text/plain"].startswith("✗ set-up: something stands in the way")
    assert "makes them" not in card["text/plain"]


def test_a_set_up_shows_its_seconds_its_error_and_what_may_still_take_a_while() -> None:
    steps = tuple(StepProgress(step, PhaseState.DONE, 3.2) for step in PLAN.steps)
    done = setup.progress(SetUpProgress(PLAN, steps, 110.0, finished=True, settles_seconds=432.0))["text/plain"]
    assert done.startswith("✓ gpu-env: set up in 1 min 50 s")
    assert "AcrPull may take up to 7 min 12 s more" in done
    failed = setup.progress(SetUpProgress(PLAN, steps, 20.0, finished=True, error=("no", "Code: text", "do this")))
    assert [line.strip() for line in failed["text/plain"].splitlines()[-3:]] == ["no", "Code: text", "do this"]


def test_a_code_is_shown_while_it_is_wanted_and_not_afterwards() -> None:
    waiting = signing_in.card([Attempt("device code", Outcome.TRYING)], cloud="AzureCloud", code=PAGE)
    assert "enter BCDFGHJKL" in waiting["text/plain"]
    assert "BCDFGHJKL" in Tidy(waiting["text/html"]).words
    facts = {"name": "ada", "tenant": "t"}
    done = signing_in.card([Attempt("device code", Outcome.DONE, "ada", 31.0)], cloud="AzureCloud", facts=facts)
    assert done["text/plain"].startswith("✓ signed in as ada")
    assert "31.0 s" in done["text/plain"]
    assert "BCDFGHJKL" not in str(done)


def test_each_role_has_a_row_and_a_young_one_says_how_long_it_may_take() -> None:
    vault = "/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/my-vault"
    grants = (Grant("Key Vault Secrets User", vault, 560.0), Grant("Reader", "/subscriptions/s"))
    found = (IdentityState("system", "p1", grants=grants), IdentityState("readers", "p2"))
    table = identities.identities("scorer", found)
    assert [(row["identity"], row["role"]) for row in table] == [
        ("system", "Key Vault Secrets User"), ("system", "Reader"), ("readers", None),
    ]  # fmt: skip
    assert "within 9 min 20 s" in repr(table)
    assert "vaults my-vault" in repr(table)
    assert "gives it one of its own" in repr(identities.identities("scorer", ()))


def test_no_name_gets_into_html() -> None:
    plan = plan_setup(Found({}), replace(WANTED, registry=HOSTILE), price_list("eastus"), target=HOSTILE)
    steps = tuple(StepProgress(step, note=HOSTILE) for step in plan.steps)
    htmls = [
        setup.plan(replace(plan, blocked=HOSTILE))["text/html"],
        setup.progress(SetUpProgress(plan, steps, error=(HOSTILE,)))["text/html"],
        setup.removal([(HOSTILE, HOSTILE)], target=HOSTILE, gone=False, going=HOSTILE,
                      kept=[(HOSTILE, HOSTILE, HOSTILE)], notes=[HOSTILE])["text/html"],
        signing_in.card([Attempt(HOSTILE, Outcome.FAILED, HOSTILE)], cloud=HOSTILE, code=(HOSTILE,) * 3)["text/html"],
        identities.identities(HOSTILE, [IdentityState(HOSTILE, HOSTILE, grants=(Grant(HOSTILE, HOSTILE),))])
        ._repr_html_(),
    ]  # fmt: skip
    for html in htmls:
        assert "img" not in Tidy(html).tags

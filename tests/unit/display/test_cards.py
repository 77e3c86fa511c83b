from __future__ import annotations

from html.parser import HTMLParser

import pytest

from aca_notebook.display import cards, listings, rates, theme
from aca_notebook.model.app import EVERY_PATH, Tags
from aca_notebook.model.deploy import DeployState, Phase, PhaseName, PhaseState, Shipped
from aca_notebook.model.gpu import CPU_NOTE
from aca_notebook.model.revision import RevisionState
from tests.unit.display.examples import HOSTILE, URL, plan, progress, state


class Tidy(HTMLParser):
    """Fails on tags that do not pair; keeps the text and the tags seen."""

    VOID = frozenset({"br", "img", "hr", "input"})

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.words = ""
        self.feed(source)
        assert not self.open

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.add(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        self.words += data


def test_a_finished_deployment_shows_each_phase_with_its_seconds_and_where_it_answers() -> None:
    shown = cards.deployment(progress())
    text = shown["text/plain"]
    assert text.splitlines()[0] == "✓ scorer: deployed in 0.98 s  (local · GPU T4 · scorer--0000001)"
    for name, seconds in (("capture", "0.02 s"), ("build", "0.30 s"), ("probing", "0.14 s")):
        assert any(name in line and seconds in line for line in text.splitlines())
    assert f"url       {URL} (with its key)" in text
    assert f'href="{URL}"' in shown["text/html"]
    assert "14:30 UTC" in text


@pytest.mark.parametrize("enforced", [True, False])
def test_every_surface_says_when_nobody_takes_an_expired_app_down(*, enforced: bool) -> None:
    app = state(expiry_enforced=enforced)
    deployed = progress(plan=plan(expiry_enforced=enforced))
    shown = (cards.app(app), cards.plan(deployed.plan), cards.deployment(deployed))
    texts = [bundle[kind] for bundle in shown for kind in bundle] + [repr(listings.apps([app]))]
    assert ["not enforced" in text for text in texts] == [not enforced] * 7
    kept = listings.apps([state(expiry_enforced=enforced, tags=Tags())])
    assert "not enforced" not in repr(kept)


@pytest.mark.parametrize("note", [CPU_NOTE, ""])
def test_every_surface_says_when_a_gpu_app_runs_on_the_cpu(note: str) -> None:
    app = state(gpu_note=note)
    shown = (cards.app(app), cards.deployment(progress(gpu_note=note)))
    texts = [bundle[kind] for bundle in shown for kind in bundle]
    table = listings.apps([app, state("plain", gpu="", gpus=0)])
    texts += [repr(table), table._repr_html_()]
    assert ["T4, on the CPU" in text for text in texts] == [bool(note)] * 6
    assert [CPU_NOTE in text for text in texts] == [bool(note)] * 6


def test_a_running_deployment_marks_what_is_done_what_runs_and_what_waits() -> None:
    phases = (
        Phase(PhaseName.CAPTURE, PhaseState.DONE, 0.02), Phase(PhaseName.UPLOAD, PhaseState.SKIPPED, 0.0, "unchanged"),
        Phase(PhaseName.BUILD, PhaseState.RUNNING, 1.0), Phase(PhaseName.ROLE, PhaseState.SKIPPED),
        Phase(PhaseName.REVISION), Phase(PhaseName.READY),
    )  # fmt: skip
    text = cards.deployment(progress(DeployState.RUNNING, phases=phases, log_tail=("Resolved 9 packages",)))[
        "text/plain"
    ]
    marks = [line.split()[0] for line in text.splitlines()[1:6]]
    assert marks == ["✓", "–", "●", "·", "·"]
    assert "Resolved 9 packages" in text
    assert "role" not in text, "what was not needed, for no reason that is worth a line"
    assert URL not in text


def test_a_failed_deployment_shows_the_cells_traceback_and_three_lines() -> None:
    failed = progress(
        DeployState.FAILED, error=("the cell does not import", "ImportFailed: no torch", "add --pip torch"),
        traceback="Cell In[3], line 1\n    import torch",
    )  # fmt: skip
    for shown in cards.deployment(failed).values():
        words = Tidy(shown).words if shown.startswith("<") else shown
        assert "import torch" in words
        assert "add --pip torch" in words


@pytest.mark.parametrize("outcome", list(DeployState))
def test_every_outcome_has_a_word_and_not_only_a_colour(outcome: DeployState) -> None:
    words = Tidy(cards.deployment(progress(outcome))["text/html"]).words
    assert words.split(":")[1].split()[0] in {
        "deploying", "deployed", "failed", "superseded", "interrupted", "detached",
    }  # fmt: skip


def test_an_app_card_says_where_it_answers_what_it_serves_and_what_an_hour_costs() -> None:
    text = cards.app(state())["text/plain"]
    assert "/score and /, /explain" in text
    assert "8 vCPU, 56 GiB, 1 × T4 each" in text
    assert "nothing when idle" in text
    assert "ScaledToZero" in text


def test_an_application_is_said_to_serve_its_own_routes() -> None:
    told = cards.app(state(tags=Tags(functions=(EVERY_PATH,))))["text/plain"]
    assert "serves       the routes of its own application" in told
    assert "/*" not in told


def test_a_plan_tells_the_price_of_working_of_waiting_of_nothing_and_of_a_thousand_calls() -> None:
    small = {"gpu": "", "gpus": 0, "hourly_active_usd": 0.054, "hourly_idle_usd": 0.0162, "request_usd": 4e-7}
    text = cards.plan(plan(**small))["text/plain"]
    assert "an hour of a replica is $0.054 active, $0.016 idle; nothing at zero replicas" in text
    assert "1,000 of 1.00 s each: $0.015 one after the other, $0.0019 when 10 run at once" in text
    assert "never less than $0.032" in cards.plan(plan(**small, min_replicas=2))["text/plain"]
    gpu = cards.deployment(progress(plan=plan(charges=False)))["text/plain"]
    assert "$1.56 active or idle: a GPU has one rate" in gpu
    assert "estimated, nothing was billed" in gpu


def test_an_app_that_never_sleeps_is_not_said_to_cost_nothing() -> None:
    text = cards.app(state(min_replicas=2))["text/plain"]
    assert "nothing when idle" not in text
    assert "to zero" not in text


def test_a_plan_says_what_ships_where_for_how_much_and_until_when() -> None:
    text = cards.plan(plan(adds_workload_profile=True, warnings=("SCALE is 300 KiB",)))["text/plain"]
    for words in ("would create scorer", "cell.py", "SCALE", "520 bytes", "$1.56", "never more than $4.68",
                  "01 Aug 2026", "14:30 UTC", "added to the environment", "note: SCALE is 300 KiB",
                  "its key"):  # fmt: skip
        assert words in text


def hostile_bundles() -> list[str]:
    tagged = state(
        tags=Tags(functions=(HOSTILE,)), environment=HOSTILE, url=f"javascript:{HOSTILE}", running_state=HOSTILE
    )
    planned = plan(ships=(Shipped(HOSTILE, "data", 1, HOSTILE),), warnings=(HOSTILE,), functions=(HOSTILE,))
    failed = progress(
        DeployState.FAILED, plan=planned, log_tail=(HOSTILE,), error=(HOSTILE, HOSTILE), traceback=HOSTILE,
        url=f"javascript:{HOSTILE}", revision=HOSTILE,
    )  # fmt: skip
    return [
        cards.app(tagged)["text/html"], cards.plan(planned)["text/html"], cards.deployment(failed)["text/html"],
        cards.error(HOSTILE, (HOSTILE, HOSTILE, HOSTILE))["text/html"],
        listings.apps([tagged], target=HOSTILE)._repr_html_(),
        listings.revisions(HOSTILE, [RevisionState(HOSTILE, running_state=HOSTILE)])._repr_html_(),
    ]  # fmt: skip


@pytest.mark.parametrize("source", hostile_bundles(), ids=["app", "plan", "deployment", "error", "apps", "revisions"])
def test_nothing_in_a_card_becomes_markup(source: str) -> None:
    tidy = Tidy(source)
    assert tidy.tags <= {"div", "span", "strong", "table", "tbody", "thead", "tr", "td", "th", "a", "pre", "code"}
    assert "javascript:" not in " ".join(part for part in source.split("href=")[1:])
    assert HOSTILE in tidy.words


@pytest.mark.parametrize("source", hostile_bundles())
def test_a_card_needs_no_style_sheet(source: str) -> None:
    assert "<style" not in source
    assert "class=" not in source


def test_only_web_addresses_become_links() -> None:
    assert "<a " not in theme.link("javascript:alert(1)")
    assert theme.link('https://x/?"a=b').startswith('<a href="https://x/?&quot;a=b"')


def test_the_table_of_apps_lines_up_and_gives_bare_values() -> None:
    table = listings.apps([state(), state("ranker", gpu="", gpus=0, cpu_cores=0.5, memory_bytes=2**30, replicas=None)],
                          target="local")  # fmt: skip
    title, heading, *rows = repr(table).splitlines()
    assert title == "2 apps on local"
    assert [line.index("T4") for line in rows[:1]] == [heading.index("GPU")]
    assert list(table.frame["name"]) == ["scorer", "ranker"]
    assert table.frame["hourly_usd"].iloc[0] == pytest.approx(8 * 0.0864 + 56 * 0.0108 + 0.2628)


def test_no_apps_say_how_to_make_one() -> None:
    empty = listings.apps([], target="local")
    assert "%%aca deploy NAME" in repr(empty)
    assert "%%aca deploy NAME" in empty._repr_html_()


@pytest.mark.parametrize("table", [listings.gpus(), rates.regions(), listings.limits()], ids=lambda table: table.title)
def test_reference_tables_are_readable_both_ways(table) -> None:
    assert len(table.frame) == len(table) > 1
    words = Tidy(table._repr_html_()).words
    assert all(cell.text in words for row in table.rows for cell in row)


def test_prices_carry_their_date_and_source() -> None:
    assert "prices.azure.com" in repr(rates.regions())
    assert "2026-08-01" in repr(rates.regions())


def test_a_gpu_that_nobody_uses_is_told_of_where_apps_are_listed_and_on_its_card() -> None:
    idle = state(replicas=1, idle_note="its T4 has run for 20 min without a request", hourly_usd=2.5, charges=False)
    table = listings.apps([idle], target="local")
    assert "scorer: its T4 has run for 20 min without a request" in table.note
    assert "estimated, nothing was billed" in table.note
    assert table.records[0]["hourly_usd"] == 2.5, "by the prices at hand"
    text = cards.app(idle)["text/plain"]
    assert "its T4 has run for 20 min" in text
    assert "$2.50 an hour" in text

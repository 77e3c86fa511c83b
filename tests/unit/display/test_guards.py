"""Budgets, alerts and advice as people see them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from aca_notebook.display import guards
from aca_notebook.display.advice import advice
from aca_notebook.model.advice import AppSettings, Observed, decide_advice
from aca_notebook.model.alert import Alert, parse_condition
from aca_notebook.model.budget import Budget, decide_budget
from aca_notebook.model.price import price_list
from aca_notebook.model.quantities import GIB

ENDS = datetime(2026, 1, 2, tzinfo=UTC)
SMALL = AppSettings(2.0, 4 * GIB, 0, 10, 10, 300.0)
SEEN = Observed(86400.0, 43200.0, 43200.0, 5000.0, cpu_peak_cores=0.1, memory_peak_bytes=0.3 * GIB, replicas_peak=1.0)


def test_a_budget_says_how_it_stands_and_who_does_not_keep_it() -> None:
    states = [(decide_budget(Budget(5.0, stop=True), 6.0), ENDS)]
    shown = repr(guards.budgets(states, target="azure", enforced=False, charged=True))
    assert "all apps" in shown
    assert "120 %" in shown
    assert "not enforced while this kernel is shut" in shown
    local = repr(guards.budgets(states, target="local", enforced=True, charged=False))
    assert "estimated, nothing was billed" in local
    assert "not enforced" not in local
    assert "%aca budget" in repr(guards.budgets([], target="local", enforced=True, charged=False))


def test_an_alert_says_what_it_found_and_what_its_condition_means() -> None:
    condition = parse_condition("avg Requests > 100")
    rule = Alert("busy", "scorer", (condition,), timedelta(minutes=5), timedelta(minutes=1), fired=("podname x",))
    table = guards.alerts([rule], target="local")
    assert "fired: podname x" in repr(table)
    assert "total Requests > N" in repr(table)
    assert table.frame.loc[0, "state"] == "fired"
    assert "<" not in guards.alerts([rule], target="<b>")._repr_html_().split("</strong>")[0].rpartition("on ")[2]


def test_advice_shows_the_evidence_the_difference_and_the_line_to_run() -> None:
    text = advice("scorer", decide_advice(SMALL, SEEN, price_list("eastus")), since=timedelta(days=7), charged=False)
    plain, html = text["text/plain"], text["text/html"]
    for part in ("0.25 vCPU, 0.5Gi", "a month less", "estimated, nothing was billed", "%aca advise scorer --apply"):
        assert part in plain
        assert part in html


def test_another_gpu_takes_a_deployment_and_too_little_says_how_much() -> None:
    large = AppSettings(24.0, 220 * GIB, 1, 3, 10, 300.0, "A100", 1)
    seen = Observed(
        86400.0, 43200.0, 43200.0, 5000.0, cpu_peak_cores=1.0, memory_peak_bytes=9.0 * GIB, gpu_peak_percent=20.0,
        gpu_memory_peak_bytes=5.0 * GIB,
    )  # fmt: skip
    found = decide_advice(large, seen, price_list("eastus"))
    shown = advice("llm", found, since=timedelta(days=7), charged=True)["text/plain"]
    assert "%aca deploy llm --gpu T4 --min-replicas 1 --max-replicas 3 --concurrency 10" in shown
    few = decide_advice(large, Observed(60.0, 60.0, 60.0, 1.0), price_list("eastus"))
    assert "1 of the 60 minutes" in advice("llm", few, since=timedelta(days=7), charged=True)["text/plain"]

"""Our own client against the emulator: estimates, prices and bills, by the SDKs with nothing faked between."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from aca_notebook.api.workspace import Workspace
from aca_notebook.display import costs
from aca_notebook.errors import NotFound, Unauthorized, Unreachable, UsageFailed
from aca_notebook.model import meter
from aca_notebook.model.cost import GROUPINGS
from tests.emulator.running import Running, running_emulator
from tests.emulator.spending import answered, ran
from tests.emulator.test_client_on_bad_days import target
from tests.emulator.test_faults import put_in_force
from tests.fakes.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY = 24 * 3600.0
#: Half a vCPU and 1 GiB for an hour in East US, by hand: (0.5 · 0.000024 + 0.000003) · 3600.
HOUR_USD = 0.054
REQUEST_USD = 0.40 / 1_000_000


@pytest.fixture
def emulator(data_dir: Path) -> Iterator[Running]:
    """On the third of September 2026, half a minute past noon: all figures of the package had been read by then."""
    with running_emulator(data_dir, elapsed_seconds=245.5 * DAY + 30) as running:
        yield running


class ColdWorkspace(Workspace):
    """Asks for nothing by itself: what it had begun would still be on its way when a test ends."""

    async def _warm(self) -> None: ...


def opened(emulator: Running, **changed) -> Workspace:
    url = emulator.environment["AZURE_RESOURCE_MANAGER_URL"]
    told = {"metrics": url, "retail_prices": url, "charges": False} | changed
    return ColdWorkspace(replace(target(emulator), **told), ManualClock(emulator.clock.now()))


@pytest.fixture
def workspace(emulator: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setenv("ACA_NOTEBOOK_HOME", str(tmp_path / "home"))
    with opened(emulator) as made:
        yield made


def deploy(emulator: Running, name: str = "scorer", **properties) -> None:
    body = emulator.body()
    body["properties"]["template"]["containers"][0]["resources"] = {"cpu": 0.5, "memory": "1Gi"}
    body["properties"] |= properties
    emulator.deploy(name, body)


def test_an_estimate_knows_the_past_day_today_the_month_and_what_nobody_asked_for(
    workspace: Workspace, emulator: Running
) -> None:
    deploy(emulator)
    ran(emulator, 1.0, began_hours_ago=50)
    ran(emulator, 1.0, began_hours_ago=2)
    answered(emulator, 30)
    report = workspace.costs.report("scorer")
    asked = 30 * REQUEST_USD
    assert report.summary.total == pytest.approx(HOUR_USD + asked)
    assert report.summary.today == pytest.approx(HOUR_USD + asked)
    assert report.summary.month == pytest.approx(2 * HOUR_USD + asked)
    assert report.summary.granted == pytest.approx(report.summary.month), "two hours are well within the grant"
    assert report.summary.idle == pytest.approx(HOUR_USD), "the requests came when no replica was there"
    assert workspace.apps["scorer"].cost()["total_usd"].sum() == pytest.approx(report.summary.total)


def test_however_it_is_cut_it_is_the_same_money(workspace: Workspace, emulator: Running) -> None:
    for name, hours in (("scorer", 1.0), ("other", 2.0)):
        deploy(emulator, name)
        ran(emulator, hours, name, began_hours_ago=3)
    sums = {}
    for by in set(GROUPINGS) - {"call"}:  # calls are in the log, and nothing was logged
        report = workspace.costs.report(by=by)
        sums[by] = report.frame["total_usd"].sum()
        assert sum(row.total for row in report.summary.rows) == pytest.approx(sums[by])
        assert "estimated, nothing was billed" in costs.report(report.summary)["text/plain"]
    assert list(sums.values()) == pytest.approx([3 * HOUR_USD] * len(sums))
    assert list(workspace.costs.report().frame.index) == ["other", "scorer"], "the dearest first"


def test_what_cannot_be_asked_is_said_in_three_lines(workspace: Workspace, emulator: Running) -> None:
    deploy(emulator)
    with pytest.raises(NotFound):
        workspace.costs.report("nobody")
    for wrong, code in (
        ({"by": "mood"}, "UsageError"), ({"since": timedelta(0)}, "InvalidSpan"),
        ({"since": timedelta(days=94)}, "InvalidSpan"), ({"currency": "EUR"}, "PricesNotFound"),
        ({"currency": "money"}, "InvalidCurrency"),
    ):  # fmt: skip
        with pytest.raises(UsageFailed) as refused:
            workspace.costs.report("scorer", **wrong)
        assert refused.value.code == code
        assert all(refused.value.lines()[::2]), "what happened, and what to do"
    with pytest.raises(UsageFailed, match="too little to forecast from") as few:
        workspace.costs.forecast("scorer")
    assert few.value.code == "TooLittleData"


def test_a_gpu_that_runs_for_nobody_is_told_of(workspace: Workspace, emulator: Running) -> None:
    deploy(emulator, workloadProfileName="gpu-t4")
    ran(emulator, 0.5)
    state = replace(workspace.apps["scorer"].state, replicas=1)
    assert state.gpu == "T4"
    note = workspace.loop.run(workspace.costs.idle_note(state))
    assert re.match(r"its T4 has run for (30|31) min without a request: \$0\.\d\d, \$0\.\d\d an hour", note)
    assert note.endswith("(estimated, nothing was billed); %aca stop scorer ends that")
    assert workspace.loop.run(workspace.costs.idle_note(replace(state, replicas=0))) == ""
    assert workspace.loop.run(workspace.costs.idle_note(replace(state, gpu=""))) == ""
    answered(emulator, 1)
    assert workspace.loop.run(workspace.costs.idle_note(state)) == ""


def test_prices_are_fetched_kept_and_used_without_a_network(
    workspace: Workspace, emulator: Running, tmp_path: Path
) -> None:
    card = workspace.costs.refresh_prices("usd", region="East US")
    fetched = card.prices("eastus").rate(meter.GPU_A100)
    assert (fetched.price, fetched.source.rpartition("/api")[2]) == (0.000529, "/retail/prices")
    assert [path.name for path in (tmp_path / "home" / "prices" / "local").iterdir()] == ["USD.json"]
    with opened(emulator, retail_prices="http://127.0.0.1:9") as offline:
        assert offline.costs.prices().rate(meter.GPU_A100) == fetched
        with pytest.raises(Unreachable) as silent:
            offline.costs.refresh_prices()
        assert "about the prices" in silent.value.message
        assert offline.costs.prices().rate(meter.GPU_A100) == fetched, "what was at hand still is"


def test_a_currency_or_a_region_that_nobody_sells_in_is_refused_and_changes_nothing(
    workspace: Workspace, tmp_path: Path
) -> None:
    for asked in ({"currency": "SEK"}, {"region": "atlantis"}):
        with pytest.raises(UsageFailed) as refused:
            workspace.costs.refresh_prices(**asked)
        assert refused.value.code == "PricesNotFound"
    assert not (tmp_path / "home").exists()


def test_euros_that_were_fetched_price_what_they_can_and_no_replica(workspace: Workspace) -> None:
    card = workspace.costs.refresh_prices("EUR")
    assert card.prices("westeurope", "EUR").rate(meter.DEDICATED_GPU).price == 5.0422
    with pytest.raises(UsageFailed, match="no prices are known in EUR"):
        workspace.costs.report(currency="EUR")


def test_a_bill_stands_beside_its_estimate(workspace: Workspace, emulator: Running) -> None:
    deploy(emulator)
    ran(emulator, 1.0, began_hours_ago=40)
    rows = workspace.costs.billed("scorer", since=timedelta(days=2))
    assert {row.meter: row.why for row in rows} == {
        "Standard vCPU Active Usage": "the same", "Standard Memory Active Usage": "the same",
    }  # fmt: skip
    assert sum(row.billed for row in rows) == pytest.approx(HOUR_USD)
    table = costs.bill(rows, app="scorer", days=2, charged=False)
    assert "estimated, nothing was billed" in repr(table)
    assert workspace.costs.billed("scorer", since=timedelta(hours=1)) == ()


def test_who_may_not_read_costs_is_told_so(workspace: Workspace, emulator: Running) -> None:
    deploy(emulator)
    put_in_force(emulator, "forbidden on=Microsoft.CostManagement/query")
    with pytest.raises(Unauthorized) as refused:
        workspace.costs.billed("scorer")
    assert refused.value.status == 403
    assert refused.value.lines()[0] == "this account may not read what 'local' was billed"
    assert refused.value.lines()[1].startswith("AuthorizationFailed: ")
    assert "Cost Management Reader" in refused.value.lines()[2]

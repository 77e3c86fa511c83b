"""Planning: whole values in, whole values out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from aca_notebook.api.plan import (
    BundleFacts,
    DeployOptions,
    Surroundings,
    check_name,
    parse_duration,
    plan_deployment,
    settings_digest,
)
from aca_notebook.azure.target import Target
from aca_notebook.errors import NameRefused, UsageFailed
from aca_notebook.model.app import AppState, Tags
from aca_notebook.model.deploy import DeployPlan, Shipped
from aca_notebook.model.gpu import CONSUMPTION, SERVERLESS_A100, SERVERLESS_T4
from aca_notebook.model.ids import app_id
from aca_notebook.model.price import price_list
from aca_notebook.model.rate_snapshot import RETAIL_API

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
GIB = 2**30
TARGET = Target(
    name="local", subscription_id="s", resource_group="g", environment="e", location="eastus", registry="r",
    registry_server="r.azurecr.io", credential=lambda _: None, enforces_expiry=True,
)  # fmt: skip
SHIPS = (Shipped("cell.py", "code", 120),)
BUNDLE = BundleFacts("sha256:abc", "3.11", "score", ("score", "helper"), SHIPS, ("big",))
PROFILES = {"Consumption": CONSUMPTION, "gpu-t4": SERVERLESS_T4}
AROUND = Surroundings(PROFILES, None, NOW)


def planned(around: Surroundings = AROUND, **options) -> DeployPlan:
    return plan_deployment("scorer", BUNDLE, DeployOptions(**options), TARGET, around)


def running(plan: DeployPlan, **changed) -> AppState:
    """The app as it stands after `plan` was deployed."""
    tags = Tags(digest=plan.digest, settings=settings_digest(plan, DeployOptions()), functions=plan.functions)
    state = AppState(
        app_id("s", "g", "scorer"), provisioning_state="Succeeded", running_status="Running", latest_revision="r1",
        latest_ready_revision="r1", tags=tags,
    )  # fmt: skip
    return replace(state, **changed)


def test_a_function_without_a_gpu_gets_half_a_core_and_azures_ten_replicas():
    assert planned() == DeployPlan(
        app="scorer",
        target="local",
        resource_group="g",
        environment="e",
        location="eastus",
        digest="sha256:abc",
        python="3.11",
        entry="score",
        functions=("score", "helper"),
        ships=SHIPS,
        workload_profile="Consumption",
        cpu_cores=0.5,
        memory_bytes=GIB,
        min_replicas=0,
        max_replicas=10,
        expires_at=NOW + timedelta(hours=8),
        hourly_active_usd=pytest.approx((0.5 * 0.000024 + 1 * 0.000003) * 3600),
        hourly_idle_usd=pytest.approx((0.5 * 0.000003 + 1 * 0.000003) * 3600),
        price_region="eastus",
        price_source=RETAIL_API,
        price_as_of=date(2026, 8, 1),
        request_usd=pytest.approx(0.40 / 1e6),
        warnings=("big",),
    )


def test_a_gpu_takes_the_whole_serverless_machine_and_one_replica_at_most():
    plan = planned(gpu="t4")
    assert (plan.workload_profile, plan.gpu, plan.gpus) == ("gpu-t4", "T4", 1)
    assert (plan.cpu_cores, plan.memory_bytes, plan.max_replicas) == (8.0, 56 * GIB, 1)
    assert plan.hourly_active_usd == pytest.approx((8 * 0.000024 + 56 * 0.000003 + 0.000073) * 3600)
    assert plan.hourly_idle_usd == plan.hourly_active_usd, "a GPU has no idle rate"
    assert not plan.adds_workload_profile


def test_a_profile_the_environment_lacks_is_added_under_a_short_name():
    plan = planned(gpu="A100")
    assert (plan.workload_profile, plan.adds_workload_profile) == ("gpu-a100", True)


def test_a_profile_is_used_under_the_name_the_environment_gave_it():
    around = replace(AROUND, profiles={"Consumption": CONSUMPTION, "big": SERVERLESS_A100})
    plan = planned(around, gpu="A100")
    assert (plan.workload_profile, plan.adds_workload_profile) == ("big", False)


def test_keep_means_no_expiry():
    assert planned(keep=True).expires_at is None


def test_memory_follows_the_cores_unless_it_is_given():
    assert planned(cpu=2).memory_bytes == 4 * GIB
    assert planned(cpu=2, memory="3Gi").memory_bytes == 3 * GIB


def test_the_same_bundle_with_the_same_settings_is_unchanged():
    plan = planned()
    assert planned(replace(AROUND, current=running(plan))).unchanged


@pytest.mark.parametrize(
    ("options", "changed"),
    [
        ({"max_replicas": 3}, {}),
        ({"env": {"A": "1"}}, {}),
        ({"public": True}, {}),
        ({}, {"provisioning_state": "Failed"}),
        ({}, {"running_status": "Stopped"}),
        ({}, {"tags": Tags(digest="sha256:other")}),
    ],
    ids=[
        "another scale", "another variable", "no key any more", "the last write failed", "it is stopped",
        "other code",
    ],
)  # fmt: skip
def test_anything_else_is_a_change(options, changed):
    around = replace(AROUND, current=running(planned(), **changed))
    plan = planned(around, **options)
    assert plan.updates
    assert not plan.unchanged


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"gpu": "H100"}, "T4 or A100"),
        ({"cpu": 5}, "at most 4 cores and 8 GiB"),
        ({"gpu": "T4", "memory": "64Gi"}, "at most 8 cores and 56 GiB"),
        ({"memory": "lots"}, "not a memory size"),
        ({"min_replicas": 3, "max_replicas": 2}, "replicas from 3 to 2"),
        ({"max_replicas": 1001}, "replicas from 0 to 1001"),
        ({"ttl": "soon"}, "no duration"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_in_words(options, words):
    with pytest.raises(UsageFailed, match=words):
        planned(**options)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("My_App", "'my-app'"), ("a", "'app-a'"), ("1st", "'app-1st'"), ("a--b", "'a-b'"), ("-x-", "'app-x'"),
        ("x" * 40, "'" + "x" * 32 + "'"), ("", "'app'"), ("scorer\n", "'scorer'"),
    ],
)  # fmt: skip
def test_a_name_azure_would_refuse_is_refused_with_one_it_would_take(name, nearest):
    with pytest.raises(NameRefused) as refused:
        check_name(name)
    assert nearest in refused.value.hint
    check_name(refused.value.hint.split("'")[1])


@pytest.mark.parametrize("name", ["ab", "scorer", "my-app-2", "x" * 32])
def test_a_name_azure_takes_passes(name):
    check_name(name)


@pytest.mark.parametrize(
    ("text", "length"),
    [("90s", 90), ("30m", 1800), ("8h", 28800), ("1h30m", 5400), ("2d", 172800), ("1.5 h", 5400), ("1w", 604800)],
)
def test_durations_are_read(text, length):
    assert parse_duration(text) == timedelta(seconds=length)


@pytest.mark.parametrize("text", ["", "8", "h", "0h", "8 hours or so", "-1h", "11000d", "9999999999d", "9" * 400 + "d"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(UsageFailed):
        parse_duration(text)


def test_a_thousand_calls_cost_their_share_of_a_replica_and_the_requests():
    plan = planned(call_seconds=0.5)
    # 0.000015 USD a second: 1,000 × 0.5 s of it, and 1,000 requests at 0.40 a million
    assert plan.thousand_calls_usd() == pytest.approx(0.0075 + 0.0004)
    assert plan.thousand_calls_usd(10) == pytest.approx(0.00075 + 0.0004)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("inf"), float("nan")])
def test_a_call_takes_some_time(seconds):
    with pytest.raises(UsageFailed, match="a call cannot take"):
        planned(call_seconds=seconds)


def test_prices_that_were_fetched_stand_in_the_plan():
    cheaper = replace(
        price_list("eastus"), rates=tuple(replace(r, price=r.price / 2) for r in price_list("eastus").rates)
    )
    around = replace(AROUND, prices=cheaper)
    assert planned(around).hourly_active_usd == pytest.approx(planned().hourly_active_usd / 2)

"""What an app should ask for: a table of cases, and what holds of any usage."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.model.advice import (
    CPU_HEADROOM,
    LEAST_REQUESTS,
    LEAST_RUNNING_SECONDS,
    MEMORY_HEADROOM,
    STEPS,
    Advice,
    AppSettings,
    Observed,
    decide_advice,
    fitting,
)
from aca_notebook.model.price import price_list
from aca_notebook.model.quantities import GIB

PRICES = price_list("eastus")
DAY = 86400.0
NOW = AppSettings(2.0, 4 * GIB, 0, 10, 10, 300.0)
#: A day in which one replica ran for half of the time, and nothing in it is out of the ordinary.
SEEN = Observed(
    DAY, DAY / 2, DAY / 2, 5000.0, cpu_peak_cores=1.3, cpu_typical_cores=0.4, memory_peak_bytes=3.0 * GIB,
    replicas_peak=1.0,
)  # fmt: skip


def advise(settings: AppSettings = NOW, **seen: Any) -> Advice:
    return decide_advice(settings, replace(SEEN, **seen), PRICES)


def changed(advice: Advice) -> dict[str, str]:
    return {each.name: each.proposed for each in advice.proposals}


def test_what_fits_is_left_alone() -> None:
    advice = advise()
    assert (advice.proposals, advice.refusal, advice.saves) == ((), "", 0.0)
    # Half a month of 2 vCPU and 4 GiB: 2 · 0.000024 + 4 · 0.000003 a second, reckoned by hand.
    assert advice.monthly_now == pytest.approx(0.00006 * 86400 * 365.25 / 12 / 2)


@pytest.mark.parametrize(
    ("settings", "seen", "wanted"),
    [
        (NOW, {"cpu_peak_cores": 0.1, "memory_peak_bytes": 0.3 * GIB}, {"cpu and memory": "0.25 vCPU, 0.5Gi"}),
        (NOW, {"memory_peak_bytes": 5.0 * GIB}, {"cpu and memory": "3.25 vCPU, 6.5Gi"}),
        (replace(NOW, min_replicas=1), {"busy_seconds": DAY / 10}, {"min_replicas": "0"}),
        (NOW, {"busy_seconds": DAY / 10}, {"cooldown": "60 s"}),
        (NOW, {"replicas_peak": 10.0, "at_limit_share": 0.5, "cpu_peak_cores": 1.95},
         {"cpu and memory": "3 vCPU, 6Gi"}),
        (NOW, {"replicas_peak": 4.0, "cpu_peak_cores": 0.6, "memory_peak_bytes": 3.0 * GIB}, {"concurrency": "20"}),
        (replace(NOW, gpu="A100", gpus=1, cpu_cores=24.0, memory_bytes=220 * GIB),
         {"gpu_peak_percent": 20.0, "gpu_memory_peak_bytes": 6.0 * GIB}, {"gpu": "T4"}),
        (replace(NOW, gpu="A100", gpus=1), {"gpu_peak_percent": 20.0, "gpu_memory_peak_bytes": 30.0 * GIB}, {}),
        (replace(NOW, gpu="T4", gpus=1), {"gpu_peak_percent": 0.0, "gpu_memory_peak_bytes": 0.0}, {"gpu": "none"}),
        (replace(NOW, gpu="T4", gpus=1), {"gpu_peak_percent": 0.0, "cpu_peak_cores": 3.5}, {}),
        (replace(NOW, gpu="T4", gpus=1), {"gpu_peak_percent": None}, {}),
        (replace(NOW, dedicated="D4"), {"cpu_peak_cores": 0.1, "memory_peak_bytes": 0.1 * GIB}, {}),
    ],
    ids=["too large", "too little memory", "a minimum nobody uses", "a long wait", "at its limit", "spread thin",
         "an A100 for a T4's work", "an A100's memory", "a GPU nobody uses", "more CPU than without one",
         "nobody measured", "dedicated"],
)  # fmt: skip
def test_advice(settings: AppSettings, seen: dict[str, Any], wanted: dict[str, str]) -> None:
    assert changed(advise(settings, **seen)) == wanted


def test_without_a_minimum_what_waits_is_a_cooldown_after_each_pause() -> None:
    advice = advise(replace(NOW, min_replicas=1), busy_seconds=DAY / 10, pauses=4)
    assert advice.monthly_wanted / advice.monthly_now == pytest.approx((DAY / 10 + 4 * 300.0) / (DAY / 2))


def test_a_smaller_size_says_what_a_month_costs_less() -> None:
    advice = advise(cpu_peak_cores=0.1, memory_peak_bytes=0.3 * GIB)
    assert advice.monthly_wanted == pytest.approx(advice.monthly_now / 8)
    assert advice.saves > 0


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        ({"replica_seconds": 600.0, "busy_seconds": 600.0}, "10 of the 60 minutes"),
        ({"requests": 7.0}, "7 of the 100"),
        ({"cpu_peak_cores": None}, "nobody measured"),
    ],
)  # fmt: skip
def test_too_little_is_refused_with_how_much_it_takes(seen: dict[str, Any], words: str) -> None:
    advice = advise(**seen)
    assert words in advice.refusal
    assert (advice.proposals, advice.wanted) == ((), NOW)


SETTINGS = st.builds(
    AppSettings, cpu_cores=st.sampled_from(STEPS),
    memory_bytes=st.sampled_from(STEPS).map(lambda step: int(step * 2 * GIB)),
    min_replicas=st.integers(0, 3), max_replicas=st.integers(3, 1000), concurrency=st.integers(1, 1000),
    cooldown_seconds=st.floats(1, 3600), gpu=st.sampled_from(["", "T4", "A100"]), gpus=st.just(1),
)  # fmt: skip


@st.composite
def observed(draw: st.DrawFn) -> Observed:
    span = draw(st.floats(3600, 7 * DAY))
    ran = draw(st.floats(0, span * 5))
    size = st.none() | st.floats(0, 6)
    return Observed(
        span, ran, ran * draw(st.floats(0, 1)), draw(st.floats(0, 1e6)), cpu_peak_cores=draw(size),
        memory_peak_bytes=draw(st.none() | st.floats(0, 12 * GIB)),
        gpu_peak_percent=draw(st.none() | st.floats(0, 100)),
        gpu_memory_peak_bytes=draw(st.none() | st.floats(0, 80 * GIB)), replicas_peak=draw(st.floats(0, 50)),
        at_limit_share=draw(st.floats(0, 1)),
    )  # fmt: skip


@given(SETTINGS, observed())
def test_advice_is_never_too_small_for_what_was_seen_and_always_something_azure_takes(
    settings: AppSettings, seen: Observed
) -> None:
    advice = decide_advice(settings, seen, PRICES)
    enough = seen.replica_seconds >= LEAST_RUNNING_SECONDS and seen.requests >= LEAST_REQUESTS
    assert bool(advice.refusal) == (not enough or seen.cpu_peak_cores is None or seen.memory_peak_bytes is None)
    wanted = advice.wanted
    if not wanted.gpu and not settings.gpu:
        assert wanted.cpu_cores in STEPS
        assert wanted.memory_bytes == wanted.cpu_cores * 2 * GIB or wanted.memory_bytes == settings.memory_bytes
    if "cpu and memory" in changed(advice):
        assert wanted.cpu_cores * CPU_HEADROOM >= (seen.cpu_peak_cores or 0.0)
        assert wanted.memory_bytes * MEMORY_HEADROOM >= (seen.memory_peak_bytes or 0.0) - 1
    assert 0 <= wanted.min_replicas <= settings.min_replicas
    assert settings.max_replicas <= wanted.max_replicas <= 1000
    assert 1 <= wanted.concurrency <= 1000
    assert min(advice.monthly_now, advice.monthly_wanted) >= 0
    assert decide_advice(settings, seen, PRICES) == advice


@given(st.floats(0, 5), st.floats(0, 10 * GIB))
def test_the_smallest_pair_that_fits(cpu: float, memory: float) -> None:
    found = fitting(cpu, memory)
    if found is None:
        assert cpu > 4 or memory > 8 * GIB
    else:
        assert found[0] >= cpu
        assert found[1] >= memory
        smaller = found[0] - 0.25
        assert not smaller or smaller < cpu or smaller * 2 * GIB < memory

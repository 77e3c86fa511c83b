"""Scaling decisions for any load: within limits, monotone, settling."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.emulator.scaling.load import WINDOW_SECONDS, Load, LoadWindow, ReplicaUsage
from aca_notebook.emulator.scaling.rules import (
    SCALE_DOWN_WINDOW_SECONDS,
    Scale,
    ScaleRule,
    ScalingState,
    decide_replicas,
    replicas_by_utilisation,
)

RULES = st.lists(
    st.builds(
        ScaleRule, st.just("r"), st.sampled_from(["http", "tcp", "cpu", "memory", "azure-queue"]), st.floats(1, 100)
    ),
    max_size=3,
).map(tuple)
SCALES = st.tuples(st.integers(0, 20), st.integers(1, 40), st.floats(0, 600), RULES).map(
    lambda t: Scale(t[0], max(t[:2]), t[2], rules=t[3])
)
PERCENTS = st.lists(st.floats(0, 1000), max_size=12).map(tuple)
LOADS = st.builds(Load, st.floats(0, 5000), st.integers(0, 500), PERCENTS, PERCENTS)
REQUESTS = st.builds(Load, st.floats(0, 5000), st.integers(0, 500))
HTTP = Scale(0, 100, 300.0, rules=(ScaleRule("http", "http", 10.0),))


def steady(scale: Scale) -> bool:
    return any(rule.kind in {"cpu", "memory"} for rule in scale.rules)


@given(SCALES, st.lists(st.tuples(LOADS, st.floats(0, 400)), max_size=20))
def test_replicas_stay_within_the_limits_whatever_happens(scale, story):
    state, now = ScalingState(scale.min_replicas, 0.0), 0.0
    for load, seconds in story:
        now += seconds
        decision = decide_replicas(scale, load, state, now)
        state = decision.state
        assert decision.replicas == state.replicas
        assert scale.min_replicas <= decision.replicas <= max(1, scale.max_replicas)
        if steady(scale) or load.active:
            assert decision.replicas >= 1
        assert decision.look_again_seconds >= 0


@given(SCALES, LOADS, st.integers(0, 40), st.floats(0, 100))
def test_more_requests_never_mean_fewer_replicas(scale, load, replicas, more):
    state = ScalingState(replicas, 0.0)
    heavier = Load(load.requests_per_second + more, load.in_flight + int(more), load.cpu_percents, load.memory_percents)
    assert (
        decide_replicas(scale, heavier, state, 1000.0).replicas >= decide_replicas(scale, load, state, 1000.0).replicas
    )


@given(SCALES, REQUESTS.filter(lambda load: load.active))
def test_a_constant_load_settles_in_a_logarithmic_number_of_steps(scale, load):
    state, now, steps = ScalingState(0, 0.0), 0.0, 0
    limit = math.ceil(math.log2(max(scale.max_replicas, 2))) + 2
    while (decision := decide_replicas(scale, load, state, now)).replicas != state.replicas:
        state, now, steps = decision.state, now + 15.0, steps + 1
        assert steps <= limit
    for _ in range(30):  # and stays there
        now += 15.0
        decision = decide_replicas(scale, load, state, now)
        assert decision.replicas == state.replicas
        state = decision.state


@given(st.floats(1, 1000))
def test_nothing_goes_to_zero_before_the_cooldown_and_everything_after(cooldown):
    scale = Scale(0, 10, cooldown, rules=HTTP.rules)
    state = decide_replicas(scale, Load(1.0, 0), ScalingState(0, 0.0), 0.0).state
    assert decide_replicas(scale, Load(), state, cooldown * 0.999).replicas == 1
    assert decide_replicas(scale, Load(), state, cooldown).replicas == 0


@given(st.integers(2, 50))
def test_scaling_in_waits_for_the_window(replicas):
    state = ScalingState(replicas, 0.0, recommendations=((0.0, replicas),))
    light = Load(1.0, 1)
    assert decide_replicas(HTTP, light, state, SCALE_DOWN_WINDOW_SECONDS - 1).replicas == replicas
    assert decide_replicas(HTTP, light, state, SCALE_DOWN_WINDOW_SECONDS).replicas == 1


CPU = Scale(0, 10, 30.0, rules=(ScaleRule("cpu", "cpu", 50.0),))


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=20), st.floats(1, 200))
def test_utilisation_of_all_replicas_is_the_mean_over_the_target_unless_that_is_near(used, target):
    ratio = sum(used) / len(used) / target
    wanted = replicas_by_utilisation(used, target, len(used))
    if abs(ratio - 1) <= 0.09:
        assert wanted == len(used)
    elif abs(ratio - 1) > 0.11:
        assert abs(wanted - ratio * len(used)) <= 1.001


@given(PERCENTS, st.floats(1, 200), st.integers(0, 20), st.floats(0, 500))
def test_more_use_never_asks_for_fewer(used, target, replicas, more):
    heavier = tuple(percent + more for percent in used)
    assert replicas_by_utilisation(heavier, target, replicas) >= replicas_by_utilisation(used, target, replicas)


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=10), st.floats(1, 200), st.integers(1, 10))
def test_replicas_without_a_sample_only_dampen_a_change(used, target, unsampled):
    count = len(used)
    known = replicas_by_utilisation(used, target, count)
    damped = replicas_by_utilisation(used, target, count + unsampled)
    if known >= count:
        assert count <= damped <= max(known, count + unsampled)
    else:
        assert known <= damped <= count + unsampled


@given(st.floats(1, 400))
def test_cpu_that_is_spread_over_more_replicas_settles(total):
    state, now, seen = ScalingState(1, 0.0), 0.0, []
    for _ in range(20):
        decision = decide_replicas(CPU, Load(cpu_percents=(total / state.replicas,) * state.replicas), state, now)
        state, now = decision.state, now + 15.0
        seen.append(decision.replicas)
    assert len(set(seen[6:])) == 1
    assert total / seen[-1] <= 50.0 * 1.1 + 1e-6 or seen[-1] == CPU.max_replicas


def test_a_cpu_rule_never_reaches_zero_however_long_nothing_happens():
    state = ScalingState(3, 0.0)
    for now in range(0, 4000, 15):
        state = decide_replicas(CPU, Load(cpu_percents=(0.0,) * state.replicas), state, float(now)).state
    assert state.replicas == 1


def test_the_rule_that_asks_for_most_decides():
    scale = Scale(1, 10, rules=(ScaleRule("cpu", "cpu", 50.0), ScaleRule("memory", "memory", 50.0)))
    load = Load(cpu_percents=(100.0, 100.0), memory_percents=(150.0, 150.0))
    assert decide_replicas(scale, load, ScalingState(2, 0.0), 100.0).replicas == 4  # its first step; 6 are asked for


def test_cpu_is_the_mean_of_fifteen_seconds_and_memory_the_last_sample():
    window = LoadWindow()
    for now, cpu, memory in ((0.0, 900.0, 10.0), (20.0, 100.0, 20.0), (30.0, 200.0, 30.0)):
        window.used(ReplicaUsage("app", "rev", "one", cpu, memory), now)
    window.used(ReplicaUsage("app", "rev", "two", 50.0, 5.0), 0.0)
    load = window.measure(31.0)
    assert load.cpu_percents == (150.0,)
    assert load.memory_percents == (30.0,)


def test_steps_up_are_one_four_eight_and_fifteen_seconds_apart():
    heavy, state, seen = Load(1000.0, 1), ScalingState(0, 0.0), []
    for now in range(0, 75, 5):
        decision = decide_replicas(HTTP, heavy, state, float(now))
        state = decision.state
        seen.append(decision.replicas)
    assert seen == [1, 1, 1, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32]


def test_http_load_is_the_requests_of_fifteen_seconds_per_second_per_target():
    window = LoadWindow()
    for _ in range(301):
        window.arrived(100.0)
    load = window.measure(101.0)
    assert load.requests_per_second == 301 / 15
    assert decide_replicas(HTTP, load, ScalingState(1, 0.0), 101.0).replicas == 3


@given(st.lists(st.floats(0, 60), max_size=60))
def test_the_window_counts_what_came_in_the_last_fifteen_seconds(moments):
    window = LoadWindow()
    for moment in sorted(moments):
        window.arrived(moment)
    naive = sum(int(moment) > 60 - WINDOW_SECONDS for moment in moments)
    assert window.measure(60.0).requests_per_second == naive / WINDOW_SECONDS
    assert window.in_flight == len(moments)

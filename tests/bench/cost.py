"""What it takes to turn a million samples of replicas into money, against the same sums written out in numpy."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from aca_notebook.api.costing import Metered, fold, table, terms
from aca_notebook.model.price import ReplicaSize, price_list
from tests.bench.figures import Figure

if TYPE_CHECKING:
    from pathlib import Path

SAMPLES = 1_000_000
REVISIONS = 100
MINUTE = 60
PRICES = price_list("eastus")


def cost_fold(home: Path, rounds: int = 7) -> list[Figure]:
    """The fold alone, then the fold and its table."""
    del home
    metered, taken, now = _samples()
    agreed = terms(metered, PRICES)
    rates = _rates(metered)
    found = fold(taken, agreed, MINUTE, now)
    assert np.isclose(found["total_money"].sum(), _plainly(taken, rates, now).sum())
    pairs = [
        (_seconds(lambda: fold(taken, agreed, MINUTE, now)), _seconds(lambda: _plainly(taken, rates, now)))
        for _ in range(rounds)
    ]
    ours, theirs = zip(*pairs, strict=True)
    whole = tuple(_seconds(lambda: table(fold(taken, agreed, MINUTE, now), agreed, "USD")) for _ in range(rounds))
    return [
        Figure("cost of 1,000,000 samples, by meter and idle", "s", ours, 2, "numpy by hand, by meter", theirs),
        Figure("cost of 1,000,000 samples, as a sorted table", "s", whole, 5.0),
    ]


def _samples() -> tuple[list[Metered], dict[str, np.ndarray], float]:
    chance = np.random.default_rng(7)
    sizes = [ReplicaSize(0.5, 2**30), ReplicaSize(2, 2**32), ReplicaSize(8, 56 * 2**30, "T4", 1)]
    metered = [
        Metered("app", f"app--{number}", sizes[number % 3], (), min_replicas=number % 2) for number in range(REVISIONS)
    ]
    each = SAMPLES // REVISIONS
    at = np.tile(1.7e9 + MINUTE * np.arange(each), REVISIONS)
    taken = {
        "place": np.repeat(np.arange(REVISIONS), each), "at": at,
        "replicas": chance.choice([0.0, 0.4, 1.0, 3.0], SAMPLES), "requests": chance.choice([0.0, 0.0, 12.0], SAMPLES),
        "cores": chance.choice([0.001, 0.3, np.nan], SAMPLES), "bytes_a_second": chance.choice([20.0, 9e4], SAMPLES),
    }  # fmt: skip
    return metered, taken, float(at.max()) + MINUTE / 2


def _rates(metered: list[Metered]) -> dict[str, np.ndarray]:
    def column(read) -> np.ndarray:
        return np.array([read(one.size) for one in metered], dtype=float)

    return {
        "vcpu": column(lambda size: size.cpu_cores * 0.000024), "vcpu_idle": column(lambda size: size.cpu_cores * 3e-6),
        "gib": column(lambda size: size.memory_bytes / 2**30 * 0.000003),
        "gpu": column(lambda size: size.gpus * 0.000073),
        "least": np.array([0.0 if one.size.gpu else float(one.min_replicas) for one in metered]),
    }  # fmt: skip


def _plainly(taken: dict[str, np.ndarray], rates: dict[str, np.ndarray], now: float) -> np.ndarray:
    """What a person would write: a line for each meter."""
    place, replicas, requests = taken["place"], taken["replicas"], taken["requests"]
    seconds = replicas * np.minimum(MINUTE, np.maximum(0.0, now - taken["at"]))
    least = rates["least"][place]
    idle = (least > 0) & (replicas > 0) & (replicas <= least) & (requests == 0)
    idle &= (taken["cores"] < 0.01) & (taken["bytes_a_second"] < 1000)
    vcpu = seconds * np.where(idle, rates["vcpu_idle"][place], rates["vcpu"][place])
    memory = seconds * rates["gib"][place]
    gpu = seconds * rates["gpu"][place]
    asked = requests * 0.4e-6
    return vcpu + memory + gpu + asked


def _seconds(act) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started

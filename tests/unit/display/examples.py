"""Values that the tests of this folder draw."""

from __future__ import annotations

from datetime import UTC, date, datetime

from aca_notebook.model.app import AppState, Tags
from aca_notebook.model.deploy import DeployPlan, DeployProgress, DeployState, Phase, PhaseName, PhaseState, Shipped
from aca_notebook.model.ids import ResourceId

EXPIRY = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
HOSTILE = "<img src=x onerror=alert(1)>\"'&"
URL = "https://127.0.0.1:8401"


def app_id(name: str = "scorer") -> ResourceId:
    return ResourceId("0000", "local", "Microsoft.App", ("containerApps",), (name,))


def state(name: str = "scorer", **changes) -> AppState:
    told = {
        "id": app_id(name), "location": "eastus", "url": URL, "environment": "local",
        "provisioning_state": "Succeeded", "running_status": "Running", "running_state": "ScaledToZero",
        "latest_revision": f"{name}--0000001", "gpu": "T4", "gpus": 1, "cpu_cores": 8.0, "memory_bytes": 56 * 2**30,
        "max_replicas": 3, "replicas": 0, "tags": Tags(expires_at=EXPIRY, functions=("score", "explain")),
    }  # fmt: skip
    return AppState(**(told | changes))


def plan(**changes) -> DeployPlan:
    told = {
        "app": "scorer", "target": "local", "resource_group": "local", "environment": "local", "location": "eastus",
        "python": "3.11", "entry": "score", "functions": ("score",), "max_replicas": 3, "gpu": "T4", "gpus": 1,
        "cpu_cores": 8.0, "memory_bytes": 56 * 2**30, "workload_profile": "Consumption-GPU-NC8as-T4",
        "ships": (Shipped("cell.py", "code", 512), Shipped("SCALE", "data", 8, "float")),
        "hourly_active_usd": 1.56, "expires_at": EXPIRY, "price_region": "eastus", "price_as_of": date(2026, 8, 1),
    }  # fmt: skip
    return DeployPlan(**(told | changes))


def progress(outcome: DeployState = DeployState.SUCCEEDED, **changes) -> DeployProgress:
    spent = (0.02, 0.01, 0.30, 0.0, 0.40, 0.02, 0.03, 0.05, 0.14, 0.01)
    phases = tuple(
        Phase(name, PhaseState.DONE, seconds, "")
        for name, seconds in zip(PhaseName, spent, strict=True)
    )  # fmt: skip
    told = {"plan": plan(), "phases": phases, "state": outcome, "url": URL, "revision": "scorer--0000001"}
    return DeployProgress(**(told | changes))

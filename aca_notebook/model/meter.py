"""What Azure Container Apps counts to charge for: its meters, as the Retail Prices API names them (facts §10.3)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Meter:
    """One meter. `name`, `sku` and `unit` are Azure's; a price is for `per` of what `counts` says.

    `part` is what a person calls it: `vcpu`, `memory`, `gpu`, `requests`, `plan` or `sessions`. `idle` marks the rate
    of replicas that wait at their minimum (facts §10.5).
    """

    name: str
    sku: str
    unit: str
    counts: str
    label: str
    part: str
    per: float = 1.0
    idle: bool = False


VCPU_ACTIVE = Meter("Standard vCPU Active Usage", "Standard", "1 Second", "vCPU-seconds", "vCPU", "vcpu")
VCPU_IDLE = Meter("Standard vCPU Idle Usage", "Standard", "1 Second", "vCPU-seconds", "vCPU idle", "vcpu", idle=True)
MEMORY_ACTIVE = Meter("Standard Memory Active Usage", "Standard", "1 GiB Second", "GiB-seconds", "memory", "memory")
MEMORY_IDLE = Meter(
    "Standard Memory Idle Usage", "Standard", "1 GiB Second", "GiB-seconds", "memory idle", "memory", idle=True
)
REQUESTS = Meter("Standard Requests", "Standard", "1M", "requests", "requests", "requests", per=1e6)
#: On top of the vCPU and memory of the replica, always at this rate: a GPU has no idle rate and no free grant.
GPU_T4 = Meter("Standard NC T4 v3 GPU Usage", "Standard", "1 Second", "GPU-seconds", "T4", "gpu")
GPU_A100 = Meter("Standard NC A100 v4 GPU Usage", "Standard", "1 Second", "GPU-seconds", "A100", "gpu")
#: Once an environment that uses dedicated profiles, however many apps it has.
PLAN_MANAGEMENT = Meter("Dedicated Plan Management", "Dedicated", "1 Hour", "hours", "plan management", "plan")
DEDICATED_VCPU = Meter("Dedicated vCPU Usage", "Dedicated", "1 Hour", "vCPU-hours", "dedicated vCPU", "vcpu")
DEDICATED_MEMORY = Meter("Dedicated Memory Usage", "Dedicated", "1 Hour", "GiB-hours", "dedicated memory", "memory")
DEDICATED_GPU = Meter("Dedicated GPU Usage", "Dedicated", "1 Hour", "GPU-hours", "dedicated GPU", "gpu")
#: Code interpreter pools; custom pools are charged as dedicated nodes (facts §10.5). Its sku is unconfirmed.
SESSIONS = Meter("Dynamic Sessions", "Dynamic Sessions", "1 Hour", "session-hours", "sessions", "sessions")
#: Azure Arc.
HYBRID_VCPU = Meter("Hybrid vCPU Usage", "Hybrid", "1 Hour", "vCPU-hours", "hybrid vCPU", "vcpu")

METERS: tuple[Meter, ...] = (
    VCPU_ACTIVE, VCPU_IDLE, MEMORY_ACTIVE, MEMORY_IDLE, REQUESTS, GPU_T4, GPU_A100, PLAN_MANAGEMENT, DEDICATED_VCPU,
    DEDICATED_MEMORY, DEDICATED_GPU, SESSIONS, HYBRID_VCPU,
)  # fmt: skip

#: The meter of a serverless GPU, by the name a person writes after `--gpu`.
GPU_METERS: dict[str, Meter] = {"T4": GPU_T4, "A100": GPU_A100}

#: What a subscription gets free each calendar month on the consumption plan (facts §10.5), by what is counted.
#: Active and idle seconds draw on the same grant; GPU meters and dedicated profiles have none.
FREE_A_MONTH: dict[str, float] = {"vCPU-seconds": 180_000.0, "GiB-seconds": 360_000.0, "requests": 2_000_000.0}


def find_meter(name: str) -> Meter | None:
    """Return the meter that Azure calls `name`, in any case, or None for one that is not of replicas or sessions."""
    folded = name.strip().lower()
    return next((meter for meter in METERS if meter.name.lower() == folded), None)

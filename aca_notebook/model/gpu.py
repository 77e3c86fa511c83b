"""Workload profiles: how Azure Container Apps sells cores, memory and GPUs.

There is no GPU field on a container. A GPU is had by naming a workload profile of the environment whose type carries
one (azure-facts §2.3-2.4: recorded lists of northeurope and the serverless T4 recording).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WorkloadProfileType:
    """One entry of Azure's catalogue; `cores` and `memory_gib` are a replica's limit, or a node's if dedicated."""

    name: str
    category: str
    cores: int
    memory_gib: int
    gpus: int = 0
    gpu_model: str = ""
    display_name: str = ""

    @property
    def serverless(self) -> bool:
        """Whether replicas are billed by the second rather than nodes by the hour."""
        return self.name.startswith("Consumption")

    @property
    def gpu_memory_gib(self) -> int:
        """Memory of one GPU: 16 for a T4, 80 for an A100, 0 without one."""
        return {"T4": 16, "A100": 80}.get(self.gpu_model, 0)


def _general(n: int) -> WorkloadProfileType:
    return WorkloadProfileType(f"D{n}", "GeneralPurpose", n, 4 * n, display_name=f"Dedicated-D{n}")


def _memory(n: int) -> WorkloadProfileType:
    return WorkloadProfileType(f"E{n}", "MemoryOptimized", n, 8 * n, display_name=f"Dedicated-E{n}")


def _a100(cores: int, memory_gib: int, gpus: int) -> WorkloadProfileType:
    name = f"NC{cores}-A100"
    return WorkloadProfileType(name, "GPU-NC-A100", cores, memory_gib, gpus, "A100", f"Dedicated-{name}")


CONSUMPTION = WorkloadProfileType("Consumption", "Consumption", 4, 8, display_name="Consumption")
SERVERLESS_T4 = WorkloadProfileType(
    "Consumption-GPU-NC8as-T4", "Consumption-GPU-T4", 8, 56, 1, "T4", "Consumption-GPU-NC8as-T4"
)
SERVERLESS_A100 = WorkloadProfileType(
    "Consumption-GPU-NC24-A100",
    "Consumption-GPU-A100",
    24,
    220,
    1,
    "A100",
    "Consumption-GPU-NC24-A100",
)

CATALOGUE: tuple[WorkloadProfileType, ...] = (
    CONSUMPTION,
    SERVERLESS_T4,
    SERVERLESS_A100,
    *(_general(n) for n in (4, 8, 16, 32)),
    *(_memory(n) for n in (4, 8, 16, 32)),
    _a100(24, 220, 1),
    _a100(48, 440, 2),
    _a100(96, 880, 4),
)

#: What a person writes after `--gpu`, and the serverless profile type it stands for.
GPU_NAMES: dict[str, WorkloadProfileType] = {"T4": SERVERLESS_T4, "A100": SERVERLESS_A100}


#: What a platform without the device says of a replica that asked for one. Azure never has to.
CPU_NOTE = "This machine has no NVIDIA device: the replica runs on the CPU."


def cpu_note(details: str) -> str:
    """Return what a replica's details, or a line of the system log, say of running without the GPU; else nothing."""
    return CPU_NOTE if CPU_NOTE in details else ""


def find_profile_type(name: str) -> WorkloadProfileType | None:
    """Return the catalogue entry spelt `name` in any case (`az` upper-cases it), or None."""
    folded = name.lower()
    return next((entry for entry in CATALOGUE if entry.name.lower() == folded), None)


def gpu_profile_type(gpu: str) -> WorkloadProfileType:
    """Return the serverless profile type for `T4` or `A100`, in any case and with the maker's name (`nvidia-a100`).

    Raises `ValueError` that lists those that exist.
    """
    entry = GPU_NAMES.get(gpu.upper().removeprefix("NVIDIA-").removeprefix("TESLA-"))
    if entry is None:
        raise ValueError(f"there is no GPU {gpu!r} in Azure Container Apps; choose {' or '.join(GPU_NAMES)}")
    return entry


def profile_name(entry: WorkloadProfileType) -> str:
    """Return the short name we give a profile in an environment.

    Short on purpose: the type's own name is refused with WorkloadProfileInvalidNameTooLong (facts §2.4).
    """
    if entry is CONSUMPTION:
        return "Consumption"
    return f"gpu-{entry.gpu_model.lower()}" if entry.serverless else entry.name.lower()

"""Which workload profile an app runs on, from the ways people name one. Pure."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aca_notebook.errors import UsageFailed
from aca_notebook.model.gpu import (
    CATALOGUE,
    CONSUMPTION,
    GPU_NAMES,
    WorkloadProfileType,
    find_profile_type,
    gpu_profile_type,
    profile_name,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_notebook.model.hosting import Hosting


@dataclass(frozen=True, slots=True)
class Place:
    """A profile by its name in the environment; `added` when it has to be made first. `notes` say what was meant."""

    profile: WorkloadProfileType
    name: str
    added: bool = False
    notes: tuple[str, ...] = ()


def placed(gpu: str, gpu_count: int, hosting: Hosting, profiles: Mapping[str, WorkloadProfileType]) -> Place:
    """Return where an app runs: by profile name, by profile type, by GPU, or on the consumption profile.

    Raises `UsageFailed` for a GPU, a number of them, a profile or a type that there is not, and for two that differ.
    """
    wanted = _by_gpu(gpu, gpu_count)
    if hosting.workload_profile_type:
        wanted = _agreeing(_by_type(hosting.workload_profile_type), wanted, hosting.workload_profile_type)
    if hosting.workload_profile:
        name, there = _by_name(hosting.workload_profile, profiles)
        return Place(_agreeing(there, wanted, hosting.workload_profile), name)
    found = wanted or CONSUMPTION
    name, missing = _name_of(found, profiles)
    notes = (_meant(gpu, name, found),) if gpu_count else ()
    return Place(found, name, missing, notes)


def _by_gpu(gpu: str, count: int) -> WorkloadProfileType | None:
    if not gpu:
        if count:
            raise UsageFailed("a number of GPUs says not which", code="UnknownGpu", hint="add --gpu T4 or --gpu A100")
        return None
    try:
        found = gpu_profile_type(gpu)
    except ValueError as unknown:
        raise UsageFailed(
            str(unknown), code="UnknownGpu", hint=f"write --gpu {' or --gpu '.join(GPU_NAMES)}"
        ) from unknown
    if count <= 1:
        return found
    dedicated = [each.name for each in CATALOGUE if each.gpus == count and each.gpu_model == found.gpu_model]
    larger = f"; {count} of them are on the dedicated profile type {dedicated[0]}" if dedicated else ""
    raise UsageFailed(
        f"a serverless replica has one {found.gpu_model}, not {count}", code="GpuCountUnavailable",
        detail=f"{found.name} is {found.cores} cores, {found.memory_gib}Gi and one {found.gpu_model}{larger}",
        hint=f"--workload-profile-type {dedicated[0]}, or more replicas: --gpu {found.gpu_model} --max-replicas {count}"
        if dedicated else f"more replicas instead: --gpu {found.gpu_model} --max-replicas {count}",
    )  # fmt: skip


def _by_type(name: str) -> WorkloadProfileType:
    found = find_profile_type(name)
    if found is not None:
        return found
    model = next((model for model in GPU_NAMES if model.lower() in name.lower()), "")
    alike = [each.name for each in CATALOGUE if model and each.gpu_model == model] or difflib.get_close_matches(
        name, [each.name for each in CATALOGUE], cutoff=0.3
    )
    raise UsageFailed(
        f"there is no workload profile type {name!r}", code="WorkloadProfileTypeNotFound",
        detail=f"there are {', '.join(alike)}" if alike else "`%aca gpu` lists those with a GPU",
        hint=f"--workload-profile-type {alike[0]}" if alike else "%aca gpu",
    )  # fmt: skip


def _by_name(name: str, profiles: Mapping[str, WorkloadProfileType]) -> tuple[str, WorkloadProfileType]:
    for known, profile in profiles.items():
        if known.lower() == name.lower():
            return known, profile
    raise UsageFailed(
        f"the environment has no workload profile {name!r}", code="WorkloadProfileNotFound",
        detail=f"it has {', '.join(profiles) or 'none'}",
        hint="name one of those, or let deploy add a GPU's: --gpu T4",
    )  # fmt: skip


def _agreeing(found: WorkloadProfileType, wanted: WorkloadProfileType | None, called: str) -> WorkloadProfileType:
    if wanted is not None and wanted.gpu_model != found.gpu_model:
        raise UsageFailed(
            f"{called!r} has {'the GPU ' + found.gpu_model if found.gpus else 'no GPU'}, not {wanted.gpu_model}",
            code="WorkloadProfileMismatch", hint="leave one of the two out",
        )  # fmt: skip
    return found


def _name_of(wanted: WorkloadProfileType, profiles: Mapping[str, WorkloadProfileType]) -> tuple[str, bool]:
    """The name the environment knows the profile by, or ours and True when it must be added first."""
    for name, present in profiles.items():
        if present == wanted:
            return name, False
    if not wanted.serverless:
        raise UsageFailed(
            f"the environment has no profile of the dedicated type {wanted.name}, whose nodes cost by the hour",
            code="WorkloadProfileNotFound", detail=f"it has {', '.join(profiles) or 'none'}",
            hint=f"az containerapp env workload-profile add --workload-profile-type {wanted.name} "
                 f"--workload-profile-name {profile_name(wanted)} --min-nodes 1 --max-nodes 1",
        )  # fmt: skip
    return profile_name(wanted), wanted is not CONSUMPTION


def _meant(gpu: str, name: str, profile: WorkloadProfileType) -> str:
    return (
        f"GPU {gpu} is workload profile {name!r} of type {profile.name}: Azure knows no --gpu-type and no --gpu-count"
    )

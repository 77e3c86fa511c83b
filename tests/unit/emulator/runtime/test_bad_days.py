"""Replicas on a bad day: no GPU in the region, an image that cannot be pulled, probes that fail."""

from __future__ import annotations

import pytest

from aca_notebook.model.states import ContainerRunningState
from tests.unit.emulator.runtime.world import FIRST, KEY, app, revision, world

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("devices", [0, 1])
async def test_a_region_without_gpus_keeps_a_replica_assigning_until_it_has_some(tmp_path, devices):
    async with world(tmp_path, gpus=devices) as w:
        await w.faults.add("stuck-gpu")
        await w.controller.declare(app(revision(low=1, gpus=1, gpu_model="T4")))
        await w.until(lambda: len(w.replicas()) == 1)
        assert not w.replicas()[0].assigned
        assert w.replicas()[0].details == "AssigningReplica: WorkLoad Profile Full"
        assert w.spawn.alive == []
        await w.faults.clear()
        await w.until(lambda: w.ready() == 1)


async def test_only_apps_with_a_gpu_that_the_fault_names_are_kept_waiting(tmp_path):
    async with world(tmp_path) as w:
        await w.faults.add("stuck-gpu on=containerApps/other")
        await w.controller.declare(app(revision(low=1, gpus=1, gpu_model="T4")))
        await w.until(lambda: w.ready() == 1)


async def test_a_region_without_gpus_has_room_for_other_replicas(tmp_path):
    async with world(tmp_path) as w:
        await w.faults.add("stuck-gpu")
        await w.controller.declare(app(revision(low=1)))
        await w.until(lambda: w.ready() == 1)


async def test_the_region_has_gpus_again_when_the_faults_time_is_over(tmp_path):
    async with world(tmp_path) as w:
        await w.faults.add("stuck-gpu for=5m")
        await w.controller.declare(app(revision(low=1, gpus=1, gpu_model="T4")))
        await w.until(lambda: len(w.replicas()) == 1)
        await w.clock.advance(300)
        await w.until(lambda: w.ready() == 1)


async def test_an_image_that_cannot_be_pulled_once_is_pulled_again(tmp_path):
    async with world(tmp_path) as w:
        await w.faults.add("image-pull-failure image=hel* count=1")
        await w.controller.declare(app(revision(low=1)))
        assert (await w.controller.revision_outcome(KEY, FIRST)).ready
        assert w.faults.posted() == []


async def test_an_image_that_cannot_be_pulled_at_all_fails_the_revision_in_the_registrys_words(tmp_path):
    async with world(tmp_path) as w:
        await w.faults.add("image-pull-failure")
        await w.controller.declare(app(revision(low=1)))
        outcome = await w.controller.revision_outcome(KEY, FIRST)
        assert (outcome.ready, outcome.reason) == (False, "ImagePullFailed")
        assert "unexpected status: 401 Unauthorized" in outcome.message


async def test_a_replica_whose_startup_probe_fails_is_not_ready_until_it_passes(tmp_path):
    async with world(tmp_path) as w:
        await w.faults.add("probe-failure")
        await w.controller.declare(app(revision(low=1)))
        await w.until(lambda: w.replicas() and w.faults.posted()[0].struck > 0)
        (container,) = w.replicas()[0].containers.values()
        assert container.state is ContainerRunningState.RUNNING
        assert not container.ready
        await w.faults.clear()
        await w.clock.advance(2)
        await w.until(lambda: w.ready() == 1)

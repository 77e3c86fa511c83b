"""The controller over fakes: real journal, no process."""

from __future__ import annotations

import asyncio
import dataclasses
import sqlite3

import pytest

from aca_notebook.emulator.journal import events
from aca_notebook.emulator.runtime.desired import Container, Scale, ScaleRule
from aca_notebook.emulator.scaling.load import ReplicaUsage
from tests.fakes.spawn import Behaviour
from tests.unit.emulator.runtime.world import FIRST, KEY, app, container, revision, world

pytestmark = pytest.mark.anyio


async def test_a_new_revision_proves_itself_with_one_replica(tmp_path):
    async with world(tmp_path) as w:
        await w.controller.declare(app())
        outcome = await w.controller.revision_outcome(KEY, FIRST)
        assert outcome.ready
        assert w.ready() == 1


async def test_a_proved_revision_goes_to_zero_after_the_cooldown_and_not_before(tmp_path):
    async with world(tmp_path) as w:
        await w.controller.declare(app())
        await w.controller.revision_outcome(KEY, FIRST)
        await w.clock.advance(299)
        assert w.ready() == 1
        await w.clock.advance(2)
        await w.until(lambda: not w.spawn.alive)
        assert w.replicas() == []


async def test_a_request_wakes_a_revision_that_is_at_zero(tmp_path):
    async with world(tmp_path) as w:
        await w.controller.declare(app())
        await w.controller.revision_outcome(KEY, FIRST)
        await w.clock.advance(301)
        await w.until(lambda: not list(w.app.replicas))
        w.controller.request_arrived(KEY, FIRST)
        await w.until(lambda: w.ready() == 1)


async def test_a_minimum_is_kept_without_any_request(tmp_path):
    async with world(tmp_path) as w:
        await w.controller.declare(app(revision(low=2)))
        await w.until(lambda: w.ready() == 2)
        await w.clock.advance(1000)
        assert w.ready() == 2


async def test_load_adds_replicas_and_its_end_removes_them_after_the_window(tmp_path):
    async with world(tmp_path) as w:
        await w.controller.declare(app(revision(low=1, high=3)))
        await w.until(lambda: w.ready() == 1)
        await w.clock.advance(10)
        for _ in range(450):  # 30 a second over 15 seconds: three replicas at ten each
            w.controller.request_arrived(KEY, FIRST)
            w.controller.request_finished(KEY, FIRST)
        await w.clock.advance(5)
        await w.until(lambda: w.ready() == 3)
        await w.clock.advance(400)
        await w.until(lambda: w.ready() == 1)


async def test_a_crash_before_it_is_ready_fails_the_revision_after_three_times(tmp_path):
    async with world(tmp_path, behave=lambda _: Behaviour(exit_code=1)) as w:
        await w.controller.declare(app())
        outcome = await w.controller.revision_outcome(KEY, FIRST)
        assert (outcome.ready, outcome.reason) == (False, "ContainerCrashing")
        assert "3 times" in outcome.message
        assert "exit code 1" in outcome.message


async def test_a_failed_revision_backs_off_instead_of_spinning(tmp_path):
    async with world(tmp_path, behave=lambda _: Behaviour(exit_code=1)) as w:
        await w.controller.declare(app())
        await w.controller.revision_outcome(KEY, FIRST)
        await w.clock.advance(5)
        assert len(w.spawn.children) == 3
        await w.clock.advance(16)
        await w.until(lambda: len(w.spawn.children) == 4)


async def test_an_unknown_image_fails_with_the_command_that_adds_it(tmp_path):
    async with world(tmp_path) as w:
        await w.controller.declare(app(revision(image="nobody/knows:1")))
        outcome = await w.controller.revision_outcome(KEY, FIRST)
        assert outcome.reason == "ImagePullFailed"
        assert "emulator image add nobody/knows:1 -- COMMAND" in outcome.message


async def test_an_image_that_is_added_later_makes_the_revision_ready_after_all(tmp_path):
    async with world(tmp_path) as w:
        await w.controller.declare(app(revision(image="late")))
        await w.controller.revision_outcome(KEY, FIRST)
        w.images.known["late"] = ("late",)
        await w.clock.advance(20)
        await w.until(lambda: w.app.revisions[FIRST].ready)
        assert (await w.controller.revision_outcome(KEY, FIRST)).ready


async def test_in_single_mode_the_old_revision_stays_until_the_new_one_is_ready(tmp_path):
    broken = {"new"}
    async with world(tmp_path, behave=lambda launch: Behaviour(listens=launch.argv[0] not in broken)) as w:
        w.images.known["new"] = ("new",)
        await w.controller.declare(app(revision(low=1)))
        await w.controller.revision_outcome(KEY, FIRST)
        new = revision("scorer--0000001", low=1, image="new")
        await w.controller.declare(app(revision(low=1), new))
        await w.until(lambda: any(child.launch.argv == ("new",) for child in w.spawn.alive))
        assert w.ready() == 1
        broken.clear()
        for child in w.spawn.alive:
            if child.launch.argv == ("new",):
                child.crash()
        await w.until(lambda: w.ready("scorer--0000001") == 1)
        await w.until(lambda: not w.replicas(FIRST))


async def test_a_program_that_dies_is_started_again_in_the_same_replica(tmp_path):
    async with world(tmp_path) as w:
        await w.controller.declare(app(revision(low=1)))
        await w.until(lambda: w.ready() == 1)
        (replica,) = w.replicas()
        w.spawn.alive[0].crash()
        await w.until(lambda: len(w.spawn.children) == 2 and w.ready() == 1)
        w.spawn.alive[0].crash()
        await w.until(lambda: w.ready() == 0)
        await w.clock.advance(9)
        assert len(w.spawn.children) == 2
        await w.clock.advance(2)
        await w.until(lambda: w.ready() == 1)
        assert w.replicas()[0].name == replica.name
        assert w.replicas()[0].containers["main"].restart_count == 2


async def test_stopping_an_app_ends_its_replicas_and_starting_it_brings_them_back(tmp_path):
    async with world(tmp_path) as w:
        await w.controller.declare(app(revision(low=1)))
        await w.until(lambda: w.ready() == 1)
        await w.controller.declare(app(revision(low=1), running=False))
        await w.until(lambda: not w.spawn.alive and not w.replicas())
        await w.controller.declare(app(revision(low=1)))
        await w.until(lambda: w.ready() == 1)


async def test_withdrawing_returns_when_nothing_is_left_and_a_namesake_starts_afresh(tmp_path):
    async with world(tmp_path) as w:
        await w.controller.declare(app(revision(low=2)))
        await w.until(lambda: w.ready() == 2)
        await w.controller.withdraw(KEY)
        assert w.spawn.alive == []
        assert w.app.revisions == {}
        await w.controller.declare(app())
        assert (await w.controller.revision_outcome(KEY, FIRST)).ready


async def test_waiting_for_a_revision_ends_when_the_app_is_withdrawn(tmp_path):
    async with world(tmp_path, behave=lambda _: Behaviour(listens=False)) as w:
        await w.controller.declare(app())
        await w.until(lambda: len(w.replicas()) == 1)
        await w.controller.withdraw(KEY)
        assert (await w.controller.revision_outcome(KEY, FIRST)).reason == "Deleted"


async def test_restarting_a_revision_replaces_its_replicas(tmp_path):
    async with world(tmp_path) as w:
        await w.controller.declare(app(revision(low=1)))
        await w.until(lambda: w.ready() == 1)
        before = w.replicas()[0].name
        await w.controller.restart_revision(KEY, FIRST)
        await w.until(lambda: w.ready() == 1 and w.replicas()[0].name != before)


async def test_the_journal_folds_to_what_runs(tmp_path):
    async with world(tmp_path) as w:
        await w.controller.declare(app(revision(low=2)))
        await w.until(lambda: w.ready() == 2)
        w.spawn.alive[0].crash()
        await w.until(lambda: len(w.spawn.children) == 3 and w.ready() == 2)
        assert (await w.journal())[KEY] == w.app


async def test_a_container_is_in_the_journal_before_its_program_runs(tmp_path):
    seen = []
    async with world(tmp_path) as w:
        started = w.spawn.spawn

        class Watching:
            pid, start_ticks = 1, 1

            def __init__(self, child):
                self.child = child

            async def go(self):
                seen.extend(type(event) for _, event in w.database.events())
                return await self.child.go()

            async def exited(self):
                return await self.child.exited()

            def stop(self, grace_seconds):
                self.child.stop(grace_seconds)

        async def spawn(launch):
            return Watching(await started(launch))

        w.spawn.spawn = spawn
        await w.controller.declare(app())
        await w.controller.revision_outcome(KEY, FIRST)
    assert events.ContainerCreated in seen
    assert events.ContainerStarted not in seen


async def test_an_emulator_that_died_leaves_marks_that_the_next_one_reaps(tmp_path):
    async with world(tmp_path) as w:
        await w.controller.declare(app(revision(low=1)))
        await w.until(lambda: w.ready() == 1)
        mark = w.replicas()[0].containers["main"].mark
        await w.controller._recorder.durable()
        (tmp_path / "second").mkdir()
        w.database._connection.execute("VACUUM INTO ?", (str(tmp_path / "second" / "state.db"),))
    async with world(tmp_path / "second") as w:
        assert [left.mark for left in w.spawn.reaped] == [mark]
        assert w.replicas() == []
        await w.controller.declare(app(revision(low=1)))
        await w.until(lambda: w.ready() == 1)


async def test_a_revision_the_app_no_longer_has_is_forgotten_when_nothing_of_it_runs(tmp_path):
    async with world(tmp_path) as w:
        old, new = revision(low=1), revision("scorer--new")
        await w.controller.declare(app(old))
        await w.until(lambda: w.ready() == 1)
        await w.controller.declare(app(new))
        await w.until(lambda: list(w.app.revisions) == ["scorer--new"] and w.ready("scorer--new") == 1)
        assert (await w.journal())[KEY] == w.app


async def test_one_gpu_serves_one_replica_and_the_next_waits_for_it(tmp_path):
    async with world(tmp_path, gpus=1) as w:
        await w.controller.declare(app(revision(low=2, gpus=1, gpu_model="T4")))
        await w.until(lambda: w.ready() == 1)
        assigned, waiting = sorted(w.replicas(), key=lambda each: not each.assigned)
        assert assigned.gpus == ("GPU-00000000",)
        assert not waiting.assigned
        assert "No GPU is free" in waiting.details
        w.controller._replicas.end(w.controller._apps[KEY], assigned, "Restarted", 0)
        await w.until(lambda: any(r.name == waiting.name and r.assigned for r in w.replicas()))


async def test_without_a_device_a_gpu_replica_runs_on_the_cpu_and_says_so(tmp_path):
    async with world(tmp_path) as w:
        await w.controller.declare(app(revision(low=1, gpus=1, gpu_model="T4")))
        await w.until(lambda: w.ready() == 1)
        assert "runs on the CPU" in w.replicas()[0].details
        assert w.spawn.alive[0].launch.environment["CUDA_VISIBLE_DEVICES"] == ""


async def test_a_container_gets_azures_variables_its_own_and_nothing_of_the_emulators(tmp_path, monkeypatch):
    monkeypatch.setenv("CANARY_OF_THE_EMULATOR", "leaked")
    async with world(tmp_path) as w:
        w.secrets.values["key"] = "s3cret"
        own = container(env=(("A", "1"),), secret_env=(("B", "key"),))
        await w.controller.declare(app(revision(containers=(own,))))
        await w.controller.revision_outcome(KEY, FIRST)
        environment = w.spawn.alive[0].launch.environment
        assert (environment["A"], environment["B"]) == ("1", "s3cret")
        assert environment["CONTAINER_APP_REVISION"] == FIRST
        assert environment["CONTAINER_APP_HOSTNAME"] == f"{FIRST}.blue.eastus.azurecontainerapps.io"
        assert "CANARY_OF_THE_EMULATOR" not in environment
        assert "s3cret" not in repr(w.spawn.alive[0].launch)


async def test_init_containers_run_to_their_end_before_the_others(tmp_path):
    def behave(launch):
        return Behaviour(exit_code=0) if launch.argv == ("prepare",) else Behaviour()

    async with world(tmp_path, behave=behave) as w:
        w.images.known["prepare"] = ("prepare",)
        first = revision(init_containers=(Container("init", "prepare"),))
        await w.controller.declare(app(first))
        assert (await w.controller.revision_outcome(KEY, FIRST)).ready
        assert [child.launch.argv for child in w.spawn.children] == [("prepare",), ("hello",)]


async def test_activating_and_deactivating_are_in_the_journal_once(tmp_path):
    async with world(tmp_path) as w:
        first, second = revision(), revision("scorer--0000001")
        await w.controller.declare(app(first, second, single=False))
        await w.controller.revision_outcome(KEY, FIRST)
        for _ in range(2):
            await w.controller.declare(app(revision(active=False), second, single=False))
        await w.until(lambda: not w.replicas())
        await w.controller.declare(app(first, second, single=False))
        await w.controller._recorder.durable()
        names = [type(event).__name__ for _, event in w.database.events() if event.revision == FIRST]
        assert names.count("RevisionDeactivated") == names.count("RevisionActivated") == 1


async def test_a_full_disk_keeps_programs_from_starting_and_does_not_keep_them_from_being_withdrawn(tmp_path):
    async with world(tmp_path) as w:
        full = True
        write = w.database.write

        async def refusing(*statements):
            if full:
                raise sqlite3.OperationalError("database or disk is full")
            await write(*statements)

        w.database.write = refusing
        await w.controller.declare(app(revision(low=1)))
        await w.until(lambda: len(w.spawn.children) == 1)
        await w.clock.advance(5)
        assert w.spawn.alive == []
        full = False
        await w.clock.advance(2)
        await w.until(lambda: w.ready() == 1)
        full = True
        await w.controller.restart_revision(KEY, FIRST)
        await w.until(lambda: len(w.spawn.children) == 2)
        await w.controller.declare(app(revision(low=1), running=False))
        await w.until(lambda: not list(w.app.replicas))
        full = False


async def test_a_replicas_scratch_folder_goes_with_it_and_its_log_stays(tmp_path):
    async with world(tmp_path, behave=lambda _: Behaviour(lines=["hello"])) as w:
        await w.controller.declare(app(revision(low=1)))
        await w.until(lambda: w.ready() == 1)
        replica = w.replicas()[0].name
        log = w.controller.log_file(KEY, FIRST, replica, "main")
        assert (log.parent / "scratch").is_dir()
        await w.controller.withdraw(KEY)
        assert not (log.parent / "scratch").exists()
        assert "hello" in log.read_text()


def usage(replica: str, *, cpu: float = 0.0, memory: float = 0.0, held: int = 0) -> ReplicaUsage:
    return ReplicaUsage(KEY, FIRST, replica, cpu, memory, {"main": held})


async def test_a_cpu_rule_adds_replicas_while_they_are_busy_and_takes_them_away_but_the_last(tmp_path):
    busy = dataclasses.replace(revision(), scale=Scale(0, 5, 30.0, rules=(ScaleRule("cpu", "cpu", 50.0),)))
    async with world(tmp_path) as w:
        await w.controller.declare(app(busy))
        await w.until(lambda: w.ready() == 1)
        w.controller.replica_used(usage(w.replicas()[0].name, cpu=100.0))
        await w.clock.advance(15)
        await w.until(lambda: w.ready() == 2)
        for _ in range(30):
            for replica in w.replicas():
                w.controller.replica_used(usage(replica.name, cpu=1.0))
            await w.clock.advance(15)
        await w.until(lambda: len(w.replicas()) == 1)


async def test_a_program_that_holds_more_memory_than_its_container_may_is_killed_and_started_again(tmp_path):
    async with world(tmp_path) as w:
        await w.controller.declare(app(revision(low=1)))
        await w.until(lambda: w.ready() == 1)
        (replica,) = w.replicas()
        w.controller.replica_used(usage(replica.name, held=2**30))
        await asyncio.sleep(0.01)
        assert w.ready() == 1, "the limit itself may be reached"
        w.controller.replica_used(usage(replica.name, held=2**30 + 1))
        await w.until(lambda: replica.containers["main"].restart_count == 1 and w.ready() == 1)
        w.controller.replica_used(usage(replica.name, held=2**30 + 1))
        await w.until(lambda: replica.containers["main"].exit_code == 137)
        found = replica.containers["main"]
        assert found.details == "Container terminated with exit code 137 and reason: OOMKilled."
        assert found.restart_count == 1, "the second time it waits"
        await w.clock.advance(10)
        await w.until(lambda: found.restart_count == 2 and w.ready() == 1)


async def test_a_sample_of_what_has_gone_is_of_no_consequence(tmp_path):
    async with world(tmp_path) as w:
        w.controller.replica_used(usage("gone", held=2**40))
        await w.controller.declare(app(revision()))
        w.controller.replica_used(usage("gone", held=2**40))

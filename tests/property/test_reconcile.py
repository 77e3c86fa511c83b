"""A pretended runtime does what `reconcile` says while apps change, programs crash and time passes, in any order."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from aca_notebook.emulator.journal import events
from aca_notebook.emulator.runtime.desired import App, Container, Ingress, Revision, Scale
from aca_notebook.emulator.runtime.observed import ObservedApp, fold
from aca_notebook.emulator.runtime.reconcile import (
    AssignReplica,
    Circumstances,
    ConcludeFailed,
    ConcludeReady,
    CreateReplica,
    RemoveRevision,
    StartContainer,
    StopReplica,
    live_revisions,
    reconcile,
)
from aca_notebook.emulator.runtime.snapshots import decode_observed, encode_observed
from aca_notebook.model.states import ContainerRunningState

DEVICES = 2
KEY = "key"


class Reconciling(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.app: App | None = None
        self.observed = ObservedApp(KEY)
        self.journal: list[events.Event] = []
        self.busy: set[tuple[str, str]] = set()
        self.numbers = itertools.count()
        self.wanted: dict[str, int] = {}

    def record(self, kind, **fields) -> None:
        event = kind(at=self.now, app=KEY, **fields)
        self.journal.append(event)
        self.observed.apply(event)

    @property
    def leased(self) -> int:
        return sum(len(replica.gpus) for replica in self.observed.replicas)

    def settle(self) -> None:
        """Do what is said until there is nothing more to do; that it ends is itself a claim."""
        for _ in range(60):
            live = live_revisions(self.app, self.observed) if self.app else ()
            wanted = {r.name: min(self.wanted.get(r.name, 1), r.scale.max_replicas) for r in live}
            circumstances = Circumstances(self.now, wanted, self.busy, DEVICES, DEVICES - self.leased, pace=1.0)
            plan = reconcile(self.app, self.observed, circumstances)
            if not plan.actions:
                return
            for action in plan.actions:
                self.perform(action)
        raise AssertionError(f"it never comes to rest: {plan}")

    def perform(self, action) -> None:
        match action:
            case CreateReplica(revision):
                self.assign(revision, f"{revision.name}-{next(self.numbers)}")
            case AssignReplica(revision, replica):
                self.assign(revision, replica)
            case StopReplica(revision, replica, reason, _):
                self.record(events.ReplicaStopped, revision=revision, replica=replica, reason=reason)
                self.busy = {pair for pair in self.busy if pair[0] != replica}
            case StartContainer(revision, replica, container, _):
                assert (replica, container.name) not in self.busy
                self.busy.add((replica, container.name))
                where = {"revision": revision.name, "replica": replica, "container": container.name}
                self.record(events.ContainerCreated, **where, pid=1, start_ticks=1, mark="m", port=21000)
                self.record(events.ContainerStarted, **where)
            case ConcludeReady(revision):
                self.record(events.RevisionReady, revision=revision)
            case ConcludeFailed(revision, reason, message):
                self.record(events.RevisionFailed, revision=revision, reason=reason, message=message)
            case RemoveRevision(revision):
                assert not self.observed.revisions[revision].replicas
                self.record(events.RevisionRemoved, revision=revision)

    def assign(self, revision: Revision, replica: str) -> None:
        where = {"revision": revision.name, "replica": replica}
        free = DEVICES - self.leased
        if revision.gpus > free:
            self.record(events.ReplicaUnassigned, **where, reason="AssigningReplica", message="no GPU")
        else:
            self.record(events.ReplicaAssigned, **where, gpus=tuple(f"g{n}" for n in range(revision.gpus)))

    def running(self):
        return [
            (replica, container)
            for replica in self.observed.replicas
            for container in replica.containers.values()
            if container.state is ContainerRunningState.RUNNING
        ]

    @rule(name=st.sampled_from("abc"), high=st.integers(1, 4), gpus=st.sampled_from([0, 0, 1]), single=st.booleans())
    def put(self, name, high, gpus, single):
        revision = Revision(
            name, (Container("main", "image"), Container("side", "image")), scale=Scale(0, high), gpus=gpus
        )
        kept = tuple(each for each in (self.app.revisions if self.app else ()) if each.name != name)
        self.app = App(
            KEY,
            "app",
            "env",
            running=True,
            revisions=(*kept, revision),
            latest_revision=name,
            ingress=Ingress(),
            single=single,
        )
        if name not in self.observed.revisions:
            self.record(events.RevisionCreated, revision=name)
        self.settle()

    @precondition(lambda self: self.app)
    @rule(name=st.sampled_from("abc"), wanted=st.integers(0, 4))
    def scale(self, name, wanted):
        self.wanted[name] = wanted
        self.settle()

    @precondition(lambda self: self.app)
    @rule(name=st.sampled_from("abc"))
    def prune(self, name):
        app = self.app
        if name != app.latest_revision:
            left = tuple(each for each in app.revisions if each.name != name)
            self.app = App(
                KEY, "app", "env", app.running, left, app.latest_revision, app.ingress, single=app.single
            )  # fmt: skip
            self.settle()
            assert name not in self.observed.revisions

    @precondition(lambda self: self.app)
    @rule(running=st.booleans())
    def stop_or_start(self, running):
        app = self.app
        self.app = App(KEY, "app", "env", running, app.revisions, app.latest_revision, app.ingress, single=app.single)
        self.settle()

    @rule()
    def delete(self):
        self.app = None
        self.settle()
        self.record(events.AppWithdrawn)

    @precondition(lambda self: self.running())
    @rule(data=st.data(), code=st.integers(0, 2))
    def crash(self, data, code):
        replica, container = data.draw(st.sampled_from(self.running()))
        self.busy.discard((replica.name, container.name))
        where = {"revision": replica.revision, "replica": replica.name, "container": container.name}
        self.record(events.ContainerExited, **where, exit_code=code, reason="Error")
        self.settle()

    @precondition(lambda self: self.running())
    @rule(data=st.data())
    def pass_probes(self, data):
        replica, container = data.draw(st.sampled_from(self.running()))
        where = {"revision": replica.revision, "replica": replica.name, "container": container.name}
        self.record(events.ContainerReady, **where)
        self.settle()

    @rule(seconds=st.floats(0, 400))
    def advance(self, seconds):
        self.now += timedelta(seconds=seconds)
        self.settle()

    @invariant()
    def replicas_are_within_the_maximum(self):
        live = {each.name: each for each in live_revisions(self.app, self.observed)} if self.app else {}
        for name, state in self.observed.revisions.items():
            assert len(state.replicas) <= (live[name].scale.max_replicas if name in live else 0)

    @invariant()
    def no_more_devices_are_leased_than_there_are(self):
        assert self.leased <= DEVICES

    @invariant()
    def what_is_gone_has_no_process(self):
        present = {replica.name for replica in self.observed.replicas}
        assert {replica for replica, _ in self.busy} <= present

    @invariant()
    def the_journal_folds_to_what_runs(self):
        assert fold(self.journal).get(KEY, ObservedApp(KEY)) == self.observed

    @invariant()
    def a_snapshot_says_the_same(self):
        assert decode_observed(json.loads(json.dumps(encode_observed(self.observed)))) == self.observed

    @invariant()
    def single_mode_has_at_most_two_revisions(self):
        if self.app and self.app.single:
            assert len(live_revisions(self.app, self.observed)) <= 2


Reconciling.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestReconciling = Reconciling.TestCase

"""An app in a person's hands."""

from __future__ import annotations

import shlex
import shutil
import sys
import webbrowser
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Unpack

from aca_notebook.api import exporting, measures
from aca_notebook.api.calling import Endpoint
from aca_notebook.api.diagnosing import diagnose
from aca_notebook.api.identities import AppIdentities
from aca_notebook.api.lifecycle import set_expiry
from aca_notebook.api.log_query import LogOptions, log_query
from aca_notebook.api.logs import LogStream
from aca_notebook.api.revising import Revising
from aca_notebook.api.secrets import AppSecrets
from aca_notebook.api.twin import blocking
from aca_notebook.api.updating import Changes, update
from aca_notebook.errors import NotFound, UsageFailed
from aca_notebook.model.app import EVERY_PATH
from aca_notebook.model.app_export import exported
from aca_notebook.model.traffic import read_shares

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    import pandas as pd

    from aca_notebook.api.access import Access
    from aca_notebook.api.loop import PrivateLoop
    from aca_notebook.api.runner_gpus import RunnerGpus
    from aca_notebook.api.tracing import CallTrace
    from aca_notebook.api.watching import MetricWatch
    from aca_notebook.api.workspace import Workspace
    from aca_notebook.display.charts import Around
    from aca_notebook.model.app import AppState
    from aca_notebook.model.diagnosis import Finding
    from aca_notebook.model.ids import ResourceId
    from aca_notebook.model.revision import ReplicaState, RevisionState
    from aca_notebook.model.secret import SecretState
    from aca_notebook.model.template_changes import Change
    from aca_notebook.model.traffic import Share

_LINK_SECONDS = 60
_LOOK_SECONDS = 0.5


class App:
    """One container app. `state` is how it was when last read; `refresh()` reads it again.

    Blocking methods have a twin to await: `await app.invoke.aio(9.0)`. Each raises the errors of `aca_notebook.errors`.
    """

    def __init__(self, state: AppState, workspace: Workspace, access: Access) -> None:
        self.state = state
        self.notes: tuple[str, ...] = ()  #: what was meant by the last change, where guides call it otherwise
        self._workspace = workspace
        self._access = access
        self.endpoint = Endpoint(state.name, state.url, access, public=state.tags.public)

    @property
    def name(self) -> str:
        """The app's name."""
        return self.state.name

    @property
    def id(self) -> ResourceId:
        """Its resource id."""
        return self.state.id

    @property
    def url(self) -> str:
        """Where it answers; empty without ingress."""
        return self.state.url

    @property
    def revision(self) -> str:
        """The name of the latest revision."""
        return self.state.latest_revision

    @property
    def functions(self) -> tuple[str, ...]:
        """What it serves, entry first."""
        return self.state.functions

    @property
    def loop(self) -> PrivateLoop:
        """The Workspace's loop."""
        return self._workspace.loop

    @property
    def _loop(self) -> PrivateLoop:
        return self.loop

    @blocking
    async def invoke(self, *arguments: Any, **named: Any) -> Any:
        """Call the entry function and return its answer."""
        return await self.endpoint.call("", arguments, named)

    @blocking
    async def call(self, function: str, *arguments: Any, **named: Any) -> Any:
        """Call a function by name, or a method as `Class/method`."""
        return await self.endpoint.call(function.replace(".", "/"), arguments, named)

    @blocking
    async def refresh(self) -> App:
        """Read the app's state again; returns itself."""
        self.state = await self._workspace.read_state(self.name)
        self.endpoint.url = self.state.url
        return self

    @blocking
    async def wait(self, on_change: Callable[[AppState], None] | None = None) -> App:
        """Return when no write is in progress any more; `on_change` hears each look, on another thread.

        Raises `NotFound` when what was in progress was its end.
        """
        while not self.state.settled:
            if on_change is not None:
                on_change(self.state)
            await self._workspace.clock.sleep(_LOOK_SECONDS)
            try:
                self.state = await self._workspace.read_state(self.name)
            except NotFound as gone:
                raise NotFound(
                    f"app {self.name!r} is gone: what was in progress was its end", code=gone.code,
                    hint="run `%aca ps` to see what is left",
                ) from None  # fmt: skip
        return self

    @blocking
    async def revisions(self) -> tuple[RevisionState, ...]:
        """Every revision, oldest first."""
        return await self._access.ask(lambda services: services.apps.revisions(self.name))

    @blocking
    async def replicas(self, revision: str = "") -> tuple[ReplicaState, ...]:
        """The replicas of a revision, the latest unless one is named."""
        wanted = revision or self.revision
        return await self._access.ask(lambda services: services.apps.replicas(self.name, wanted))

    @blocking
    async def activate_revision(self, revision: str) -> None:
        """Let a revision run."""
        await self._access.ask(lambda services: services.apps.revision_action(self.name, revision, "activate"))

    @blocking
    async def deactivate_revision(self, revision: str) -> None:
        """Stop a revision's replicas."""
        await self._access.ask(lambda services: services.apps.revision_action(self.name, revision, "deactivate"))

    @blocking
    async def restart_revision(self, revision: str = "") -> None:
        """Replace a revision's replicas by new ones: what a changed secret needs."""
        wanted = revision or self.revision
        await self._access.ask(lambda services: services.apps.revision_action(self.name, wanted, "restart"))

    @blocking
    async def set_revision_mode(self, mode: str) -> None:
        """Let one revision be active at a time (`single`), or several (`multiple`)."""
        await self._revising.set_mode(mode.capitalize())

    @blocking
    async def revision_diff(self, before: str, after: str = "") -> tuple[Change, ...]:
        """What differs between two revisions' templates; `after` is the latest unless it is named."""
        return await self._revising.diff(before, after)

    @blocking
    async def traffic(self, *shares: str) -> tuple[Share, ...]:
        """Who gets the requests; with `shares` (`"0000001=80", "latest=20"`) they are given out anew first.

        Raises `UsageFailed` for shares that are none, and in single revision mode.
        """
        if not shares:
            return await self._revising.shares()
        try:
            wanted = read_shares(self.name, shares)
        except ValueError as bad:
            raise UsageFailed(
                str(bad), code="UsageError", hint=f"%aca traffic {self.name} 0000001=80 latest=20"
            ) from bad
        return await self._revising.set_shares(wanted)

    @blocking
    async def rollback(self, revision: str = "") -> str:
        """Go back to a revision, or to the one before the latest; returns the name of what serves then."""
        serving = await self._revising.rollback(revision)
        await self._reread()
        return serving

    @blocking
    async def update(self, changes: Changes) -> App:
        """Change what `changes` says, leave the rest; returns itself when the platform has taken it."""
        self.notes = await update(self._access, self.name, changes)
        await self._reread()
        return self

    @blocking
    async def expire(self, ttl: str) -> None:
        """Let it expire a span from now (`8h`)."""
        await set_expiry(self._access, self.name, self._workspace.clock.now(), ttl)
        await self._reread()

    @blocking
    async def keep(self) -> None:
        """Let it never expire."""
        await set_expiry(self._access, self.name, self._workspace.clock.now(), "")
        await self._reread()

    @blocking
    async def export(self, form: str = "arm") -> str:
        """It as text to keep: `arm` (a template), `bicep`, `az` (lines), `github` (a workflow); secrets are parameters.

        Raises `UsageFailed` for another form.
        """
        exporting.check_name(form, self.name)
        document = await self._access.ask(lambda services: services.apps.document(self.name))
        try:
            return exported(document, form)
        except ValueError as unknown:
            raise UsageFailed(str(unknown), code="UsageError", hint=f"%aca export {self.name} --to arm") from unknown

    @blocking
    async def secrets(self) -> tuple[SecretState, ...]:
        """Its secrets by name: where each value lies and what reads it. No value."""
        return await AppSecrets(self._access, self.name).states()

    @blocking
    async def set_secret(self, name: str, value: str) -> None:
        """Set a secret's value; what runs reads it after `restart_revision()`."""
        await AppSecrets(self._access, self.name).set(name, value)

    @blocking
    async def refer_secret(self, name: str, key_vault_url: str, identity: str = "system") -> None:
        """Let the platform read a secret from a Key Vault, with the app's own identity or one by its id."""
        await AppSecrets(self._access, self.name).refer(name, key_vault_url, identity)

    @blocking
    async def remove_secret(self, name: str) -> None:
        """Remove a secret that nothing reads."""
        await AppSecrets(self._access, self.name).remove(name)

    @property
    def identities(self) -> AppIdentities:
        """Who it is, and what each identity may do: `.states()`, `.assign(system=True)`, `.let(role, scope)`."""
        return AppIdentities(self._access, self.name, self._workspace.clock, self._loop)

    @blocking
    async def start(self) -> None:
        """Start it again after `stop`."""
        await self._access.ask(lambda services: services.apps.start(self.name))
        await self._reread()

    @blocking
    async def stop(self) -> None:
        """Stop it: no replicas and no answers until `start`."""
        await self._access.ask(lambda services: services.apps.stop(self.name))
        await self._reread()

    @blocking
    async def down(self) -> None:
        """Delete it, with its revisions, replicas and key. An absent app is down already."""
        await self._access.ask(lambda services: services.apps.delete(self.name))
        self._workspace.forget(self.name)

    @blocking
    async def why(self) -> Finding:
        """Why it is as it is (`model.diagnosis.Finding`): asleep, starting, stuck, broken; and what to run next."""
        self.state = await self._workspace.read_state(self.name)
        return await diagnose(self._access, self.state)

    @blocking
    async def metrics(
        self, since: timedelta = timedelta(hours=1), interval: timedelta | None = None, *,
        metrics: Sequence[str] = (), by: str = "",
    ) -> pd.DataFrame:  # fmt: skip
        """What the app used and answered: one row a bucket (UTC), columns in our units (`.attrs["units"]`).

        `interval` is the width of a bucket, one of Azure's grains. `metrics` are words (`cpu memory requests latency
        replicas restarts network gpu`), columns or Azure's names; all of the words without. `by` splits into a row for
        each `revision`, `replica` or `status`. `.attrs["sources"]` tells who measured a column, `.attrs["notes"]` what
        is missing and why. Raises `UsageFailed` for a metric, a split or a grain that there is not.
        """
        measures.check_by(by)
        span, grain = measures.buckets(since, interval, self._workspace.clock.now())
        asked = await measures.find_metrics(self._access, self.id, metrics) if metrics else measures.DEFAULT
        question = measures.Question(span, grain, asked, by, split_requests=True)
        frame = await measures.read_metrics(self._access, self.id, question, lambda: self.runner_gpus(span))
        frame.attrs["note"] = "; ".join(filter(None, (self.state.gpu_note.rstrip("."), *frame.attrs["notes"])))
        return frame

    @blocking
    async def surroundings(self, frame: pd.DataFrame) -> Around:
        """What stands around a table of `metrics` in a chart: revisions, scaling, limits, idle times."""
        return await self._around(frame)

    def watch_metrics(
        self, since: timedelta = timedelta(minutes=30), interval: timedelta | None = None
    ) -> MetricWatch:  # fmt: skip
        """Read the metrics of the past `since` again and again, until `stop()`; returns after the first look."""
        from aca_notebook.api.watching import AppLooks, MetricWatch

        clock, period = self._workspace.clock, self._access.target.metrics_seconds
        looks = AppLooks(self, clock, since, interval, period, self._read_metrics, self._around)
        return MetricWatch(self.name, looks, self.loop, clock, period).begin()

    async def _read_metrics(
        self, question: measures.Question, runner: Callable[[], Awaitable[RunnerGpus]] | None
    ) -> pd.DataFrame:  # fmt: skip
        return await measures.read_metrics(self._access, self.id, question, runner)

    async def _around(self, frame: pd.DataFrame) -> Around:
        from aca_notebook.api import surroundings

        revisions = await self._access.ask(lambda services: services.apps.revisions(self.name))
        return surroundings.around(self.state, revisions, frame, self._workspace.clock.now())

    async def runner_gpus(self, span: tuple[datetime, datetime]) -> RunnerGpus:
        """What the app's running replicas say of their own GPUs; nothing of an app that has none."""
        from aca_notebook.api.runner_gpus import RunnerGpus, read_runner_gpus

        if not self.state.gpu or not self.state.latest_revision:
            return RunnerGpus()
        replicas = await self._access.ask(lambda services: services.apps.replicas(self.name, self.revision))
        ready = sum(replica.ready for replica in replicas)
        return await read_runner_gpus(self._access, self.endpoint, ready, span)

    @blocking
    async def cost(self, since: timedelta = timedelta(hours=24)) -> pd.DataFrame:
        """What it cost, estimated: a row for each revision and bucket, at dated list prices (`.attrs` tells which).

        `workspace.costs` has the rest: by replica, call or meter, today and this month, billed, forecast.
        """
        return await self._workspace.costs.frame_of([self.state], since)

    @blocking
    async def trace(self, call: str = "") -> CallTrace:
        """One call from end to end, the last one unless its id is given (see `Workspace.trace`)."""
        from aca_notebook.api.tracing import trace_of

        return await trace_of(self._access, call=call, app="" if call else self.name)

    @blocking
    async def key(self) -> str:
        """The key callers need. Do not print it into a notebook: `aca-notebook key NAME` is for shells."""
        return await self.endpoint.key()

    @blocking
    async def open(self) -> Opened:
        """Open the app's page in a browser, through a link that is good for a minute and holds no key."""
        expires = int(self._workspace.clock.now().timestamp()) + _LINK_SECONDS
        link = await self.endpoint.open_link(expires)
        return Opened(self.url, shown=webbrowser.open(link), link=link)

    def logs(self, tail: int = 50, **options: Unpack[LogOptions]) -> LogStream:
        """Return the log's last `tail` lines, at most 300, those of several replicas in the order of time.

        `source` is `console` or `system`. `since` reaches back from now, `level` is the least to show (`debug`,
        `info`, `warning`, `error`, `critical`), `grep` a regular expression in any case, `call` the id of a call;
        `revision` and `replica` name one. Raises `UsageFailed` for an option, a level or an expression that is none.

        Without `follow` the stream has ended and shows its lines. With it the stream goes on: iterate over it, and end
        it with `stop()`, or use it in a `with`.
        """
        query = log_query(self.name, tail, options, self._workspace.clock.now())
        stream = LogStream(query, self._access, self.loop, self._workspace.clock)
        if not query.follow:
            for _ in stream:
                pass
        return stream

    def curl(self) -> str:
        """A command that calls the entry as pasted, without showing the key; an application gets a plain GET."""
        path = shlex.quote(f"{self.url}/")
        header = "" if self.state.tags.public else f' -H "X-Api-Key: $({self._key_command()})"'
        if self.functions == (EVERY_PATH,):
            return f"curl -s {path}{header}"
        example = shlex.quote(self.state.tags.example or "{}")
        return f"curl -s {path}{header} -H 'Content-Type: application/json' -d {example}"

    def _key_command(self) -> str:
        """What prints the key in a shell; by its full name where it is not on the path."""
        ours = "aca-notebook" if shutil.which("aca-notebook") else f"{shlex.quote(sys.executable)} -m aca_notebook"
        target = self._workspace.target.name
        return f"{ours} key {self.name}" + ("" if target == "local" else f" --target {target}")

    @property
    def _revising(self) -> Revising:
        return Revising(self._access, self.name)

    async def _reread(self) -> None:
        self.state = await self._workspace.read_state(self.name)

    def __repr__(self) -> str:
        return f"<App {self.name!r} at {self.url or 'no address'}>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from aca_notebook.display import cards, saved

        return saved.beside(cards.app(self.state, self.notes), saved.app(self.state, self._access.target.name))


class Opened:
    """A page that was opened; where no browser is at hand, the link to click, which is good for a minute."""

    def __init__(self, url: str, *, shown: bool, link: str) -> None:
        self.url = url
        self.shown = shown
        self.link = link

    def __repr__(self) -> str:
        return f"opened {self.url}" if self.shown else f"open within a minute: {self.link}"

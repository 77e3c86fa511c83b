"""What the browser's half may ask, without HTTP: one method for each route of `server.protocol`, over the api.

Looking starts nothing: a local emulator that does not run stays down, and nobody signs in, until a person says so. What
the platform is asked costs as little as it can, because pages ask again and again.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import aca_notebook
from aca_notebook.azure.target import secured
from aca_notebook.errors import NotFound, TargetFailed, Unauthorized, Unreachable, UsageFailed
from aca_notebook.model.traffic import LATEST
from aca_notebook.server import protocol, showing
from aca_notebook.server.desk import Desk
from aca_notebook.server.pages import Pages, is_loopback, same_place

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from aca_notebook.api.app import App
    from aca_notebook.api.logs import LogStream
    from aca_notebook.api.workspace import Workspace
    from aca_notebook.clock import Clock

T = TypeVar("T")

LINK_SECONDS = 60


class Places(Protocol):
    """The targets there are, and the way to each."""

    def names(self) -> Sequence[str]:
        """Return every target's name."""
        ...

    def chosen(self) -> str:
        """Return the one that the settings name."""
        ...

    def open_to(self, name: str, *, before: bool) -> bool:
        """Return whether it can be looked at without starting anything there and without a person's leave.

        `before` is whether a person has connected to it already. May block.
        """
        ...

    def open(self, name: str) -> Workspace:
        """Return a workspace there; starts what does not run. May block."""
        ...


class Panel:
    """One a server. It lives on the server's loop and leaves all waiting to the workspace's own."""

    def __init__(self, places: Places, clock: Clock) -> None:
        self._places = places
        self._clock = clock
        self._name = ""
        self._desk: Desk | None = None
        self._connected: set[str] = set()
        self._opening = asyncio.Lock()
        self.pages = Pages(clock)  #: apps' pages for browsers that reach this server alone

    async def halves(self) -> protocol.Halves:
        """The self-test's answer."""
        version = ".".join(str(part) for part in sys.version_info[:3])
        return protocol.Halves(protocol=protocol.PROTOCOL, package=aca_notebook.__version__, python=version)

    async def target(self) -> protocol.Target:
        """Where the panel looks."""
        desk = await self._sat()
        return self._target(desk)

    async def choose_target(self, body: protocol.TargetChoice) -> protocol.Target:
        """Look elsewhere. Raises `UsageFailed` for a target that there is not."""
        if body.name not in self._places.names():
            raise UsageFailed(
                f"there is no target {body.name!r}", code="UnknownTarget",
                hint=f"choose {' or '.join(self._places.names())}",
            )  # fmt: skip
        if body.name != self._named():
            self._name = body.name  # first: who asks while the old desk is left sits down at the new one
            await self._leave()
        return self._target(await self._sat(start=body.connect))

    async def tree(self) -> protocol.Tree:
        """The panel's tree; of a target that is not connected, nothing but its name."""
        desk = await self._sat()
        if desk is None:
            return protocol.Tree(target=self._target(None))
        states, rooms = await asyncio.gather(self._of(desk.apps()), self._of(desk.rooms()))
        target = desk.workspace.target
        return protocol.Tree(
            target=self._target(desk), environments=showing.environments(states, target),
            pools=showing.pools(rooms.pools, rooms.sessions), agents=showing.agents(rooms.pools, rooms.sessions),
            notes=(*showing.notes(states, charges=target.charges), *rooms.notes),
        )  # fmt: skip

    async def status(self) -> protocol.Status:
        """The status bar's line. Today's cost comes a look later: nobody waits for it."""
        desk = await self._sat()
        if desk is None:
            return showing.status(self._target(None), (), None, None)
        states = await self._of(desk.apps())
        return showing.status(self._target(desk), states, desk.hourly(states), desk.today(states))

    async def revisions(self, app: str) -> protocol.Revisions:
        """An app's revisions."""
        found = await self._app(app)
        return showing.revisions(app, await self._of(found.revisions.aio()), found.revision)

    async def act(self, app: str, body: protocol.Action) -> protocol.Done:
        """Change an app."""
        desk = self._needed(await self._sat())
        found = await self._app(app)
        page = secured(found.url) if found.url else ""
        await self._of(_act(found, body))
        desk.forget()
        if body.action == "down":
            self.pages.drop(page)
        return showing.done(app, body.action, None if body.action == "down" else found.state)

    async def calling_code(self, app: str) -> protocol.CallingCode:
        """What dragging an app inserts."""
        from aca_notebook.server.calling_code import calling_code

        return protocol.CallingCode(code=calling_code((await self._app(app)).state, self._named()))

    async def link_to(self, query: protocol.LinkToAsked) -> protocol.Link:
        """Where a link of a card leads whose address only this machine reaches. Raises `NotFound` for no app's."""
        desk = self._needed(await self._sat())
        states = await self._of(desk.apps())
        named = next((state.name for state in states if state.url and same_place(state.url, query.address)), "")
        if not named:
            raise NotFound(
                "no app answers there any more", status=404, code="NotFound", hint="the panel lists those that run"
            )
        return await self.link(named, protocol.LinkAsked())

    async def link(self, app: str, query: protocol.LinkAsked) -> protocol.Link:
        """Where a click on an app leads: its page, let in by a signature that is good for a minute."""
        desk = self._needed(await self._sat())
        found = await self._app(app)
        if not found.url:
            raise NotFound(f"{app!r} has no page: it has no ingress", status=404, code="NoIngress")
        endpoint, target = found.endpoint, desk.workspace.target
        if query.here or not is_loopback(found.url):
            expires = int(self._clock.now().timestamp()) + LINK_SECONDS
            return protocol.Link(url=await self._of(desk.workspace.loop.wait(endpoint.open_link(expires))))
        key = "" if found.state.tags.public else await self._of(found.key.aio())
        return protocol.Link(url=self.pages.add(secured(found.url), key, target.ca_bundle))

    async def logs(self, app: str, query: protocol.LogsAsked) -> protocol.LogPage:
        """Lines of an app's log."""
        desk = self._needed(await self._sat())

        async def begin() -> LogStream:
            return (await self._app(app)).logs(query.tail, follow=True, source=query.source)

        return await self._of(desk.follows.page((app, query.source), begin, query.from_))

    async def metrics(self, app: str, query: protocol.MetricsAsked) -> protocol.Metrics:
        """What an app used and answered."""
        desk = self._needed(await self._sat())
        return await self._of(desk.metrics(app, timedelta(minutes=query.minutes)))

    async def end_session(self, pool: str, session: str) -> protocol.Done:
        """End a session."""
        desk = self._needed(await self._sat())
        await self._of(desk.workspace.session(session, pool=pool).stop.aio())
        desk.forget()
        return protocol.Done(message=f"session {session} has ended; its variables and files are gone")

    async def close(self) -> None:
        """Let go of the workspace; apps run on."""
        await self._leave()

    async def _app(self, name: str) -> App:
        return await self._of(self._needed(await self._sat()).app(name))

    async def _of(self, asked: Awaitable[T]) -> T:
        """Ask; when nobody answers there or knows us any more, the next look begins anew."""
        asked_at = self._desk
        try:
            return await asked
        except (Unreachable, Unauthorized) as failed:
            known = isinstance(failed, Unauthorized) and failed.status == 403  # who may do something less than all
            if self._desk is asked_at and not known:
                await self._leave()
            raise

    async def _sat(self, *, start: bool = False) -> Desk | None:
        """Return the desk at the present target; None when sitting down would start something."""
        async with self._opening:
            name = self._named()
            if self._desk is None and (start or await self._open_to(name)):
                workspace = await asyncio.to_thread(self._places.open, name)
                self._desk = Desk(workspace, self._clock)
                self._connected |= {name} if start else set()
            return self._desk

    async def _open_to(self, name: str) -> bool:
        return await asyncio.to_thread(lambda: self._places.open_to(name, before=name in self._connected))

    async def _leave(self) -> None:
        async with self._opening:
            desk, self._desk = self._desk, None
            self.pages.clear()
        if desk is not None:
            await desk.close()

    def _named(self) -> str:
        self._name = self._name or self._places.chosen()
        return self._name

    def _target(self, desk: Desk | None) -> protocol.Target:
        found = desk.workspace.target if desk else None
        return showing.target(found, self._named(), self._places.names(), "on" if desk else "off")

    def _needed(self, desk: Desk | None) -> Desk:
        if desk is None:
            raise TargetFailed(
                f"the target {self._named()} is not connected", code="NotConnected",
                hint="choose Connect in the panel, or run a line like %aca ps",
            )  # fmt: skip
        return desk


async def _act(app: App, body: protocol.Action) -> None:
    from aca_notebook.api.updating import Changes

    revision = body.revision
    bounds = Changes(min_replicas=body.min_replicas, max_replicas=body.max_replicas)
    acts: dict[protocol.AppAction, Callable[[], Awaitable[Any]]] = {
        "stop": app.stop.aio, "start": app.start.aio, "down": app.down.aio, "keep": app.keep.aio,
        "scale": lambda: app.update.aio(bounds),
        "restart": lambda: app.restart_revision.aio(revision),
        "promote": lambda: app.traffic.aio(f"{revision or LATEST}=100"),
        "activate": lambda: app.activate_revision.aio(revision),
        "deactivate": lambda: app.deactivate_revision.aio(revision),
    }  # fmt: skip
    await acts[body.action]()

"""Makes what a target lacks: what there is is read, the rest is decided (`model.setup`), shown, and done on consent.

Every write may be repeated, so a set-up that was interrupted, killed or refused half-way goes on where it stopped when
it is run again. What it made carries our tags, by which `tearing_down` finds it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aca_notebook.api.setup_board import SetUpBoard
from aca_notebook.api.setup_making import Maker
from aca_notebook.api.setup_reading import Reader
from aca_notebook.api.tearing_down import TearingDown
from aca_notebook.api.twin import blocking
from aca_notebook.errors import AcaError, Interrupted, ServiceFailed
from aca_notebook.model import setup
from aca_notebook.model.price import price_list
from aca_notebook.model.setup import SetUpPlan, Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from aca_notebook.api.access import Access
    from aca_notebook.api.loop import PrivateLoop
    from aca_notebook.api.tearing_down import Doomed
    from aca_notebook.api.workspace import Workspace
    from aca_notebook.clock import Clock
    from aca_notebook.model.rate import PriceList
    from aca_notebook.model.setup import Profile, SetUpProgress, Step


class SetUp:
    """The set-up of a workspace's target. Blocking methods have a twin to await (`ws.setup.plan.aio(…)`)."""

    def __init__(self, workspace: Workspace, access: Access, owner: str) -> None:
        self._workspace = workspace
        self._access = access
        self._owner = owner

    @property
    def _loop(self) -> PrivateLoop:
        return self._workspace.loop

    @blocking
    async def plan(self, *, profiles: Sequence[Profile] = (), pool: str = "") -> SetUpPlan:
        """Look at what is there and say what has to be made for the target's names; nothing is written.

        `profiles` are workload profiles the environment shall have besides Consumption, `pool` a session pool.
        """
        settling = SettingUp(self._access, self._workspace.clock, self._owner, self._workspace.costs.prices)
        return await settling.plan(settling.wanted(profiles, pool))

    @blocking
    async def run(
        self, plan: SetUpPlan, on_progress: Callable[[SetUpProgress], None] | None = None
    ) -> SetUpProgress:  # fmt: skip
        """Make what a plan says and return when it is there; run again after an interrupt, it makes what is left.

        `on_progress` is called on another thread. Raises `QuotaExceeded`, `Unauthorized` and the platform's other
        words, with how to go on; `Interrupted` after Ctrl-C, with what has been made.
        """
        return await SettingUp(self._access, self._workspace.clock, self._owner).run(plan, on_progress)

    @blocking
    async def doomed(self) -> tuple[Doomed, ...]:
        """What carries our tags in the target's group and is this person's, in the order in which it can go."""
        return await TearingDown(self._access, self._workspace.clock, self._owner).doomed()

    @blocking
    async def take_down(
        self, doomed: Sequence[Doomed], on_step: Callable[[Doomed], None] | None = None
    ) -> tuple[str, ...]:  # fmt: skip
        """Delete what of that has no note, in order, and return when it is gone, with sentences on what may be left.

        `on_step` hears what goes next, on another thread.
        """
        return await TearingDown(self._access, self._workspace.clock, self._owner).run(doomed, on_step)


class SettingUp:
    """One set-up of one target's names."""

    def __init__(self, access: Access, clock: Clock, owner: str, prices: Callable[[], PriceList] | None = None) -> None:
        self._access = access
        self._clock = clock
        self._owner = owner
        self._prices = prices

    def wanted(self, profiles: Sequence[Profile] = (), pool: str = "") -> Wanted:
        """What the target's names ask for."""
        target = self._access.target
        return Wanted(
            target.subscription_id, target.resource_group, target.location, target.environment, target.registry,
            tuple(profiles), pool, target.environment_group,
        )  # fmt: skip

    async def plan(self, wanted: Wanted) -> SetUpPlan:
        """Look at what is there and say what has to be done; nothing is written."""
        found = await Reader(self._access, wanted).found()
        target = self._access.target
        prices = await asyncio.to_thread(self._prices) if self._prices else price_list(wanted.location)
        return setup.plan_setup(found, wanted, prices, target=target.name, charges=target.charges)

    async def run(
        self, plan: SetUpPlan, on_progress: Callable[[SetUpProgress], None] | None = None
    ) -> SetUpProgress:  # fmt: skip
        """Do it, stage by stage. Raises what stopped it, with what has been made and how to go on."""
        if plan.blocked:
            raise ServiceFailed(plan.blocked, code="SetUpBlocked", hint="%aca setup --help")
        board = SetUpBoard(plan, self._clock, on_progress)
        making = Maker(self._access, self._clock, board, plan, self._owner)
        try:
            for stage in setup.STAGES:
                await _all_ended(making.do(step) for step in plan.steps if step.part in stage)
        except asyncio.CancelledError:
            stopped = Interrupted(
                f"the set-up of {plan.wanted.environment!r} was stopped", code="Interrupted",
                detail=_standing(board.done), hint="what was accepted goes on there; `%aca setup` goes on from here",
            )  # fmt: skip
            board.finish(stopped)
            raise stopped from None
        except AcaError as failed:
            failed.hint = _how_on(failed, board.done)
            board.finish(failed)
            raise
        return board.finish(settles_seconds=await making.settles_seconds())


async def _all_ended(work: Iterable[Any]) -> None:
    """Wait for all, whatever one of them meets: what is under way there is not helped by our looking away."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
    for each in ended:
        if isinstance(each, BaseException):
            raise each


def _standing(done: Sequence[Step]) -> str:
    return f"made so far: {', '.join(f'{step.part} {step.name}' for step in done)}" if done else "nothing was made"


def _how_on(failed: AcaError, done: Sequence[Step]) -> str:
    said = f"{failed.hint}; then " if failed.hint else ""
    removes = ", `%aca down --all` takes down what was made" if done else ""
    return f"{said}`%aca setup` goes on from there{removes}"

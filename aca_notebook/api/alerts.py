"""Metric alerts of a workspace's group: rules that watch apps, and whom they tell."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from aca_notebook.api.measures import find_metrics
from aca_notebook.api.owner import made_beside
from aca_notebook.api.twin import blocking
from aca_notebook.errors import UsageFailed
from aca_notebook.model.alert import FREQUENCIES, WINDOWS, Alert, Condition, parse_condition
from aca_notebook.model.metric import DIMENSIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_notebook.api.access import Access
    from aca_notebook.api.loop import PrivateLoop
    from aca_notebook.api.workspace import Workspace

#: The action group of a rule that was made with receivers of its own.
_OWN_GROUP = "aca-notebook-{name}"


class Alerts:
    """Blocking methods have a twin to await (`alerts.create.aio(…)`)."""

    def __init__(self, workspace: Workspace, access: Access) -> None:
        self._workspace = workspace
        self._access = access

    @property
    def _loop(self) -> PrivateLoop:
        return self._workspace.loop

    @blocking
    async def create(  # noqa: PLR0913  # as many as `az monitor metrics alert create` has
        self, name: str, app: str, condition: str | Sequence[str], *, window: timedelta = timedelta(minutes=5),
        frequency: timedelta = timedelta(minutes=1), severity: int = 3, webhooks: Sequence[str] = (),
        emails: Sequence[str] = (), action_groups: Sequence[str] = (), description: str = "",
    ) -> Alert:  # fmt: skip
        """Watch an app: `total Requests > 100`, several joined by and; returns the rule.

        Every `frequency` it looks at the past `window`, and tells webhooks, mail addresses or action groups (ids) when
        the condition begins and ceases to be met. Raises `UsageFailed` for a condition, a metric, a dimension or a time
        that cannot be, `NotFound` for an app that is not there.
        """
        conditions = tuple(_read(each) for each in ([condition] if isinstance(condition, str) else condition))
        _check_times(window, frequency)
        state = await self._workspace.read_state(app)
        for each in conditions:
            [metric] = (await find_metrics(self._access, state.id, [each.metric]))[:1]
            _check_dimensions(each, metric.dimensions)
        groups, tags = list(action_groups), made_beside(self._access.target.environment)
        if webhooks or emails:
            own = _OWN_GROUP.format(name=name)
            told = await self._access.ask(lambda services: services.alerts.tell(own, webhooks, emails, tags=tags))
            groups.append(told)
        rule = Alert(
            name, state.name, conditions, window, frequency, severity=severity, description=description,
            action_groups=tuple(groups),
        )  # fmt: skip
        return await self._access.ask(lambda services: services.alerts.put(rule, tags))

    @blocking
    async def list(self) -> tuple[Alert, ...]:
        """Return every rule of the group, each with what it has found."""
        return await self._access.ask(lambda services: services.alerts.list())

    @blocking
    async def delete(self, name: str) -> None:
        """Remove a rule, and the action group that was made for it. Raises `NotFound`."""
        await self._access.ask(lambda services: services.alerts.delete(name))
        await self._access.ask(lambda services: services.alerts.forget(_OWN_GROUP.format(name=name)))


def _read(text: str) -> Condition:
    try:
        return parse_condition(text)
    except ValueError as bad:
        raise UsageFailed(
            str(bad), code="UsageError", hint="--condition 'total Requests > 100 where statusCodeCategory includes 5xx'"
        ) from bad


def _check_times(window: timedelta, frequency: timedelta) -> None:
    for what, given, known in (("window", window, WINDOWS), ("frequency", frequency, FREQUENCIES)):
        if given / timedelta(minutes=1) not in known:
            raise UsageFailed(
                f"Azure has no {what} of {given}", code="UsageError",
                hint=f"in minutes it has {', '.join(str(each) for each in known)}",
            )  # fmt: skip
    if frequency > window:
        raise UsageFailed(
            "a window cannot be shorter than the time between two looks", code="UsageError",
            hint="--window-size 5m --evaluation-frequency 1m",
        )  # fmt: skip


def _check_dimensions(condition: Condition, known: Sequence[str]) -> None:
    """Refuse a dimension that its metric does not have, before the platform does in more words."""
    names = {DIMENSIONS[word].lower() for word in known} | ({"statuscode"} if "status" in known else set())
    for each in condition.dimensions:
        if names and each.name.lower() not in names:
            raise UsageFailed(
                f"{condition.metric} has no dimension {each.name!r}", code="DimensionNotFound",
                hint=f"it has {', '.join(sorted(DIMENSIONS[word] for word in known))}",
            )  # fmt: skip

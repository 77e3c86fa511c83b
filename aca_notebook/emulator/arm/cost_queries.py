"""What resources cost, as Cost Management is asked (facts §10.1): nothing that runs here is billed.

A question is read as Azure reads it, and its answer is Azure's where nothing was spent: 204.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from aca_notebook.clock import parse_instant
from aca_notebook.emulator.arm.bodies import json_body
from aca_notebook.emulator.arm.scope import GROUP, SUBSCRIPTION, Scope
from aca_notebook.emulator.arm.values import items, member, text
from aca_notebook.emulator.wire import AzureError, Door, Offer, Route

if TYPE_CHECKING:
    from starlette.requests import Request

_QUERY = "providers/Microsoft.CostManagement/query"
_KINDS = ("Usage", "ActualCost", "AmortizedCost")
_CUSTOM = "Custom"
_FRAMES = (
    _CUSTOM, "MonthToDate", "BillingMonthToDate", "TheLastMonth", "TheLastBillingMonth", "WeekToDate",
)  # fmt: skip
_GRAINS = ("Daily", "Monthly", "None")
_MOST_GROUPINGS = 2


class CostQueries:
    """The question, of a subscription and of a group."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def routes(self) -> list[Route]:
        """One operation at two scopes."""
        return [
            Route("POST", f"{scope}/{_QUERY}", Door.ARM, "CostQuery_Usage", self._query, Offer.STORED)
            for scope in (SUBSCRIPTION, GROUP)
        ]

    async def _query(self, request: Request) -> Response:
        if "group" in request.path_params:
            self._scope.group(request)
        else:
            self._scope.subscription(request)
        check_query(await json_body(request))
        return Response(status_code=204)


def check_query(asked: dict[str, Any]) -> None:
    """Refuse what Cost Management cannot read (codes and sentences unconfirmed)."""
    _one_of(asked.get("type"), "type", _KINDS)
    frame = _one_of(asked.get("timeframe"), "timeframe", _FRAMES)
    if frame == _CUSTOM:
        period = member(asked.get("timePeriod"), "timePeriod")
        moments = [_moment(period.get(name), f"timePeriod.{name}") for name in ("from", "to")]
        if moments[0] > moments[1]:
            raise _bad("timePeriod.from must not be after timePeriod.to.")
    dataset = member(asked.get("dataset"), "dataset")
    if dataset.get("granularity"):
        _one_of(dataset["granularity"], "dataset.granularity", _GRAINS)
    if len(items(dataset.get("grouping"), "dataset.grouping")) > _MOST_GROUPINGS:
        raise _bad(f"dataset.grouping may have {_MOST_GROUPINGS} members at most.")


def _one_of(value: Any, name: str, known: tuple[str, ...]) -> str:
    given = text(value, name).lower()
    for each in known:
        if each.lower() == given:
            return each
    raise _bad(f"Invalid query definition: {name} must be one of {', '.join(known)}.")


def _moment(value: Any, name: str) -> float:
    try:
        return parse_instant(text(value, name)).timestamp()
    except ValueError:
        raise _bad(f"Invalid query definition: {name} is no date and time.") from None


def _bad(message: str) -> AzureError:
    return AzureError(400, "BadRequest", message)

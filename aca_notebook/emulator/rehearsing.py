"""`/_emulator/faults` and `/_emulator/pace`, behind the control door: bad days are put in force, and ended."""

from __future__ import annotations

import difflib
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from aca_notebook.emulator.arm.bodies import json_body
from aca_notebook.emulator.journal.database import put_document
from aca_notebook.emulator.settings import Pace, parse_pace
from aca_notebook.emulator.wire import AzureError, Door, Route
from aca_notebook.model.fault import parse_fault

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.requests import Request

    from aca_notebook.clock import Clock
    from aca_notebook.emulator.faults.board import Faults, Posted
    from aca_notebook.emulator.journal.database import Database

_KIND = "pace"
_LONGEST = 2000
_MOST = 100


def remembered_pace(database: Database, given: float | None) -> Pace:
    """Return the pace to begin with: the given one, or what was last set at run time, or instant."""
    if given is not None:
        return Pace(given)
    return Pace(float(database.documents(_KIND).get(_KIND, {}).get("factor", 0.0)))


class Rehearsing:
    """The routes. `operations` returns the operations there are: a fault must not name another."""

    def __init__(
        self, faults: Faults, pace: Pace, database: Database, clock: Clock, operations: Callable[[], Sequence[Route]]
    ) -> None:
        self._faults = faults
        self._pace = pace
        self._database = database
        self._clock = clock
        self._operations = operations

    def routes(self) -> list[Route]:
        """All of them."""
        faults, pace, door = "/_emulator/faults", "/_emulator/pace", Door.CONTROL
        return [
            Route("GET", faults, door, "Emulator_ListFaults", self._list),
            Route("POST", faults, door, "Emulator_AddFault", self._add),
            Route("DELETE", faults, door, "Emulator_ClearFaults", self._clear),
            Route("DELETE", f"{faults}/{{fault}}", door, "Emulator_ClearFault", self._clear_one),
            Route("GET", pace, door, "Emulator_Pace", self._show_pace),
            Route("PUT", pace, door, "Emulator_SetPace", self._set_pace),
        ]

    async def _list(self, _: Request) -> Response:
        return JSONResponse({"value": [shown(each) for each in self._faults.posted()]})

    async def _add(self, request: Request) -> Response:
        text = str((await json_body(request)).get("fault") or "")
        if len(text) > _LONGEST or len(self._faults.posted()) >= _MOST:
            raise AzureError(400, "TooManyFaults", f"A fault has at most {_LONGEST} characters, and there are {_MOST}.")
        try:
            self._check_operation(parse_fault(text, self._clock.now()).scope.operation)
            posted = await self._faults.add(text)
        except ValueError as bad:
            raise AzureError(400, "InvalidFault", str(bad)) from bad
        return JSONResponse(shown(posted), status_code=201)

    async def _clear(self, _: Request) -> Response:
        return JSONResponse({"cleared": await self._faults.clear()})

    async def _clear_one(self, request: Request) -> Response:
        name = str(request.path_params["fault"])
        if not name.isdecimal() or not await self._faults.clear(int(name)):
            raise AzureError(404, "FaultNotFound", f"There is no fault '{name}' in force.")
        return JSONResponse({"cleared": 1})

    async def _show_pace(self, _: Request) -> Response:
        return JSONResponse({"pace": self._pace.factor})

    async def _set_pace(self, request: Request) -> Response:
        """From now on; what waits already waits as long as it was going to."""
        try:
            factor = parse_pace(str((await json_body(request)).get("pace", "")))
        except ValueError as bad:
            raise AzureError(400, "InvalidPace", "a pace is instant, realistic or a factor, such as 0.5") from bad
        await self._database.write(put_document(_KIND, _KIND, {"factor": factor}))
        self._pace.factor = factor
        return JSONResponse({"pace": factor})

    def _check_operation(self, pattern: str) -> None:
        known = {route.operation for route in self._operations()}
        if pattern and not any(fnmatchcase(each.lower(), pattern.lower()) for each in known):
            near = difflib.get_close_matches(pattern, known, n=1)
            raise ValueError(f"no operation is called {pattern}" + (f"; did you mean {near[0]}?" if near else ""))


def shown(posted: Posted) -> dict[str, Any]:
    """A fault in force, as it is answered."""
    fault = posted.fault
    return {"id": str(posted.id), "kind": fault.kind, "fault": str(fault), "met": posted.met, "struck": posted.struck}

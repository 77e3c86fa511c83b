"""The MCP server of a session pool: JSON-RPC 2.0 by POST, each call alone (facts §5.7; documented, preview).

A caller shows the pool's key as `x-ms-apikey`; a token does not open it (documented). It keeps no state of its own:
`initialize` need not come first, and there is no stream to listen on.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

from starlette.responses import Response

from aca_notebook.emulator.sessions import mcp_tools
from aca_notebook.emulator.sessions.execution import Execution
from aca_notebook.emulator.sessions.hosting import NoSession, PoolFull
from aca_notebook.emulator.sessions.instances import StartRefused
from aca_notebook.emulator.sessions.mcp_tools import FAILED, METHOD_NOT_FOUND, PARSE_ERROR, Asked, Refused
from aca_notebook.emulator.sessions.pool import Kind
from aca_notebook.emulator.sessions.replies import Answer

if TYPE_CHECKING:
    from aca_notebook.emulator.sessions.hosting import Pool
    from aca_notebook.emulator.sessions.mcp_tools import Json

#: JSON-RPC takes several messages at once; nobody sends this many.
_MOST_MESSAGES = 50


async def respond(raw: bytes, pool: Pool) -> Response:
    """Answer one message, or a list of them; what asks for no answer gets 202."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return Answer(mcp_tools.error(None, Refused(PARSE_ERROR, "The request is no JSON.")), status_code=400)
    several = isinstance(body, list)
    messages = body if isinstance(body, list) else [body]
    if not messages or len(messages) > _MOST_MESSAGES:
        refused = Refused(mcp_tools.INVALID_REQUEST, f"A request has 1 to {_MOST_MESSAGES} messages.")
        return Answer(mcp_tools.error(None, refused), status_code=400)
    found = [answered for each in messages if (answered := await _answered(each, pool)) is not None]
    if not found:
        return Response(status_code=202)
    return Answer(found if several else found[0])


async def _answered(message: object, pool: Pool) -> Json | None:
    """Return the answer to one message; None where none is wanted."""
    id_ = message.get("id") if isinstance(message, dict) else None
    try:
        asked = mcp_tools.read_message(message)
        if asked.notifies:
            return None
        return mcp_tools.answer(asked.id, await _done(asked, pool))
    except Refused as refused:
        return mcp_tools.error(id_ if isinstance(id_, str | int | float) else None, refused)


async def _done(asked: Asked, pool: Pool) -> Json:
    if asked.method == "initialize":
        return mcp_tools.initialized()
    if asked.method == "ping":
        return {}
    if asked.method == "tools/list":
        return {"tools": mcp_tools.tools()}
    if asked.method == "tools/call":
        return await _called(asked, pool)
    raise Refused(METHOD_NOT_FOUND, f"Method '{asked.method}' not found.")


async def _called(asked: Asked, pool: Pool) -> Json:
    name, arguments = asked.params.get("name"), asked.params.get("arguments") or {}
    if not isinstance(arguments, dict):
        raise Refused(mcp_tools.INVALID_PARAMS, "'arguments' must be an object.")
    if name in mcp_tools.LAUNCHES:
        return mcp_tools.result({"environmentId": str(uuid.uuid4())})
    if name not in {mcp_tools.SHELL, mcp_tools.PYTHON}:
        raise Refused(mcp_tools.INVALID_PARAMS, f"There is no tool '{name}'.")
    run = mcp_tools.read_run(str(name), arguments, pool.rules.kind)
    if (gone := pool.gone(run.environment)) is not None:
        raise Refused(
            FAILED, f"Environment not found: {run.environment}: {gone.reason}. Launch another with 'launchShell'."
        )
    try:
        session = await pool.session(run.environment)
    except PoolFull:
        most = pool.rules.most_sessions
        raise Refused(
            FAILED, f"The pool has {most} sessions, its maxConcurrentSessions: wait for one to end."
        ) from None
    except (StartRefused, NoSession) as refused:
        raise Refused(FAILED, f"No session could be started: {refused}.") from refused
    execution = Execution(run.environment, synchronous=True, shell=pool.rules.kind is Kind.SHELL)
    session.begin(execution, run.code)
    await execution.ended()
    return mcp_tools.told(execution, shell=name == mcp_tools.SHELL)

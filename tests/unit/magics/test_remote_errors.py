"""What a notebook shows of an exception that a user's function raised elsewhere."""

from __future__ import annotations

import json

import pytest

from aca_notebook.api import replies
from aca_notebook.api.loop import PrivateLoop
from aca_notebook.api.twin import blocking
from aca_notebook.azure.calls import Reply

FRAME = {"cell": "In[3]", "line": 4, "function": "score", "text": "return math.sqrt(x)"}


class Remote:
    def __init__(self, loop: PrivateLoop) -> None:
        self._loop = loop

    @blocking
    async def call(self) -> None:
        """Fail as an app does whose function raised."""
        told = {"code": "UserError", "type": "ValueError", "module": "builtins", "args": ["no"], "traceback": [FRAME]}
        raise replies.failure(Reply(500, "application/json", json.dumps({"error": told}).encode(), "call-1"), "scorer")


@pytest.fixture
def remote():
    loop = PrivateLoop()
    yield Remote(loop)
    loop.close()


def test_the_callers_line_and_the_cells_lines_are_shown_and_nothing_of_ours(notebook, remote):
    notebook.names["remote"] = remote
    notebook.run("def mine():\n    remote.call()\n\nmine()")
    assert "remote.call()" in notebook.out
    assert "In[3], line 4, in score" in notebook.out
    assert "ValueError" in notebook.out
    assert "aca_notebook" not in notebook.out

"""What a workspace says of an app that cannot be, and when it is closed."""

from __future__ import annotations

import pytest

from aca_notebook.api.workspace import Workspace
from aca_notebook.errors import NotFound, UsageFailed
from tests.fakes.services import fake_target


class ColdWorkspace(Workspace):
    """Asks for nothing by itself: there is nobody at the fake target."""

    async def _warm(self) -> None: ...


@pytest.fixture
def workspace():
    opened = ColdWorkspace(fake_target())
    yield opened
    opened.close()


@pytest.mark.parametrize("name", ["", "../x", "a/b?c#d", "Scorer", "x" * 33, 3, None])
def test_an_app_of_a_name_no_app_can_have_is_not_there(workspace, name):
    with pytest.raises(NotFound) as missing:
        workspace.apps[name]
    assert repr(name) in missing.value.message
    assert missing.value.hint == "`%aca ps` lists them"
    assert workspace.apps.get(name, "nothing") == "nothing"


def test_a_closed_workspace_says_so_whatever_is_asked(workspace):
    apps = workspace.apps
    workspace.close()
    for ask in (lambda: apps["scorer"], lambda: list(apps), lambda: workspace.plan("scorer", "", {}), workspace.cost):
        with pytest.raises(UsageFailed, match="this workspace is closed"):
            ask()
    workspace.close()

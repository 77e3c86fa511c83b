"""What the JupyterLab panel shows of an emulator and does to it, by the SDKs with nothing faked between."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from aca_notebook.errors import NotFound, TargetFailed, Unauthorized, Unreachable, UsageFailed
from aca_notebook.server import protocol
from aca_notebook.server.desk import Desk
from aca_notebook.server.panel import Panel
from tests.emulator.test_cost_client import opened
from tests.fakes.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aca_notebook.api.workspace import Workspace
    from tests.emulator.running import Running

pytestmark = pytest.mark.anyio


class OnePlace:
    """The running emulator as the target `here`; `runs` is whether it can be looked at without starting it."""

    def __init__(self, emulator: Running) -> None:
        self._emulator = emulator
        self.runs = True
        self.address = ""
        self.opened: list[str] = []

    def names(self) -> tuple[str, ...]:
        return "here", "there"

    def chosen(self) -> str:
        return "here"

    def open_to(self, name: str, *, before: bool) -> bool:
        return self.runs if name == "here" else before

    def open(self, name: str) -> Workspace:
        self.opened.append(name)
        return opened(self._emulator, **({"resource_manager": self.address} if self.address else {}))


@pytest.fixture
def place(emulator: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OnePlace:
    monkeypatch.setenv("ACA_NOTEBOOK_HOME", str(tmp_path / "home"))
    return OnePlace(emulator)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def panel(place: OnePlace, clock: ManualClock) -> AsyncIterator[Panel]:
    made = Panel(place, clock)
    yield made
    await made.close()


def apps(tree: protocol.Tree) -> dict[str, protocol.App]:
    return {app.name: app for environment in tree.environments for app in environment.apps}


async def test_looking_at_what_does_not_run_starts_nothing_until_a_person_says_so(
    place: OnePlace, panel: Panel
) -> None:
    place.runs = False
    tree, status = await panel.tree(), await panel.status()
    assert (tree.target.connection, status.target.connection, place.opened) == ("off", "off", [])
    with pytest.raises(TargetFailed, match="not connected"):
        await panel.calling_code("scorer")
    assert (await panel.choose_target(protocol.TargetChoice(name="here"))).connection == "on"
    assert place.opened == ["here"]


async def test_a_target_that_wants_to_know_who_asks_waits_for_a_person_and_then_comes_back_by_itself(
    place: OnePlace, panel: Panel
) -> None:
    assert (await panel.choose_target(protocol.TargetChoice(name="there", connect=False))).connection == "off"
    assert (await panel.choose_target(protocol.TargetChoice(name="there"))).connection == "on"
    await panel.close()
    assert (await panel.tree()).target.connection == "on"
    with pytest.raises(UsageFailed, match="no target 'nowhere'"):
        await panel.choose_target(protocol.TargetChoice(name="nowhere"))


async def test_the_tree_has_apps_with_their_state_and_what_they_cost(emulator: Running, panel: Panel) -> None:
    emulator.deploy("scorer")
    tree = await panel.tree()
    assert [environment.name for environment in tree.environments] == ["local"]
    app = apps(tree)["scorer"]
    assert (app.dot, app.max_replicas, app.settled, app.environment) == ("asleep", 10, True, "local")
    assert app.hourly_usd is not None
    assert app.url.startswith("http")
    revisions = await panel.revisions("scorer")
    assert [(each.latest, each.active, each.traffic_percent) for each in revisions.revisions] == [(True, True, 100)]


async def test_many_who_ask_at_once_cost_one_look(emulator: Running, panel: Panel, clock: ManualClock) -> None:
    emulator.deploy("scorer")
    await panel.tree()
    emulator.deploy("other")
    assert set(apps(await panel.tree())) == {"scorer"}, "the same answer within a second"
    await clock.advance(1.0)
    assert set(apps(await panel.tree())) == {"scorer", "other"}


async def test_an_action_is_done_and_seen_at_once(emulator: Running, panel: Panel) -> None:
    emulator.deploy("scorer")
    await panel.tree()
    done = await panel.act("scorer", protocol.Action(action="stop"))
    assert done.message == "scorer is stopped"
    assert apps(await panel.tree())["scorer"].dot == "stopped"
    await panel.act("scorer", protocol.Action(action="start"))
    await panel.act("scorer", protocol.Action(action="scale", min_replicas=2, max_replicas=3))
    scaled = apps(await panel.tree())["scorer"]
    assert (scaled.dot, scaled.min_replicas, scaled.max_replicas) == ("asleep", 2, 3)
    assert (await panel.act("scorer", protocol.Action(action="down"))).message == "scorer is down"
    assert apps(await panel.tree()) == {}


async def test_a_revision_is_promoted_where_several_are_active(emulator: Running, panel: Panel) -> None:
    body = emulator.body(revisionSuffix="one")
    body["properties"]["configuration"]["activeRevisionsMode"] = "Multiple"
    emulator.deploy("scorer", body)
    again = emulator.body(revisionSuffix="two")
    again["properties"]["configuration"]["activeRevisionsMode"] = "Multiple"
    emulator.follow(emulator.ask("PUT", emulator.app_path("scorer"), again))
    await panel.act("scorer", protocol.Action(action="promote", revision="scorer--one"))
    found = {each.name: each.traffic_percent for each in (await panel.revisions("scorer")).revisions}
    assert found["scorer--one"] == 100
    await panel.act("scorer", protocol.Action(action="deactivate", revision="scorer--two"))
    assert [each.active for each in (await panel.revisions("scorer")).revisions] == [False, True]


async def test_what_is_not_there_is_said_in_the_platforms_words(panel: Panel) -> None:
    for asking in (
        panel.revisions("none"),
        panel.calling_code("none"),
        panel.act("none", protocol.Action(action="stop")),
    ):
        with pytest.raises(NotFound):
            await asking


async def test_the_status_adds_up_what_runs(emulator: Running, panel: Panel) -> None:
    emulator.deploy("scorer")
    status = await panel.status()
    assert status.apps == 1
    assert status.today_usd is None, "nobody waits for it"
    assert status.hourly_usd is not None


async def test_the_code_that_calls_an_app_names_the_target_that_is_shown(emulator: Running, panel: Panel) -> None:
    emulator.deploy("scorer")
    assert "connect('here').apps['scorer']" in (await panel.calling_code("scorer")).code


async def test_a_page_on_this_machine_is_reached_directly_or_through_the_server(
    emulator: Running, panel: Panel
) -> None:
    body = emulator.body()
    body["tags"] = {"aca-notebook-public": "true"}
    emulator.deploy("scorer", body)
    direct = (await panel.link("scorer", protocol.LinkAsked(here=True))).url
    assert direct.startswith("http")
    through = (await panel.link("scorer", protocol.LinkAsked())).url
    page = panel.pages.find(through.split("/")[1])
    assert page is not None
    assert page.url.startswith("https://"), "the key travels by https only"


async def test_an_address_of_a_page_ends_with_its_app_and_with_the_target(emulator: Running, panel: Panel) -> None:
    async def word_of(app: str) -> str:
        return (await panel.link(app, protocol.LinkAsked())).url.split("/")[1]

    body = emulator.body()
    body["tags"] = {"aca-notebook-public": "true"}
    for name in ("scorer", "other"):
        emulator.deploy(name, body)
    gone, stays = await word_of("scorer"), await word_of("other")
    await panel.act("scorer", protocol.Action(action="down"))
    assert panel.pages.find(gone) is None
    assert panel.pages.find(stays) is not None
    await panel.close()
    assert panel.pages.find(stays) is None


async def test_a_cards_link_is_known_by_its_address(emulator: Running, panel: Panel) -> None:
    emulator.deploy("other")
    body = emulator.body()
    body["tags"] = {"aca-notebook-public": "true"}
    emulator.deploy("scorer", body)
    shown = apps(await panel.tree())["scorer"].url
    through = (await panel.link_to(protocol.LinkToAsked(address=f"{shown}/docs"))).url
    page = panel.pages.find(through.split("/")[1])
    assert page is not None
    assert page.url.endswith(shown.partition("://")[2])
    with pytest.raises(NotFound, match="no app answers there"):
        await panel.link_to(protocol.LinkToAsked(address="http://127.0.0.1:1/"))


async def test_a_target_that_has_gone_is_off_and_the_next_look_finds_it(place: OnePlace, panel: Panel) -> None:
    place.address = "https://127.0.0.1:9"  # nobody listens there
    with pytest.raises(Unreachable):
        await panel.tree()
    place.runs = False
    assert (await panel.tree()).target.connection == "off"
    place.runs, place.address = True, ""
    assert (await panel.tree()).target.connection == "on"
    assert place.opened == ["here", "here"]


async def test_who_asks_while_the_old_target_is_left_sits_down_at_the_new_one(
    place: OnePlace, panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    await panel.choose_target(protocol.TargetChoice(name="there"))
    await panel.choose_target(protocol.TargetChoice(name="here"))
    leaving, leave = asyncio.Event(), asyncio.Event()
    close = Desk.close

    async def close_slowly(desk: Desk) -> None:
        leaving.set()
        await leave.wait()
        await close(desk)

    monkeypatch.setattr(Desk, "close", close_slowly)
    choosing = asyncio.create_task(panel.choose_target(protocol.TargetChoice(name="there")))
    await leaving.wait()
    await panel.target()
    leave.set()
    await choosing
    assert place.opened == ["there", "here", "there"]


@pytest.mark.parametrize(("status", "times"), [(403, 1), (401, 2)])
async def test_who_may_not_do_something_keeps_the_desk_and_who_is_not_known_any_more_begins_anew(
    emulator: Running, place: OnePlace, panel: Panel, monkeypatch: pytest.MonkeyPatch, status: int, times: int
) -> None:
    emulator.deploy("scorer")

    async def refuse(*_: object) -> None:
        raise Unauthorized("this account may not touch it", status=status, code="AuthorizationFailed")

    monkeypatch.setattr("aca_notebook.server.panel._act", refuse)
    with pytest.raises(Unauthorized):
        await panel.act("scorer", protocol.Action(action="stop"))
    await panel.tree()
    assert len(place.opened) == times


async def test_pools_stand_in_the_tree(emulator: Running, panel: Panel) -> None:
    pool = {
        "location": "eastus",
        "properties": {
            "environmentId": emulator.environment_id, "poolManagementType": "Dynamic", "containerType": "PythonLTS",
            "scaleConfiguration": {"maxConcurrentSessions": 5, "readySessionInstances": 1},
            "dynamicPoolConfiguration": {
                "lifecycleConfiguration": {"lifecycleType": "Timed", "cooldownPeriodInSeconds": 300}
            },
        },
    }  # fmt: skip
    path = f"{emulator.group}/providers/Microsoft.App/sessionPools/python"
    answer = emulator.ask("PUT", path, pool)
    assert answer.status_code in {200, 201, 202}, answer.text
    emulator.eventually(
        lambda: emulator.ask("GET", path).json()["properties"]["provisioningState"] == "Succeeded"
    )  # fmt: skip
    (shown,) = (await panel.tree()).pools
    assert (shown.name, shown.container_type, shown.max_sessions) == ("python", "PythonLTS", 5)

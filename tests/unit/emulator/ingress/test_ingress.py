"""The ingress over real sockets: 0 to 1, http and https, who gets what."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket

import pytest

from aca_notebook.emulator.journal.events import IngressMoved
from aca_notebook.emulator.runtime.desired import Ingress, Probe, TrafficWeight
from aca_notebook.emulator.runtime.ingress_rules import IngressRules
from tests.fakes.spawn import Behaviour
from tests.unit.emulator.ingress.site import GET, client, sited
from tests.unit.emulator.runtime.world import FIRST, KEY, app, container, revision

pytestmark = pytest.mark.anyio
SECOND = "scorer--0000001"
INTERNAL = Ingress(external=False, target_port=8000, rules=IngressRules(internal=True))


async def publish(s, *revisions, **fields) -> str:
    wanted = app(*revisions, **fields)
    await s.world.controller.declare(wanted)
    return await s.ingress.publish(wanted)


async def test_an_answer_comes_from_a_replica_over_http_and_https_on_one_port(tmp_path):
    async with sited(tmp_path) as s:
        address = await publish(s)
        for tls in (None, s.trust):
            async with client(address, tls) as c:
                status, headers, body = await c.ask(GET)
                assert status == 200
                assert json.loads(body)["CONTAINER_APP_REVISION"] == FIRST
                assert headers["x-call-id"]
        sent = s.world.spawn.alive[0].requests
        assert b"X-Forwarded-Proto: http\r\n" in sent[0]
        assert b"X-Forwarded-Proto: https\r\n" in sent[1]
        assert b"X-Forwarded-For: 127.0.0.1\r\n" in sent[0]


async def test_a_request_waits_while_the_first_replica_starts(tmp_path):
    async with sited(tmp_path) as s:
        address = await publish(s)
        await s.world.controller.revision_outcome(KEY, FIRST)
        await s.world.clock.advance(301)
        await s.world.until(lambda: not list(s.world.app.replicas))
        async with client(address) as c:
            status, _, _ = await c.ask(GET)
            assert status == 200
        assert len(s.world.spawn.children) == 2


async def test_a_request_that_no_replica_takes_is_cut_after_240_seconds(tmp_path):
    async with sited(tmp_path, behave=lambda _: Behaviour(listens=False)) as s:
        patient = container(probes=(Probe("Startup", period_seconds=1, failure_threshold=1000),))
        address = await publish(s, revision(containers=(patient,)))
        async with client(address) as c:
            asked = asyncio.create_task(c.ask(GET))
            await s.world.until(lambda: s.ingress.busy)
            await s.world.clock.advance(238)
            assert not asked.done()
            await s.world.clock.advance(3)
            assert (await asked)[0] == 504
        assert s.observer.statuses == [504]


async def test_a_failed_revision_answers_503_with_the_reason(tmp_path):
    async with sited(tmp_path, behave=lambda _: Behaviour(exit_code=1)) as s:
        address = await publish(s)
        async with client(address) as c:
            status, _, body = await c.ask(GET)
            assert status == 503
            assert b"exit code 1" in body


async def test_a_stopped_app_answers_with_azures_page(tmp_path):
    async with sited(tmp_path) as s:
        address = await publish(s)
        await publish(s, running=False)
        async with client(address) as c:
            status, _, body = await c.ask(GET)
            assert status == 404
            assert b"This Container App is stopped or does not exist" in body


async def test_pipelined_requests_are_answered_in_order(tmp_path):
    async with sited(tmp_path) as s:
        address = await publish(s)
        async with client(address) as c:
            c.writer.write(GET * 5)
            for _ in range(5):
                assert (await c.answer())[0] == 200


async def test_weights_share_requests_out_between_revisions(tmp_path):
    async with sited(tmp_path) as s:
        ingress = Ingress(
            external=True, target_port=8000,
            traffic=(TrafficWeight(FIRST, 80), TrafficWeight(SECOND, 20, label="new")),
        )  # fmt: skip
        address = await publish(s, revision(low=1), revision(SECOND, low=1), ingress=ingress, single=False)
        counts = {FIRST: 0, SECOND: 0}
        async with client(address) as c:
            for _ in range(200):
                counts[json.loads((await c.ask(GET))[2])["CONTAINER_APP_REVISION"]] += 1
            assert 10 < counts[SECOND] < 75
            labelled = b"GET / HTTP/1.1\r\nHost: scorer---new.blue.localhost\r\n\r\n"
            assert json.loads((await c.ask(labelled))[2])["CONTAINER_APP_REVISION"] == SECOND


async def test_a_sticky_client_stays_with_its_replica(tmp_path):
    async with sited(tmp_path) as s:
        sticky = Ingress(external=True, target_port=8000, sticky=True)
        address = await publish(s, revision(low=3), ingress=sticky)
        await s.world.until(lambda: s.world.ready() == 3)
        async with client(address) as c:
            _, headers, body = await c.ask(GET)
            replica = json.loads(body)["CONTAINER_APP_REPLICA_NAME"]
            pair = headers["set-cookie"].partition(";")[0].encode()
            for _ in range(6):
                _, headers, body = await c.ask(b"GET / HTTP/1.1\r\nHost: a\r\nCookie: x=1; %s\r\n\r\n" % pair)
                assert json.loads(body)["CONTAINER_APP_REPLICA_NAME"] == replica
                assert "set-cookie" not in headers


async def test_the_address_is_kept_over_restarts_and_replaced_when_someone_took_it(tmp_path):
    async with sited(tmp_path) as s:
        address = await publish(s)
        await s.ingress.close()
        assert await publish(s) == address
        await s.ingress.close()
        port = int(address.partition(":")[2])
        with socket.create_server(("127.0.0.1", port)):
            moved = await publish(s)
        assert moved != address
        await s.world.controller._recorder.durable()
        (event,) = [event for _, event in s.world.database.events() if isinstance(event, IngressMoved)]
        assert (event.before, event.after) == (port, int(moved.partition(":")[2]))


async def test_an_internal_app_turns_the_rest_of_the_machine_away(tmp_path):
    async with sited(tmp_path) as s:
        address = await publish(s, ingress=INTERNAL)
        async with client(address) as c:
            for _ in range(2):
                assert (await c.ask(GET))[::2] == (403, b"")
            assert not any(child.requests for child in s.world.spawn.children)
            await publish(s)
            assert (await c.ask(GET))[0] == 200


async def test_what_comes_while_an_app_turns_internal_is_looked_at(tmp_path):
    async with sited(tmp_path) as s:
        address = await publish(s)
        async with client(address) as c:
            assert (await c.ask(GET))[0] == 200
            await publish(s, ingress=INTERNAL)
            assert (await c.ask(GET))[0] == 403


async def test_withdrawing_closes_the_port(tmp_path):
    async with sited(tmp_path) as s:
        address = await publish(s)
        await s.ingress.withdraw(KEY)
        with pytest.raises(ConnectionRefusedError):
            async with client(address):
                pass


async def test_each_request_is_reported_once(tmp_path):
    async with sited(tmp_path) as s:
        address = await publish(s)
        async with client(address) as c:
            for _ in range(3):
                await c.ask(GET)
        assert s.observer.statuses == [200, 200, 200]
        assert s.world.controller._apps[KEY].loads[FIRST].in_flight == 0


async def test_what_is_not_http_gets_400(tmp_path):
    async with sited(tmp_path) as s:
        address = await publish(s)
        async with client(address) as c:
            assert (await c.ask(b"HELLO\r\n\r\n"))[0] == 400


TWO = Ingress(external=True, target_port=8000, traffic=(TrafficWeight(FIRST, 100), TrafficWeight(SECOND, 0, "new")))


async def who(address: str, request: bytes = GET) -> str:
    async with client(address) as c:
        status, _, body = await c.ask(request)
        assert status == 200
        return str(json.loads(body)["CONTAINER_APP_REVISION"])


async def test_a_revision_and_a_label_have_addresses_that_reach_them_alone(tmp_path):
    async with sited(tmp_path) as s:
        address = await publish(s, revision(low=1), revision(SECOND, low=1), ingress=TWO, single=False)
        first = await s.ingress.address(KEY, FIRST)
        second, label = await s.ingress.address(KEY, SECOND), await s.ingress.address(KEY, "NEW")
        assert len({address, first, second, label}) == 4
        elsewhere = b"GET / HTTP/1.1\r\nHost: %s.blue.localhost\r\n\r\n" % SECOND.encode()
        assert await who(first, elsewhere) == FIRST, "the address decides, not the host name"
        assert await who(address, elsewhere) == SECOND
        assert await who(second) == await who(label) == SECOND


async def test_an_address_is_listened_on_once_it_was_asked_for_and_after_a_restart(tmp_path):
    async with sited(tmp_path) as s:
        address = await publish(s, revision(low=1))
        assert len(s.ingress._published[KEY].gates) == 1
        named = await s.ingress.address(KEY, FIRST)
        assert await s.ingress.address(KEY, FIRST.upper()) == named
        await s.ingress.close()
        assert await publish(s, revision(low=1)) == address
        assert await who(named) == FIRST


async def test_a_label_that_moves_takes_its_address_with_it(tmp_path):
    async with sited(tmp_path) as s:
        both = (revision(low=1), revision(SECOND, low=1))
        await publish(s, *both, ingress=TWO, single=False)
        label = await s.ingress.address(KEY, "new")
        assert await who(label) == SECOND
        moved = Ingress(external=True, target_port=8000, traffic=(TrafficWeight(FIRST, 100, "new"),))
        await publish(s, *both, ingress=moved, single=False)
        assert await who(label) == FIRST


async def test_a_request_to_a_revision_without_replicas_wakes_it(tmp_path):
    async with sited(tmp_path) as s:
        await publish(s, revision(low=1), revision(SECOND), ingress=TWO, single=False)
        await s.world.controller.revision_outcome(KEY, SECOND)
        named = await s.ingress.address(KEY, SECOND)
        await s.world.clock.advance(301)
        await s.world.until(lambda: not s.world.replicas(SECOND))
        assert await who(named) == SECOND


async def test_the_address_of_what_is_no_longer_there_is_let_go(tmp_path):
    async with sited(tmp_path) as s:
        await publish(s, revision(), revision(SECOND), ingress=TWO, single=False)
        named = [await s.ingress.address(KEY, name) for name in (FIRST, "new")]
        await publish(s, revision(active=False), revision(SECOND), single=False)
        for address in named:
            with pytest.raises(ConnectionRefusedError):
                await who(address)
        assert await s.ingress.address(KEY, FIRST) == ""
        assert await s.ingress.address(KEY, "new") == ""
        await s.ingress.withdraw(KEY)
        assert s.world.database.documents("ingress-port") == {}


async def test_when_no_port_is_left_a_revision_goes_without(tmp_path):
    async with sited(tmp_path) as s:
        await publish(s)
        named = await s.ingress.address(KEY, FIRST)
        await s.ingress.close()
        s.ingress._ports._candidates = ()
        with socket.create_server(("127.0.0.1", int(named.partition(":")[2]))):
            assert await publish(s), "the app itself is there as it was"
            assert await s.ingress.address(KEY, FIRST) == ""


async def test_what_has_no_way_in_has_no_such_address(tmp_path):
    async with sited(tmp_path) as s:
        await publish(s, ingress=None)
        assert await s.ingress.address(KEY, FIRST) == ""


async def test_a_revision_of_an_internal_app_is_as_internal(tmp_path):
    async with sited(tmp_path) as s:
        await publish(s, ingress=INTERNAL)
        async with client(await s.ingress.address(KEY, FIRST)) as c:
            assert (await c.ask(GET))[0] == 403


@pytest.mark.parametrize(
    ("requests", "at_once", "after_fifteen_seconds"),
    [
        pytest.param(50, 1, 1, id="50 in 15 s are 3.3 a second, of which one replica takes 10"),
        pytest.param(450, 1, 3, id="450 are 30 a second"),
    ],
)
async def test_requests_that_come_together_at_zero_start_what_the_rule_says(
    tmp_path, requests, at_once, after_fifteen_seconds
):
    async with sited(tmp_path) as s:
        address = await publish(s)
        await s.world.controller.revision_outcome(KEY, FIRST)
        await s.world.clock.advance(301)
        await s.world.until(lambda: not list(s.world.app.replicas))
        before = len(s.world.spawn.children)

        async def ask() -> int:
            async with client(address) as c:
                return (await c.ask(GET))[0]

        assert await asyncio.gather(*(ask() for _ in range(requests))) == [200] * requests
        assert len(s.world.spawn.children) - before == at_once
        await s.world.clock.advance(10)
        assert await asyncio.gather(*(ask() for _ in range(requests))) == [200] * requests
        await s.world.clock.advance(5)  # when it looks again, the first ones are 15 s old and count no more
        await s.world.until(lambda: s.world.ready() == after_fifteen_seconds)
        assert len(s.world.spawn.children) - before == after_fifteen_seconds
        assert s.observer.statuses == [200] * 2 * requests


async def test_sixty_deploys_do_with_three_ports(tmp_path):
    async with sited(tmp_path) as s:
        names = [f"scorer--{number:07}" for number in range(60)]
        for before, latest in itertools.pairwise(names):
            await publish(s, revision(before, active=False), revision(latest))
            assert await s.ingress.address(KEY, latest)
        assert len(s.world.database.documents("ingress-port")) <= 3

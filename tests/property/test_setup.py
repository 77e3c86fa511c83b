"""A set-up decided from any state: its steps lead to one with none left, from wherever it stopped; nothing twice."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.model import setup
from aca_notebook.model.gpu import CATALOGUE, CONSUMPTION
from aca_notebook.model.price import price_list
from aca_notebook.model.setup import PROVIDERS, Act, Found, Part, Profile, Puller, Step, Thing, Wanted

PRICES = price_list("eastus")
#: With a thing go the roles on it, and those it held.
ROLES_GONE_WITH = {Part.REGISTRY: frozenset({Puller.USER, Puller.SYSTEM}), Part.IDENTITY: frozenset({Puller.USER})}
_STATES = st.sampled_from(["Succeeded", "Creating", "Waiting", "Failed", "Canceled", "Deleting"])
_THINGS = st.none() | st.builds(Thing, _STATES, st.just(True))  # noqa: FBT003  # ours
_PROFILES = st.lists(
    st.sampled_from([each for each in CATALOGUE if each is not CONSUMPTION]), unique=True, max_size=3
).map(lambda types: tuple(Profile(each, None if each.serverless else (1, 1)) for each in types))


@st.composite
def wishes(draw: st.DrawFn) -> Wanted:
    return Wanted("s", "g", "eastus", "env", "reg", draw(_PROFILES), draw(st.sampled_from(["", "pool"])))


@st.composite
def states(draw: st.DrawFn) -> Found:
    """Anything that a platform could answer, as long as what hangs on a thing is gone with it."""
    group = draw(st.none() | st.just(Thing("Succeeded", ours=True)))
    registry, identity, environment = (draw(_THINGS) if group else None for _ in range(3))
    puller = draw(st.sampled_from([None, Puller.USER, Puller.SYSTEM])) if environment else None
    pullers = frozenset(
        each
        for each, holder in ((Puller.USER, identity), (Puller.SYSTEM, environment))
        if registry and holder and draw(st.booleans())
    )
    return Found(
        {each: draw(st.sampled_from(["Registered", "Registering", "NotRegistered"])) for each in PROVIDERS},
        group, draw(_THINGS) if group else None, registry, identity, environment, draw(_THINGS) if group else None,
        profiles=frozenset(draw(st.sets(st.sampled_from([each.name for each in CATALOGUE]))) if environment else ()),
        puller=puller, pullers=pullers, opens_sessions=bool(group) and draw(st.booleans()),
    )  # fmt: skip


def done(found: Found, step: Step, wanted: Wanted) -> Found:
    """What a platform looks like after one step."""
    made = Thing("Succeeded", ours=True)
    if step.part is Part.ENVIRONMENT:
        return environment_done(found, step, wanted)
    if step.part in ROLES_GONE_WITH:
        gone = ROLES_GONE_WITH[step.part] if step.act is Act.REPLACE else frozenset()
        found = replace(found, pullers=found.pullers - gone)
    types = {each.type.name for each in wanted.profiles if each.name == step.name}
    after: dict[Part, dict[str, object]] = {
        Part.PROVIDER: {"providers": {**found.providers, step.name: "Registered"}},
        Part.GROUP: {"group": made},
        Part.WORKSPACE: {"workspace": made},
        Part.REGISTRY: {"registry": made},
        Part.IDENTITY: {"identity": made},
        Part.PULL: {"pullers": found.pullers | {setup.who_pulls(found)}},
        Part.PROFILE: {"profiles": (found.profiles or frozenset()) | types},
        Part.POOL: {"pool": made, "opens_sessions": found.opens_sessions and step.act is not Act.REPLACE},
        Part.SESSIONS: {"opens_sessions": True},
    }
    return replace(found, **after[step.part])


def environment_done(found: Found, step: Step, wanted: Wanted) -> Found:
    made = Thing("Succeeded", ours=True)
    if step.act in {Act.CREATE, Act.REPLACE}:
        every = frozenset(each.type.name for each in wanted.profiles) | {CONSUMPTION.name}
        return replace(found, environment=made, puller=Puller.USER, profiles=every)
    return replace(found, environment=made, puller=Puller.USER if step.act is Act.CHANGE else found.puller)


@given(states(), wishes(), st.data())
def test_every_set_up_comes_to_an_end_however_often_it_is_interrupted(
    found: Found, wanted: Wanted, data: st.DataObject
) -> None:  # fmt: skip
    for _ in range(6):
        steps = setup.plan_setup(found, wanted, PRICES, target="azure").steps
        if not steps:
            break
        stop = data.draw(st.integers(1, len(steps)))
        for step in steps[:stop]:
            found = done(found, step, wanted)
    else:
        for _ in range(2):  # not interrupted any more: what is left is done in one go, or in two when something waited
            for step in setup.plan_setup(found, wanted, PRICES, target="azure").steps:
                found = done(found, step, wanted)
    assert setup.plan_setup(found, wanted, PRICES, target="azure").steps == ()


@given(states(), wishes())
def test_nothing_that_is_there_is_made_and_nothing_is_made_twice(found: Found, wanted: Wanted) -> None:
    steps = setup.plan_setup(found, wanted, PRICES, target="azure").steps
    assert len({(step.part, step.name, step.act) for step in steps}) == len(steps)
    there = {Part.GROUP: found.group, Part.REGISTRY: found.registry, Part.ENVIRONMENT: found.environment}
    for step in steps:
        if step.act is Act.CREATE and step.part in there:
            assert there[step.part] is None or step.part is Part.GROUP
    order = [setup.STAGES.index(next(stage for stage in setup.STAGES if step.part in stage)) for step in steps]
    assert order == sorted(order)


@given(states(), wishes(), st.sampled_from(["environment", "registry", "workspace", "identity", "pool"]))
def test_what_is_not_ours_is_never_replaced(found: Found, wanted: Wanted, part: str) -> None:
    theirs = replace(found, **{part: Thing("Failed")})
    asked = replace(wanted, pool=wanted.pool or "python")
    assert "not of our making" in setup.plan_setup(theirs, asked, PRICES, target="azure").blocked


@given(wishes())
def test_every_step_says_why_and_what_it_costs(wanted: Wanted) -> None:
    plan = setup.plan_setup(Found({}), wanted, PRICES, target="azure")
    assert all(step.why and step.price for step in plan.steps)
    assert plan.hourly_usd >= setup.REGISTRY_BASIC_A_DAY_USD / 24

"""The language of templates: what is written can be read, folding changes no value, and dependencies come first."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.emulator.arm.templates.evaluation import evaluate, fold
from aca_notebook.emulator.arm.templates.faults import TemplateFault
from aca_notebook.emulator.arm.templates.jsonc import NotJson, read_source
from aca_notebook.emulator.arm.templates.place import Place
from aca_notebook.emulator.arm.templates.plan import make_plan
from aca_notebook.emulator.arm.templates.scopes import Lookup, Scope, Unresolved
from aca_notebook.emulator.arm.templates.syntax import Access, Call, ExpressionError, Literal, parse, render
from aca_notebook.emulator.arm.templates.values import folded, resolved
from aca_notebook.emulator.arm.templates.what_if import changes

PLACE = Place({"id": "/subscriptions/s"}, {"id": "/subscriptions/s/resourceGroups/g", "name": "g"}, {}, {}, {}, {})
#: What is looked up while a template runs, and its answer.
LOOKUP = Lookup("reference", "/x", "1")
ASKED = Call("reference", (Literal("/x"), Literal("1")))

texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)
scalars = st.none() | st.booleans() | st.integers(-(2**31), 2**31) | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
)
names = st.sampled_from(["concat", "ns.own", "if", "parameters", "x1"])
nodes = st.recursive(
    st.builds(Literal, st.integers(-9, 9) | texts),
    lambda inner: st.builds(Call, names, st.lists(inner, max_size=3).map(tuple)) | st.builds(Access, inner, inner),
    max_leaves=8,
)
#: Expressions that have a value once the look-up is answered.
numbers = st.recursive(
    st.builds(Literal, st.integers(-9, 9)) | st.just(Access(ASKED, Literal("n"))),
    lambda inner: (
        st.builds(lambda a, b: Call("add", (a, b)), inner, inner)
        | st.builds(lambda a, b: Call("if", (Call("less", (a, b)), a, b)), inner, inner)
        | st.builds(lambda a: Call("max", (Call("createArray", (a, Literal(0))),)), inner)
    ),
    max_leaves=8,
)


@given(values)
def test_json_is_read_as_json(value):
    assert read_source(json.dumps(value)).value == value


@given(values)
def test_comments_bare_names_and_trailing_commas_change_nothing(value):
    plain = json.dumps({"template": value}, indent=1)
    dressed = "// first\n" + plain.replace('"template":', "template /* no quotes */ :", 1)[:-1] + ", } /* last */"
    assert read_source(dressed).value == {"template": value}


@given(st.text(max_size=40))
def test_any_text_is_json_or_refused(text):
    with contextlib.suppress(NotJson):
        json.dumps(read_source(text).value, ensure_ascii=False).encode()


@given(nodes)
def test_an_expression_that_is_written_reads_as_itself(node):
    assert parse(render(node)) == node


@given(st.text(max_size=40))
def test_any_text_is_an_expression_or_refused(text):
    with contextlib.suppress(ExpressionError, Unresolved):
        evaluate(parse(text), Scope(PLACE))


@given(values)
def test_a_value_without_expressions_stays_as_it_is_through_folding(value):
    template = json.loads(json.dumps(value))
    once = resolved(template_of(template), Scope(PLACE))
    assert once == template
    assert resolved(folded(template_of(template), Scope(PLACE)), Scope(PLACE)) == template


def template_of(value):
    """Write a value as a template has to: what begins with a bracket is escaped; copies are not loops."""
    if isinstance(value, str):
        return f"[{value}" if value.startswith("[") else value
    if isinstance(value, list):
        return [template_of(each) for each in value]
    if isinstance(value, dict):
        return {template_of(name): template_of(each) for name, each in value.items()}
    return value


@given(numbers, st.integers(-9, 9))
def test_folding_first_and_looking_up_later_gives_what_looking_up_first_gives(node, number):
    known = {LOOKUP: {"n": number}}
    straight = evaluate(node, Scope(PLACE, known=known))
    assert evaluate(parse(render(fold(node, Scope(PLACE)))), Scope(PLACE, known=known)) == straight


edges = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12)


@given(edges)
def test_every_resource_comes_after_what_it_needs_or_a_circle_is_refused(edges):
    needed = {at: sorted({there for here, there in edges if here == at and there != at}) for at in range(7)}
    template = {
        "resources": [
            {"type": "Microsoft.App/jobs", "apiVersion": "1", "name": f"j{at}", "dependsOn": [f"j{on}" for on in needs]}
            for at, needs in needed.items()
        ]
    }
    source = read_source(json.dumps(template))
    if has_circle(needed):
        with pytest.raises(TemplateFault, match="Circular dependency"):
            make_plan(source, source.value, Scope(PLACE))
        return
    plan = make_plan(source, source.value, Scope(PLACE))
    order = [each.name for each in plan.resources]
    assert sorted(order) == [f"j{at}" for at in range(7)]
    assert all(order.index(f"j{on}") < order.index(f"j{at}") for at, needs in needed.items() for on in needs)


def has_circle(needed):
    left = {at: set(needs) for at, needs in needed.items()}
    while free := [at for at, needs in left.items() if not needs]:
        for at in free:
            del left[at]
        for needs in left.values():
            needs.difference_update(free)
    return bool(left)


documents = st.dictionaries(st.sampled_from("abc"), values, max_size=3)


@given(documents, documents)
def test_there_are_changes_exactly_when_something_differs(before, after):
    found = changes(before, after)
    assert bool(found) == (present(before) != present(after))
    assert not changes(before, before)


def present(value):
    """A member that is null is no member, at any depth that changes are told at."""
    if isinstance(value, dict):
        return {name: present(each) for name, each in value.items() if each is not None}
    return value

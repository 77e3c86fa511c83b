"""From what a browser sends to a route and its arguments."""

from __future__ import annotations

import inspect

import pytest

from aca_notebook.server import protocol
from aca_notebook.server.addresses import Wrong, find, read_body, read_query
from aca_notebook.server.handlers import method_name
from aca_notebook.server.panel import Panel

ROUTES = {route.name: route for route in protocol.ROUTES}


@pytest.mark.parametrize(("method", "path", "name", "names"), [
    ("GET", "tree", "tree", {}),
    ("PUT", "target", "chooseTarget", {}),
    ("GET", "apps/scorer/revisions", "revisions", {"app": "scorer"}),
    ("DELETE", "pools/p/sessions/a%2Fb%20c", "endSession", {"pool": "p", "session": "a/b c"}),
])  # fmt: skip
def test_an_address_is_a_route_with_names(method, path, name, names) -> None:
    found = find(method, path)
    assert found is not None
    assert (found[0].name, found[1]) == (name, names)


@pytest.mark.parametrize(("method", "path"), [
    ("POST", "tree"), ("GET", ""), ("GET", "apps//revisions"), ("GET", "apps/a/b/revisions"), ("GET", "../tree"),
])  # fmt: skip
def test_any_other_address_is_none(method, path) -> None:
    assert find(method, path) is None


def test_every_route_is_a_method_of_the_panel_that_takes_what_the_route_gives() -> None:
    for route in protocol.ROUTES:
        method = getattr(Panel, method_name(route))
        given = {piece[1:-1] for piece in route.path.split("/") if piece.startswith("{")}
        given |= {"query"} if route.query else set()
        given |= {"body"} if route.body else set()
        assert set(inspect.signature(method).parameters) - {"self"} == given, route.name
        assert inspect.signature(method).return_annotation == f"protocol.{route.answer.__name__}"


def test_a_query_is_read_as_what_it_is_and_what_jupyter_adds_is_left_alone() -> None:
    said = {"from": [b"12"], "source": [b"system"], "1679": [b""], "tail": [b"1", b"3"]}
    assert read_query(ROUTES["logs"], said) == {
        "query": protocol.LogsAsked(from_=12, source="system", tail=3)
    }  # fmt: skip
    assert read_query(ROUTES["tree"], said) == {}


@pytest.mark.parametrize("said", [{"from": [b"x"]}, {"source": [b"build"]}, {"tail": [b"301"]}, {"tail": [b"-1"]}])
def test_a_query_that_makes_no_sense_is_refused(said) -> None:
    with pytest.raises(Wrong):
        read_query(ROUTES["logs"], said)


@pytest.mark.parametrize("body", [
    b"", b"[]", b'{"action": "explode"}', b'{"action": "stop", "more": 1}', b"\xff", b'"' + b"x" * 70_000 + b'"',
])  # fmt: skip
def test_a_body_that_is_none_of_ours_is_refused(body) -> None:
    with pytest.raises(Wrong):
        read_body(ROUTES["act"], body)


def test_a_body_is_read_in_the_browsers_names() -> None:
    assert read_body(ROUTES["act"], b'{"action": "scale", "minReplicas": 0, "maxReplicas": 3}') == {
        "body": protocol.Action(action="scale", min_replicas=0, max_replicas=3)
    }

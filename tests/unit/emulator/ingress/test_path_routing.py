"""Which app a path leads to."""

from __future__ import annotations

from typing import Any

import pytest

from aca_notebook.emulator.ingress.path_routing import direct, read_routes


def lead(target: bytes, *routes: dict[str, Any]) -> tuple[str, bytes] | None:
    """The app that a target leads to and what that app gets; each route leads to an app of its number."""
    rules = [{"targets": [{"containerApp": f"App{n}"}], "routes": [route]} for n, route in enumerate(routes)]
    found = direct(read_routes({"rules": rules}), target)
    return (found[0].app, found[1]) if found else None


@pytest.mark.parametrize(
    ("match", "target", "taken"),
    [
        ({"prefix": "/a"}, b"/ab?x=1", True),
        ({"prefix": "/a"}, b"/b/a", False),
        ({"path": "/a"}, b"/a?x=1", True),
        ({"path": "/a"}, b"/a/", False),
        ({"pathSeparatedPrefix": "/a"}, b"/a", True),
        ({"pathSeparatedPrefix": "/a/"}, b"/a/b", True),
        ({"pathSeparatedPrefix": "/a"}, b"/ab", False),
        ({"prefix": "/A"}, b"/a", False),
        ({"prefix": "/A", "caseSensitive": False}, b"/a", True),
        ({"prefix": "/A", "caseSensitive": True}, b"/a", False),
        ({}, b"/anything", True),
    ],
)
def test_a_route_takes_what_it_matches(match: dict[str, Any], target: bytes, *, taken: bool) -> None:
    assert (lead(target, {"match": match}) is not None) is taken


@pytest.mark.parametrize(
    ("match", "rewrite", "target", "sent"),
    [
        ({"prefix": "/a"}, "/", b"/a/b?x=1", b"/b?x=1"),
        ({"pathSeparatedPrefix": "/a"}, "/", b"/a/b?x=1", b"/b?x=1"),
        ({"pathSeparatedPrefix": "/a"}, "/", b"/a", b"/"),
        ({"prefix": "/a/"}, "/", b"/a/b", b"/b"),
        ({"path": "/a"}, "/z", b"/a?x=1", b"/z?x=1"),
        ({"prefix": "/A", "caseSensitive": False}, "/z", b"/a/b", b"/z/b"),
        ({"prefix": "/a"}, "", b"/ab", b"/b"),
        ({"prefix": "/a"}, None, b"/ab", b"/ab"),
    ],
)
def test_what_was_matched_is_rewritten(match: dict[str, Any], rewrite: str | None, target: bytes, sent: bytes) -> None:
    route = {"match": match} | ({"action": {"prefixRewrite": rewrite}} if rewrite is not None else {})
    assert lead(target, route) == ("app0", sent)


def test_the_first_route_that_takes_it_has_it() -> None:
    routes = ({"match": {"prefix": "/api"}}, {"match": {"prefix": "/"}})
    assert lead(b"/api/x", *routes) == ("app0", b"/api/x")
    assert lead(b"/x", *routes) == ("app1", b"/x")


def test_a_rule_without_routes_takes_everything_and_a_target_may_be_a_revision_or_a_label() -> None:
    rules = [{"targets": [{"containerApp": "App", "label": "Blue"}]}]
    ((route),) = read_routes({"rules": rules})
    assert (route.app, route.name) == ("app", "blue")
    assert direct(read_routes({"rules": rules}), b"/x?y") == (route, b"/x?y")
    assert read_routes({}) == ()

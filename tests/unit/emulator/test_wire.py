from __future__ import annotations

import pytest

from aca_notebook.emulator.wire import AzureError, Door, Route, RouteTable


async def nothing(request):
    raise AssertionError


def table(*templates: str) -> RouteTable:
    return RouteTable(Route("GET", template, Door.ARM, template, nothing) for template in templates)


@pytest.mark.parametrize(
    "path",
    [
        "/subscriptions/s/resourceGroups/RG",
        "/subscriptions/s/resourcegroups/RG/",
        "//SUBSCRIPTIONS/s/ResourceGroups/RG",
    ],
)
def test_a_path_matches_in_any_case_and_with_needless_slashes(path):
    match = table("/subscriptions/{subscription}/resourcegroups/{group}").match("GET", path)
    assert match is not None
    assert match.parameters == {"subscription": "s", "group": "RG"}


def test_the_more_literal_route_wins_whatever_the_order():
    for templates in (("/a/{x}", "/a/b"), ("/a/b", "/a/{x}")):
        match = table(*templates).match("GET", "/a/b")
        assert match is not None
        assert match.route.template == "/a/b"


def test_names_in_a_path_are_decoded():
    match = table("/a/{x}").match("GET", "/a/two%20words")
    assert match is not None
    assert match.parameters == {"x": "two words"}


def test_a_star_takes_the_rest_of_the_path():
    match = table("/blobs/{*path}").match("GET", "/blobs/source/x.tar.gz")
    assert match is not None
    assert match.parameters == {"path": "source/x.tar.gz"}


def test_another_method_is_told_from_another_path():
    routes = table("/a")
    assert routes.match("PUT", "/a") is None
    assert routes.methods("/a") == {"GET"}
    assert routes.methods("/b") == set()


def test_a_refusal_is_written_in_azures_envelope():
    error = AzureError(409, "Conflict", "busy", details=[{"code": "x", "message": "y"}])
    assert error.body() == {
        "error": {"code": "Conflict", "message": "busy", "details": [{"code": "x", "message": "y"}]}
    }
    assert error.response().status_code == 409

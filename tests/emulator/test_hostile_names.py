"""Names that would be somebody else's, or none: refused wherever a route has a name, before anything is stored."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from aca_notebook.emulator.wire import Door, Offer
from tests.emulator.running import Running, running_emulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from aca_notebook.emulator.wire import Route

#: As they stand in a path; each is decoded once.
NAMES = {
    "up": "%2e%2e", "up and over": "..%2f..%2fetc%2fpasswd", "a slash": "a%2Fb", "a backslash": "a%5Cb", "nul": "a%00b",
    "a line": "a%0D%0AX-Injected:%201", "a query": "a%3Fb", "a fragment": "a%23b", "blank": "%20", "no text": "a%ff",
    "a drive": "c%3A%5Cwindows", "a control": "%C2%85", "over-long": "x" * 261, "dots": "%2E",
}  # fmt: skip
#: What a path is made of where a noun has to be there for its part to be asked.
STANDS = {"group": "local", "environment": "local", "registry": "local"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_emulator(tmp_path_factory.mktemp("names") / "emulator") as found:
        found.deploy("app")
        yield found


def ask(running: Running, connection: http.client.HTTPConnection, method: str, path: str) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {running.environment['ACCESS_TOKEN']}", "Content-Type": "application/json"}
    body = json.dumps({"location": "eastus", "properties": {}}) if method in {"PUT", "PATCH", "POST"} else None
    connection.request(method, f"{path}?api-version=2025-07-01", body, headers)
    answer = connection.getresponse()
    raw = answer.read()
    return answer.status, json.loads(raw) if raw else {}


def places(route: Route, running: Running) -> Iterator[tuple[str, str]]:
    """Each name of a route, and its path with `{}` there."""
    names = [part[1:-1] for part in route.template.split("/") if part.startswith("{") and not part.startswith("{*")]
    for name in names:
        path = route.template.replace("{*", "{")
        for other in {*names, "rest", "blob"} - {name}:
            stands = running.environment["AZURE_SUBSCRIPTION_ID"] if other == "subscription" else STANDS.get(other, "x")
            path = path.replace(f"{{{other}}}", stands)
        yield name, path.replace(f"{{{name}}}", "{}")


@pytest.mark.parametrize("what", NAMES)
def test_no_route_takes_a_name_that_cannot_stand_in_an_id(running: Running, what: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", running.emulator.endpoint.port, timeout=20)
    tried = 0
    for route in running.emulator.listed_routes():
        if route.door is not Door.ARM or route.offer is Offer.REFUSED or route.method not in {"PUT", "DELETE"}:
            continue
        for name, path in places(route, running):
            status, body = ask(running, connection, route.method, path.replace("{}", NAMES[what]))
            assert status == 400, (route, name, status, body)
            assert set(body["error"]) >= {"code", "message"}
            tried += 1
    connection.close()
    assert tried > 200


def test_what_was_refused_has_left_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "emulator"
    with running_emulator(folder) as running:
        subscription = running.group.rpartition("/resourceGroups")[0]
        for name in NAMES.values():
            running.ask("PUT", f"{subscription}/resourceGroups/{name}", {"location": "eastus"})
        network = f"{running.group}/providers/Microsoft.Network/virtualNetworks/v"
        properties = {
            "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
            "subnets": [{"name": "../../../x", "properties": {"addressPrefix": "10.0.0.0/24"}}],
        }
        refused = running.ask("PUT", network, {"location": "eastus", "properties": properties})
        assert refused.json()["error"]["code"] == "InvalidResourceName"
    with running_emulator(folder) as again:
        groups = again.ask("GET", f"{subscription}/resourceGroups").json()["value"]
        assert [each["name"] for each in groups] == ["local"]


@pytest.mark.parametrize("name", ["a b", "a.", "x" * 91, "a;b", "a'b"])
def test_a_group_has_a_name_that_azure_would_take(running: Running, name: str) -> None:
    path = f"{running.group.rpartition('/')[0]}/{quote(name)}"
    answer = running.ask("PUT", path, {"location": "eastus"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidResourceGroup")


def test_a_group_may_have_letters_of_any_script(running: Running) -> None:
    path = f"{running.group.rpartition('/')[0]}/{quote('Gärten_(1)-数.x')}"
    assert running.ask("PUT", path, {"location": "eastus"}).status_code == 201
    assert running.ask("GET", path).json()["name"] == "Gärten_(1)-数.x"

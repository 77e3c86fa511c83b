"""What an app's ingress and its sign-in ask of requests, over HTTP against a real emulator."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.real_emulator import RealEmulator

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]


class World:
    """A real emulator with one app, whose ingress is changed from test to test."""

    def __init__(self, emulator: RealEmulator) -> None:
        self.emulator = emulator
        self.settle({})

    def settle(self, ingress: dict[str, Any], mode: str = "Single") -> None:
        """PUT the app with this ingress, and follow the operation."""
        body = {"location": "eastus", "properties": self.emulator.properties("mcr.microsoft.com/k8se/quickstart")}
        configuration = {"ingress": {"external": True, "targetPort": 80} | ingress, "activeRevisionsMode": mode}
        body["properties"]["configuration"] = configuration
        answer = self.emulator.call("PUT", self.emulator.path("app-1"), body)
        assert answer.status_code == 201, answer.text
        self._wait(self.emulator.path("app-1"))

    def sign_in(self, **properties: Any) -> str:
        path = f"{self.emulator.path('app-1')}/authConfigs/current"
        answer = self.emulator.call("PUT", path, {"properties": properties})
        assert answer.status_code == 200, answer.text
        return path

    def ask(self, method: str = "GET", path: str = "/", scheme: str = "https", **headers: str) -> requests.Response:
        place = self.emulator.get("app-1")["properties"]["configuration"]["ingress"]["fqdn"]
        return requests.request(
            method, f"{scheme}://{place}{path}", verify=str(self.emulator.folder / "roots.pem"), timeout=30,
            headers={name.replace("_", "-"): value for name, value in headers.items()}, allow_redirects=False,
        )  # fmt: skip

    def share(self, name: str, *rules: dict[str, Any]) -> str:
        """PUT a route config; returns its address."""
        path = f"{self.emulator.environment_id}/httpRouteConfigs/{name}"
        answer = self.emulator.call("PUT", path, {"properties": {"rules": rules}})
        assert answer.status_code in {200, 201}, answer.text
        assert self.emulator.call("GET", path).json()["properties"]["fqdn"] == answer.json()["properties"]["fqdn"]
        return str(answer.json()["properties"]["fqdn"])

    def run_job(self, name: str, url: str, environment: str = "local") -> str:
        """Have a job ask for a page; returns how it ended: Failed unless it was given the page."""
        environment_path = self.emulator.environment_id.rpartition("/")[0] + f"/{environment}"
        if environment != "local":
            self.emulator.call("PUT", environment_path, {"location": "eastus"})
            self._wait(environment_path)
        job = self.emulator.path("").replace("/containerApps/", f"/jobs/{name}")
        body = self.emulator.job()
        code = f"import urllib.request as web; web.urlopen({url!r}, timeout=60)"
        body["properties"]["template"]["containers"][0]["command"] = [sys.executable, "-c", code]
        body["properties"]["environmentId"] = environment_path
        body["properties"]["configuration"] |= {"replicaTimeout": 100, "replicaRetryLimit": 0}
        answer = self.emulator.call("PUT", job, body)
        assert answer.status_code == 201, answer.text
        self._wait(job)
        started = self.emulator.call("POST", f"{job}/start").json()["name"]
        while True:
            (execution,) = self.emulator.call("GET", f"{job}/executions").json()["value"]
            assert execution["name"] == started
            if execution["properties"]["status"] not in {"Running", "Processing"}:
                return str(execution["properties"]["status"])

    def _wait(self, path: str) -> None:
        while self.emulator.call("GET", path).json()["properties"]["provisioningState"] not in {"Succeeded", "Failed"}:
            pass

    def system_log(self) -> str:
        app = self.emulator.get("app-1")
        token = self.emulator.call("POST", f"{self.emulator.path('app-1')}/getAuthToken").json()["properties"]["token"]
        return requests.get(
            app["properties"]["eventStreamEndpoint"], params={"tailLines": 300}, timeout=30,
            headers={"Authorization": f"Bearer {token}"}, verify=str(self.emulator.folder / "roots.pem"),
        ).text  # fmt: skip


@pytest.fixture(scope="module", name="world")
def _world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    emulator = RealEmulator(tmp_path_factory.mktemp("rules") / "emulator")
    try:
        yield World(emulator)
    finally:
        emulator.stop()


def test_plain_http_is_sent_to_https_unless_it_is_allowed(world: World) -> None:
    world.settle({"allowInsecure": False})
    sent = world.ask(path="/a?b=c", scheme="http")
    assert (sent.status_code, sent.content) == (301, b"")  # recorded: up_foundry_model_e2e
    assert sent.headers["location"] == sent.url.replace("http://", "https://")
    assert world.ask().status_code == 200
    world.settle({"allowInsecure": True})
    assert world.ask(scheme="http").status_code == 200


def test_clients_that_no_rule_allows_are_denied(world: World) -> None:
    world.settle({"ipSecurityRestrictions": [{"name": "far", "ipAddressRange": "10.0.0.0/8", "action": "Allow"}]})
    denied = world.ask()
    assert (denied.status_code, denied.text.strip()) == (403, "RBAC: access denied")
    world.settle({"ipSecurityRestrictions": [{"name": "near", "ipAddressRange": "127.0.0.1", "action": "Allow"}]})
    assert world.ask().status_code == 200


def test_an_internal_app_answers_the_programs_of_its_environment_alone(world: World) -> None:
    world.settle({"external": False})
    address = world.emulator.get("app-1")["properties"]["configuration"]["ingress"]["fqdn"]
    outside = world.ask()
    assert (outside.status_code, outside.content) == (403, b"")  # recorded: app_exec
    assert world.run_job("inside", f"http://{address}/") == "Succeeded"
    assert world.run_job("elsewhere", f"http://{address}/", environment="other") == "Failed"


def test_a_page_of_a_known_origin_may_read_answers_and_one_of_another_may_not(world: World) -> None:
    world.settle({"corsPolicy": {"allowedOrigins": ["https://a.example"], "allowedMethods": ["GET"], "maxAge": 9}})
    preflight = world.ask("OPTIONS", Origin="https://a.example", Access_Control_Request_Method="GET")
    assert (preflight.status_code, preflight.headers["access-control-max-age"]) == (200, "9")
    assert world.ask(Origin="https://a.example").headers["access-control-allow-origin"] == "https://a.example"
    assert "access-control-allow-origin" not in world.ask(Origin="https://b.example").headers


def test_sign_in_is_asked_for_as_the_config_says_and_no_longer_when_it_is_gone(world: World) -> None:
    world.settle({})
    validation = {"unauthenticatedClientAction": "Return401", "excludedPaths": ["/open"]}
    path = world.sign_in(platform={"enabled": True}, globalValidation=validation)
    refused = world.ask(Authorization="Bearer anything")
    assert (refused.status_code, refused.headers["www-authenticate"][:6]) == (401, "Bearer")
    assert world.ask(path="/open").status_code == 200
    assert "nobody can sign in" in world.system_log()
    world.sign_in(platform={"enabled": True}, globalValidation={"unauthenticatedClientAction": "Return403"})
    assert world.ask().status_code == 403
    assert world.emulator.call("DELETE", path).status_code in {200, 204}
    assert world.ask().status_code == 200


def test_apps_share_an_address_by_the_paths_of_a_route_config(world: World) -> None:
    world.settle({"external": False})  # only its environment, and its environment's shared address
    revision = world.emulator.get("app-1")["properties"]["latestRevisionName"]
    routes = [{"match": {"pathSeparatedPrefix": "/one"}, "action": {"prefixRewrite": "/"}}]
    target, named = {"containerApp": "app-1"}, {"containerApp": "app-1", "revision": revision}
    address = world.share(
        "shared", {"targets": [target], "routes": routes}, {"targets": [named], "routes": [{"match": {"path": "/two"}}]}
    )

    def status(path: str) -> int:
        return requests.get(f"http://{address}{path}", timeout=30).status_code

    assert [status(path) for path in ("/one", "/one/deep", "/two", "/onerous", "/")] == [200, 200, 200, 404, 404]
    assert world.share("shared", {"targets": [target]}) == address
    assert status("/") == 200
    world.emulator.stop()
    world.emulator.start()
    path = f"{world.emulator.environment_id}/httpRouteConfigs/shared"
    assert world.emulator.call("GET", path).json()["properties"]["fqdn"] == address
    assert status("/") == 200
    assert world.emulator.call("DELETE", path).status_code in {200, 202, 204}
    with pytest.raises(requests.ConnectionError):
        status("/")

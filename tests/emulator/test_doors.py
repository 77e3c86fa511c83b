"""Every route declares a door, and is shut to who does not have its key."""

from __future__ import annotations

import contextlib
import re
import socket
from typing import TYPE_CHECKING

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from aca_notebook.emulator.wire import Door
from tests.emulator.running import API, Running

if TYPE_CHECKING:
    from aca_notebook.emulator.wire import Route

#: All that answers without a key, and why it may.
PUBLIC = {
    "DeviceCode_Begin": "begins a sign-in, which only this machine's person can approve",
    "DeviceCode_Page": "says where that is done",
    "Metadata_Endpoints": "a client learns here where to log in",
    "Oidc_Discovery": "a client learns here where tokens are issued",
    "Oidc_Discovery_V1": "the same, as older clients ask",
    "Oidc_Instance": "MSAL asks it of an authority it does not know",
    "Oidc_Keys": "public keys",
    "RetailPrices_List": "list prices, which Azure tells anybody",
    "Token_Issue": "the client secret in the body is its key",
    "Token_Issue_V1": "the client secret in the body is its key",
}

#: What comes before the body opens none of these; `test_only_a_key_of_a_component_lets_anything_in` tries the latter.
OPENED_BY_BODY = {Door.PUBLIC, Door.INSTRUMENTATION_KEY}


def concrete(route: Route) -> str:
    return re.sub(r"\{\*?\w+\}", "x", route.template)


def test_only_what_has_to_be_is_public(emulator: Running) -> None:
    routes = emulator.emulator.listed_routes()
    assert {route.operation for route in routes if route.door is Door.PUBLIC} == set(PUBLIC)
    assert len({(route.method, route.template) for route in routes}) == len(routes)


def test_every_other_route_is_shut_without_its_key(emulator: Running) -> None:
    shut = [route for route in emulator.emulator.listed_routes() if route.door not in OPENED_BY_BODY]
    assert len(shut) > 50
    for route in shut:
        answer = emulator.ask(route.method, concrete(route), headers={"Authorization": ""})
        assert answer.status_code == (403 if route.door is Door.SAS else 401), route


def test_the_key_of_one_door_opens_no_other(emulator: Running) -> None:
    arm = {"Authorization": f"Bearer {emulator.environment['ACCESS_TOKEN']}"}
    control = {"Authorization": f"Bearer {emulator.emulator.control_token}"}
    assert emulator.ask("GET", "/_emulator/env", headers=arm).status_code == 401
    assert emulator.ask("GET", "/subscriptions", headers=control).status_code == 401
    emulator.deploy()
    token = emulator.ask("POST", f"{emulator.app_path()}/getAuthToken").json()["properties"]["token"]
    assert emulator.ask("GET", emulator.app_path(), headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_a_token_signed_by_somebody_else_is_refused(emulator: Running) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    claims = {"aud": "https://management.azure.com", "exp": 9_999_999_999, "sub": "x"}
    for algorithm, key in (("RS256", stranger), ("none", None)):
        forged = jwt.encode(claims, key, algorithm=algorithm)
        answer = emulator.ask("GET", "/subscriptions", headers={"Authorization": f"Bearer {forged}"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")


def test_a_token_expires(emulator: Running) -> None:
    whose = emulator.emulator.client.object_id
    token = emulator.emulator._issuer.issue("https://management.azure.com", subject=whose, lifetime_seconds=60)
    headers = {"Authorization": f"Bearer {token}"}
    assert emulator.ask("GET", "/subscriptions", headers=headers).status_code == 200
    emulator.advance(61)
    answer = emulator.ask("GET", "/subscriptions", headers=headers)
    assert answer.json()["error"]["code"] == "ExpiredAuthenticationToken"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", "[", "[::1",
        "evil.example@127.0.0.1", "127.0.0.1/evil.example", "127.0.0.1#evil", "", "localhost:123456",
    ],
)  # fmt: skip
def test_a_name_that_is_not_this_machines_is_turned_away_before_the_door(emulator: Running, host: str) -> None:
    answer = emulator.ask("GET", "/metadata/endpoints", headers={"Host": host})
    assert (answer.status_code, answer.json()["error"]["code"]) == (421, "HostNotAllowed")


def test_a_body_has_a_limit_and_a_public_one_a_small_one(emulator: Running) -> None:
    tenant = emulator.environment["AZURE_TENANT_ID"]
    refused = emulator.ask("POST", f"/{tenant}/oauth2/v2.0/token", data={"scope": "x" * 70_000})
    assert (refused.status_code, refused.json()["error"]["code"]) == (413, "RequestEntityTooLarge")
    refused = emulator.ask("PUT", emulator.app_path(), data=b'{"tags": "' + b"x" * 17 * 2**20 + b'"}')
    assert (refused.status_code, refused.json()["error"]["code"]) == (413, "RequestEntityTooLarge")


def test_a_head_that_does_not_end_is_hung_up_on(emulator: Running) -> None:
    with socket.create_connection(("127.0.0.1", emulator.emulator.endpoint.port), timeout=10) as connection:
        connection.sendall(b"GET /metadata/endpoints HTTP/1.1\r\nHost: localhost\r\nX-Long: ")
        with contextlib.suppress(ConnectionError):  # it may hang up before all of it is sent
            connection.sendall(b"x" * 400_000)
        assert connection.recv(4096).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:8321", "app.localhost", "[::1]:80"])
def test_loopback_names_are_answered(emulator: Running, host: str) -> None:
    assert emulator.ask("GET", "/metadata/endpoints", headers={"Host": host}).status_code == 200


def test_an_api_version_is_required_and_any_date_will_do(emulator: Running) -> None:
    assert emulator.ask("GET", "/subscriptions", params={}).json()["error"]["code"] == "MissingApiVersionParameter"
    bad = emulator.ask("GET", "/subscriptions", params={"api-version": "latest"})
    assert bad.json()["error"]["code"] == "InvalidApiVersionParameter"
    assert emulator.ask("GET", "/subscriptions", params={"Api-Version": "2031-01-01-preview"}).status_code == 200


def test_what_is_not_there_is_told_from_what_is_not_allowed(emulator: Running) -> None:
    assert emulator.ask("GET", "/nowhere").json()["error"]["code"] == "InvalidResourceType"
    answer = emulator.ask("DELETE", "/subscriptions")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")


@pytest.mark.parametrize("raw", [b"{", b"[]", b"1", b"\xff", b'"text"', b"[" * 5000])
def test_a_body_that_is_no_object_is_refused(emulator: Running, raw: bytes) -> None:
    headers = {"Authorization": f"Bearer {emulator.environment['ACCESS_TOKEN']}"}
    answer = emulator.ask("PUT", emulator.app_path(), headers=headers, data=raw)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidRequestContent")


def test_every_answer_of_the_provider_lists_versions_and_carries_an_id(emulator: Running) -> None:
    asked = {"x-ms-correlation-request-id": "mine"}
    answer = emulator.ask("GET", emulator.environment_id, params=API, headers=asked)
    assert "2025-07-01" in answer.headers["api-supported-versions"]
    assert answer.headers["x-ms-correlation-request-id"] == "mine"
    assert answer.headers["x-ms-request-id"]
    assert "strict-transport-security" not in answer.headers  # it would hold for every port of localhost

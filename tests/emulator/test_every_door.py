"""Every route × every key that is none: enumerated from the route table, so that no new route can be forgotten."""

from __future__ import annotations

import base64
import http.client
import json
import re
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from aca_notebook.emulator.wire import Door
from tests.emulator.running import Running, running_emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aca_notebook.emulator.wire import Route

#: Doors that are opened by a signed token, and one audience that is right there.
AUDIENCES = {
    Door.ARM: "https://management.azure.com",
    Door.GRAPH: "https://graph.microsoft.com",
    Door.LOGS: "https://api.loganalytics.io",
    Door.METRICS: "https://metrics.monitor.azure.com",
    Door.DATA_PLANE: "https://azurecontainerapps.dev",
    Door.SESSIONS: "https://dynamicsessions.io",
    Door.VAULT: "https://vault.azure.net",
    Door.LOGS: "https://api.loganalytics.io",
    Door.METRICS: "https://metrics.monitor.azure.com",
}
#: Nothing that comes before the body opens these: tests of token requests and of telemetry try them.
OPENED_BY_BODY = {Door.PUBLIC, Door.INSTRUMENTATION_KEY}
OTHER_AUDIENCE = "https://example.org"
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_emulator(tmp_path_factory.mktemp("doors") / "emulator") as found:
        yield found


@pytest.fixture(scope="module")
def connection(running: Running) -> Iterator[http.client.HTTPConnection]:
    """One connection for all that a module asks: a new one each time takes longer than the answer."""
    made = http.client.HTTPConnection("127.0.0.1", running.emulator.endpoint.port, timeout=20)
    yield made
    made.close()


def ask(connection: http.client.HTTPConnection, method: str, path: str, headers: dict[str, str]) -> tuple[int, Any]:
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    return answer.status, json.loads(body) if body else {}


def concrete(route: Route) -> str:
    return re.sub(r"\{\*?\w+\}", "x", route.template) + "?api-version=2025-07-01"


def _unsigned(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, None, algorithm="none")


def _stripped(claims: dict[str, Any]) -> str:
    """Signed by us and then cut: the header promises a signature that is not there."""
    header, body, _ = jwt.encode(claims, STRANGER, algorithm="RS256").split(".")
    return f"{header}.{body}."


def _confused(public: str) -> Callable[[dict[str, Any]], str]:
    """Signed with the public key as if it were a shared secret: who believes the header's algorithm lets it in."""

    def forge(claims: dict[str, Any]) -> str:
        head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=").decode()
        body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
        algorithm = jwt.get_algorithm_by_name("HS256")
        raw = algorithm.sign(f"{head}.{body}".encode(), public.encode())
        return f"{head}.{body}.{base64.urlsafe_b64encode(raw).rstrip(b'=').decode()}"

    return forge


def keys(running: Running, door: Door) -> dict[str, str]:
    """Bearers that open no door, by what is wrong with each."""
    issuer, client = running.emulator._issuer, running.emulator.client
    claims = {
        "aud": AUDIENCES.get(door, OTHER_AUDIENCE), "exp": 99_999_999_999, "sub": client.object_id,
        "oid": client.object_id, "tid": client.tenant_id, "iss": f"https://sts.windows.net/{client.tenant_id}/",
        "nbf": 0, "iat": 0,
    }  # fmt: skip
    found = {
        "nothing": "",
        "garbage": "garbage",
        "no token at all": "a.b.c",
        "unsigned": _unsigned(claims),
        "cut": _stripped(claims),
        "a stranger's": jwt.encode(claims, STRANGER, algorithm="RS256"),
        "the public key's": _confused(str(issuer.jwks()["keys"][0]["n"]))(claims),
        "another audience's": issuer.issue(OTHER_AUDIENCE, subject=client.object_id),
        "the key of another door": running.emulator.control_token if door is not Door.CONTROL else client.client_secret,
    }
    if door in AUDIENCES:
        found["expired"] = issuer.issue(AUDIENCES[door], subject=client.object_id, lifetime_seconds=0)
    return found


def test_no_route_opens_to_a_key_that_is_none(running: Running, connection: http.client.HTTPConnection) -> None:
    shut = [route for route in running.emulator.listed_routes() if route.door not in OPENED_BY_BODY]
    assert {route.door for route in shut} == set(Door) - OPENED_BY_BODY
    wrong = {door: keys(running, door) for door in Door}
    for route in shut:
        for what, key in wrong[route.door].items():
            headers = {"Authorization": f"Bearer {key}", "X-IDENTITY-HEADER": key}
            if route.door is Door.POOL_KEY and what != "nothing":
                headers["x-ms-apikey"] = key
            status, body = ask(connection, route.method, concrete(route), headers)
            assert status == (403 if route.door is Door.SAS else 401), (route, what, body)


@pytest.mark.parametrize(
    "value", ["Bearer", "Bearer  ", "Basic YTpi", "bearer\ttoken", "Token x", "Bearer a b", "\xff"]
)
def test_a_header_that_is_no_bearer_opens_nothing(
    running: Running, connection: http.client.HTTPConnection, value: str
) -> None:
    for path in ("/subscriptions?api-version=2025-07-01", "/_emulator/status"):
        assert ask(connection, "GET", path, {"Authorization": value})[0] == 401


def test_a_signed_link_opens_its_own_blob_for_what_it_was_made_for_and_no_longer(
    running: Running, connection: http.client.HTTPConnection
) -> None:
    registry = f"{running.group}/providers/Microsoft.ContainerRegistry/registries/local"
    link = running.ask("POST", f"{registry}/listBuildSourceUploadUrl").json()["uploadUrl"]
    path, _, query = link.partition("/blobs/")[2].partition("?")
    headers = {"x-ms-blob-type": "BlockBlob", "Content-Length": "0"}
    assert ask(connection, "PUT", f"/blobs/{path}?{query}", headers)[0] == 201
    last = path[-len("x.tar.gz")]
    other = path[: -len("x.tar.gz")] + ("1" if last == "0" else "0") + ".tar.gz"
    refused = {
        "reading": ("GET", path, query),
        "another blob": ("PUT", other, query),
        "another permission": ("PUT", path, query.replace("sp=cw", "sp=rcwd")),
        "another end": ("PUT", path, re.sub(r"se=[^&]+", "se=2999-01-01T00%3A00%3A00Z", query)),
        "no signature": ("PUT", path, re.sub(r"&?sig=[^&]+", "", query)),
        "an empty one": ("PUT", path, re.sub(r"sig=[^&]+", "sig=", query)),
        "one that is no ASCII": ("PUT", path, re.sub(r"sig=[^&]+", "sig=%C3%A9", query)),
    }
    for what, (method, blob, asked) in refused.items():
        assert ask(connection, method, f"/blobs/{blob}?{asked}", headers)[0] == 403, what
    running.advance(3601)
    assert ask(connection, "PUT", f"/blobs/{path}?{query}", headers)[0] == 403


@pytest.mark.parametrize("host", ["evil.example", "169.254.169.254", "evil.localhost.example", "xn--lcalhost-n4a"])
def test_no_route_answers_to_another_machines_name(
    running: Running, connection: http.client.HTTPConnection, host: str
) -> None:
    token = {"Authorization": f"Bearer {running.environment['ACCESS_TOKEN']}", "Host": host}
    for route in running.emulator.listed_routes():
        assert ask(connection, route.method, concrete(route), token)[0] == 421, route


def test_a_page_of_another_origin_is_turned_away_everywhere(
    running: Running, connection: http.client.HTTPConnection
) -> None:
    """A browser sends what it has been told to; no cookie of ours opens a door, and no answer invites a page in."""
    token = {"Authorization": f"Bearer {running.environment['ACCESS_TOKEN']}", "Origin": "https://evil.example"}
    for route in running.emulator.listed_routes():
        connection.request(route.method, concrete(route), headers=token)
        answer = connection.getresponse()
        answer.read()
        assert answer.getheader("Access-Control-Allow-Origin") is None, route
        assert answer.status == 403, route
        assert answer.getheader("Set-Cookie") is None, route

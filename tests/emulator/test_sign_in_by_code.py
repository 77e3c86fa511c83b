"""A person signs in by a device code: Microsoft's own azure-identity, over HTTPS, the emulator as the authority."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import requests

from aca_notebook.api.access import Access
from aca_notebook.api.signing_in import SignedIn, login
from aca_notebook.clock import SystemClock
from aca_notebook.emulator.identity.device_codes import GRANT
from aca_notebook.errors import Unauthorized
from aca_notebook.model.signing import Outcome
from tests.emulator.running import Running, running_emulator
from tests.emulator.test_client_on_bad_days import target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CLIENT = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
SCOPE = "https://management.azure.com/.default openid profile offline_access"


@pytest.fixture
def authority(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """An emulator whose clock shows the true time: who reads an id token looks at its own."""
    late = (SystemClock().now() - datetime(2026, 1, 1, tzinfo=UTC)).total_seconds()
    with running_emulator(data_dir, elapsed_seconds=late) as running:
        for name in ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID", "IDENTITY_ENDPOINT"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AZURE_AUTHORITY_HOST", running.environment["AZURE_AUTHORITY_HOST"])
        monkeypatch.setenv("PATH", "/nowhere")  # no `az` of this machine is asked
        yield running


def sign_in(authority: Running, home: Path, enter: Callable[[str], object] | None = None, **asked: bool) -> SignedIn:
    def on_code(page: str, code: str, until: datetime) -> None:
        assert page.startswith("https://")
        assert until > SystemClock().now()
        assert (enter or approve(authority))(code)

    return login(home=home, on_code=on_code, ca_bundle=authority.environment["SSL_CERT_FILE"], persist=False, **asked)


def approve(authority: Running) -> Callable[[str], bool]:
    return lambda code: authority.control("POST", "device-codes", {"userCode": code}).status_code == 204


def test_a_person_who_enters_the_code_is_signed_in_and_may_work(authority: Running, tmp_path: Path) -> None:
    signed = sign_in(authority, tmp_path, device=True)
    assert (signed.who.name, signed.who.kind, signed.way) == ("person@localhost", "user", "device code")
    assert [(each.way, each.outcome) for each in signed.attempts] == [("device code", Outcome.DONE)]
    assert signed.attempts[0].seconds > 0

    async def groups() -> object:
        access = Access(replace(target(authority), credential=signed.credential), SystemClock())
        try:
            return await access.ask(lambda services: services.resources.group())
        finally:
            await access.close()

    import asyncio

    assert asyncio.run(groups())["name"] == "local"


def test_without_a_flag_what_asks_nobody_is_tried_first_each_with_its_reason(
    authority: Running, tmp_path: Path
) -> None:  # fmt: skip
    signed = sign_in(authority, tmp_path)
    ways = [each.way for each in signed.attempts]
    assert ways == ["environment", "workload identity", "managed identity", "az", "azd", "PowerShell", "device code"]
    assert all(each.said for each in signed.attempts)


def test_what_is_remembered_names_and_has_no_token(authority: Running, tmp_path: Path) -> None:
    sign_in(authority, tmp_path, device=True)
    (kept,) = tmp_path.glob("*.json")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert json.loads(kept.read_text())["way"] == "device code"
    assert "eyJ" not in kept.read_text()


def test_with_nobody_to_ask_every_way_says_why_it_has_nothing(authority: Running, tmp_path: Path) -> None:
    del authority
    with pytest.raises(Unauthorized) as raised:
        login(home=tmp_path)
    assert "az: az is not installed" in raised.value.detail
    assert "%aca login --device" in raised.value.hint
    assert not list(tmp_path.glob("*.json"))


class Asking:
    """A program that speaks the protocol by itself."""

    def __init__(self, authority: Running) -> None:
        self._url = f"{authority.environment['AZURE_RESOURCE_MANAGER_HTTP_URL']}/organizations/oauth2/v2.0"

    def begin(self, client: str = CLIENT) -> requests.Response:
        return requests.post(f"{self._url}/devicecode", data={"client_id": client, "scope": SCOPE}, timeout=10)

    def token(self, **fields: str) -> requests.Response:
        asked = {"client_id": CLIENT, "scope": SCOPE, "grant_type": GRANT} | fields
        return requests.post(f"{self._url}/token", data=asked, timeout=10)


def test_a_code_that_nobody_approved_gives_no_token_and_an_approved_one_gives_one(authority: Running) -> None:
    asking = Asking(authority)
    begun = asking.begin().json()
    waiting = asking.token(device_code=begun["device_code"])
    assert (waiting.status_code, waiting.json()["error"]) == (400, "authorization_pending")
    assert approve(authority)(begun["user_code"].lower())
    assert asking.token(device_code=begun["device_code"]).status_code == 200
    again = asking.token(device_code=begun["device_code"])
    assert again.json()["error"] == "bad_verification_code"


def test_a_code_is_approved_by_this_machines_person_alone(authority: Running) -> None:
    code = {"userCode": Asking(authority).begin().json()["user_code"]}
    for headers in ({}, {"Authorization": f"Bearer {authority.environment['ACCESS_TOKEN']}"}):
        refused = authority.ask("POST", "/_emulator/device-codes", code, headers={"Authorization": ""} | headers)
        assert refused.status_code == 401


def test_a_code_is_good_for_a_quarter_of_an_hour(authority: Running) -> None:
    asking = Asking(authority)
    begun = asking.begin().json()
    authority.advance(begun["expires_in"])
    assert not approve(authority)(begun["user_code"])
    assert asking.token(device_code=begun["device_code"]).json()["error"] == "expired_token"


def test_only_a_refresh_token_refreshes(authority: Running) -> None:
    asking = Asking(authority)
    begun = asking.begin().json()
    approve(authority)(begun["user_code"])
    tokens = asking.token(device_code=begun["device_code"]).json()
    assert asking.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"]).status_code == 200
    told = authority.environment
    forged = requests.post(
        f"{told['AZURE_RESOURCE_MANAGER_HTTP_URL']}/{told['AZURE_TENANT_ID']}/oauth2/v2.0/token", timeout=10,
        data={
            "grant_type": "client_credentials", "client_id": told["AZURE_CLIENT_ID"],
            "client_secret": told["AZURE_CLIENT_SECRET"], "scope": "urn:aca-notebook:refresh/.default",
        },
    ).json()["access_token"]  # fmt: skip
    for token in (tokens["access_token"], forged, ""):
        refused = asking.token(grant_type="refresh_token", refresh_token=token)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


def test_a_program_that_is_not_microsofts_begins_nothing(authority: Running) -> None:
    assert Asking(authority).begin("11111111-1111-1111-1111-111111111111").json()["error"] == "unauthorized_client"

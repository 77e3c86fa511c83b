"""Who may log in, how, and what for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jwt
import requests

if TYPE_CHECKING:
    from tests.azure_cli.shell import Az
    from tests.real_emulator import RealEmulator


def test_a_managed_identity_logs_in_and_reads(stranger: Az, emulator: RealEmulator) -> None:
    assert "az login" in stranger.refused("group list")
    (account,) = stranger("login --identity")
    assert account["id"] == emulator.environment["AZURE_SUBSCRIPTION_ID"]
    assert account["user"] == account["user"] | {"name": "systemAssignedIdentity", "type": "servicePrincipal"}
    assert "local" in stranger.text("group list --query [].name -o tsv").split()
    assert stranger("containerapp list -g local") == []
    stranger("logout")
    assert "az login" in stranger.refused("group list")


def test_a_person_logs_in_by_a_code_that_is_approved_on_this_machine(stranger: Az, emulator: RealEmulator) -> None:
    logging_in = stranger.start(f"login --use-device-code --tenant {emulator.environment['AZURE_TENANT_ID']}")
    try:
        assert logging_in.stdout is not None
        asked = next(line for line in logging_in.stdout if "enter the code" in line)
        code = asked.partition("enter the code ")[2].split()[0]
        control = {"Authorization": f"Bearer {(emulator.folder / 'control-token').read_text().strip()}"}
        doors = f"{emulator.ready['http_url']}/_emulator/device-codes"
        assert requests.post(doors, json={"userCode": code}, headers=control, timeout=60).status_code == 204
        printed = logging_in.stdout.read()
        assert logging_in.wait() == 0, printed
    finally:
        logging_in.kill()
        logging_in.wait()
        logging_in.stdout.close()
    assert stranger("account show")["user"] == {"name": "person@localhost", "type": "user"}
    assert "local" in stranger.text("group list --query [].name -o tsv").split()
    stranger("logout")


def test_a_wrong_secret_is_refused_in_azures_words(stranger: Az, emulator: RealEmulator) -> None:
    own = emulator.environment
    line = f"login --service-principal -u {own['AZURE_CLIENT_ID']} --tenant {own['AZURE_TENANT_ID']} -p wrong"
    assert "AADSTS7000215" in stranger.refused(line)


def test_a_principal_may_do_what_its_role_says(stranger: Az, logged_in: Az, emulator: RealEmulator) -> None:
    control = {"Authorization": f"Bearer {(emulator.folder / 'control-token').read_text().strip()}"}
    principals = f"{emulator.ready['http_url']}/_emulator/principals"
    guest = requests.post(principals, json={"name": "guest"}, headers=control, timeout=60).json()
    group = logged_in("group create -n guests -l eastus")["id"]
    grant = f"role assignment create --assignee {guest['appId']} --scope {group} --role"
    logged_in(f"{grant} Reader")
    line = f"login --service-principal -u {guest['appId']} --tenant {guest['tenant']}"
    (account,) = stranger(line, "-p", guest["password"])
    assert account["user"]["name"] == guest["appId"]
    assert stranger("containerapp env list -g guests") == []
    create = "identity create -g guests -n mine -l eastus"
    assert "(AuthorizationFailed)" in stranger.refused(create)
    logged_in(f"{grant} Contributor")
    assert stranger(create)["name"] == "mine"
    assert "(AuthorizationFailed)" in stranger.refused("identity create -g local -n mine -l eastus")
    stranger("logout")


def test_a_token_is_for_what_it_was_asked_for(logged_in: Az, emulator: RealEmulator) -> None:
    manager, sessions = (
        _claims(logged_in(f"account get-access-token{to}")) for to in ("", " --resource https://dynamicsessions.io")
    )
    assert sessions["aud"].rstrip("/") == "https://dynamicsessions.io"
    assert manager["aud"] != sessions["aud"]
    assert manager["tid"] == sessions["tid"] == emulator.environment["AZURE_TENANT_ID"]


def test_the_account_is_shown(logged_in: Az, emulator: RealEmulator) -> None:
    shown = logged_in("account show")
    assert (shown["id"], shown["state"]) == (emulator.environment["AZURE_SUBSCRIPTION_ID"], "Enabled")
    assert "eastus" in logged_in.text("account list-locations --query [].name -o tsv").split()
    own = emulator.environment["AZURE_CLIENT_ID"]
    assert logged_in(f"ad sp show --id {own}")["appId"] == own


def _claims(answer: dict) -> dict:
    assert answer["tokenType"] == "Bearer"
    return jwt.decode(answer["accessToken"], options={"verify_signature": False})

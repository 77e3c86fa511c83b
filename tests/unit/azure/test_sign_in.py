"""Who is signed in is read from the token, whatever kind of token it is."""

from __future__ import annotations

import base64
import json

import pytest

from aca_notebook.azure.sign_in import read_token


def token(**claims: str) -> str:
    def piece(what: dict[str, str]) -> str:
        return base64.urlsafe_b64encode(json.dumps(what).encode()).decode().rstrip("=")

    return f"{piece({'alg': 'none'})}.{piece(claims)}.signature"


@pytest.mark.parametrize(
    ("claims", "name", "kind"),
    [
        ({"upn": "ada@example.com", "appid": "cli"}, "ada@example.com", "user"),
        ({"unique_name": "live.com#ada"}, "live.com#ada", "user"),
        ({"appid": "1", "app_displayname": "builder"}, "builder", "service principal"),
        ({"appid": "1", "xms_mirid": "/subscriptions/s/…"}, "1", "managed identity"),
        ({}, "unknown", "service principal"),
    ],
)
def test_a_token_says_who_it_is_for(claims: dict[str, str], name: str, kind: str) -> None:
    who = read_token(token(tid="tenant", oid="object", **claims), 0, 1.5)
    assert (who.name, who.kind, who.tenant, who.object_id, who.seconds) == (name, kind, "tenant", "object", 1.5)


@pytest.mark.parametrize("opaque", ["", "opaque", "a.b.c", "a.bnVsbA.c", "a.[].c"])
def test_a_token_that_cannot_be_read_has_no_name_and_breaks_nothing(opaque: str) -> None:
    assert read_token(opaque, 0, 0).name == "unknown"


def test_what_is_said_of_a_token_holds_nothing_of_it() -> None:
    secret = token(upn="ada@example.com")
    assert secret not in repr(read_token(secret, 0, 0))
